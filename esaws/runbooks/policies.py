"""The IAM policy of each runbook: a file beside it, made from the calls of its runs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from esaws.call_log import READ_VERBS
from esaws.errors import UsageError
from esaws.runbooks.catalogue import find_runbook

FOLDER = "policies"


def policy_file(notebook: Path) -> Path:
    """Return the file with the policy of a runbook: `policies/NAME.json` beside the notebook."""
    return notebook.parent / FOLDER / f"{notebook.stem}.json"


def runbook_policy(name: str | Path) -> dict[str, Any]:
    """Return the IAM policy document of a runbook, by its name or the path of its notebook.

    Raises:
        UsageError: there is no such runbook, or it has no policy.
    """
    file = policy_file(find_runbook(name))
    try:
        document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(
            f"{file}: the runbook has no policy; `actions` in the records of its runs has its calls"
        ) from None
    return document


def allowed_actions(document: dict[str, Any]) -> set[str]:
    """Return the actions that a policy allows."""
    return {action for statement in document["Statement"] for action in statement["Action"]}


def changing_actions(actions: Iterable[str]) -> list[str]:
    """Return the IAM actions that change something, judged by the verb in their names, sorted."""
    return sorted(action for action in set(actions) if not action.partition(":")[2].startswith(READ_VERBS))


def policy_document(actions: Iterable[str]) -> dict[str, Any]:
    """Return the policy that allows IAM actions: a statement `Read`, and one `Change` if any changes something."""
    every = set(actions)
    changing = changing_actions(every)
    parts = {"Read": sorted(every.difference(changing)), "Change": changing}
    statements = [
        {"Sid": sid, "Effect": "Allow", "Action": part, "Resource": "*"} for sid, part in parts.items() if part
    ]
    return {"Version": "2012-10-17", "Statement": statements}
