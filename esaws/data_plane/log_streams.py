"""Write the output of containers to CloudWatch Logs, as the `awslogs` driver does.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from esaws.data_plane.desired import Container, Task

_FLUSH_SECONDS = 0.5
_MAX_WAITING = 2_000
"""Lines of a stream; a container that writes more waits until they are written, as in the driver's blocking mode."""
_MAX_EVENTS = 1_000
_MAX_BYTES = 1_000_000
"""A call may have 10,000 events and 1,048,576 bytes, with 26 for each event."""
_EVENT_BYTES = 26

Client = Callable[[str], Any]
"""Returns the client of CloudWatch Logs in a region."""


class LogStreams:
    """The log streams of the containers of one account."""

    def __init__(self, client: Client, now: Callable[[], float]) -> None:
        """`now` returns the time on the clock of AWS."""
        self._client = client
        self._now = now
        self._queues: dict[tuple[str, str, str], asyncio.Queue[dict[str, Any]]] = {}
        self._writers: list[asyncio.Task[None]] = []

    async def write(self, region: str, task: Task, container: Container, line: bytes) -> None:
        """Write a line of a container's output; without an `awslogs` driver, it goes nowhere."""
        options = container.log
        if not options or "awslogs-group" not in options:
            return
        text = line.decode(errors="replace").rstrip("\r\n")
        if not text:
            return
        queue = self._queue(options.get("awslogs-region", region), options, task, container)
        await queue.put({"timestamp": int(self._now() * 1000), "message": text})

    async def close(self) -> None:
        """Write what waits, and end."""
        deadline = time.monotonic() + 3
        while any(not queue.empty() for queue in self._queues.values()) and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        for writer in self._writers:
            writer.cancel()

    def _queue(
        self, region: str, options: Mapping[str, str], task: Task, container: Container
    ) -> asyncio.Queue[dict[str, Any]]:
        prefix = options.get("awslogs-stream-prefix")
        stream = f"{prefix}/{container.name}/{task.id}" if prefix else f"{task.id}-{container.name}"
        key = region, options["awslogs-group"], stream
        if key not in self._queues:
            self._queues[key] = asyncio.Queue(_MAX_WAITING)
            creates = options.get("awslogs-create-group") == "true"
            self._writers.append(asyncio.create_task(self._write_all(key, creates)))
        return self._queues[key]

    async def _write_all(self, key: tuple[str, str, str], creates_group: bool) -> None:
        region, group, stream = key
        await asyncio.to_thread(_create, self._client(region), group, stream, creates_group)
        queue = self._queues[key]
        while True:
            events = [await queue.get()]
            size = len(events[0]["message"].encode()) + _EVENT_BYTES
            while not queue.empty() and len(events) < _MAX_EVENTS and size < _MAX_BYTES - 262_144:
                events.append(queue.get_nowait())
                size += len(events[-1]["message"].encode()) + _EVENT_BYTES
            # A group that has been deleted meanwhile loses the lines, as on AWS.
            with suppress(ClientError, BotoCoreError):
                where = {"logGroupName": group, "logStreamName": stream}
                await asyncio.to_thread(self._client(region).put_log_events, **where, logEvents=events)
            await asyncio.sleep(_FLUSH_SECONDS)


def _create(logs: Any, group: str, stream: str, creates_group: bool) -> None:
    if creates_group:
        with suppress(ClientError, BotoCoreError):
            logs.create_log_group(logGroupName=group)
    with suppress(ClientError, BotoCoreError):
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
