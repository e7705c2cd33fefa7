"""Why a step failed: the resource, the cause and the next step, for the first lines that an operator reads."""

from __future__ import annotations

import re
import traceback
from dataclasses import asdict, dataclass
from typing import Any

from botocore.exceptions import ClientError

from esaws.errors import EsawsError, describe_error
from esaws.masking import mask_secrets

RUN_AGAIN = "run the same line again: steps that are done are kept"
_CHANGE = re.compile(r"^  (?P<resource>[A-Z]\w+ .+?): (?P<cause>.+)$", re.MULTILINE)
"""A line of an ApplyFailed or a StalePlan, which names the resource."""
_ASK = "ask for the permission"
_ACTION = re.compile(r"perform: ([a-z][a-z0-9-]*:[A-Z]\w+)|\b([a-z][a-z0-9-]*:[A-Z]\w+) was denied")
"""The IAM action in the message of a denied call."""


@dataclass(frozen=True)
class Failure:
    """What failed in a step. `code` is AWS's error code or the name of the exception."""

    step: str
    resource: str
    cause: str
    code: str
    next_step: str

    def to_dict(self) -> dict[str, Any]:
        """Return step, resource, cause, code and next_step."""
        return asdict(self)

    def lines(self) -> list[str]:
        """Return the failure in three lines."""
        return [f"Failed in step {self.step}: {self.resource}", f"Cause: {self.cause}", f"Next step: {self.next_step}"]


def explain(error: BaseException, step: str, resource: str, runbook: str = "") -> Failure:
    """Explain an error that ended a step. `resource` names what the step worked on, if the error does not.

    A run of `runbook` that was denied a call is pointed to the policy of that runbook.
    """
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
    text = describe_error(error) if not isinstance(error, EsawsError) else str(error)
    if match := _CHANGE.search(text):
        resource, text = match["resource"], match["cause"]
    resource = getattr(error, "resource", "") or resource
    cause, next_step = text.strip().removeprefix(f"{resource}: "), getattr(error, "next_step", "")
    if next_step:
        cause = cause.removesuffix(next_step).rstrip("; →")
    else:
        cause, next_step = _split(cause, isinstance(error, EsawsError))
    if next_step == _ASK:
        action = next((f" {match[1] or match[2]}" for match in _ACTION.finditer(cause)), "")
        policy = f"; `esaws policy {runbook}` prints all that this runbook needs" if runbook else ""
        next_step = f"{_ASK}{action}{policy}"
    next_step = next_step or RUN_AGAIN
    return Failure(step, resource, mask_secrets(cause), code, mask_secrets(next_step))


def _split(text: str, is_ours: bool) -> tuple[str, str]:
    """Split a message into cause and next step, which follows an arrow, or in messages of esaws the last semicolon."""
    for separator in (" → ", "; ") if is_ours else (" → ",):
        cause, found, next_step = text.strip().rpartition(separator)
        if found and "\n" not in next_step:
            return cause.strip(), next_step.strip()
    return text.strip(), ""


def show_in_notebook(error: BaseException, failure: Failure) -> None:
    """Let IPython show the failure in three lines first. Errors that are not expected keep their traceback below."""
    lines = failure.lines()
    if not isinstance(error, EsawsError | ClientError | KeyboardInterrupt):
        lines += ["", *map(mask_secrets, traceback.format_exception(error))]
    error._render_traceback_ = lambda: lines  # type: ignore[attr-defined]
