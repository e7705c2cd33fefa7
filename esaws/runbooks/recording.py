"""The recording of a run: it times the steps, explains what ends them, and rewrites the record after each."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from esaws.cloud import Cloud
from esaws.errors import Refused
from esaws.runbooks.approval import AwaitingApproval
from esaws.runbooks.failure import explain, show_in_notebook
from esaws.runbooks.notify import notify
from esaws.runbooks.record import EXIT_CODES, new_record, record_path, run_id, write_record
from esaws.runbooks.session import Session


class Recording:
    """The record of one run, `data`, and its file, `path`.

    `cloud` is set once the parameters are valid; its calls are counted. `notify` is where the result is sent.
    """

    def __init__(self, session: Session) -> None:
        self.data = new_record(run_id(session.name), session.name)
        self.path = record_path(self.data["id"])
        self.cloud: Cloud | None = None
        self.notify: str | None = None
        self.has_ended = False
        self._began = time.monotonic()
        self.data["notebook"] = str(session.notebook) if session.notebook else None
        self.data["output"] = str(session.output) if session.output else None
        self.data["started"] = _now()

    @contextmanager
    def step(self, step: str, title: str) -> Iterator[dict[str, Any]]:
        """Time and record a step, and explain the error that ends it. Yields its entry in the record."""
        began, calls = time.monotonic(), self._calls()
        entry: dict[str, Any] = {"step": step, "title": title, "status": "running", "seconds": 0.0, "calls": 0}
        self.data["steps"].append(entry)
        self.save()
        try:
            yield entry
        except BaseException as error:
            entry["status"] = "failed"
            self.fail(error, step, entry.pop("resource", title))
            raise
        else:
            entry["status"] = "done" if entry["status"] == "running" else entry["status"]
        finally:
            entry["seconds"] = round(time.monotonic() - began, 3)
            entry["calls"] = self._calls() - calls
            self.save()

    def after_cell(self, result: Any) -> None:
        """Record an error of a cell that no step has recorded. IPython calls it after each cell."""
        error = result.error_before_exec or result.error_in_exec
        if error is not None and not self.has_ended and self.data["error"] is None:
            self.fail(error, "cell", self.data["runbook"])

    def fail(self, error: BaseException, step: str, resource: str) -> None:
        """Record why a step failed, and show it in the notebook in three lines."""
        failure = explain(error, step, resource, self.data["runbook"])
        show_in_notebook(error, failure)
        self.data["error"] = failure.to_dict()
        self.end(_status_of(error), getattr(error, "exit_code", 1))

    def end(self, status: str, exit_code: int = 1) -> None:
        """Record how the run ended, and send the notification."""
        self.data |= {"status": status, "exit_code": EXIT_CODES.get(status, exit_code), "ended": _now()}
        self.has_ended = status not in ("awaiting_approval", "refused", "failed", "interrupted")
        self.save()
        if self.notify and self.cloud:
            self.data["notification"] = notify(self.notify, self.data, self.cloud)
            self.save()

    def save(self) -> None:
        """Write the record, with the time and the calls so far."""
        self.data["seconds"] = round(time.monotonic() - self._began, 3)
        if self.cloud:
            self.data["calls"] = self._calls()
            self.data["changing_calls"] = sum(call.changes for call in self.cloud.calls)
            self.data["actions"] = sorted({f"{call.service}:{call.operation}" for call in self.cloud.calls})
        write_record(self.path, self.data)

    def _calls(self) -> int:
        return len(self.cloud.calls) if self.cloud else 0


def _status_of(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt) or getattr(error, "interrupted", False):
        return "interrupted"
    if isinstance(error, AwaitingApproval):
        return "awaiting_approval"
    return "refused" if isinstance(error, Refused) else "failed"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
