"""The journal: an append-only log of each apply. It helps to find resources that a lost response left behind."""

import json
import os
import warnings
from contextlib import suppress
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from esaws.deploy.change import Change
from esaws.errors import UsageError, describe_error
from esaws.files import journal_folder


class Journal:
    """The journal of one apply, one JSON object per line. The engine only writes it and never depends on it.

    A disk that becomes full during the apply ends the journal with a warning, not the apply.

    Raises:
        UsageError: the folder can't be written; nothing was changed yet.
    """

    def __init__(self, deployment: str, purpose: str) -> None:
        folder = journal_folder()
        timestamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        self.path = folder / f"{timestamp}-{os.getpid()}-{deployment}-{purpose}.jsonl"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("a", encoding="utf-8")
        except OSError as error:
            raise UsageError(
                f"{folder}: the journal can't be written ({error.strerror}); nothing was changed. "
                "Choose another folder with ESAWS_RUNS."
            ) from None
        self._lock = Lock()
        self._failed = False

    def write(self, event: str, change: Change, error: BaseException | None = None) -> None:
        """Append what happened to a change: `begun`, `done`, or `failed` with its error."""
        line = {"event": event, "action": change.action, "kind": change.kind, "name": change.name}
        if change.live:
            line["id"] = change.live.id
        if error:
            line["error"] = describe_error(error)
        self._append(line)

    def end(self, calls: int) -> None:
        """Append the end of the apply with the number of API calls that its cloud has made, and close the file."""
        self._append({"event": "ended", "pid": os.getpid(), "calls": calls})
        with suppress(OSError):  # it writes what is buffered
            self._file.close()

    def _append(self, line: dict[str, Any]) -> None:
        with self._lock:
            try:
                self._file.write(json.dumps({"at": datetime.now(UTC).isoformat()} | line) + "\n")
                self._file.flush()
            except OSError as error:
                if not self._failed:
                    warnings.warn(f"{self.path}: the journal is incomplete ({error.strerror})", stacklevel=2)
                self._failed = True
