"""Errors of saving and loading."""


class Unreadable(Exception):
    """A file is refused, and nothing has changed. The message, one line, says what is wrong with it."""


class Unsaveable(Exception):
    """An object cannot be saved as data. The message says which."""
