"""Approval of a plan by its fingerprint, which lets exactly that plan act, for an hour.

A fingerprint is the time at which it expires and a hash of that time, the plan, the account, the parameters and the
notebook's code. It proves only that nothing has changed since the plan was shown; it is not a signature.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from esaws.errors import Refused
from esaws.runbooks.changes import stale_message

VALID_FOR = timedelta(hours=1)
UNBOUND = frozenset({"approve", "dry_run", "notify", "operator"})
"""Parameters that may differ between the run that shows the plan and the run that acts."""

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class AwaitingApproval(Refused):
    """A plan on AWS was shown and is not approved yet. Nothing was changed."""


def check(
    approved: str | None,
    planned: Mapping[str, Any],
    bound_with: Callable[[list[dict[str, Any]]], Mapping[str, Any]],
    records: Path,
    *,
    is_known: bool,
) -> str:
    """Return the approval that lets a plan act: its fingerprint, or `ESAWS_YES` of a scheduler.

    After an interrupted act the rest of an approved plan may act, if the record of that plan is found.

    Args:
        approved: the fingerprint that was given, if any.
        planned: the plan's entry in the record: changes and fingerprint.
        bound_with: returns what an approval of these changes binds.
        records: the folder with the records of earlier runs.
        is_known: whether the notebook's file is known, and so its code can be bound.

    Raises:
        AwaitingApproval: nothing was given.
        Refused: the approval is of something else, or has expired.
    """
    if not approved:
        if os.environ.get("ESAWS_YES") == "1":
            return "ESAWS_YES"
        raise AwaitingApproval(
            f"nothing was changed: the plan is not approved; add -p approve {planned['fingerprint']}"
        )
    if not is_known:
        raise Refused("nothing was changed: the notebook's file is not known; run it with `esaws run`")
    changes, now = planned["changes"], datetime.now(UTC)
    reason = refusal(approved, bound_with(changes), now)
    if reason and (earlier := find_plan(records, approved)) is not None:
        if is_rest_of(changes, earlier):
            reason = refusal(approved, bound_with(earlier), now)
        else:
            reason += "; " + "; ".join(stale_message(earlier, changes)[1])
    if reason:
        raise Refused(f"nothing was changed: {reason}; look at the plan, and approve {planned['fingerprint']}")
    return approved


def fingerprint(bound: Mapping[str, Any], *, expires: datetime) -> str:
    """Return the fingerprint of what an approval binds, until `expires`. Pure."""
    seconds = int(expires.timestamp())
    text = json.dumps([seconds, bound], sort_keys=True, default=str)
    return f"{_base36(seconds)}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def refusal(approved: str, bound: Mapping[str, Any], now: datetime) -> str | None:
    """Return why an approval does not let this plan act; None if it does. Pure."""
    expires = datetime.fromtimestamp(int(approved.partition("-")[0], 36), UTC)
    if now >= expires:
        return f"the approval {approved} expired at {expires:%Y-%m-%d %H:%M} UTC"
    if expires > now + VALID_FOR:
        return f"{approved} is not a fingerprint of a plan: it would be valid for longer than {VALID_FOR}"
    if fingerprint(bound, expires=expires) != approved:
        return f"the approval {approved} is of another plan, account, parameters or notebook"
    return None


def find_plan(folder: Path, approved: str) -> list[dict[str, Any]] | None:
    """Return the changes of the plan that had this fingerprint, from the records in a folder; None if none has it."""
    for path in sorted(folder.glob("*.json"), reverse=True):
        try:
            plans = json.loads(path.read_text(encoding="utf-8"))["plans"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        for plan in plans:
            if plan.get("fingerprint") == approved:
                changes: list[dict[str, Any]] = plan["changes"]
                return changes
    return None


def is_rest_of(planned: Sequence[Mapping[str, Any]], approved: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the changes of a plan are some of those that were approved, as after an interrupted act. Pure."""
    keys = {json.dumps(change, sort_keys=True, default=str) for change in approved}
    return all(json.dumps(change, sort_keys=True, default=str) in keys for change in planned)


def _base36(number: int) -> str:
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
    return text
