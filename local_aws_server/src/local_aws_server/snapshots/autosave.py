"""Saving and loading on request, and saving the server's own state when it stops and every few minutes."""

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
from local_aws_server.process_memory import GARBAGE
from local_aws_server.snapshots import file, snapshot
from local_aws_server.snapshots.errors import Unreadable, Unsaveable

EVERY_SECONDS = 180.0
_MAX_TIME_FRACTION = 0.05
"""The largest fraction of time that saving may take: a slow save lengthens the pause."""


class Autosave:
    """Saves to and loads from files, and saves the server's state to `path`, if it has one."""

    def __init__(self, locks: AccountLocks, prepare: Callable[[], None]) -> None:
        """`prepare` runs after moto's modules are loaded for a file."""
        self.path: Path | None = None
        self.restored: dict[str, Any] = {}
        """How this server started, for `status`: {} without a file, {time, saved, stopped, left_out} of the file, or
        {unreadable, aside}."""
        self._locks, self._prepare = locks, prepare
        self._saving = Lock()
        self._calls = 0
        """The number of calls so far; any of them may have changed the state."""
        self._saved_calls = 0
        self._stopped_calls = -1

    def note_call(self) -> None:
        """Note that a call may change the state."""
        self._calls += 1

    # --- on request

    def respond(self, request: Request, name: str) -> Response | None:
        """The response to the control route `/_esaws/<name>`; None if another module handles it.

        These routes hold the locks only as long as necessary.
        """
        handlers: dict[tuple[str, str], Callable[[Request], Response]] = {
            ("GET", "save"): self._send_file,
            ("POST", "load"): self._load_file,
            ("POST", "keep"): self._save_and_stop,
        }
        handler = handlers.get((request.method, name))
        if handler is None:
            return None
        try:
            return handler(request)
        except (Unreadable, Unsaveable, OSError) as error:
            return _json_response({"error": str(error)}, 409)

    def _send_file(self, request: Request) -> Response:
        """A file of all accounts, or of one `account`."""
        content = snapshot.take(self._locks, request.args.get("account")).content
        return Response(content, content_type="application/octet-stream")

    def _load_file(self, request: Request) -> Response:
        """Load the file in the body: {time, accounts, left_out}."""
        self.note_call()
        header = snapshot.load(self._locks, request.get_data(), self._prepare)
        accounts = [part["account"] for part in header["accounts"]]
        time = format_timestamp(CLOCK.now())
        return _json_response({"time": time, "accounts": accounts, "left_out": header["left_out"]})

    def _save_and_stop(self, request: Request) -> Response:
        """Save the server's own file before it stops: {time, left_out}."""
        return _json_response(self.save(is_stopping=True))

    # --- the server's own file

    def restore(self, path: Path) -> None:
        """Load the server's own file, if it exists. An unreadable one is renamed to `*.unreadable`."""
        self.path = path
        if not path.exists():
            return
        try:
            header = snapshot.load(self._locks, path.read_bytes(), self._prepare)
        except (Unreadable, OSError) as error:
            aside = path.with_name(f"{path.name}.unreadable")
            path.replace(aside)
            self.restored = {"unreadable": str(error), "aside": str(aside)}
        else:
            self.restored = {name: header[name] for name in ("time", "saved", "stopped", "left_out")}

    def save(self, is_stopping: bool = False) -> dict[str, Any]:
        """Write the server's own file: {time, left_out}. Raises Unsaveable and OSError."""
        if self.path is None:
            return {"time": None, "left_out": []}
        with self._saving:
            calls = self._calls
            taken = snapshot.take(self._locks, stopped=os.getpid() if is_stopping else None)
            file.write(self.path, taken.content)
            self._saved_calls = calls
            self._stopped_calls = calls if is_stopping else -1
        return {"time": taken.header["time"], "left_out": taken.header["left_out"]}

    def close(self) -> None:
        """Save when the server stops, unless nothing has changed since `_save_and_stop`."""
        if self._stopped_calls != self._calls:
            self.save(is_stopping=True)

    def save_changes(self) -> bool:
        """Save if there were calls since the last save; returns whether. Raises Unsaveable and OSError."""
        if self._calls == self._saved_calls:
            return False
        self.save()
        return True

    def start_saving(self, every: float) -> None:
        """Start a thread that saves after so many seconds, if there were calls meanwhile.

        So a crash loses at most what was answered in that time before it, and while the file was written.
        """
        Thread(target=self._save_forever, args=(every,), daemon=True).start()

    def _save_forever(self, every: float) -> None:
        pause = every
        while True:
            sleep(pause)
            began = perf_counter()
            try:
                self.save_changes()
                with self._locks.all_accounts():
                    GARBAGE.collect()
            except (Unsaveable, OSError) as error:
                print(f"not saved: {error}", file=sys.stderr)
            except Exception:
                traceback.print_exc()
            pause = max(every, (perf_counter() - began) / _MAX_TIME_FRACTION)


def _json_response(body: dict[str, Any], status_code: int = 200) -> Response:
    return Response(json.dumps(body), status_code, content_type="application/json")
