"""Lazy public names: a package lists the module of each name, and Python imports it on first use (PEP 562)."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(package: str, sources: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` for a package.

    `sources` maps each public name to the module that defines it. The value "" marks a submodule of the package.
    """

    def get_name(name: str) -> Any:
        if name not in sources:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        source = sources[name]
        value = getattr(import_module(source), name) if source else import_module(f"{package}.{name}")
        setattr(sys.modules[package], name, value)
        return value

    return get_name, lambda: sorted({*sources, *vars(sys.modules[package])})
