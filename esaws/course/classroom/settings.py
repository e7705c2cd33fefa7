"""`class.toml`: what is graded, weights, late work, tries and groups. Everything in it is optional."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from esaws.course.chapters import chapters
from esaws.course.classroom.tables import FORMULA_BEGINNINGS
from esaws.course.items import items
from esaws.course.labs.families import all_labs
from esaws.course.labs.lab import ITEM_PREFIX
from esaws.errors import UsageError

_IGNORED_BY_CANVAS = (
    *("Current Score", "Current Points", "Current Grade"),
    *("Final Score", "Final Points", "Final Grade"),
    *("Override Score", "Override Grade", "Override Status"),
)
"""Words in the names of columns that Canvas calculates and does not import."""

TEMPLATE = """\
# What is graded, and how. Every line is optional; docs/class.md describes them.
name = "{name}"

[assignment]
name = "esaws"                # the column in Moodle and Canvas; for Canvas with its number, as "esaws (12345)"
exercises = ["00", "01"]      # chapters, exercises such as "03-new-group", labs such as "lab wrong-page"
points = 100
# due = 2026-12-04T23:59:00+01:00

[weights]                     # of an exercise or of each exercise of a chapter; 1 where nothing is written
# "01-sites-api" = 2

[help]
hint = 0.0                    # the part of an exercise that each hint costs
solution = 0.5                # the part that is left after its solution was shown

[predictions]
share = 0.0                   # the part of the grade for predictions that were made; right or wrong

[late]
grace_minutes = 10
per_day = 0.1                 # the part of the grade that each day begun costs
at_most = 0.5
days = 7                      # after so many days it scores 0

[tries]
# allowed = 3                 # files of a learner or group that count, in the order of their times
keep = "last"                 # or "best"

[tries.extra]                 # more tries for some
# ada = 1

[groups]                      # one file counts for all
# red = ["ada", "grace"]

[extensions]                  # another due time for some
# ada = 2026-12-06T23:59:00+01:00

[received]                    # when a file arrived, as the learning platform shows it
# ada = 2026-12-04T22:10:00+01:00
"""


@dataclass(frozen=True)
class Settings:
    """The content of `class.toml`. Parts are fractions of 1, times have a zone."""

    name: str = "class"
    assignment: str = "esaws"
    exercises: tuple[str, ...] = ()
    """What is graded, in the order of the course; labs as `lab NAME` after it."""
    points: float = 100.0
    due: datetime | None = None
    weights: Mapping[str, float] = field(default_factory=dict)
    """Exercise → weight, for each in `exercises`."""
    hint: float = 0.0
    solution: float = 0.5
    predictions: float = 0.0
    grace_minutes: float = 0.0
    per_day: float = 0.0
    at_most: float = 1.0
    days: float | None = None
    allowed: int | None = None
    keep: str = "last"
    extra: Mapping[str, int] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    extensions: Mapping[str, datetime] = field(default_factory=dict)
    received: Mapping[str, datetime] = field(default_factory=dict)

    def members(self, learner: str) -> tuple[str, ...]:
        """The group of a learner, or the learner alone."""
        return next((members for members in self.groups.values() if learner in members), (learner,))

    def group(self, learner: str) -> str:
        """The name of a learner's group; empty without one."""
        return next((name for name, members in self.groups.items() if learner in members), "")


def read_settings(file: Path, learners: Collection[str]) -> Settings:
    """Read `class.toml`; an absent file is an empty one.

    Raises:
        UsageError: it is not TOML, has an unknown key, or a value that does not fit; the message names the key.
    """
    try:
        content = tomllib.loads(file.read_text("utf-8-sig"))
    except FileNotFoundError:
        content = {}
    except (OSError, ValueError) as error:
        raise UsageError(f"{file}: can't be read as TOML ({error})") from error
    return _Reader(file, learners).settings(content)


class _Reader:
    """Checks the values of one file."""

    def __init__(self, file: Path, learners: Collection[str]) -> None:
        self.file = file
        self.learners = learners

    def settings(self, content: Mapping[str, Any]) -> Settings:
        sections = "assignment weights help predictions late tries groups extensions received"
        self.known(content, "", ["name", *sections.split()])
        part = {name: self.table(content, name) for name in sections.split()}
        assignment, late, tries, aid = part["assignment"], part["late"], part["tries"], part["help"]
        self.known(assignment, "assignment.", ("name", "exercises", "points", "due"))
        self.known(aid, "help.", ("hint", "solution"))
        self.known(part["predictions"], "predictions.", ("share",))
        self.known(late, "late.", ("grace_minutes", "per_day", "at_most", "days"))
        self.known(tries, "tries.", ("allowed", "keep", "extra"))
        exercises = self.exercises(assignment.get("exercises", list(chapters())), "assignment.exercises")
        return Settings(
            name=self.text(content, "name", "class"),
            assignment=self.column_name(assignment),
            exercises=exercises,
            points=self.number(assignment, "points", 100, "assignment.", is_above=True),
            due=self.time(assignment["due"], "assignment.due") if "due" in assignment else None,
            weights=self.weights(part["weights"], exercises),
            hint=self.part(aid, "hint", 0.0, "help."),
            solution=self.part(aid, "solution", 0.5, "help."),
            predictions=self.part(part["predictions"], "share", 0.0, "predictions."),
            grace_minutes=self.number(late, "grace_minutes", 0, "late."),
            per_day=self.part(late, "per_day", 0.0, "late."),
            at_most=self.part(late, "at_most", 1.0, "late."),
            days=self.number(late, "days", 0, "late.") if "days" in late else None,
            allowed=self.count(tries["allowed"], "tries.allowed", low=1) if "allowed" in tries else None,
            keep=self.one_of(tries.get("keep", "last"), "tries.keep", ("last", "best")),
            extra={
                self.learner(name, "tries.extra"): self.count(value, f"tries.extra.{name}")
                for name, value in self.table(tries, "extra", "tries.").items()
            },
            groups=self.groups(part["groups"]),
            extensions=self.times(part["extensions"], "extensions"),
            received=self.times(part["received"], "received"),
        )

    def error(self, where: str, problem: str) -> UsageError:
        return UsageError(f"{self.file}: {where}: {problem}")

    def known(self, table: Mapping[str, Any], above: str, names: Collection[str]) -> None:
        for name in table:
            if name not in names:
                close = difflib.get_close_matches(name, names, 1)
                hint = f"do you mean {close[0]!r}?" if close else f"choose from {', '.join(names)}"
                raise self.error(f"{above}{name}", f"there is no such key; {hint}")

    def table(self, content: Mapping[str, Any], name: str, above: str = "") -> Mapping[str, Any]:
        value = content.get(name, {})
        if not isinstance(value, Mapping):
            raise self.error(f"{above}{name}", f"write a table, as [{above}{name}], not {value!r}")
        return value

    def text(self, table: Mapping[str, Any], name: str, default: str, above: str = "") -> str:
        value = table.get(name, default)
        if not isinstance(value, str) or not value.strip():
            raise self.error(f"{above}{name}", f"write a text, not {value!r}")
        return value

    def column_name(self, assignment: Mapping[str, Any]) -> str:
        """The name of the assignment, which is a column in Moodle and Canvas."""
        name = self.text(assignment, "name", "esaws", "assignment.")
        if name.startswith(FORMULA_BEGINNINGS) or not name.isprintable():
            raise self.error("assignment.name", f"begin {name!r} with a letter or digit, and write it in one line")
        if ignored := next((words for words in _IGNORED_BY_CANVAS if words in name), ""):
            raise self.error("assignment.name", f"Canvas does not import a column with {ignored!r} in its name")
        return name

    def number(
        self, table: Mapping[str, Any], name: str, default: float, above: str, *, low: float = 0, is_above: bool = False
    ) -> float:
        value = table.get(name, default)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not (low < value if is_above else low <= value) or value == float("inf"):
            raise self.error(
                f"{above}{name}", f"write a number {'above' if is_above else 'of at least'} {low:g}, not {value!r}"
            )
        return float(value)

    def part(self, table: Mapping[str, Any], name: str, default: float, above: str) -> float:
        value = self.number(table, name, default, above)
        if value > 1:
            raise self.error(f"{above}{name}", f"write a part between 0 and 1, not {value:g}")
        return value

    def count(self, value: Any, where: str, low: int = 0) -> int:
        if type(value) is not int or value < low:
            raise self.error(where, f"write a whole number of at least {low}, not {value!r}")
        return value

    def one_of(self, value: Any, where: str, choices: Collection[str]) -> str:
        if value not in choices:
            raise self.error(where, f"choose from {', '.join(choices)}, not {value!r}")
        return str(value)

    def exercises(self, names: Any, where: str) -> tuple[str, ...]:
        """The exercises and labs of a list of chapters, exercises and labs, in the order of the course."""
        if not isinstance(names, list) or not names:
            raise self.error(where, f"write a list of chapters, exercises or labs, not {names!r}")
        found = [name for given in names for name in self.exercises_of(given, where)]
        return tuple(name for name in items() if name in found)

    def exercises_of(self, given: Any, where: str) -> list[str]:
        if isinstance(given, str) and given in items():
            return [given]
        chapter = chapters().get(str(given).partition("-")[0])
        names = [exercise.name for exercise in chapter.exercises] if chapter else []
        if chapter and given == chapter.number:
            return names
        labs = {lab.name: lab.item for lab in all_labs()}
        is_lab = str(given).startswith(ITEM_PREFIX)
        shown = list(labs) if is_lab else names or list(chapters())
        among = shown if is_lab or names else [*shown, *labs]
        close = difflib.get_close_matches(str(given).removeprefix(ITEM_PREFIX), among, 1)
        hint = f"do you mean {labs.get(close[0], close[0])!r}?" if close else f"choose from {', '.join(shown)}"
        raise self.error(where, f"the course has no chapter, exercise or lab {given!r}; {hint}")

    def weights(self, table: Mapping[str, Any], exercises: Collection[str]) -> dict[str, float]:
        weights = dict.fromkeys(exercises, 1.0)
        for given in sorted(table, key=len):  # that of a chapter first, so that its exercises may have their own
            weight = self.number(table, given, 1, "weights.")
            for name in self.exercises_of(given, f"weights.{given}"):
                if name in weights:
                    weights[name] = weight
                elif given not in chapters():
                    raise self.error(f"weights.{given}", "it is not in assignment.exercises")
        if not sum(weights.values()):
            raise self.error("weights", "at least one exercise needs a weight above 0")
        return weights

    def learner(self, name: str, where: str) -> str:
        if name not in self.learners:
            close = difflib.get_close_matches(name, self.learners, 1)
            raise self.error(
                where, f"{name!r} is not in the roster" + (f"; do you mean {close[0]!r}?" if close else "")
            )
        return name

    def groups(self, table: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
        seen: dict[str, str] = {}
        for group, members in table.items():
            if not isinstance(members, list) or not members or not all(isinstance(each, str) for each in members):
                raise self.error(f"groups.{group}", f"write a list of learner ids, not {members!r}")
            for member in members:
                self.learner(member, f"groups.{group}")
                if member in seen:
                    raise self.error(f"groups.{group}", f"{member} is in {seen[member]}, too")
                seen[member] = group
        return {group: tuple(members) for group, members in table.items()}

    def time(self, value: Any, where: str) -> datetime:
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise self.error(where, f"write a time with its zone, as 2026-12-04T23:59:00+01:00, not {value}")
        return value

    def times(self, table: Mapping[str, Any], where: str) -> dict[str, datetime]:
        return {self.learner(name, where): self.time(value, f"{where}.{name}") for name, value in table.items()}
