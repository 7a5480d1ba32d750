"""The whole way in one command, on a rendered world or on a user's own videos."""
