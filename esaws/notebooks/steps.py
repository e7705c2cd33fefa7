"""The steps of a runbook, by the tags of its cells."""

from __future__ import annotations

from typing import Any

STEPS = ("parameters", "account", "look", "plan", "act", "verify", "left", "result")
"""Tags of cells in the order of the steps. Cells without one belong to no step, and always run."""


def step_of(cell: Any) -> str:
    """The step of a cell, or "" if it has none."""
    tags = cell.metadata.get("tags", ())
    return next((step for step in STEPS if step in tags), "")
