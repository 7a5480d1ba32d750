"""How little a representation changes over the views of one thing."""
