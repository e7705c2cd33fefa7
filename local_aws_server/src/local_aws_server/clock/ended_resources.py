"""Resources that AWS still shows for a while after their end, such as terminated instances and deleted NAT gateways."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.clock.clock import CLOCK

HOUR, DAY = 3600.0, 86400.0


@dataclass(frozen=True)
class EndedResources:
    """The ended resources of one kind, and how they are removed."""

    find: Callable[[Backends], Iterable[Any]]
    """Returns those that have ended, as moto's objects."""
    remove: Callable[[Backends, list[Any]], None]
    """Removes some of them from moto's backend."""
    seconds: float = HOUR
    """How long AWS shows them."""

    def remove_due(self, backends: Backends) -> float | None:
        """Note the end of each, and remove those that AWS shows no longer; returns when the next one is due."""
        now, due, later = CLOCK.now(), [], []
        for resource in self.find(backends):
            time = sidecar(resource).setdefault("ended", now) + self.seconds
            if time <= now:
                due.append(resource)
            else:
                later.append(time)
        if due:
            self.remove(backends, due)
        return min(later, default=None)
