"""The registry of checks. Each check yields findings with its codes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from esaws.inspect.checks.context import CheckContext
from esaws.inspect.checks.finding import Finding

CheckFunction = Callable[[CheckContext], Iterator[Finding]]


@dataclass(frozen=True)
class Check:
    """One check: its codes with their meanings, the snapshot keys that it needs, and its function."""

    codes: dict[str, str]
    keys: tuple[str, ...]
    run: CheckFunction


CHECKS: list[Check] = []


def check(*keys: str, **codes: str) -> Callable[[CheckFunction], CheckFunction]:
    """Register a check. `keys` are the snapshot keys that it needs, `codes` its codes with their meanings."""

    def register(run: CheckFunction) -> CheckFunction:
        CHECKS.append(Check(codes, keys, run))
        return run

    return register
