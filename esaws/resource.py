"""The contract of a resource: what should exist, what does, how the two are compared, and the registry of kinds."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

from esaws.cloud import Cloud
from esaws.errors import InvalidResource, NotDeployed
from esaws.pricelist import Usage

if TYPE_CHECKING:
    import pandas

KINDS: dict[str, type[Resource]] = {}
"""Every kind of resource by its name; `esaws.resources` fills it."""


class Ref(NamedTuple):
    """Points at something that exists: its kind and the id AWS gave it."""

    kind: str
    id: str


@dataclass(frozen=True)
class Live:
    """Something that exists.

    `name` is the reference name, without the deployment; `state` AWS's own word, empty where AWS has none; `fields`
    what AWS says of the fields that `Resource.desired` names, references as ids; `raw` AWS's description.
    `foreign` marks somebody else's part inside something of ours: a rule in our group that we did not make.
    """

    kind: str
    name: str
    id: str
    parents: frozenset[Ref] = frozenset()
    state: str = ""
    fields: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    raw: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    foreign: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Kind and name: what a declared resource is matched by."""
        return self.kind, self.name

    @property
    def ref(self) -> Ref:
        """What children point at."""
        return Ref(self.kind, self.id)


# In a kind's class body `list` is its classmethod: annotations there need another word for Python's own.
Lives = list[Live]
Usages = list[Usage]


@dataclass(frozen=True, kw_only=True)
class Resource(ABC):
    """Something that should exist: an immutable declaration whose fields that hold resources are its edges.

    A subclass is a kind. It declares its fields, `list`, `create` and `delete`, and where AWS can change it, `update`
    with `in_place`. Every field but `name` and `after` is compared with what exists, under the field's own name.
    """

    name: str = ""
    after: tuple[Resource, ...] = field(default=(), repr=False, compare=False)
    """Resources that must exist first although no field holds them."""

    kind: ClassVar[str]
    in_place: ClassVar[frozenset[str]] = frozenset()
    """The fields that `update` can change; a drift of any other is `differs`."""
    revisions: ClassVar[bool] = False
    """Whether `update` gives a new id, so that whatever refers to it changes as well."""
    not_compared: ClassVar[frozenset[str]] = frozenset()
    """Fields that say how to create it and can't be read back, or that a scaler owns."""
    pending: ClassVar[frozenset[str]] = frozenset()
    """The states in which it exists and is not yet usable."""
    undeclared: ClassVar[bool] = False
    """Whether a deploy that does not declare it leaves it alone: it goes at teardown."""
    deleting: ClassVar[frozenset[str]] = frozenset()
    """The states in which it is on its way out."""
    outlives: ClassVar[frozenset[str]] = frozenset()
    """Kinds that must be gone before this one is deleted, although they don't point at it."""
    seconds: ClassVar[float] = 1
    """About how long AWS takes to make it: what takes long is started first."""
    name_pattern: ClassVar[re.Pattern[str]] = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._:/=+@-]*")
    """The reference names that AWS takes, prefixed with a deployment."""
    name_limit: ClassVar[int] = 240
    """The longest reference name, so that nine characters of deployment still fit in front."""
    icon: ClassVar[str] = "aws.general.General"
    """The icon's place in the diagrams package."""
    free: ClassVar[str] = ""
    """Why it costs nothing by itself; empty where `usage` has lines."""
    permissions: ClassVar[tuple[str, ...]] = ()
    """The IAM actions that listing, creating, updating and deleting it needs."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.kind = cls.__name__
        KINDS[cls.kind] = cls

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", self.part_name())
        if not self.name_pattern.fullmatch(self.name):
            raise InvalidResource(f"{self.kind} name {self.name!r} has characters that AWS refuses")
        if len(self.name) > self.name_limit:
            raise InvalidResource(
                f"{self.kind} name {self.name!r} is too long: {len(self.name)} characters, "
                f"{self.name_limit} are left beside a deployment's name"
            )

    def part_name(self) -> str:
        """The name of a part that AWS gives none to, from what it belongs to; a kind that is no part needs a name."""
        raise InvalidResource(f"a {self.kind} needs a name")

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"

    @property
    def key(self) -> tuple[str, str]:
        """Kind and name: unique in an architecture."""
        return self.kind, self.name

    @property
    def dependencies(self) -> tuple[Resource, ...]:
        """The resources that must exist before this one, in the order of the fields."""
        found: dict[tuple[str, str], Resource] = {}
        for item in fields(self):
            for resource in _resources_in(getattr(self, item.name)):
                found.setdefault(resource.key, resource)
        return tuple(found.values())

    # -- what exists ---------------------------------------------------------------------------------------------

    @classmethod
    @abstractmethod
    def list(cls, cloud: Cloud) -> Lives:
        """All of this kind that the deployment owns, foreign parts of what it owns included; the dead are left out."""

    def find(self, index: Index) -> Live | None:
        """What exists under this name, or None only where it is absent."""
        return index.get(self.kind, self.name)

    def id_in(self, cloud: Cloud) -> str:
        """The id AWS gave to it; asked for when it is needed and not yet known.

        Raises:
            NotDeployed: it does not exist.
        """
        if self.key not in cloud.known:
            for live in self.list(cloud):
                if not live.foreign:
                    cloud.known.setdefault(live.key, live.id)
        if self.key not in cloud.known:
            raise NotDeployed(f"{self} is not in {cloud.region}; apply its plan first")
        return cloud.known[self.key]

    def made(self, cloud: Cloud, id: str) -> str:
        """Remember the id that AWS has just given to it, and hand it on."""
        cloud.known[self.key] = id
        return id

    # -- what should be ------------------------------------------------------------------------------------------

    def desired(self) -> dict[str, Any]:
        """The fields that must read so on AWS, by name; resources stand for their ids."""
        skipped = {"name", "after"} | self.not_compared
        return {item.name: getattr(self, item.name) for item in fields(self) if item.name not in skipped}

    def usage(self) -> Usages:
        """What a month of it consumes; empty where it is `free`."""
        return []

    @classmethod
    @abstractmethod
    def example(cls) -> Self:
        """The smallest valid one, with its parents."""

    # -- changes -------------------------------------------------------------------------------------------------

    @abstractmethod
    def create(self, cloud: Cloud) -> None:
        """Make it; returns when it is usable. Tags go into the first call, so that whatever is half-made is found."""

    def ready(self, cloud: Cloud) -> None:  # noqa: B027 (most kinds are usable at once)
        """Return when it is usable: for what was found in one of its `pending` states."""

    def update(self, cloud: Cloud, live: Live) -> None:
        """Change the `in_place` fields to what is declared; returns when that holds."""
        raise NotImplementedError(f"{self.kind} has nothing that can be changed in place")

    @classmethod
    @abstractmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        """Delete it; returns when it is gone, and quietly where it already is."""


class Index:
    """What exists, looked up by name and by id."""

    def __init__(self, lives: Iterable[Live] = ()) -> None:
        self.lives = sorted(lives, key=lambda live: (live.kind, live.name, live.foreign, live.id))
        self._by_name: dict[tuple[str, str], Live] = {}
        self._by_ref: dict[Ref, Live] = {}
        self._names = {live.id: live.name for live in self.lives if not live.foreign}
        for live in self.lives:
            if not live.foreign:
                self._by_name.setdefault(live.key, live)
            self._by_ref.setdefault(live.ref, live)

    def __iter__(self) -> Iterator[Live]:
        return iter(self.lives)

    def __len__(self) -> int:
        return len(self.lives)

    def get(self, kind: str, name: str) -> Live | None:
        """What is owned under this name."""
        return self._by_name.get((kind, name))

    def at(self, ref: Ref) -> Live | None:
        """What has this id."""
        return self._by_ref.get(ref)

    def named(self, value: Any) -> Any:
        """`value` with the names of what is owned in place of their ids."""
        return _replaced(value, str, lambda text: self._names.get(text, text))

    def to_frame(self, kind: type[Resource] | None = None) -> pandas.DataFrame:
        """One row a thing that the deployment owns: kind, name, state; of one `kind` its name and fields.

        Names stand for ids, so that a second run reads the same.
        """
        import pandas

        if kind is None:
            return pandas.DataFrame(
                [(live.kind, live.name, live.state) for live in self], columns=["kind", "name", "state"]
            )
        return table(
            {"name": live.name} | {field: self.named(value) for field, value in live.fields.items()}
            for live in self
            if live.kind == kind.kind
        )


def named(value: Any) -> Any:
    """A declared value with the names of resources in their place."""
    return _replaced(value, lambda resource: resource.name)


def table(rows: Iterable[Mapping[str, Any]]) -> pandas.DataFrame:
    """Rows of fields as a frame; what a cell holds several of is joined into one sorted text."""
    import pandas

    def text(value: Any) -> Any:
        if isinstance(value, set | frozenset):
            value = sorted(value)
        return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value

    return pandas.DataFrame([{name: text(value) for name, value in row.items()} for row in rows])


class Difference(NamedTuple):
    """A field that reads otherwise on AWS than it was declared, in names instead of ids."""

    declared: Any
    actual: Any


def drift(
    resource: Resource, live: Live, index: Index, renewed: frozenset[tuple[str, str]] = frozenset()
) -> dict[str, Difference]:
    """The fields of `resource` that read otherwise in `live`, by name; empty where both agree.

    Pure: `index` turns declared resources into ids and ids back into names. What refers to a resource among `renewed`
    differs, since that is about to get a new id.
    """

    def as_id(resource: Resource) -> str:
        found = resource.find(index)
        return found.id if found and resource.key not in renewed else f"({resource} to be)"

    differences = {}
    for name, declared in resource.desired().items():
        actual = live.fields[name]
        if _replaced(declared, as_id) != actual:
            differences[name] = Difference(named(declared), index.named(actual))
    return differences


def _resources_in(value: Any) -> Iterator[Resource]:
    if isinstance(value, Resource):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _resources_in(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _resources_in(item)


def _replaced(value: Any, resource_to: Callable[[Resource], str], text_to: Callable[[str], str] = str) -> Any:
    """`value` with each resource and each text in it replaced."""
    if isinstance(value, Resource):
        return resource_to(value)
    if isinstance(value, str):
        return text_to(value)
    if isinstance(value, Mapping):
        return {key: _replaced(item, resource_to, text_to) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return tuple(_replaced(item, resource_to, text_to) for item in value)
    if isinstance(value, set | frozenset):
        return frozenset(_replaced(item, resource_to, text_to) for item in value)
    return value
