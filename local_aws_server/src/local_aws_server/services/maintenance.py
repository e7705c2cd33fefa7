"""Changes of a resource that wait for its maintenance window, or for a change that is applied at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.isolation import each
from local_aws_server.clock.state_machine import Lifecycle, LifecycleStep


@dataclass(frozen=True)
class PendingChanges:
    """The changes of one kind of resource that may wait."""

    lifecycle: Lifecycle
    attributes: Mapping[str, str]
    """Parameter → moto's attribute."""
    next_window: Callable[[Any], float]
    """Returns when the next maintenance window of a resource begins."""
    step: LifecycleStep
    """What a resource goes through in its window."""
    applied: Callable[[Any, str], None] = lambda resource, name: None
    """Called after a change that waited has been made."""

    def of(self, resource: Any) -> dict[str, Any]:
        """Parameter → the value that waits."""
        values: dict[str, Any] = sidecar(resource).setdefault("pending", {})
        return values

    def defer(self, resource: Any, name: str, value: Any) -> None:
        """Let a change wait for the next window."""
        self.of(resource)[name] = value
        sidecar(resource)["maintenance"] = self.next_window(resource)

    def apply(self, resource: Any) -> None:
        """Make the changes that wait."""
        pending = self.of(resource)
        for name, value in pending.items():
            setattr(resource, self.attributes[name], value)
            self.applied(resource, name)
        pending.clear()

    def apply_due(self, backends: Backends) -> float | None:
        """Make the changes of resources whose window has begun; return when the next one begins."""
        resources = self.lifecycle.resources(backends)
        name = self.lifecycle.id[1]
        return each(backends, self.lifecycle.label, resources, lambda one: getattr(one, name), self._apply_if_due)

    def _apply_if_due(self, resource: Any) -> float | None:
        if not self.of(resource):
            return None
        if sidecar(resource)["maintenance"] <= CLOCK.now():
            if self.lifecycle.state_of(resource) == self.step.to:
                self.apply(resource)
                self.lifecycle.start(resource, self.step)
                return None
            sidecar(resource)["maintenance"] = self.next_window(resource)
        return float(sidecar(resource)["maintenance"])
