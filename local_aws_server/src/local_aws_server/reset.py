"""Functions to run when the server starts and after each reset."""

from __future__ import annotations

from collections.abc import Callable

RESET_ACTIONS: list[Callable[[], None]] = []


def on_reset(action: Callable[[], None]) -> Callable[[], None]:
    """Register a function that clears module state or configures moto."""
    RESET_ACTIONS.append(action)
    return action


def run_reset_actions() -> None:
    for action in RESET_ACTIONS:
        action()
