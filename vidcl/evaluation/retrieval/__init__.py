"""Who finds whom: gallery rules, exact search, and the measures of a ranking."""
