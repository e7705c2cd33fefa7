"""Fields that moto accepts and drops: stored beside its object, and added to every description of it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local_aws_server.backends import sidecar
from local_aws_server.call import Call
from local_aws_server.hooks import after


@dataclass(frozen=True)
class PreservedFields:
    """The fields of one kind of resource that moto drops, and the operations that set and show them."""

    service: str
    set_by: tuple[str, ...]
    """The operations that set the fields."""
    shown_by: Mapping[str, str]
    """Operation → the member of its result with the description, or a list of descriptions."""
    find: Callable[[Call, Mapping[str, Any]], Any]
    """Returns moto's object for a request's parameters or for a description; None if there is none."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Field → the value that AWS shows if it was never set; None if AWS leaves it out."""

    def register(self) -> None:
        """Register the hooks."""
        after(self.service, *self.set_by)(self.store)
        after(self.service, *self.shown_by)(self.add_to_result)

    def store(self, call: Call) -> None:
        """Store the fields that the request sets."""
        resource = self.find(call, call.params)
        if resource is not None:
            values = {name: call.params[name] for name in self.fields if name in call.params}
            sidecar(resource).setdefault("fields", {}).update(copy.deepcopy(values))

    def add_to_result(self, call: Call) -> None:
        """Add the stored fields, or their defaults, to each description in the result."""
        for description in _as_list(call.result.get(self.shown_by[call.operation])):
            resource = self.find(call, description)
            values = sidecar(resource).get("fields", {}) if resource is not None else {}
            for name, default in self.fields.items():
                value = values.get(name, default)
                if value is not None:
                    description[name] = copy.deepcopy(value)


def _as_list(value: Any) -> Iterable[dict[str, Any]]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
