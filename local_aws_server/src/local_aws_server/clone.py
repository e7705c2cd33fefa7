"""Copies of objects that AWS has in every account, which are created only once."""

from typing import Any


def clone(moto_object: Any, **changes: Any) -> Any:
    """A shallow copy of an object, with some attributes changed.

    Much faster than `copy.copy`, and moto does not add the copy to its list of every object it created.
    """
    copy = object.__new__(type(moto_object))
    copy.__dict__.update(moto_object.__dict__, **changes)
    return copy
