"""Whose turn it is: shares that are exact over a few turns, whatever the weights."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Turns(Generic[Key]):
    """Smooth weighted round robin; with equal weights plain round robin. Weights may change between turns."""

    def __init__(self) -> None:
        self._credit: dict[Key, float] = {}

    def next(self, weights: Mapping[Key, float]) -> Key:
        """Return the next key; at least one weight is above 0."""
        credit = {key: self._credit.get(key, 0.0) + weight for key, weight in weights.items() if weight > 0}
        chosen = max(credit, key=lambda key: credit[key])
        credit[chosen] -= sum(weights.values())
        self._credit = credit
        return chosen
