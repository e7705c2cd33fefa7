"""Modules that can be imported and can't be used: using what is in them names the package that is not there."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class NotInPage(ModuleNotFoundError, NotImplementedError):
    """A package is not there. IPython shows the text of a result whose table raises NotImplementedError."""


class _Absent(type):
    """The type of everything in such a module. It can be named in annotations, `isinstance` and `except`."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _absent(f"{cls.__qualname__}.{name}")

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        package = cls.__qualname__.split(".")[0]
        raise NotInPage(f"{package} is not in this page, so {cls.__qualname__} can't be used", name=package)


def _absent(name: str) -> Any:
    return _Absent(name, (Exception,), {"__qualname__": name})


class AbsentModules(MetaPathFinder, Loader):
    """Finds the modules of packages that are not there."""

    def __init__(self, packages: Collection[str]) -> None:
        self._packages = frozenset(packages)

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        return ModuleSpec(name, self, is_package=True) if name.split(".")[0] in self._packages else None

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        def attribute(name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            return _absent(f"{module.__name__}.{name}")

        module.__getattr__ = attribute  # type: ignore[method-assign]
