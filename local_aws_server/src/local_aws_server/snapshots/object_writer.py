"""Write objects into a table; see `object_graph` for the format."""

from __future__ import annotations

import base64
import random
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from functools import partial
from tempfile import SpooledTemporaryFile
from threading import Condition, Event, Lock, RLock
from types import MethodType
from typing import Any

from local_aws_server.snapshots import class_allowlist, scalars
from local_aws_server.snapshots.errors import Unreadable, Unsaveable
from local_aws_server.snapshots.object_graph import (
    CONTAINERS,
    DEFAULT_FACTORIES,
    JSON_SCALARS,
    field_names,
    is_immutable,
    slot_names,
)

_SYNCHRONIZERS = {type(Lock()): "lock", type(RLock()): "rlock", Condition: "condition", Event: "event"}
"""Reading creates new ones: no thread holds one or waits while the state is saved."""


class ObjectWriter:
    """Writes objects into one table."""

    def __init__(self, external: Mapping[int, str]) -> None:
        """`external`: `id` → name of the objects that are written by name only."""
        self._external = external
        self._rows: list[Any] = []
        self._shapes: dict[tuple[type, tuple[str, ...]], int] = {}
        self._row_numbers: dict[int, int] = {}
        self._pending: list[tuple[int, Any]] = []
        self._functions: dict[type, Callable[[Any], Any]] = {tuple: self._tuple, frozenset: self._frozenset}

    def write(self, value: Any) -> Any:
        """Write an object and everything that it refers to; returns its written form.

        Raises Unsaveable, and writes nothing then.
        """
        first_row = len(self._rows)
        try:
            written = self._value(value)
            while self._pending:
                number, pending = self._pending.pop()
                self._rows[number] = self._row(pending)
            return written
        except (Unreadable, TypeError, ValueError, RecursionError) as error:
            self._roll_back(first_row)
            raise Unsaveable(str(error)) from error
        except Unsaveable:
            self._roll_back(first_row)
            raise

    def table(self) -> dict[str, Any]:
        """The table so far, as plain data."""
        shapes = [[class_allowlist.class_name(cls), list(names)] for cls, names in self._shapes]
        return {"shapes": shapes, "rows": self._rows}

    def _roll_back(self, first_row: int) -> None:
        del self._rows[first_row:]
        self._pending.clear()
        self._row_numbers = {id: number for id, number in self._row_numbers.items() if number < first_row}

    # --- values in place

    def _value(self, value: Any) -> Any:
        cls = type(value)
        if cls in JSON_SCALARS:
            return value
        number = self._row_numbers.get(id(value))
        if number is not None:
            return [number]
        function = self._functions.get(cls)
        if function is None:
            function = self._functions[cls] = self._function(cls)
        return function(value)

    def _values(self, values: Iterable[Any]) -> list[Any]:
        write = self._value
        return [value if type(value) in JSON_SCALARS else write(value) for value in values]

    def _function(self, cls: type) -> Callable[[Any], Any]:
        """The function that writes values of a class in place."""
        if scalar := scalars.scalar_for(cls):
            return lambda value: [scalar.tag, scalar.to_text(value)]
        if issubclass(cls, Enum):
            return lambda value: ["enum", _allowed_name(cls), value.name]
        if issubclass(cls, type):
            return self._class
        if cls is MethodType:
            return self._method
        if is_immutable(cls):
            names = field_names(cls)  # type: ignore[arg-type]
            return partial(self._immutable, self._shape(cls, names), names)
        return self._reference

    def _reference(self, value: Any) -> list[Any]:
        """A reference to a new row, or to an external object."""
        if name := self._external.get(id(value)):
            return ["outside", name]
        number = self._row_numbers[id(value)] = len(self._rows)
        self._rows.append(None)
        self._pending.append((number, value))
        return [number]

    def _tuple(self, value: tuple[Any, ...]) -> list[Any]:
        return ["tuple", *self._values(value)]

    def _frozenset(self, value: frozenset[Any]) -> list[Any]:
        return ["frozenset", *self._values(value)]

    def _immutable(self, shape: int, names: tuple[str, ...], value: Any) -> list[Any]:
        return ["value", shape, *self._values(getattr(value, name) for name in names)]

    def _class(self, value: type) -> list[Any]:
        cls = class_allowlist.find_class_value(class_allowlist.class_name(value))
        return ["class", class_allowlist.class_name(cls)]

    def _method(self, value: MethodType) -> list[Any]:
        function = class_allowlist.find_method(type(value.__self__), value.__func__.__name__)
        return ["method", self._value(value.__self__), function.__name__]

    def _shape(self, cls: type, names: tuple[str, ...]) -> int:
        number = self._shapes.get((cls, names))
        if number is None:
            _allowed_name(cls)
            if hiding := [name for name in names if not class_allowlist.may_have_attribute(cls, name)]:
                raise Unsaveable(f"attribute {hiding[0]} of {class_allowlist.class_name(cls)}")
            number = self._shapes[cls, names] = len(self._shapes)
        return number

    # --- rows

    def _row(self, value: Any) -> list[Any]:
        cls = type(value)
        if cls in (list, dict, set, deque):
            return self._container(value)
        if cls in _SYNCHRONIZERS:
            return [_SYNCHRONIZERS[cls]]
        if cls is SpooledTemporaryFile:
            content = None if value.closed else base64.b64encode(_read_all(value)).decode()
            return ["file", value._max_size, content]
        if cls is random.Random:
            version, state, gauss = value.getstate()
            return ["random", version, gauss, *state]
        return self._instance(value, cls)

    def _instance(self, value: Any, cls: type) -> list[Any]:
        state = getattr(value, "__dict__", {})
        if slots := slot_names(cls):
            state = state | {name: getattr(value, name) for name in slots if hasattr(value, name)}
        shape, attributes = self._shape(cls, tuple(state)), self._values(state.values())
        if issubclass(cls, CONTAINERS):
            return ["holder", shape, attributes, self._container(value)]
        return ["object", shape, *attributes]

    def _container(self, value: Any) -> list[Any]:
        if isinstance(value, dict):
            items = OrderedDict.items(value) if isinstance(value, OrderedDict) else dict.items(value)
            content = self._values(part for item in items for part in item)
            if isinstance(value, defaultdict):
                return ["defaultdict", _default_factory(value.default_factory), *content]
            return ["dict", *content]
        if isinstance(value, deque):
            return ["deque", value.maxlen, *self._values(value)]
        if isinstance(value, list):
            return ["list", *self._values(list.__iter__(value))]
        return ["set", *self._values(set.__iter__(value))]


def _allowed_name(cls: type) -> str:
    """The name of an allowed class. Raises Unreadable if it is not allowed, and Unsaveable if its name is ambiguous."""
    name = class_allowlist.class_name(cls)
    if class_allowlist.find_class(name) is not cls:
        raise Unsaveable(f"{name} names another class")
    return name


def _read_all(file: SpooledTemporaryFile[bytes]) -> bytes:
    position = file.tell()
    file.seek(0)
    content = file.read()
    file.seek(position)
    return content


def _default_factory(factory: Callable[[], Any] | None) -> Any:
    """The factory of a defaultdict, judged by a sample: `list`, or `["defaultdict", "list"]`; or None."""
    if factory is None:
        return None
    sample = factory()
    if type(sample) is defaultdict and not sample:
        return ["defaultdict", _default_factory(sample.default_factory)]
    if type(sample).__name__ not in DEFAULT_FACTORIES or sample:
        raise Unsaveable(f"a defaultdict of {sample!r:.80}")
    return type(sample).__name__
