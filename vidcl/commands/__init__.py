"""The verbs of the command line, one file each: a dataclass of options and a ``run``."""
