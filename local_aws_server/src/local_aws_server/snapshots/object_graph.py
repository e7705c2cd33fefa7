"""A graph of objects as a table of rows, and back: what is shared stays shared, what goes in circles does so again.

A row is a thing that can change: a list, a dict, an instance. What can't change is written where it stands:

| written | is |
|---|---|
| a string, a number, `true`, `null` | itself |
| `[7]` | what row 7 holds |
| `["datetime", "2026-01-01T00:00:00 UTC"]` | a leaf: a value that is a text |
| `["tuple", …]` `["frozenset", …]` | those, of what follows |
| `["value", 3, …]` | a frozen dataclass or a named tuple of shape 3 |
| `["enum", "moto.ecr.models:RepoTagMutability", "MUTABLE"]` | a member of an enumeration |
| `["class", …]` `["method", [7], …]` | a class, a method of an instance: a few of moto's keep such |
| `["outside", …]` | something that belongs to another account, or comes with the local AWS |

A shape is a class and the names of its attributes. Nothing is called to make an instance, and no method of its class.
"""

from __future__ import annotations

import base64
import random
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from enum import Enum
from functools import cache, partial
from tempfile import SpooledTemporaryFile
from threading import Condition, Event, Lock, RLock
from types import MethodType, NoneType
from typing import Any

from local_aws_server.snapshots import class_allowlist, scalars
from local_aws_server.snapshots.errors import Unreadable, Unsaveable

_SCALARS = frozenset((str, int, float, bool, NoneType))
_CONTAINERS = (OrderedDict, defaultdict, dict, list, set, deque)
_SYNCHRONIZERS = {type(Lock()): "lock", type(RLock()): "rlock", Condition: "condition", Event: "event"}
"""A new one stands in for each: while it is saved, nobody holds it or waits."""
_FACTORIES: dict[str, Callable[[], Any]] = {each.__name__: each for each in (dict, list, set, int, float, str)}


@cache
def _slots(cls: type) -> tuple[str, ...]:
    """The names of the attributes that instances of a class keep outside of their `__dict__`."""
    found = [vars(each).get("__slots__", ()) for each in cls.__mro__ if each.__module__.startswith("local_aws_server.")]
    return tuple(name for slots in found for name in ([slots] if isinstance(slots, str) else slots) if name[:2] != "__")


@cache
def _field_names(cls: type) -> tuple[str, ...]:
    """Those of a frozen dataclass or of a named tuple, in order."""
    return tuple(cls._fields) if class_allowlist.is_namedtuple(cls) else tuple(each.name for each in fields(cls))  # type: ignore[attr-defined]


def _is_value(cls: type) -> bool:
    return class_allowlist.is_namedtuple(cls) or class_allowlist.is_frozen(cls)


# --- writing


class Writer:
    """Writes things into one table."""

    def __init__(self, outside: Mapping[int, str]) -> None:
        """`outside`: the names of objects, by their `id`, that are not written but named."""
        self._outside = outside
        self._rows: list[Any] = []
        self._shapes: dict[tuple[type, tuple[str, ...]], int] = {}
        self._numbers: dict[int, int] = {}
        self._todo: list[tuple[int, Any]] = []
        self._ways: dict[type, Callable[[Any], Any]] = {tuple: self._tuple, frozenset: self._frozenset}

    def write(self, thing: Any) -> Any:
        """Write a thing and all that it holds; gives how it is written. Raises Unsaveable, and then nothing is."""
        begun = len(self._rows)
        try:
            written = self._child(thing)
            while self._todo:
                number, next_one = self._todo.pop()
                self._rows[number] = self._row(next_one)
            return written
        except (Unreadable, TypeError, ValueError, RecursionError) as problem:
            self._take_back(begun)
            raise Unsaveable(str(problem)) from problem
        except Unsaveable:
            self._take_back(begun)
            raise

    def table(self) -> dict[str, Any]:
        """The table so far, as plain data."""
        return {"shapes": [[class_allowlist.name_of(cls), list(own)] for cls, own in self._shapes], "rows": self._rows}

    def _take_back(self, begun: int) -> None:
        del self._rows[begun:]
        self._todo.clear()
        self._numbers = {identity: number for identity, number in self._numbers.items() if number < begun}

    def _child(self, value: Any) -> Any:
        cls = type(value)
        if cls in _SCALARS:
            return value
        number = self._numbers.get(id(value))
        if number is not None:
            return [number]
        way = self._ways.get(cls)
        if way is None:
            way = self._ways[cls] = self._way(cls)
        return way(value)

    def _children(self, values: Iterable[Any]) -> list[Any]:
        child = self._child
        return [value if type(value) in _SCALARS else child(value) for value in values]

    def _way(self, cls: type) -> Callable[[Any], Any]:
        """How things of a class are written where they stand."""
        if leaf := scalars.leaf_for(cls):
            return lambda value: [leaf.tag, leaf.text(value)]
        if issubclass(cls, Enum):
            return lambda value: ["enum", _checked(cls), value.name]
        if issubclass(cls, type):
            return lambda value: [
                "class",
                class_allowlist.name_of(class_allowlist.class_as_value(class_allowlist.name_of(value))),
            ]
        if cls is MethodType:
            return self._method
        if _is_value(cls):
            own = _field_names(cls)  # type: ignore[arg-type]
            return partial(self._value, self._shape(cls, own), own)
        return self._entered

    def _entered(self, value: Any) -> list[Any]:
        if name := self._outside.get(id(value)):
            return ["outside", name]
        number = self._numbers[id(value)] = len(self._rows)
        self._rows.append(None)
        self._todo.append((number, value))
        return [number]

    def _tuple(self, value: tuple[Any, ...]) -> list[Any]:
        return ["tuple", *self._children(value)]

    def _frozenset(self, value: frozenset[Any]) -> list[Any]:
        return ["frozenset", *self._children(value)]

    def _value(self, shape: int, own: tuple[str, ...], value: Any) -> list[Any]:
        return ["value", shape, *self._children(getattr(value, name) for name in own)]

    def _method(self, value: MethodType) -> list[Any]:
        found = class_allowlist.method(type(value.__self__), value.__func__.__name__)
        return ["method", self._child(value.__self__), found.__name__]

    def _shape(self, cls: type, own: tuple[str, ...]) -> int:
        number = self._shapes.get((cls, own))
        if number is None:
            _checked(cls)
            if hiding := [name for name in own if not class_allowlist.may_have(cls, name)]:
                raise Unsaveable(f"an attribute {hiding[0]} of {class_allowlist.name_of(cls)}")
            number = self._shapes[cls, own] = len(self._shapes)
        return number

    def _row(self, value: Any) -> list[Any]:
        cls = type(value)
        if cls in (list, dict, set, deque):
            return self._content(value)
        if cls in _SYNCHRONIZERS:
            return [_SYNCHRONIZERS[cls]]
        if cls is SpooledTemporaryFile:
            return ["file", value._max_size, None if value.closed else base64.b64encode(_all_of(value)).decode()]
        if cls is random.Random:
            version, state, gauss = value.getstate()
            return ["random", version, gauss, *state]
        return self._instance(value, cls)

    def _instance(self, value: Any, cls: type) -> list[Any]:
        state = getattr(value, "__dict__", {})
        if slots := _slots(cls):
            state = state | {name: getattr(value, name) for name in slots if hasattr(value, name)}
        shape, own = self._shape(cls, tuple(state)), self._children(state.values())
        return ["holder", shape, own, self._content(value)] if issubclass(cls, _CONTAINERS) else ["object", shape, *own]

    def _content(self, value: Any) -> list[Any]:
        if isinstance(value, dict):
            items = OrderedDict.items(value) if isinstance(value, OrderedDict) else dict.items(value)
            content = self._children(each for item in items for each in item)
            if isinstance(value, defaultdict):
                return ["defaultdict", _factory(value.default_factory), *content]
            return ["dict", *content]
        if isinstance(value, deque):
            return ["deque", value.maxlen, *self._children(value)]
        if isinstance(value, list):
            return ["list", *self._children(list.__iter__(value))]
        return ["set", *self._children(set.__iter__(value))]


def _checked(cls: type) -> str:
    """The name of a class of which a file may hold instances. Raises Unreadable, and Unsaveable for a hidden one."""
    name = class_allowlist.name_of(cls)
    if class_allowlist.class_named(name) is not cls:
        raise Unsaveable(f"{name} hides another class of that name")
    return name


def _all_of(file: SpooledTemporaryFile[bytes]) -> bytes:
    place = file.tell()
    file.seek(0)
    content = file.read()
    file.seek(place)
    return content


def _factory(factory: Callable[[], Any] | None) -> Any:
    """What a defaultdict makes by itself, from a sample: `list`, or `["defaultdict", "list"]`; or None."""
    if factory is None:
        return None
    made = factory()
    if type(made) is defaultdict and not made:
        return ["defaultdict", _factory(made.default_factory)]
    if type(made).__name__ not in _FACTORIES or made:
        raise Unsaveable(f"a defaultdict of {made!r:.80}")
    return type(made).__name__


# --- reading


class Reader:
    """Reads a table in two steps: first every row is there, empty; `fill` then gives each what it holds."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        """Raises Unreadable."""
        with_reasons(self._begin, table)

    def _begin(self, table: Mapping[str, Any]) -> None:
        self._shapes = [_Shape(name, own) for name, own in table["shapes"]]
        self._rows: list[list[Any]] = table["rows"]
        self._made = [self._empty(row) for row in self._rows]
        self._outside: Callable[[str], Any] = _nothing_outside

    def __iter__(self) -> Iterator[Any]:
        """All that was made."""
        return iter(self._made)

    def fill(self, outside: Callable[[str], Any]) -> None:
        """Give each row what it holds; `outside` finds what is only named. Raises Unreadable."""
        self._outside = outside
        with_reasons(self._fill)

    def _fill(self) -> None:
        later = []
        for thing, row in zip(self._made, self._rows, strict=True):
            if row[0] == "object":
                self._shapes[row[1]].give(thing, self._children(row[2:]))
            elif row[0] == "holder":
                _, shape, own, content = row
                self._shapes[shape].give(thing, self._children(own))
                later.append((thing, content))
            elif row[0] in _FILLS:
                later.append((thing, row))
        # Last what may have to hash what it holds, which is whole by now.
        for thing, content in later:
            self._hold(thing, content)

    def read(self, written: Any) -> Any:
        """What was written where a thing stands. Raises Unreadable."""
        return with_reasons(self._child, written)

    def _child(self, written: Any) -> Any:
        if type(written) in _SCALARS:
            return written
        tag, *rest = written
        if type(tag) is int and not rest:
            if tag < 0:
                raise Unreadable("it has no rows before the first")
            return self._made[tag]
        if leaf := scalars.BY_TAG.get(tag):
            return leaf.value(*rest)
        return _INLINE[tag](self, *rest)

    def _children(self, written: Iterable[Any]) -> list[Any]:
        child = self._child
        return [each if type(each) in _SCALARS else child(each) for each in written]

    def _empty(self, row: list[Any]) -> Any:
        if row[0] in ("object", "holder"):
            return self._shape(row[1]).new(holder=row[0] == "holder")
        return _EMPTY[row[0]](*row[1:])

    def _shape(self, number: Any) -> _Shape:
        if type(number) is not int or number < 0:
            raise Unreadable("it has no such shape")
        return self._shapes[number]

    def _hold(self, thing: Any, content: list[Any]) -> None:
        tag, *rest = content
        if tag == "defaultdict":
            thing.default_factory = _made_by(rest.pop(0))
        elif tag == "deque":
            rest.pop(0)
        base, fill = _FILLS[tag]
        if not isinstance(thing, base):
            raise Unreadable(f"a {type(thing).__name__} is no {tag}")
        fill(thing, self._children(rest))

    def _value(self, shape: Any, *written: Any) -> Any:
        return self._shape(shape).value(self._children(written))

    def _member(self, name: str, member: str) -> Any:
        cls = class_allowlist.class_named(name)
        if not issubclass(cls, Enum):
            raise Unreadable(f"{name} is no enumeration")
        return cls[member]

    def _method(self, owner: Any, name: str) -> Any:
        found = self._child(owner)
        return MethodType(class_allowlist.method(type(found), name), found)

    def _named(self, name: str) -> Any:
        return self._outside(name)


class _Shape:
    """A class and the names of the attributes that an instance has."""

    def __init__(self, name: str, own: list[str]) -> None:
        self.cls, self.own = class_allowlist.class_named(name), tuple(own)
        if bad := [each for each in own if not class_allowlist.may_have(self.cls, each)]:
            raise Unreadable(f"an instance of {name} has no {bad[0]!r:.80}")
        known = _field_names(self.cls) if _is_value(self.cls) else ()
        if known and self.own != known:
            raise Unreadable(f"{name} has other fields")
        if self.cls.__module__.startswith("local_aws_server.") and set(_field_names(self.cls)) - set(own):
            raise Unreadable(f"{name} has more fields")

    def new(self, holder: bool) -> Any:
        """An instance with nothing in it."""
        if _is_value(self.cls) or issubclass(self.cls, Enum):
            raise Unreadable(f"{class_allowlist.name_of(self.cls)} is a value")
        base = next((each for each in _CONTAINERS if issubclass(self.cls, each)), object)
        if holder is (base is object):
            raise Unreadable(f"{class_allowlist.name_of(self.cls)} holds nothing, or something")
        return base.__new__(self.cls)

    def give(self, thing: Any, values: list[Any]) -> None:
        """Let an instance have its attributes."""
        state = dict(zip(self.own, values, strict=True))
        for name in _slots(self.cls):
            if name in state:
                object.__setattr__(thing, name, state.pop(name))
        if state:
            thing.__dict__.update(state)

    def value(self, values: list[Any]) -> Any:
        """A frozen dataclass or a named tuple."""
        if not _is_value(self.cls):
            raise Unreadable(f"{class_allowlist.name_of(self.cls)} is no value")
        if class_allowlist.is_namedtuple(self.cls):
            if len(values) != len(self.own):
                raise Unreadable(f"{class_allowlist.name_of(self.cls)} has other fields")
            return tuple.__new__(self.cls, values)
        thing: Any = object.__new__(self.cls)
        for name, value in zip(self.own, values, strict=True):
            object.__setattr__(thing, name, value)
        return thing


def with_reasons(read: Callable[..., Any], *arguments: Any) -> Any:
    """What `read` gives; whatever goes wrong in it is the data's fault. Raises Unreadable."""
    try:
        return read(*arguments)
    except Unreadable:
        raise
    except Exception as problem:
        raise Unreadable(f"what it says makes no sense ({type(problem).__name__}: {problem!s:.120})") from problem


def _nothing_outside(name: str) -> Any:
    raise Unreadable(f"it names {name:.80}, which is nowhere")


def _new_file(max_size: int, content: str | None) -> SpooledTemporaryFile[bytes]:
    if type(max_size) is not int:
        raise Unreadable("a file has no size")
    file: SpooledTemporaryFile[bytes] = SpooledTemporaryFile(max_size)  # noqa: SIM115
    if content is None:
        file.close()
    else:
        file.write(base64.b64decode(content, validate=True))
    return file


def _new_random(version: int, gauss: float | None, *state: int) -> random.Random:
    made = random.Random()
    made.setstate((version, state, gauss))
    return made


def _made_by(factory: Any, depth: int = 0) -> Callable[[], Any] | None:
    if factory is None:
        return None
    if isinstance(factory, str):
        return _FACTORIES[factory]
    kind, inner = factory
    if kind != "defaultdict" or depth > 5:
        raise Unreadable("a defaultdict of nothing known")
    return partial(defaultdict, _made_by(inner, depth + 1))


def _put(thing: dict[Any, Any], written: list[Any]) -> None:
    put = OrderedDict.__setitem__ if isinstance(thing, OrderedDict) else dict.__setitem__
    for key, value in zip(written[::2], written[1::2], strict=True):
        put(thing, key, value)


_EMPTY: dict[str, Callable[..., Any]] = {
    "list": lambda *_: [],
    "dict": lambda *_: {},
    "set": lambda *_: set(),
    "deque": lambda longest, *_: deque(maxlen=longest),
    "lock": Lock,
    "rlock": RLock,
    "condition": Condition,
    "event": Event,
    "file": _new_file,
    "random": _new_random,
}
_FILLS: dict[str, tuple[type, Callable[[Any, list[Any]], None]]] = {
    "list": (list, list.extend),
    "dict": (dict, _put),
    "defaultdict": (defaultdict, _put),
    "set": (set, set.update),
    "deque": (deque, deque.extend),
}
_INLINE: dict[str, Callable[..., Any]] = {
    "tuple": lambda reader, *written: tuple(reader._children(written)),
    "frozenset": lambda reader, *written: frozenset(reader._children(written)),
    "value": Reader._value,
    "enum": Reader._member,
    "class": lambda reader, name: class_allowlist.class_as_value(name),
    "method": Reader._method,
    "outside": Reader._named,
}
