"""The chapters of the course: one module each, which declares a `CHAPTER`; others add `EXERCISES` to one."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import replace
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from esaws.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from esaws.course.exercises import Chapter, Exercise


@cache
def chapters() -> Mapping[str, Chapter]:
    """Return the chapters by their numbers, in order."""
    names = [module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")]
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    found = sorted((module.CHAPTER for module in modules if hasattr(module, "CHAPTER")), key=_number)
    added = [exercise for module in modules for exercise in getattr(module, "EXERCISES", ())]
    return MappingProxyType({chapter.number: _with(chapter, added) for chapter in found})


def _number(chapter: Chapter) -> str:
    return chapter.number


def _with(chapter: Chapter, added: Iterable[Exercise]) -> Chapter:
    """The chapter with those added exercises whose names begin with its number."""
    own = [exercise for exercise in added if exercise.name.startswith(f"{chapter.number}-")]
    return replace(chapter, exercises=(*chapter.exercises, *own))


def find_chapter(number: str) -> Chapter:
    """Return the chapter of a number. Raises UsageError if there is none."""
    try:
        return chapters()[number]
    except KeyError:
        raise UsageError(f"the course has no chapter {number!r}; choose from {', '.join(chapters())}") from None


def find_exercise(name: str) -> tuple[Chapter, Exercise]:
    """Return an exercise and its chapter. Raises UsageError if there is none of this name."""
    chapter = chapters().get(name.partition("-")[0])
    for exercise in chapter.exercises if chapter else ():
        if exercise.name == name:
            return chapter, exercise  # type: ignore[return-value]
    among = [chapter] if chapter else chapters().values()
    names = ", ".join(exercise.name for each in among for exercise in each.exercises)
    raise UsageError(f"the course has no exercise {name!r}; choose from {names or 'none'}")


def require_prediction(name: str) -> None:
    """Raise UsageError if no chapter takes a prediction of this name."""
    names = [prediction for chapter in chapters().values() for prediction in chapter.predictions]
    if name not in names:
        raise UsageError(f"the course has no prediction {name!r}; choose from {', '.join(names)}")
