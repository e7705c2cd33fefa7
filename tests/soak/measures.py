"""What a round costs: its time, and the memory, files and sockets of the server and of this process afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import median

import psutil

_MB = 2**20


@dataclass(frozen=True)
class Measures:
    """What was measured at the end of a round."""

    cpu_seconds: float
    """Processor time of the local AWS, of this process and of its kernels: other programs use the machine, too."""
    server_mb: float
    server_files: int
    """Open files, sockets and pipes of the local AWS, without the connections of this process.

    Those are counted as its own sockets. The faster the rounds, the more of them the local AWS has not closed yet.
    """
    server_sockets: int
    own_mb: float
    own_files: int
    own_sockets: int
    folder_files: int
    """Files in the state folder of the local AWS and in that of the runs."""


UNITS = {"cpu_seconds": "s", "server_mb": "MB", "own_mb": "MB"}

ALLOWED: dict[str, Callable[[float], float]] = {
    "cpu_seconds": lambda value: 1.25 * value + 1,
    "server_mb": lambda value: 1.1 * value + 20,
    "own_mb": lambda value: 1.1 * value + 20,
}
"""Measure → the most that it may be at the end, by what it was at the beginning; at most three more by default."""


def cpu_seconds(server: psutil.Process) -> float:
    """Return the processor time of the local AWS, of this process and of those that it started and that have ended."""
    return float(sum(server.cpu_times()[:2]) + sum(psutil.Process().cpu_times()[:4]))


def measure(seconds: float, server: psutil.Process, *folders: Path) -> Measures:
    """Measure a round that took so many seconds of processor time."""
    own = psutil.Process()
    own_sockets = own.net_connections("tcp")
    clients = {each.laddr for each in own_sockets}
    server_sockets = server.net_connections("tcp")
    of_clients = sum(each.raddr in clients for each in server_sockets)
    return Measures(
        seconds,
        server.memory_info().rss / _MB,
        server.num_fds() - of_clients,
        len(server_sockets) - of_clients,
        own.memory_info().rss / _MB,
        own.num_fds(),
        len(own_sockets),
        sum(not file.is_dir() for folder in folders for file in folder.rglob("*")),
    )


@dataclass(frozen=True)
class Trend:
    """A measure at the beginning, after a tenth of the rounds, and at the end: the medians of a fifth of the rounds."""

    name: str
    begin: float
    end: float
    most: float

    @property
    def is_flat(self) -> bool:
        return self.end <= ALLOWED.get(self.name, lambda value: value + 3)(self.begin)

    def __str__(self) -> str:
        unit = UNITS.get(self.name, "")
        numbers = "  ".join(f"{value:9.1f}{unit:3}" for value in (self.begin, self.end, self.most))
        return f"{self.name:15}{numbers}  {'flat' if self.is_flat else 'NOT FLAT'}"


def trends(rounds: Sequence[Measures]) -> list[Trend]:
    """Return the trend of each measure. Pure."""
    start, part = len(rounds) // 10, max(1, len(rounds) // 5)
    found = []
    for field in fields(Measures):
        values = [float(getattr(each, field.name)) for each in rounds]
        begin, end = median(values[start : start + part]), median(values[-part:])
        found.append(Trend(field.name, begin, end, max(values)))
    return found
