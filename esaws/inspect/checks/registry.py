"""The registry of checks: each yields findings of its codes out of what was seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from esaws.inspect.checks.context import CheckContext
from esaws.inspect.checks.finding import Finding

CheckFunction = Callable[[CheckContext], Iterator[Finding]]


@dataclass(frozen=True)
class Check:
    """One check: the codes that it gives with what each means, what has to be looked at, and the function."""

    codes: dict[str, str]
    keys: tuple[str, ...]
    run: CheckFunction


CHECKS: list[Check] = []


def check(*keys: str, **codes: str) -> Callable[[CheckFunction], CheckFunction]:
    """Register a check: `keys` are those of an account that it needs, `codes` what it may find, in a sentence each."""

    def register(look: CheckFunction) -> CheckFunction:
        CHECKS.append(Check(codes, keys, look))
        return look

    return register
