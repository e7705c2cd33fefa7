"""The contract of every resource kind: its declaration, what exists on AWS, their comparison, and the registry."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

from esaws._display import html_table, rich_table
from esaws.cloud import Cloud
from esaws.documented import OF_ESAWS, Call, refusal
from esaws.errors import EsawsError, InvalidResource, NotDeployed, describe_error
from esaws.pricelist import Usage

if TYPE_CHECKING:
    import pandas
    from rich.console import RenderableType

KINDS: dict[str, type[Resource]] = {}
"""Every kind of resource by its class name; `esaws.resources.load_all()` fills it."""


class Ref(NamedTuple):
    """A reference to an existing resource: its kind and the id that AWS gave it."""

    kind: str
    id: str


@dataclass(frozen=True)
class Live:
    """A resource that exists on AWS.

    Attributes:
        name: the reference name, without the deployment.
        state: AWS's word for its state; empty if AWS has none.
        fields: the current values of the fields in `Resource.desired()`, references as ids.
        raw: AWS's description.
        foreign: it is inside a resource of the deployment but not made by it, such as a rule added by hand.
        address: the DNS name at which its clients reach it; empty if it has none.
    """

    kind: str
    name: str
    id: str
    parents: frozenset[Ref] = frozenset()
    state: str = ""
    fields: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    raw: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    foreign: bool = False
    address: str = field(default="", compare=False)

    @property
    def key(self) -> tuple[str, str]:
        """Kind and name: the key that matches it to a declared resource."""
        return self.kind, self.name

    @property
    def ref(self) -> Ref:
        """The reference that its children hold."""
        return Ref(self.kind, self.id)

    def to_dict(self) -> dict[str, str]:
        """Return kind, name, id and state."""
        return {"kind": self.kind, "name": self.name, "id": self.id, "state": self.state}


# In a kind's class body `list` is its classmethod, so annotations there need other names for Python's list.
Lives = list[Live]
Usages = list[Usage]


@dataclass(frozen=True, kw_only=True)
class Resource(ABC):
    """The declaration of a resource that should exist. Fields that hold other resources are its dependencies.

    A subclass is a kind. It declares fields and implements `list`, `create`, `delete` and, for the fields in
    `in_place`, `update`. Every field except `name`, `after` and those in `not_compared` is compared with AWS.
    """

    name: str = ""
    after: tuple[Resource, ...] = field(default=(), repr=False, compare=False)
    """Resources that must exist first although no other field holds them."""

    kind: ClassVar[str]
    in_place: ClassVar[frozenset[str]] = frozenset()
    """The fields that `update` can change. A drift in any other field is `differs`."""
    revisions: ClassVar[bool] = False
    """Whether `update` gives it a new id, so that resources that refer to it change as well."""
    not_compared: ClassVar[frozenset[str]] = frozenset()
    """Fields that AWS does not return, or that a scaler changes."""
    pending: ClassVar[frozenset[str]] = frozenset()
    """The states in which it exists but is not usable yet."""
    keep_on_deploy: ClassVar[bool] = False
    """Whether a deploy keeps it even if the architecture does not declare it. A teardown deletes it."""
    deleting: ClassVar[frozenset[str]] = frozenset()
    """The states in which AWS is deleting it."""
    delete_after: ClassVar[frozenset[str]] = frozenset()
    """Kinds that must be gone before this one is deleted although they do not refer to it."""
    seconds: ClassVar[float] = 1
    """Roughly how many seconds AWS needs to create it. An apply starts the longest chain first."""
    documented: ClassVar[tuple[Call, ...]] = ()
    """The calls of `create`, `update` and `delete`, with what AWS documents about their parameters."""
    icon: ClassVar[str] = "aws.general.General"
    """The icon, as a path in the diagrams package."""
    free: ClassVar[str] = ""
    """Why it costs nothing by itself; empty if `usage()` returns lines."""
    permissions: ClassVar[tuple[str, ...]] = ()
    """The IAM actions that `list`, `create`, `update` and `delete` need."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.kind = cls.__name__
        KINDS[cls.kind] = cls

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", self.default_name())
        declared = {item.name: getattr(self, item.name) for item in fields(self)}
        if reason := refusal(self.documented, declared, _is_reference):
            raise InvalidResource(f"{self}: {reason}")

    def refusal(self, reason: str, source: str = OF_ESAWS) -> InvalidResource:
        """Return the error for a declaration that a rule over several fields forbids; `source` documents the rule."""
        return InvalidResource(f"{self}: {reason}" + ("" if source == OF_ESAWS else f" Source: {source}"))

    def default_name(self) -> str:
        """Return the name for a declaration without one. Kinds that are part of another resource override this."""
        raise InvalidResource(f"{self.kind}: a name is required")

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"

    @property
    def key(self) -> tuple[str, str]:
        """Kind and name, which are unique in an architecture."""
        return self.kind, self.name

    @property
    def dependencies(self) -> tuple[Resource, ...]:
        """The resources that must exist before this one, in the order of the fields, without duplicates."""
        dependencies: dict[tuple[str, str], Resource] = {}
        for item in fields(self):
            for resource in _resources_in(getattr(self, item.name)):
                dependencies.setdefault(resource.key, resource)
        return tuple(dependencies.values())

    def with_references(self, change: Callable[[Resource], Resource]) -> Self:
        """Return a copy whose fields hold `change(resource)` instead of each resource."""
        held = {item.name: getattr(self, item.name) for item in fields(self)}
        changed = {name: _map_resources(value, change) for name, value in held.items() if [*_resources_in(value)]}
        return replace(self, **changed)

    def replace(self, **changes: Any) -> Self:
        """Return a copy with other values in these fields."""
        return replace(self, **changes)

    # -- on AWS --------------------------------------------------------------------------------------------------

    @classmethod
    @abstractmethod
    def list(cls, cloud: Cloud) -> Lives:
        """Return all of this kind that the deployment owns, foreign parts included, deleted ones excluded."""

    @classmethod
    def listed(cls, cloud: Cloud) -> Lives:
        """Return what `list` returns; during an inventory the kinds that need the same list share it."""
        return cloud.shared(cls.kind, lambda: cls.list(cloud))

    def find(self, index: Index) -> Live | None:
        """Return the existing resource of this name, or None if it does not exist."""
        return index.get(self.kind, self.name)

    def id_in(self, cloud: Cloud) -> str:
        """Return the id that AWS gave it. Lists the kind if the cloud has not seen the id yet.

        Raises:
            NotDeployed: it does not exist.
        """
        if self.key not in cloud.known_ids:
            for live in self.list(cloud):
                if not live.foreign:
                    cloud.known_ids.setdefault(live.key, live.id)
        if self.key not in cloud.known_ids:
            raise NotDeployed(f"{self} is not deployed in {cloud.region}; apply its plan first")
        return cloud.known_ids[self.key]

    def address_in(self, cloud: Cloud) -> str:
        """Return the DNS name at which its clients reach it.

        Raises:
            NotDeployed: it does not exist, or has no address yet.
        """
        live = self.find(Index(self.list(cloud)))
        if live is None or not live.address:
            raise NotDeployed(f"{self} has no address in {cloud.region}; apply its plan first")
        return live.address

    def remember_id(self, cloud: Cloud, id: str) -> str:
        """Record the id that AWS has just given it, and return the id."""
        cloud.known_ids[self.key] = id
        return id

    # -- declared ------------------------------------------------------------------------------------------------

    def desired(self) -> dict[str, Any]:
        """Return the declared fields to compare with AWS, by name. Resources represent their ids."""
        skipped = {"name", "after"} | self.not_compared
        return {item.name: getattr(self, item.name) for item in fields(self) if item.name not in skipped}

    def usage(self) -> Usages:
        """Return what it consumes in a month; empty if it is `free`."""
        return []

    @classmethod
    @abstractmethod
    def example(cls) -> Self:
        """Return the smallest valid declaration, with the resources that it needs. The contract tests use it."""

    # -- changes -------------------------------------------------------------------------------------------------

    @abstractmethod
    def create(self, cloud: Cloud) -> None:
        """Create it and return when it is usable. The first call sets the tags, so that half-created ones are found."""

    def ready(self, cloud: Cloud) -> None:  # noqa: B027 (most kinds are usable at once)
        """Wait until it is usable, if it was found in one of its `pending` states."""

    def update(self, cloud: Cloud, live: Live) -> None:
        """Change the `in_place` fields to the declared values and return when AWS has done it."""
        raise NotImplementedError(f"{self.kind} has no field that can be changed in place")

    @classmethod
    @abstractmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        """Delete it and return when it is gone. Does nothing if it is gone already."""


@dataclass(frozen=True)
class AddressOf:
    """A text with the address that AWS gives a resource, as in `AddressOf(database, "postgresql://{}:5432")`.

    It is a value in a field of another resource, which refers to this one with it.
    """

    resource: Resource
    text: str = "{}"

    @property
    def name(self) -> str:
        """The text with the name of the resource as its address."""
        return self.text.format(self.resource.name)

    def in_cloud(self, cloud: Cloud) -> str:
        """Return the text. Raises NotDeployed if the resource has no address."""
        return self.text.format(self.resource.address_in(cloud))


class Index:
    """The existing resources of a deployment, with look-up by name and by reference.

    `unlisted` has the kinds that AWS did not list, with the error of each: whether any of them exist is not known.
    """

    def __init__(self, lives: Iterable[Live] = (), unlisted: Mapping[str, Exception] | None = None) -> None:
        self.lives = sorted(lives, key=lambda live: (live.kind, live.name, live.foreign, live.id))
        self.unlisted = dict(unlisted or {})
        self._by_name: dict[tuple[str, str], Live] = {}
        self._by_ref: dict[Ref, Live] = {}
        self._names: dict[str, str] = {}
        for live in self.lives:
            if not live.foreign:
                found = self._by_name.setdefault(live.key, live)
                self._names[live.id] = live.name if found is live else f"{live.id} of another run"
            self._by_ref.setdefault(live.ref, live)

    def __iter__(self) -> Iterator[Live]:
        return iter(self.lives)

    def __len__(self) -> int:
        return len(self.lives)

    def get(self, kind: str, name: str) -> Live | None:
        """Return the owned resource of this kind and name, or None."""
        return self._by_name.get((kind, name))

    def __getitem__(self, key: tuple[str, str]) -> Live:
        """Return the resource of a kind and a name, as in `inventory(cloud)["Subnet", "public-3a"]`.

        Raises:
            NotDeployed: there is none.
        """
        kind, name = key
        live = self.get(kind, name)
        if live is None:
            raise NotDeployed.among(f"there is no {kind} {name}", (each.name for each in self if each.kind == kind))
        return live

    def at(self, ref: Ref) -> Live | None:
        """Return the resource with this kind and id, or None."""
        return self._by_ref.get(ref)

    def names_for_ids(self, value: Any) -> Any:
        """Return `value` with the ids of owned resources replaced by their names.

        Of several resources of one kind and name, `get` returns one. The others are shown as `ID of another run`.
        """
        return _replace(value, str, lambda text: self._names.get(text, text))

    def require(self, *kinds: str) -> None:
        """Check that these kinds are listed, or all kinds if none is given.

        Raises:
            EsawsError: AWS did not list one.
        """
        for kind, error in sorted(self.unlisted.items()):
            if not kinds or kind in kinds:
                raise EsawsError(unlisted_text(kind, error)) from error

    def to_frame(self, kind: type[Resource] | None = None) -> pandas.DataFrame:
        """Return one row per resource: kind, name, state. With `kind`, its name and fields.

        Names replace ids, so that a second run gives the same frame.
        """
        import pandas

        if kind is None:
            return pandas.DataFrame(
                [(live.kind, live.name, live.state) for live in self], columns=["kind", "name", "state"]
            )
        return to_table(
            {"name": live.name} | {field: self.names_for_ids(value) for field, value in live.fields.items()}
            for live in self
            if live.kind == kind.kind
        )

    def to_dict(self) -> list[dict[str, str]]:
        """Return kind, name, id and state of each resource."""
        return [live.to_dict() for live in self]

    def __repr__(self) -> str:
        count = f"{len(self)} resources" if len(self) != 1 else "1 resource"
        return f"{count}; not listed: {', '.join(sorted(self.unlisted))}" if self.unlisted else count

    def _repr_html_(self) -> str:
        return html_table(repr(self), self.to_frame())

    def __rich__(self) -> RenderableType:
        return rich_table(repr(self), self.to_frame())


def of_kind(lives: Iterable[Live], kind: str) -> list[Live]:
    """Return the live resources of a kind."""
    return [live for live in lives if live.kind == kind]


def unlisted_text(kind: str, error: Exception) -> str:
    """Describe a kind that AWS did not list."""
    return f"{kind} could not be listed, so it is unknown whether any exist: {describe_error(error)}"


def names_for_resources(value: Any) -> Any:
    """Return a declared value with each resource replaced by its name."""
    return _replace(value, lambda resource: resource.name)


def to_table(rows: Iterable[Mapping[str, Any]]) -> pandas.DataFrame:
    """Return rows as a frame. Collections become one comma-separated text, sets in sorted order."""
    import pandas

    def text(value: Any) -> Any:
        if isinstance(value, set | frozenset):
            value = sorted(value)
        return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value

    return pandas.DataFrame([{name: text(value) for name, value in row.items()} for row in rows])


class Difference(NamedTuple):
    """The declared and the actual value of a field, with names instead of ids."""

    declared: Any
    actual: Any


def drift(
    resource: Resource, live: Live, index: Index, renewed: frozenset[tuple[str, str]] = frozenset()
) -> dict[str, Difference]:
    """Return the fields whose values in `live` are not the declared ones, by name; empty if all agree.

    Pure: `index` maps resources to ids and ids to names. A reference to a resource in `renewed` always differs, since
    that resource is about to get a new id.
    """

    def as_id(declared: Resource | AddressOf) -> str:
        resource = declared.resource if isinstance(declared, AddressOf) else declared
        existing = resource.find(index)
        if existing is None or resource.key in renewed:
            return f"({resource} to be)"
        return declared.text.format(existing.address) if isinstance(declared, AddressOf) else existing.id

    def as_name(declared: Resource | AddressOf) -> str:
        is_renewed = isinstance(declared, Resource) and declared.key in renewed
        return f"new revision of {declared.name}" if is_renewed else declared.name

    differences = {}
    for name, declared in resource.desired().items():
        actual = live.fields[name]
        if _replace(declared, as_id) != actual:
            differences[name] = Difference(_replace(declared, as_name), index.names_for_ids(actual))
    return differences


def _is_reference(value: Any) -> bool:
    return isinstance(value, Resource | AddressOf)


def _resources_in(value: Any) -> Iterator[Resource]:
    if isinstance(value, Resource):
        yield value
    elif isinstance(value, AddressOf):
        yield value.resource
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _resources_in(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _resources_in(item)


def _map_resources(value: Any, change: Callable[[Resource], Resource]) -> Any:
    """Return `value` with `change(resource)` instead of each resource in it."""
    if isinstance(value, Resource):
        return change(value)
    if isinstance(value, AddressOf):
        return replace(value, resource=change(value.resource))
    if isinstance(value, Mapping):
        return {key: _map_resources(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return type(value)(_map_resources(item, change) for item in value)
    return value


def _replace(
    value: Any, resource_to: Callable[[Resource | AddressOf], str], text_to: Callable[[str], str] = str
) -> Any:
    """Return `value` with each resource, each address and each text in it replaced."""
    if isinstance(value, Resource | AddressOf):
        return resource_to(value)
    if isinstance(value, str):
        return text_to(value)
    if isinstance(value, Mapping):
        return {key: _replace(item, resource_to, text_to) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return tuple(_replace(item, resource_to, text_to) for item in value)
    if isinstance(value, set | frozenset):
        return frozenset(_replace(item, resource_to, text_to) for item in value)
    return value
