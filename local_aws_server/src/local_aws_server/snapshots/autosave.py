"""Keeps the local AWS in a file of its own: when it stops, and every few minutes while something changes."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from threading import Lock, Thread
from time import perf_counter, sleep
from typing import Any

from flask import Response
from werkzeug.wrappers import Request

from local_aws_server.clock.clock import CLOCK, format_timestamp
from local_aws_server.locks import AccountLocks
from local_aws_server.snapshots import file, snapshot
from local_aws_server.snapshots.errors import Unreadable, Unsaveable

EVERY_SECONDS = 180.0
_AT_MOST_OF_THE_TIME = 0.05
"""So much of its time it may be saving, however long that takes."""


class Keeper:
    """Saves and loads for those who ask, and keeps the state of the server in `path`, if it has one."""

    def __init__(self, locks: AccountLocks, prepare: Callable[[], None]) -> None:
        self.path: Path | None = None
        self.restored: dict[str, Any] = {}
        """What `status` says of how this server began."""
        self._locks, self._prepare = locks, prepare
        self._saving = Lock()
        self._calls = self._kept = 0
        self._stopped_with = -1

    def called(self) -> None:
        """Something may have changed."""
        self._calls += 1

    # --- asked for

    def answer(self, request: Request, name: str) -> Response | None:
        """The answer to `/_esaws/<name>` if that is about saving; it takes the locks only while it must."""
        answers: dict[tuple[str, str], Callable[[Request], Response]] = {
            ("GET", "save"): self._save,
            ("POST", "load"): self._load,
            ("POST", "keep"): self._keep,
        }
        answer = answers.get((request.method, name))
        if answer is None:
            return None
        try:
            return answer(request)
        except (Unreadable, Unsaveable, OSError) as problem:
            return _as_json({"error": str(problem)}, 409)

    def _save(self, request: Request) -> Response:
        """A file, of everything or of one `account`."""
        taken = snapshot.take(self._locks, request.args.get("account"))
        return Response(taken.content, content_type="application/octet-stream")

    def _load(self, request: Request) -> Response:
        """Be as in the file that is sent; gives what that says of itself."""
        self.called()
        header = snapshot.load(self._locks, request.get_data(), self._prepare)
        names = [each["account"] for each in header["accounts"]]
        return _as_json({"time": format_timestamp(CLOCK.now()), "accounts": names, "left_out": header["left_out"]})

    def _keep(self, request: Request) -> Response:
        return _as_json(self.keep(stopping=True))

    # --- by itself

    def restore(self, path: Path) -> None:
        """Go on where the file of this server says; one that can't be read is set aside."""
        self.path = path
        if not path.exists():
            return
        try:
            header = snapshot.load(self._locks, path.read_bytes(), self._prepare)
        except (Unreadable, OSError) as problem:
            aside = path.with_name(f"{path.name}.unreadable")
            path.replace(aside)
            self.restored = {"unreadable": str(problem), "aside": str(aside)}
        else:
            self.restored = {name: header[name] for name in ("time", "saved", "stopped", "left_out")}

    def keep(self, stopping: bool = False) -> dict[str, Any]:
        """Write the file of this server; gives what it says of itself. Raises Unsaveable and OSError."""
        if self.path is None:
            return {"time": None, "left_out": []}
        with self._saving:
            calls = self._calls
            taken = snapshot.take(self._locks, stopped=os.getpid() if stopping else None)
            file.write(self.path, taken.content)
            self._kept = calls
            self._stopped_with = calls if stopping else -1
        return {"time": taken.header["time"], "left_out": taken.header["left_out"]}

    def close(self) -> None:
        """The server ends: write its file, unless that was just done for the same reason."""
        if self._stopped_with != self._calls:
            self.keep(stopping=True)

    def keep_on_keeping(self) -> None:
        """Begin to write the file every few minutes, if anything was asked for meanwhile."""
        Thread(target=self._keep_on_keeping, daemon=True).start()

    def _keep_on_keeping(self) -> None:
        pause = EVERY_SECONDS
        while True:
            sleep(pause)
            if self._calls == self._kept:
                continue
            began = perf_counter()
            try:
                self.keep()
            except (Unsaveable, OSError) as problem:
                print(f"not saved: {problem}", file=sys.stderr)
            except Exception:
                traceback.print_exc()
            pause = max(EVERY_SECONDS, (perf_counter() - began) / _AT_MOST_OF_THE_TIME)


def _as_json(answer: dict[str, Any], status_code: int = 200) -> Response:
    return Response(json.dumps(answer), status_code, content_type="application/json")
