"""Run code that may hang, die or eat the memory, in child processes that are watched.

``Guard`` starts a small server process once, which imports the modules that are wanted and forks a
``Child`` in some ten milliseconds whenever it is asked. Nothing here knows of videos.
"""
