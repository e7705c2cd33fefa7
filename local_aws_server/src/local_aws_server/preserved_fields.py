"""Fields that moto takes and then forgets: kept beside its object, and given back in every description of it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local_aws_server.backends import remembered
from local_aws_server.call import Call
from local_aws_server.hooks import after


@dataclass(frozen=True)
class PreservedFields:
    """One kind of thing, which of its fields moto forgets, and where they belong."""

    service: str
    changes: tuple[str, ...]
    """The operations that set the fields."""
    shows: Mapping[str, str]
    """Operation → the member of its result that holds the thing, or a list of them."""
    find: Callable[[Call, Mapping[str, Any]], Any]
    """moto's object for a request's parameters or for a description; None if there is none."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Field → what AWS shows if it was never set; None for nothing at all."""

    def install(self) -> None:
        """Enter the hooks for it into the seam."""
        after(self.service, *self.changes)(self.keep)
        after(self.service, *self.shows)(self.show)

    def keep(self, call: Call) -> None:
        thing = self.find(call, call.params)
        if thing is not None:
            given = {name: call.params[name] for name in self.fields if name in call.params}
            remembered(thing).setdefault("fields", {}).update(copy.deepcopy(given))

    def show(self, call: Call) -> None:
        for described in _as_list(call.result.get(self.shows[call.operation])):
            thing = self.find(call, described)
            kept = remembered(thing).get("fields", {}) if thing is not None else {}
            for name, default in self.fields.items():
                value = kept.get(name, default)
                if value is not None:
                    described[name] = copy.deepcopy(value)


def _as_list(value: Any) -> Iterable[dict[str, Any]]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
