"""Packages that a browser's Python may lack, each replaced by the part that is used here.

Nothing is replaced that can be imported: a page that was built with the real packages uses those.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec

from browser_machine.stand_ins.absent import AbsentModules

REPLACED = {
    "joserfc": "Cognito signs no tokens",
    "psutil": "the processes are the programs of this machine",
    "pygraphviz": "Graphviz is the page's, compiled to WebAssembly",
    "resvg_py": "the renderer is the page's, compiled to WebAssembly",
    "regex": "patterns are those of JavaScript",
    "time_machine": "the clock is that of the page",
}
"""Name of a package → what is different; the module of the same name beside this one replaces it."""

ABSENT = {
    "cryptography": "key pairs of EC2, certificates",
    "matplotlib": "charts",
    "numpy": "the matrix of who reaches whom",
    "pandas": "tables",
}
"""Name of a package that can be imported without being there → what needs it; using it names it."""

_NEEDS = {"joserfc": "cryptography", "matplotlib": "numpy", "pandas": "numpy"}
"""Name of a package → one that it can't be imported without."""


def missing() -> set[str]:
    """The packages of both tables that are not there."""
    return {name for name in (*REPLACED, *ABSENT) if not _is_there(name)}


def _is_there(name: str) -> bool:
    if (loaded := sys.modules.get(name)) is not None:
        return loaded.__name__ == name and not isinstance(loaded.__loader__, AbsentModules)
    if name in _NEEDS and not _is_there(_NEEDS[name]):
        return False
    return find_spec(name) is not None


def install() -> None:
    """Replace what is missing."""
    gone = missing()
    for name in REPLACED.keys() & gone:
        module = import_module(f"{__name__}.{name}")
        sys.modules[name] = module
        for part in getattr(module, "__all__", ()) if hasattr(module, "__path__") else ():
            sys.modules[f"{name}.{part}"] = getattr(module, part)
    if absent := ABSENT.keys() & gone:
        sys.meta_path.insert(0, AbsentModules(absent))
