"""What can be handed in and graded: the exercises of the course by their names, and the labs as `lab NAME`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from esaws.course.chapters import chapters, find_exercise
from esaws.course.exercises import Exercise
from esaws.course.labs.families import all_labs, find_lab
from esaws.course.labs.lab import ITEM_PREFIX, Lab

Item = Exercise | Lab


@cache
def items() -> Mapping[str, Item]:
    """Return the exercises in the order of the course, then the labs by family, by what an assignment calls them."""
    exercises = {exercise.name: exercise for chapter in chapters().values() for exercise in chapter.exercises}
    return MappingProxyType(exercises | {lab.item: lab for lab in all_labs()})


def find_item(name: str) -> Item:
    """Return an exercise or a lab. Raises UsageError if there is none of this name."""
    if name.startswith(ITEM_PREFIX):
        return find_lab(name.removeprefix(ITEM_PREFIX))
    return find_exercise(name)[1]
