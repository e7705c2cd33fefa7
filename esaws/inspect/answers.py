"""Three-valued answers: yes, no, or unknown with a reason."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Decision = Literal["allow", "deny", "unknown"]


@dataclass(frozen=True)
class Answer:
    """One of three answers; `reason` explains an unknown one.

    An answer has no truth value: `if answer:` would have to read unknown as yes or as no.
    """

    value: Literal["yes", "no", "unknown"]
    reason: str = ""

    def __bool__(self) -> bool:
        raise TypeError("an answer has three values: use is_yes, is_no or is_unknown")

    @property
    def is_yes(self) -> bool:
        return self.value == "yes"

    @property
    def is_no(self) -> bool:
        return self.value == "no"

    @property
    def is_unknown(self) -> bool:
        return self.value == "unknown"

    @property
    def decision(self) -> Decision:
        """The same in the words of a firewall: allow, deny or unknown."""
        return _DECISIONS[self.value]


_DECISIONS: dict[str, Decision] = {"yes": "allow", "no": "deny", "unknown": "unknown"}

YES = Answer("yes")
NO = Answer("no")


def unknown(reason: str) -> Answer:
    """An unknown answer with its reason."""
    return Answer("unknown", reason)


def from_bool(value: bool) -> Answer:
    return YES if value else NO


def any_of(answers: Iterable[Answer]) -> Answer:
    """Yes if one is yes, else unknown with all reasons if one is unknown, else no."""
    answers = list(answers)
    if any(answer.is_yes for answer in answers):
        return YES
    return _unknown_or(NO, answers)


def all_of(answers: Iterable[Answer]) -> Answer:
    """No if one is no, else unknown with all reasons if one is unknown, else yes."""
    answers = list(answers)
    if any(answer.is_no for answer in answers):
        return NO
    return _unknown_or(YES, answers)


def _unknown_or(default: Answer, answers: list[Answer]) -> Answer:
    unknowns = [answer for answer in answers if answer.is_unknown]
    reasons = dict.fromkeys(answer.reason for answer in unknowns)
    return unknown("; ".join(reasons)) if unknowns else default
