"""Write the output of containers to CloudWatch Logs, as the `awslogs` driver does.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from esaws.data_plane.desired import Container, Task

_FLUSH_SECONDS = 0.5
_MAX_WAITING = 1_000_000
"""Bytes of a stream; a container that writes more waits until they are written, as in the driver's blocking mode."""
_MAX_STREAM = 10_000_000
"""Bytes that a stream takes; a container that floods its log must not fill the memory of the local AWS."""
_LAST_LINE = "esaws: this log stream is full (10 MB); the lines after this one are lost"
_MAX_EVENTS = 1_000
_MAX_BYTES = 1_000_000
"""A call may have 10,000 events and 1,048,576 bytes, with 26 for each event."""
_EVENT_BYTES = 26
_CLOSE_SECONDS = 3.0

Client = Callable[[str], Any]
"""Returns the client of CloudWatch Logs in a region."""


class LogStreams:
    """The log streams of the containers of one account."""

    def __init__(self, client: Client, now: Callable[[], float]) -> None:
        """`now` returns the time on the clock of AWS."""
        self._client = client
        self._now = now
        self._streams: dict[_Key, _Stream] = {}
        self._ending: set[_Stream] = set()

    async def write(self, region: str, task: Task, container: Container, line: bytes) -> None:
        """Write a line of a container's output; without an `awslogs` driver, it goes nowhere."""
        if (key := _key(region, task, container)) is None:
            return
        text = line.decode(errors="replace").rstrip("\r\n")
        if not text:
            return
        if key not in self._streams:
            creates = (container.log or {}).get("awslogs-create-group") == "true"
            self._streams[key] = _Stream(lambda: self._client(key[0]), *key[1:], creates_group=creates)
        await self._streams[key].write(int(self._now() * 1000), text)

    async def end(self, region: str, task: Task, container: Container) -> None:
        """Write what waits of a container that has ended."""
        key = _key(region, task, container)
        if key is not None and (stream := self._streams.pop(key, None)):
            self._ending.add(stream)
            await stream.close()
            self._ending.discard(stream)

    async def close(self) -> None:
        """Write what waits, and end."""
        streams, self._streams = self._streams, {}
        await asyncio.gather(*(stream.close() for stream in (*streams.values(), *self._ending)))


_Key = tuple[str, str, str]
"""Region, log group and log stream."""


def _key(region: str, task: Task, container: Container) -> _Key | None:
    options = container.log
    if not options or "awslogs-group" not in options:
        return None
    prefix = options.get("awslogs-stream-prefix")
    stream = f"{prefix}/{container.name}/{task.id}" if prefix else f"{task.id}-{container.name}"
    return options.get("awslogs-region", region), options["awslogs-group"], stream


class _Stream:
    """One log stream: lines that wait, and a task that writes them."""

    def __init__(self, client: Callable[[], Any], group: str, stream: str, *, creates_group: bool) -> None:
        self._client = client
        self._where = {"logGroupName": group, "logStreamName": stream}
        self._lines: deque[tuple[int, str]] = deque()
        self._waiting = self._taken = 0
        self._changed = asyncio.Condition()
        self._is_closed = False
        self._writer = asyncio.create_task(self._write_all(creates_group))

    async def write(self, milliseconds: int, text: str) -> None:
        async with self._changed:
            if self._taken > _MAX_STREAM:
                return
            await self._changed.wait_for(lambda: self._waiting < _MAX_WAITING or self._is_closed)
            self._taken += _bytes(text)
            line = text if self._taken <= _MAX_STREAM else _LAST_LINE
            self._waiting += _bytes(line)
            self._lines.append((milliseconds, line))
            self._changed.notify_all()

    async def close(self) -> None:
        """Write what waits, for a few seconds at most."""
        async with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        await asyncio.wait([self._writer], timeout=_CLOSE_SECONDS)
        self._writer.cancel()
        await asyncio.wait([self._writer])

    async def _write_all(self, creates_group: bool) -> None:
        await asyncio.to_thread(_create, self._client(), self._where, creates_group)
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: bool(self._lines) or self._is_closed)
                events = self._take()
                self._changed.notify_all()
            if not events:
                return
            # A group that has been deleted meanwhile loses the lines, as on AWS.
            with suppress(ClientError, BotoCoreError):
                await asyncio.to_thread(self._client().put_log_events, **self._where, logEvents=events)
            if not self._is_closed:
                await asyncio.sleep(_FLUSH_SECONDS)

    def _take(self) -> list[dict[str, Any]]:
        """Return the events of one call."""
        events: list[dict[str, Any]] = []
        size = 0
        while self._lines and len(events) < _MAX_EVENTS:
            milliseconds, text = self._lines[0]
            size += _bytes(text)
            if events and size > _MAX_BYTES:
                break
            self._lines.popleft()
            self._waiting -= _bytes(text)
            events.append({"timestamp": milliseconds, "message": text})
        return events


def _bytes(text: str) -> int:
    return len(text.encode()) + _EVENT_BYTES


def _create(logs: Any, where: Mapping[str, str], creates_group: bool) -> None:
    if creates_group:
        with suppress(ClientError, BotoCoreError):
            logs.create_log_group(logGroupName=where["logGroupName"])
    with suppress(ClientError, BotoCoreError):
        logs.create_log_stream(**where)
