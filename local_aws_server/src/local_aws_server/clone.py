"""Twins: what AWS has in every account, made once and given to each."""

from typing import Any


def clone(thing: Any, **changed: Any) -> Any:
    """Another of the same class and state, but for what is changed.

    Much faster than `copy.copy`, and moto does not keep it in its list of everything that was ever made.
    """
    other = object.__new__(type(thing))
    other.__dict__.update(thing.__dict__, **changed)
    return other
