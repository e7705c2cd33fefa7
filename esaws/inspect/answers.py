"""Three answers: yes, no, or unknown with the reason."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Answer:
    """One of three answers; `reason` says what an unknown one hangs on.

    It is no condition by itself: `if answer:` would have to read unknown as yes or as no.
    """

    value: Literal["yes", "no", "unknown"]
    reason: str = ""

    def __bool__(self) -> bool:
        raise TypeError("an answer has three values: ask is_yes, is_no or is_unknown")

    @property
    def is_yes(self) -> bool:
        return self.value == "yes"

    @property
    def is_no(self) -> bool:
        return self.value == "no"

    @property
    def is_unknown(self) -> bool:
        return self.value == "unknown"


YES = Answer("yes")
NO = Answer("no")


def unknown(reason: str) -> Answer:
    """Neither yes nor no can be said, and why."""
    return Answer("unknown", reason)


def from_bool(value: bool) -> Answer:
    return YES if value else NO


def any_of(answers: Iterable[Answer]) -> Answer:
    """Yes if one is; else unknown if one is, with all reasons; else no."""
    answers = list(answers)
    if any(answer.is_yes for answer in answers):
        return YES
    return _unknown_or(NO, answers)


def all_of(answers: Iterable[Answer]) -> Answer:
    """No if one is; else unknown if one is, with all reasons; else yes."""
    answers = list(answers)
    if any(answer.is_no for answer in answers):
        return NO
    return _unknown_or(YES, answers)


def _unknown_or(otherwise: Answer, answers: list[Answer]) -> Answer:
    unknowns = [answer for answer in answers if answer.is_unknown]
    reasons = dict.fromkeys(answer.reason for answer in unknowns)
    return unknown("; ".join(reasons)) if unknowns else otherwise
