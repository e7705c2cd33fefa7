"""The supervisor: it asks the local AWS what should run, runs it, and reports what it observes."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Awaitable, Callable, Mapping
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
from esaws.data_plane.retries import Retries
from esaws.data_plane.watchdog import Watchdog
from esaws.errors import EsawsError
from esaws.files import write_atomically
from esaws.local_aws import control

_LOOK_SECONDS = 0.2
_LONGEST_PAUSE = 5.0
_FULL_LOOK_SECONDS = 5.0
"""What should run is read at least this often, even if nothing seems to have changed."""


async def _attempt(retries: Retries, action: Callable[[], Awaitable[None]]) -> None:
    """Do something unless it has just failed; what goes wrong is logged."""
    if not retries.is_due:
        return
    try:
        await action()
        retries.note_success()
    except Exception as error:
        retries.note_failure(error)


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
        self._looking = Retries("the local AWS", _LONGEST_PAUSE)
        self._writing = Retries("the list of what runs", _LONGEST_PAUSE)
        self._reconciling: dict[tuple[str, str], Retries] = {}
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
                await _attempt(self._looking, self._look)
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
        for key in self._desired:
            if key not in self._accounts:
                self._accounts[key] = self._account(*key)
                self._reconciling[key] = Retries(f"account {key[0]} in {key[1]}", _LONGEST_PAUSE)
            reconcile = partial(self._reconcile, key, restarted=answer["first_session"])
            await _attempt(self._reconciling[key], reconcile)
        await _attempt(self._writing, self._write_status)

    async def _reconcile(self, key: tuple[str, str], *, restarted: bool) -> None:
        account = self._accounts[key]
        await account.reconcile(self._desired[key], self._version, restarted=restarted)
        await account.send_reports(partial(self._call, "POST", account=key[0], region=key[1]))

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

    async def _write_status(self) -> None:
        """Write what runs for `esaws local status` and `esaws local hosts`, if it has changed."""
        status: Mapping[str, Any] = {
            "accounts": [account.status() for _, account in sorted(self._accounts.items())],
        }
        text = json.dumps(status, indent=1)
        file = self._folder / "running.json"
        if not file.exists() or file.read_text() != text:
            write_atomically(file, text.encode(), private=True)
