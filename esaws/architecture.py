"""An architecture: a named set of resources, checked and in an order in which they can be made."""

from collections import Counter
from collections.abc import Iterable, Iterator
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, TypeVar

from esaws.errors import InvalidResource
from esaws.resource import Resource, named, table

if TYPE_CHECKING:
    import pandas

AnyResource = TypeVar("AnyResource", bound=Resource)


class Architecture:
    """What should exist together. Whatever its resources refer to belongs to it as well.

    Raises:
        InvalidResource: two different resources share a kind and a name.
    """

    def __init__(self, name: str, resources: Iterable[Resource], *, whole: "Architecture | None" = None) -> None:
        """`whole` is the architecture that this one is a part of; what stands there is nothing extra here."""
        self.name = name
        self.whole = whole or self
        self._resources: dict[tuple[str, str], Resource] = {}
        for resource in resources:
            self._add(resource)

    def _add(self, resource: Resource) -> None:
        known = self._resources.get(resource.key)
        if known is resource:
            return
        if known is not None:
            if known != resource:
                raise InvalidResource(f"architecture {self.name} has two different resources called {resource}")
            return
        for needed in resource.dependencies:
            self._add(needed)
        self._resources[resource.key] = resource

    def __iter__(self) -> Iterator[Resource]:
        return iter(self.in_order())

    def __len__(self) -> int:
        return len(self._resources)

    def __contains__(self, key: object) -> bool:
        return key in self._resources

    def __repr__(self) -> str:
        return f"<Architecture {self.name}: {len(self)} resources>"

    def get(self, kind: type[AnyResource], name: str) -> AnyResource:
        """The resource of this kind and name.

        Raises:
            InvalidResource: there is none; the message lists the names that there are.
        """
        found = self._resources.get((kind.kind, name))
        if not isinstance(found, kind):
            names = ", ".join(resource.name for resource in self.of(kind)) or "none"
            raise InvalidResource(f"architecture {self.name} has no {kind.kind} {name}; there are: {names}")
        return found

    def of(self, *kinds: type[AnyResource]) -> list[AnyResource]:
        """The resources of these kinds, in order."""
        return [resource for resource in self.in_order() if isinstance(resource, kinds)]

    def in_order(self) -> list[Resource]:
        """Every resource after those that it needs; the same order on every run."""
        graph = {key: [needed.key for needed in resource.dependencies] for key, resource in self._resources.items()}
        return [self._resources[key] for key in TopologicalSorter(graph).static_order()]

    def to_frame(self, kind: type[Resource] | None = None) -> "pandas.DataFrame":
        """One row a kind: kind, count, in order; of one `kind` a row a resource: name and declared fields, by names."""
        if kind is None:
            return table({"kind": name, "count": count} for name, count in Counter(r.kind for r in self).items())
        return table(
            {"name": resource.name} | {field: named(value) for field, value in resource.desired().items()}
            for resource in self.of(kind)
        )

    def just(self, *wanted: Resource | type[Resource]) -> "Architecture":
        """The part with these resources, or all of these kinds, and what they need; the rest is nothing extra there."""
        chosen = [
            resource
            for resource in self.in_order()
            if any(
                isinstance(resource, item) if isinstance(item, type) else resource.key == item.key for item in wanted
            )
        ]
        return Architecture(self.name, chosen, whole=self.whole)
