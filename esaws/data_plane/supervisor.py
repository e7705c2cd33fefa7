"""The supervisor: it asks the local AWS what should run, runs it, and reports what it observes."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil

from esaws.cloud import Cloud
from esaws.data_plane.account import AccountRun
from esaws.data_plane.addresses import Addresses
from esaws.data_plane.desired import Desired
from esaws.data_plane.watchdog import Watchdog
from esaws.errors import EsawsError
from esaws.files import write_atomically
from esaws.local_aws import control

_LOOK_SECONDS = 0.2
_FULL_LOOK_SECONDS = 5.0
"""What should run is read at least this often, even if nothing seems to have changed."""


class Supervisor:
    """Runs what one local AWS says, below `folder`, until it is stopped or the local AWS has ended."""

    def __init__(self, url: str, server: psutil.Process, folder: Path, factor: float) -> None:
        """`factor` is the fraction of AWS's time that health checks and delays of what runs take."""
        self._url = url
        self._server = server
        self._folder = folder
        self._factor = factor
        self._session = uuid4().hex
        self._watchdog = Watchdog()
        self._accounts: dict[tuple[str, str], AccountRun] = {}
        self._stopping = asyncio.Event()
        self._clock_offset = 0.0
        self._version = -1
        self._next_full_look = 0.0
        self._desired: dict[tuple[str, str], Desired] = {}

    def stop(self) -> None:
        """End everything soon."""
        self._stopping.set()

    async def run(self) -> None:
        """Run until `stop`, or until the local AWS has ended."""
        self._delete_task_folders()  # of a supervisor that was killed
        try:
            while not self._stopping.is_set() and self._server_runs():
                try:
                    await self._look()
                except (EsawsError, OSError) as error:
                    print(f"the local AWS did not answer: {error}", file=sys.stderr, flush=True)
                except Exception:
                    traceback.print_exc()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), _LOOK_SECONDS)
        finally:
            await self._close()

    async def _look(self) -> None:
        """Bring what runs in line with what should run, and send the reports."""
        if time.monotonic() > self._next_full_look:
            self._next_full_look, self._version = time.monotonic() + _FULL_LOOK_SECONDS, -1
        answer = await self._call("GET", session=self._session, factor=self._factor, version=self._version)
        self._clock_offset = answer["time"] - time.time()
        self._version = answer["version"]
        if "accounts" in answer:
            described = {(each["account"], each["region"]): Desired.parse(each) for each in answer["accounts"]}
            self._desired = {key: Desired.nothing(*key) for key in self._accounts} | described
        for key, desired in self._desired.items():
            if key not in self._accounts:
                self._accounts[key] = self._account(*key)
            await self._accounts[key].reconcile(desired, self._version, restarted=answer["first_session"])
            await self._accounts[key].send_reports(partial(self._call, "POST", account=key[0], region=key[1]))
        self._write_status()

    def _account(self, account: str, region: str) -> AccountRun:
        return AccountRun(
            Cloud.at(self._url, account=account, region=region),
            self._folder / account / region,
            Addresses(),
            self._watchdog,
            now=lambda: time.time() + self._clock_offset,
            factor=self._factor,
            is_shared=lambda: len({account for account, _ in self._accounts}) > 1,
        )

    async def _close(self) -> None:
        await asyncio.gather(*(account.close() for account in self._accounts.values()), return_exceptions=True)
        self._watchdog.close()
        self._delete_task_folders()
        with suppress(EsawsError, OSError):
            for (id, region), account in self._accounts.items():
                await self._call("POST", account=id, region=region, requests=account.last_requests())
            await self._call("POST", ended=True)

    async def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return await asyncio.to_thread(control.call, self._url, method, "running", parameters)

    def _delete_task_folders(self) -> None:
        for folder in self._folder.glob("*/*/tasks"):
            shutil.rmtree(folder, ignore_errors=True)

    def _server_runs(self) -> bool:
        with suppress(psutil.NoSuchProcess):
            return self._server.is_running() and self._server.status() != psutil.STATUS_ZOMBIE
        return False

    def _write_status(self) -> None:
        """Write what runs for `esaws local status` and `esaws local hosts`, if it has changed."""
        status: Mapping[str, Any] = {
            "accounts": [account.status() for _, account in sorted(self._accounts.items())],
        }
        text = json.dumps(status, indent=1)
        file = self._folder / "running.json"
        if not file.exists() or file.read_text() != text:
            write_atomically(file, text.encode(), private=True)
