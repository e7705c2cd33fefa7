"""Read objects from a table; see `object_graph` for the format.

The table may come from anyone. Classes, methods and attributes pass `class_allowlist`, and no code of a class runs,
except for the defaults of fields that an older version did not have.
"""

from __future__ import annotations

import base64
import random
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from functools import partial
from tempfile import SpooledTemporaryFile
from threading import Condition, Event, Lock, RLock
from types import MethodType
from typing import Any

from local_aws_server.snapshots import class_allowlist, scalars
from local_aws_server.snapshots.errors import Unreadable
from local_aws_server.snapshots.object_graph import (
    CONTAINERS,
    DEFAULT_FACTORIES,
    JSON_SCALARS,
    default_factories,
    field_names,
    is_immutable,
    slot_names,
)

_MAX_FACTORY_DEPTH = 5


class ObjectReader:
    """Reads a table in two steps: it creates all objects empty, then `fill` gives them their content."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        """Raises Unreadable."""
        as_unreadable(self._create_objects, table)

    def _create_objects(self, table: Mapping[str, Any]) -> None:
        self._shapes = [_Shape(name, attributes) for name, attributes in table["shapes"]]
        self._rows: list[list[Any]] = table["rows"]
        self._objects = [self._empty(row) for row in self._rows]
        self._find_external: Callable[[str], Any] = _no_external_objects

    def __iter__(self) -> Iterator[Any]:
        """All objects of the table."""
        return iter(self._objects)

    def fill(self, find_external: Callable[[str], Any]) -> None:
        """Fill all objects; `find_external` finds external objects by name. Raises Unreadable."""
        self._find_external = find_external
        as_unreadable(self._fill)

    def _fill(self) -> None:
        containers = []
        for target, row in zip(self._objects, self._rows, strict=True):
            if row[0] == "object":
                self._shapes[row[1]].set_attributes(target, self._values(row[2:]))
            elif row[0] == "holder":
                _, shape, attributes, content = row
                self._shapes[shape].set_attributes(target, self._values(attributes))
                containers.append((target, content))
            elif row[0] in _FILL_FUNCTIONS:
                containers.append((target, row))
        # Containers come last: they may hash their content, which has its attributes by now.
        for target, content in containers:
            self._fill_container(target, content)

    def read(self, written: Any) -> Any:
        """The value of a written form. Raises Unreadable."""
        return as_unreadable(self._value, written)

    def _value(self, written: Any) -> Any:
        if type(written) in JSON_SCALARS:
            return written
        tag, *rest = written
        if type(tag) is int and not rest:
            if tag < 0:
                raise Unreadable("a row number is negative")
            return self._objects[tag]
        if scalar := scalars.BY_TAG.get(tag):
            return scalar.from_text(*rest)
        return _IN_PLACE_FUNCTIONS[tag](self, *rest)

    def _values(self, written: Iterable[Any]) -> list[Any]:
        read = self._value
        return [value if type(value) in JSON_SCALARS else read(value) for value in written]

    def _empty(self, row: list[Any]) -> Any:
        if row[0] in ("object", "holder"):
            return self._shape(row[1]).new(is_container=row[0] == "holder")
        return _NEW_FUNCTIONS[row[0]](*row[1:])

    def _shape(self, number: Any) -> _Shape:
        if type(number) is not int or number < 0:
            raise Unreadable("a shape number is invalid")
        return self._shapes[number]

    def _fill_container(self, target: Any, content: list[Any]) -> None:
        tag, *rest = content
        if tag == "defaultdict":
            target.default_factory = _default_factory(rest.pop(0))
        elif tag == "deque":
            rest.pop(0)
        base, fill = _FILL_FUNCTIONS[tag]
        if not isinstance(target, base):
            raise Unreadable(f"a {type(target).__name__} is not a {tag}")
        fill(target, self._values(rest))

    def _immutable(self, shape: Any, *written: Any) -> Any:
        return self._shape(shape).immutable(self._values(written))

    def _enum_member(self, name: str, member: str) -> Any:
        cls = class_allowlist.find_class(name)
        if not issubclass(cls, Enum):
            raise Unreadable(f"{name} is not an enumeration")
        return cls[member]

    def _method(self, owner: Any, name: str) -> Any:
        instance = self._value(owner)
        return MethodType(class_allowlist.find_method(type(instance), name), instance)

    def _external(self, name: str) -> Any:
        return self._find_external(name)


class _Shape:
    """A class and the names of its instances' attributes."""

    def __init__(self, name: str, attributes: list[str]) -> None:
        self.cls, self.attributes = class_allowlist.find_class(name), tuple(attributes)
        if bad := [
            attribute for attribute in attributes if not class_allowlist.may_have_attribute(self.cls, attribute)
        ]:
            raise Unreadable(f"attribute {bad[0]!r:.80} of {name} is not allowed")
        if is_immutable(self.cls) and field_names(self.cls) not in ((), self.attributes):
            raise Unreadable(f"{name} has other fields")
        is_own = self.cls.__module__.startswith("local_aws_server.")
        missing = set(field_names(self.cls)) - set(attributes) if is_own else set()
        self.defaults = {} if is_immutable(self.cls) else default_factories(self.cls, missing)
        """Field that an older version did not have → a function that returns its default."""
        if missing - set(self.defaults):
            raise Unreadable(f"{name} has more fields")

    def new(self, is_container: bool) -> Any:
        """An instance without attributes and content."""
        if is_immutable(self.cls) or issubclass(self.cls, Enum):
            raise Unreadable(f"{class_allowlist.class_name(self.cls)} is immutable")
        base = next((container for container in CONTAINERS if issubclass(self.cls, container)), object)
        if is_container is (base is object):
            is_or_not = "not a" if is_container else "a"
            raise Unreadable(f"{class_allowlist.class_name(self.cls)} is {is_or_not} container")
        return base.__new__(self.cls)

    def set_attributes(self, instance: Any, values: list[Any]) -> None:
        """Set the attributes of an instance."""
        state = dict(zip(self.attributes, values, strict=True))
        state |= {name: default() for name, default in self.defaults.items()}
        for name in slot_names(self.cls):
            if name in state:
                object.__setattr__(instance, name, state.pop(name))
        if state:
            instance.__dict__.update(state)

    def immutable(self, values: list[Any]) -> Any:
        """A frozen dataclass or a named tuple."""
        if not is_immutable(self.cls):
            raise Unreadable(f"{class_allowlist.class_name(self.cls)} is mutable")
        if class_allowlist.is_namedtuple(self.cls):
            if len(values) != len(self.attributes):
                raise Unreadable(f"{class_allowlist.class_name(self.cls)} has other fields")
            return tuple.__new__(self.cls, values)
        instance: Any = object.__new__(self.cls)
        for name, value in zip(self.attributes, values, strict=True):
            object.__setattr__(instance, name, value)
        return instance


def as_unreadable(read: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function that reads a file, and raise Unreadable for any exception in it."""
    try:
        return read(*arguments)
    except Unreadable:
        raise
    except Exception as error:
        raise Unreadable(f"the file has invalid content ({type(error).__name__}: {error!s:.120})") from error


def _no_external_objects(name: str) -> Any:
    raise Unreadable(f"{name:.80} does not exist")


def _new_file(max_size: int, content: str | None) -> SpooledTemporaryFile[bytes]:
    if type(max_size) is not int:
        raise Unreadable("a temporary file has an invalid size")
    file: SpooledTemporaryFile[bytes] = SpooledTemporaryFile(max_size)  # noqa: SIM115
    if content is None:
        file.close()
    else:
        file.write(base64.b64decode(content, validate=True))
    return file


def _new_random(version: int, gauss: float | None, *state: int) -> random.Random:
    generator = random.Random()
    generator.setstate((version, state, gauss))
    return generator


def _default_factory(factory: Any, depth: int = 0) -> Callable[[], Any] | None:
    if factory is None:
        return None
    if isinstance(factory, str):
        return DEFAULT_FACTORIES[factory]
    kind, inner = factory
    if kind != "defaultdict" or depth > _MAX_FACTORY_DEPTH:
        raise Unreadable("a defaultdict has an unknown factory")
    return partial(defaultdict, _default_factory(inner, depth + 1))


def _fill_dict(target: dict[Any, Any], written: list[Any]) -> None:
    set_item = OrderedDict.__setitem__ if isinstance(target, OrderedDict) else dict.__setitem__
    for key, value in zip(written[::2], written[1::2], strict=True):
        set_item(target, key, value)


_NEW_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "list": lambda *_: [],
    "dict": lambda *_: {},
    "set": lambda *_: set(),
    "deque": lambda max_length, *_: deque(maxlen=max_length),
    "lock": Lock,
    "rlock": RLock,
    "condition": Condition,
    "event": Event,
    "file": _new_file,
    "random": _new_random,
}
_FILL_FUNCTIONS: dict[str, tuple[type, Callable[[Any, list[Any]], None]]] = {
    "list": (list, list.extend),
    "dict": (dict, _fill_dict),
    "defaultdict": (defaultdict, _fill_dict),
    "set": (set, set.update),
    "deque": (deque, deque.extend),
}
_IN_PLACE_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "tuple": lambda reader, *written: tuple(reader._values(written)),
    "frozenset": lambda reader, *written: frozenset(reader._values(written)),
    "value": ObjectReader._immutable,
    "enum": ObjectReader._enum_member,
    "class": lambda reader, name: class_allowlist.find_class_value(name),
    "method": ObjectReader._method,
    "outside": ObjectReader._external,
}
