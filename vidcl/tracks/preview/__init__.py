"""Show what an extraction would take from one video: an overlay to watch, a table, JSON."""
