"""Results of the health checks that the data plane makes of processes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local_aws_server.backends import sidecar
from local_aws_server.services.ecs.containers import Response

REFUSED, TIMEOUT = "refused", "timeout"


def result(group: Any, id: str, port: int, task: Any) -> Response | str | None:
    """Return what the last check of a target met: a response, or `refused` or `timeout`; None before the first check.

    `task` is the task that listens there: a check of an earlier one says nothing.
    """
    noted = _results(group).get(f"{id}:{port}")
    if noted is None or noted["task"] != task.task_arn:
        return None
    return str(noted["error"]) if "error" in noted else Response(int(noted["status"]), float(noted["seconds"]))


def note(group: Any, report: Mapping[str, Any]) -> bool:
    """Note a report {id, port, task} with {status, seconds} or {error}; return whether it differs from the last."""
    key = f"{report['id']}:{report['port']}"
    noted = {name: report[name] for name in ("task", "status", "seconds", "error") if name in report}
    before = _results(group).get(key) or {}
    _results(group)[key] = noted
    return any(before.get(name) != noted.get(name) for name in ("task", "status", "error"))


def _results(group: Any) -> dict[str, Any]:
    results: dict[str, Any] = sidecar(group).setdefault("probe_results", {})
    return results
