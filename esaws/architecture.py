"""An architecture: a named set of resources with all their dependencies, in an order to create them in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, TypeVar

from esaws._display import html_table, rich_table
from esaws.cloud import Cloud
from esaws.errors import InvalidResource
from esaws.resource import Resource, names_for_resources, to_table

if TYPE_CHECKING:
    import pandas
    from rich.console import RenderableType

AnyResource = TypeVar("AnyResource", bound=Resource)


class Architecture:
    """A set of declared resources. The resources that they depend on belong to it as well.

    Raises:
        InvalidResource: two different resources share a kind and a name.
    """

    def __init__(
        self,
        name: str,
        resources: Iterable[Resource],
        *,
        whole: Architecture | None = None,
        fit: Callable[[Cloud], Architecture] | None = None,
        complete: bool = True,
    ) -> None:
        """`whole` is the architecture that this one is a part of. A plan does not list its other resources as extra.

        `fit` returns the same resources as an account can run them, if the declaration leaves that open. A plan of one
        that is not `complete` lists nothing else: neither extra nor foreign resources.
        """
        self.name = name
        self.whole = whole or self
        self.complete = complete
        self._fit = fit
        self._resources: dict[tuple[str, str], Resource] = {}
        for resource in resources:
            self._add(resource)

    def _add(self, resource: Resource) -> None:
        existing = self._resources.get(resource.key)
        if existing is not None:
            if existing is not resource and existing != resource:
                raise InvalidResource(f"architecture {self.name} has two different resources called {resource}")
            return
        for dependency in resource.dependencies:
            self._add(dependency)
        self._resources[resource.key] = resource

    def fitted(self, cloud: Cloud) -> Architecture:
        """Return this architecture as the account of `cloud` can run it: in its zones, of its instance types.

        What the declaration names stays as it is. An architecture that leaves nothing open makes no calls.
        """
        if self.whole._fit is None:
            return self
        whole = self.whole._fit(cloud)
        if self.whole is self:
            return whole
        fitted = {resource.key: resource for resource in whole}

        done: dict[tuple[str, str], Resource] = {}

        def fit(resource: Resource) -> Resource:
            key = resource.key
            if key not in done:
                own = self._resources.get(key, resource)
                as_in_whole = key in fitted and self.whole._resources.get(key) == own
                done[key] = (fitted[key] if as_in_whole else own).with_references(fit)
            return done[key]

        return Architecture(self.name, map(fit, self), whole=whole)

    def __iter__(self) -> Iterator[Resource]:
        return iter(self.in_order())

    def __len__(self) -> int:
        return len(self._resources)

    def __contains__(self, key: object) -> bool:
        return key in self._resources

    def __repr__(self) -> str:
        return f"<Architecture {self.name}: {len(self)} resources>"

    def _repr_html_(self) -> str:
        return html_table(f"{self.name}: {len(self)} resources", self.to_frame())

    def __rich__(self) -> RenderableType:
        return rich_table(f"{self.name}: {len(self)} resources", self.to_frame())

    def get(self, kind: type[AnyResource], name: str) -> AnyResource:
        """Return the resource of this kind and name.

        Raises:
            InvalidResource: there is none. The message lists the existing names.
        """
        resource = self._resources.get((kind.kind, name))
        if not isinstance(resource, kind):
            names = ", ".join(other.name for other in self.of(kind)) or "none"
            raise InvalidResource(f"architecture {self.name} has no {kind.kind} {name}; it has: {names}")
        return resource

    def of(self, *kinds: type[AnyResource]) -> list[AnyResource]:
        """Return the resources of these kinds, in order."""
        return [resource for resource in self.in_order() if isinstance(resource, kinds)]

    def in_order(self) -> list[Resource]:
        """Return every resource after its dependencies, in the same order on every run."""
        graph = {
            key: [dependency.key for dependency in resource.dependencies] for key, resource in self._resources.items()
        }
        return [self._resources[key] for key in TopologicalSorter(graph).static_order()]

    def to_frame(self, kind: type[Resource] | None = None) -> pandas.DataFrame:
        """Return one row per kind: kind, count. With `kind`, one row per resource: name and declared fields."""
        if kind is None:
            return to_table({"kind": name, "count": count} for name, count in Counter(r.kind for r in self).items())
        return to_table(
            {"name": resource.name} | {field: names_for_resources(value) for field, value in resource.desired().items()}
            for resource in self.of(kind)
        )

    def just(self, *selected: Resource | type[Resource]) -> Architecture:
        """Return the part with these resources, or all of these kinds, and their dependencies.

        A plan for the part does not list the rest of this architecture as extra.
        """
        resources = [
            resource
            for resource in self.in_order()
            if any(
                isinstance(resource, item) if isinstance(item, type) else resource.key == item.key for item in selected
            )
        ]
        return Architecture(self.name, resources, whole=self.whole)

    def including(self, *resources: Resource) -> Architecture:
        """Return the architecture with these resources as well. They replace those of the same kind and name.

        What refers to a replaced resource refers to the new one.
        """
        given = {resource.key: resource for resource in resources}
        changed: dict[tuple[str, str], Resource] = {}

        def change(resource: Resource) -> Resource:
            if resource.key not in changed:
                changed[resource.key] = given.get(resource.key, resource).with_references(change)
            return changed[resource.key]

        return Architecture(
            self.name, [change(resource) for resource in [*self.in_order(), *resources]], whole=self.whole
        )

    def without(self, *removed: Resource) -> Architecture:
        """Return the architecture without these resources.

        Raises:
            InvalidResource: another resource of the architecture depends on one of them.
        """
        keys = {resource.key for resource in removed}
        kept = [resource for resource in self.in_order() if resource.key not in keys]
        for resource in kept:
            for dependency in resource.dependencies:
                if dependency.key in keys:
                    raise InvalidResource(f"{resource} depends on {dependency}, which can't be left out alone")
        return Architecture(self.name, kept, whole=self.whole)
