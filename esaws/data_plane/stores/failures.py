"""Why a store does not run."""


class StoreFailed(Exception):
    """A store can't run, or its data can't be copied. The message is the reason that users see."""
