"""Values that differ from learner to learner, and are the same for one learner every time."""

from __future__ import annotations

import random
import string
from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


class Seed:
    """Draws values for one learner and one exercise. The order of the draws decides their values."""

    def __init__(self, learner: str, exercise: str) -> None:
        self.learner = learner
        self._random = random.Random(f"{learner}\n{exercise}")  # text seeds are hashed the same on every machine

    def shared(self, name: str) -> Seed:
        """Return the seed of a name, for values that several exercises of a learner have in common."""
        return Seed(self.learner, name)

    def choice(self, items: Sequence[Item]) -> Item:
        """Return one of the items."""
        return items[self._random.randrange(len(items))]

    def between(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included."""
        return self._random.randint(low, high)

    def shuffled(self, items: Sequence[Item]) -> list[Item]:
        """Return the items in another order."""
        return self._random.sample(list(items), len(items))

    def letters(self, count: int) -> str:
        """Return lower-case letters."""
        return "".join(self.choice(string.ascii_lowercase) for _ in range(count))
