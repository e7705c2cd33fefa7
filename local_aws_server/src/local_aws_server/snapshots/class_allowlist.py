"""The classes that a file may name: moto's models and the plain data of the local AWS, nothing that does anything."""

from __future__ import annotations

import importlib
import re
import sys
from dataclasses import is_dataclass
from functools import cache
from inspect import getattr_static
from pathlib import Path
from threading import Thread
from types import BuiltinFunctionType, FunctionType
from typing import Any

from local_aws_server.snapshots.errors import Unreadable

_NAME = re.compile(r"[a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)*:[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)

_PLAIN = {
    "collections:OrderedDict",
    "collections:defaultdict",
    "moto.core.types:Base64EncodedString",
    "moto.utilities.tagging_service:TaggingService",
    "moto.utilities.utils:CaseInsensitiveDict",
    "moto.utilities.utils:LowercaseDict",
}
"""Classes outside of moto's services."""

_NO_SERVICES = {"core", "instance_metadata", "moto_api", "moto_proxy", "moto_server", "utilities"}
RUN_CODE = {"awslambda", "awslambda_simple", "batch", "batch_simple", "cloudformation", "stepfunctions", "swf"}
"""moto's services that run what users give them: what is in them is not saved."""
_NO_MODELS = {"exceptions", "responses", "urls"}

_FINALIZED = {"moto.ec2.models.instances:Instance", "moto.s3.models:FakeKey"}
"""Those of the classes with a `__del__` that only tidy up what they hold themselves."""

_METHODS = {
    "moto.ec2.models.security_groups:SecurityGroup": "filter_",
    "moto.ec2.models.security_groups:SecurityGroupRule": "filter_",
}
"""Class → how those of its methods begin that its own instances keep: they compare, and change nothing."""

_AS_VALUES = "moto.rds.models:"
"""RDS keeps its things by their classes."""


def name_of(cls: type) -> str:
    """A class as `module:qualified name`."""
    return f"{cls.__module__}:{cls.__qualname__}"


@cache
def class_named(name: str) -> type:
    """The class of which a file may hold instances. Raises Unreadable for any other name."""
    if not _NAME.fullmatch(name):
        raise Unreadable(f"{name[:80]!r} is no class that can be in it")
    module, _, qualified = name.partition(":")
    found: Any = _module(name, module)
    for step in qualified.split("."):
        found = vars(found).get(step)
        if not isinstance(found, type):
            raise Unreadable(f"{name} is no class")
    if name_of(found) != name or not _is_data(found):
        raise Unreadable(f"{name} is no class that can be in it")
    return found


def _module(name: str, module: str) -> Any:
    """The module of a name that may be in a file: one of moto's is loaded, as a call to its service would load it."""
    package, *path = module.split(".")
    if name in _PLAIN or (module.startswith("local_aws_server.") and module in sys.modules):
        return importlib.import_module(module)
    if package != "moto" or len(path) < 2 or path[0] in _NO_SERVICES | RUN_CODE or _NO_MODELS & set(path):
        raise Unreadable(f"{name} is no class that can be in it")
    import moto

    place = Path(moto.__file__).parent.joinpath(*path)
    if not place.with_suffix(".py").is_file() and not (place / "__init__.py").is_file():
        raise Unreadable(f"moto has no {module}")
    return importlib.import_module(module)


def _is_data(cls: type) -> bool:
    """Whether a class only holds something: making an instance, or dropping it, does nothing."""
    from moto.core.responses import BaseResponse

    if issubclass(cls, BaseException | BaseResponse | Thread | type):
        return False
    if cls.__module__.startswith("local_aws_server."):
        return is_dataclass(cls) or is_namedtuple(cls)
    return not hasattr(cls, "__del__") or name_of(cls) in _FINALIZED


def is_namedtuple(cls: type) -> bool:
    return issubclass(cls, tuple) and hasattr(cls, "_fields")


def is_frozen(cls: type) -> bool:
    """Whether instances of a dataclass never change, so that two equal ones are the same."""
    return is_dataclass(cls) and cls.__dataclass_params__.frozen  # type: ignore[attr-defined]


@cache
def may_have(cls: type, attribute: str) -> bool:
    """Whether an instance may have an attribute of this name: one that hides nothing of its class."""
    if not attribute.isidentifier() or attribute.startswith("__"):
        return False
    hidden = getattr_static(cls, attribute, None)
    return not isinstance(hidden, FunctionType | BuiltinFunctionType | classmethod | staticmethod | property | type)


def method(cls: type, name: str) -> FunctionType:
    """A method that instances of a class keep in themselves. Raises Unreadable for all but a few."""
    beginning = _METHODS.get(name_of(cls))
    found = vars(cls).get(name)
    if beginning is None or not name.startswith(beginning) or not isinstance(found, FunctionType):
        raise Unreadable(f"no {name} of {name_of(cls)} can be in it")
    return found


def class_as_value(name: str) -> type:
    """A class that stands in the data itself. Raises Unreadable for all but RDS's."""
    if not name.startswith(_AS_VALUES):
        raise Unreadable(f"{name[:80]!r} can't be in it")
    return class_named(name)
