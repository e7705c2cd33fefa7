"""The labs, by family: each module has a tuple `LABS`."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module

from esaws.course.labs.lab import FAMILIES, Lab
from esaws.errors import UsageError


@cache
def all_labs() -> tuple[Lab, ...]:
    """Return every lab, by family."""
    modules = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
    labs = [lab for module in modules for lab in import_module(f"{__name__}.{module}").LABS]
    return tuple(sorted(labs, key=lambda lab: (FAMILIES.index(lab.family), lab.name)))


def find_lab(name: str) -> Lab:
    """Return a lab by its name. Raises UsageError, with all names, if there is none."""
    for lab in all_labs():
        if lab.name == name:
            return lab
    raise UsageError(f"no lab {name!r}. Choose one of {', '.join(lab.name for lab in all_labs())}")
