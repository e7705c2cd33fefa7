"""The format of an object graph as a table of rows, which keeps shared and circular references.

A row is a mutable object: a list, a dict, an instance. Immutable values are written in place:

| written | value |
|---|---|
| a string, a number, `true`, `null` | itself |
| `[7]` | the object in row 7 |
| `["datetime", "2026-01-01T00:00:00 UTC"]` | a scalar: a value that is a text |
| `["tuple", …]` `["frozenset", …]` | a tuple or frozenset of the values that follow |
| `["value", 3, …]` | a frozen dataclass or a named tuple of shape 3 |
| `["enum", "moto.ecr.models:RepoTagMutability", "MUTABLE"]` | a member of an enumeration |
| `["class", …]` `["method", [7], …]` | a class, or a bound method: a few of moto's objects have such attributes |
| `["outside", …]` | an external object, of another account or of AWS |

A shape is a class and the names of its attributes. Reading calls neither a constructor nor a method of the class.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Collection
from copy import copy
from dataclasses import MISSING, fields
from functools import cache, partial
from types import NoneType

from local_aws_server.snapshots import class_allowlist

JSON_SCALARS = frozenset((str, int, float, bool, NoneType))
CONTAINERS = (OrderedDict, defaultdict, dict, list, set, deque)
DEFAULT_FACTORIES: dict[str, Callable[[], object]] = {cls.__name__: cls for cls in (dict, list, set, int, float, str)}


@cache
def slot_names(cls: type) -> tuple[str, ...]:
    """The names of the attributes in `__slots__` of classes of this package."""
    slots = [vars(base).get("__slots__", ()) for base in cls.__mro__ if base.__module__.startswith("local_aws_server.")]
    names = (name for value in slots for name in ([value] if isinstance(value, str) else value))
    return tuple(name for name in names if name[:2] != "__")


@cache
def field_names(cls: type) -> tuple[str, ...]:
    """The fields of a dataclass or a named tuple, in order."""
    if class_allowlist.is_namedtuple(cls):
        return tuple(cls._fields)  # type: ignore[attr-defined]
    return tuple(field.name for field in fields(cls))


def default_factories(cls: type, names: Collection[str]) -> dict[str, Callable[[], object]]:
    """Field → a function that returns its default, of those fields of a dataclass that have one."""
    chosen = [each for each in fields(cls) if each.name in names] if names else []
    constants = {each.name: partial(copy, each.default) for each in chosen if each.default is not MISSING}
    return constants | {each.name: each.default_factory for each in chosen if each.default_factory is not MISSING}


def is_immutable(cls: type) -> bool:
    """Whether instances are written in place: named tuples and frozen dataclasses."""
    return class_allowlist.is_namedtuple(cls) or class_allowlist.is_frozen(cls)
