"""Why a file is not loaded, or something is not saved."""


class Unreadable(Exception):
    """A file is not taken, and nothing has changed; the message says in one line what is wrong with it."""


class Unsaveable(Exception):
    """Something in the local AWS has no form as data; the message says what."""
