"""The journal of a run, for people who look for what a lost response left behind; nothing depends on it."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

from esaws.deploy.change import Change
from esaws.errors import told


def journal_folder() -> Path:
    """Where journals go: `runs/` in the working directory, or `ESAWS_RUNS`."""
    return Path(os.environ.get("ESAWS_RUNS") or "runs").absolute()


class Journal:
    """What one run began and ended, a JSON object a line; it helps to find orphans, nothing depends on it."""

    def __init__(self, deployment: str, purpose: str) -> None:
        folder = journal_folder()
        folder.mkdir(parents=True, exist_ok=True)
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        self.path = folder / f"{stamp}-{os.getpid()}-{deployment}-{purpose}.jsonl"
        self._file = self.path.open("a", encoding="utf-8")
        self._lock = Lock()

    def write(self, event: str, change: Change, error: BaseException | None = None) -> None:
        line = {"event": event, "action": change.action, "kind": change.kind, "name": change.name}
        if change.live:
            line["id"] = change.live.id
        if error:
            line["error"] = told(error)
        self._append(line)

    def end(self, calls: int) -> None:
        """The run is over; `calls` is how many API calls its cloud has made so far."""
        self._append({"event": "ended", "pid": os.getpid(), "calls": calls})
        self._file.close()

    def _append(self, line: dict[str, Any]) -> None:
        with self._lock:
            self._file.write(json.dumps({"at": datetime.now(UTC).isoformat()} | line) + "\n")
            self._file.flush()
