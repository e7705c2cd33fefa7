"""The allow-list of classes in saved files: the security boundary of loading.

A file may come from anyone. It may only name moto's models, dataclasses of this package and a few plain classes, whose
instances do nothing when they are created or dropped. Every name in a file passes `find_class`, `find_method` or
`find_class_value`; add nothing to the lists below that runs code, opens files or connects.
"""

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

_PLAIN_CLASSES = {
    "collections:OrderedDict",
    "collections:defaultdict",
    "moto.core.types:Base64EncodedString",
    "moto.utilities.tagging_service:TaggingService",
    "moto.utilities.utils:CaseInsensitiveDict",
    "moto.utilities.utils:LowercaseDict",
}
"""Allowed classes outside of moto's services."""

_NOT_SERVICES = {"core", "instance_metadata", "moto_api", "moto_proxy", "moto_server", "utilities"}
CODE_RUNNING_SERVICES = {
    "awslambda",
    "awslambda_simple",
    "batch",
    "batch_simple",
    "cloudformation",
    "stepfunctions",
    "swf",
}
"""moto's services that run code of users: their content is never saved or loaded."""
_NOT_MODELS = {"exceptions", "responses", "urls"}

_HARMLESS_FINALIZERS = {"moto.ec2.models.instances:Instance", "moto.s3.models:FakeKey"}
"""Classes with a `__del__` that only releases their own parts."""

_METHOD_PREFIXES = {
    "moto.ec2.models.security_groups:SecurityGroup": "filter_",
    "moto.ec2.models.security_groups:SecurityGroupRule": "filter_",
}
"""Class → prefix of the methods that its instances store: they compare, and change nothing."""

_CLASS_VALUES_PREFIX = "moto.rds.models:"
"""moto's RDS backend has dicts with classes as keys."""


def class_name(cls: type) -> str:
    """A class as `module:qualified name`."""
    return f"{cls.__module__}:{cls.__qualname__}"


@cache
def find_class(name: str) -> type:
    """The allowed class of a name. Raises Unreadable for any other name."""
    if not _NAME.fullmatch(name):
        raise Unreadable(f"class {name[:80]!r} is not allowed")
    module, _, qualified = name.partition(":")
    cls: Any = _module(name, module)
    for step in qualified.split("."):
        cls = vars(cls).get(step)
        if not isinstance(cls, type):
            raise Unreadable(f"{name} is not a class")
    if class_name(cls) != name or not _is_data(cls):
        raise Unreadable(f"class {name} is not allowed")
    return cls


def _module(name: str, module: str) -> Any:
    """The module of an allowed name; a module of moto is imported, as a call to its service would import it."""
    package, *path = module.split(".")
    if name in _PLAIN_CLASSES or (module.startswith("local_aws_server.") and module in sys.modules):
        return importlib.import_module(module)
    if (
        package != "moto"
        or len(path) < 2
        or path[0] in _NOT_SERVICES | CODE_RUNNING_SERVICES
        or _NOT_MODELS & set(path)
    ):
        raise Unreadable(f"class {name} is not allowed")
    import moto

    source = Path(moto.__file__).parent.joinpath(*path)
    if not source.with_suffix(".py").is_file() and not (source / "__init__.py").is_file():
        raise Unreadable(f"module {module} does not exist")
    return importlib.import_module(module)


def _is_data(cls: type) -> bool:
    """Whether a class only holds data: creating or dropping an instance does nothing."""
    from moto.core.responses import BaseResponse

    if issubclass(cls, BaseException | BaseResponse | Thread | type):
        return False
    if cls.__module__.startswith("local_aws_server."):
        return is_dataclass(cls) or is_namedtuple(cls)
    return not hasattr(cls, "__del__") or class_name(cls) in _HARMLESS_FINALIZERS


def is_namedtuple(cls: type) -> bool:
    return issubclass(cls, tuple) and hasattr(cls, "_fields")


def is_frozen(cls: type) -> bool:
    """Whether it is a frozen dataclass, whose equal instances are interchangeable."""
    return is_dataclass(cls) and cls.__dataclass_params__.frozen  # type: ignore[attr-defined]


@cache
def may_have_attribute(cls: type, attribute: str) -> bool:
    """Whether an instance may have an attribute: a name that hides no function or property of its class."""
    if not attribute.isidentifier() or attribute.startswith("__"):
        return False
    hidden = getattr_static(cls, attribute, None)
    return not isinstance(hidden, FunctionType | BuiltinFunctionType | classmethod | staticmethod | property | type)


def find_method(cls: type, name: str) -> FunctionType:
    """An allowed method that instances of a class store. Raises Unreadable for any other."""
    prefix = _METHOD_PREFIXES.get(class_name(cls))
    function = vars(cls).get(name)
    if prefix is None or not name.startswith(prefix) or not isinstance(function, FunctionType):
        raise Unreadable(f"method {name} of {class_name(cls)} is not allowed")
    return function


def find_class_value(name: str) -> type:
    """An allowed class as a value in the data. Raises Unreadable for classes of other services than RDS."""
    if not name.startswith(_CLASS_VALUES_PREFIX):
        raise Unreadable(f"class {name[:80]!r} is not allowed as a value")
    return find_class(name)
