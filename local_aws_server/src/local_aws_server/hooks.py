"""The registry of hooks around moto: what runs before, instead of and after each operation.

@before("ec2", "DeleteSubnet")                  # raise AwsError, or set call.result to skip moto
@replace("ce", "GetCostAndUsage")               # return the result in moto's place
@after("rds", "CreateDBInstance")               # change call.result
@reconciler("ecs", order=50)                    # act on state, after changes and at scheduled times
@patch("moto.ec2.models", "EC2Backend.method")  # replace a function inside moto
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, TypeVar

from local_aws_server.backends import AFTER_IMPORT, Backends
from local_aws_server.call import Call

Hook = Callable[[Call], None]
ReplaceHook = Callable[[Call], dict[str, Any]]
Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass
class Hooks:
    """The hooks of one operation."""

    before: list[Hook] = field(default_factory=list)
    replace: ReplaceHook | None = None
    after: list[Hook] = field(default_factory=list)


HOOKS: defaultdict[tuple[str, str], Hooks] = defaultdict(Hooks)
"""(boto3's service name, operation name) → its hooks."""

PATCHES: dict[tuple[str, str], tuple[Any, bool]] = {}
"""(moto module, dotted name in it) → (replacement, whether moto does not define the name)."""


@dataclass(frozen=True, order=True)
class Reconciler:
    """A function that drives the state of one account and region, like a Kubernetes controller."""

    order: int
    name: str
    services: frozenset[str] = field(compare=False)
    """It runs after a call that may have changed one of these services."""
    reconcile: Callable[[Backends], float | None] = field(compare=False)
    """Returns the time, in seconds since 1970, of its next run; None if only a change needs another."""


RECONCILERS: list[Reconciler] = []
"""All reconcilers, sorted by order."""


_PACKAGES = ("local_aws_server.faults", "local_aws_server.billing", "local_aws_server.services")
"""In order of import: the limits of an account plan are checked before those of a service."""


def before(service: str, *operations: str) -> Callable[[Hook], Hook]:
    """Register a hook that runs before moto. It may raise AwsError, or set `call.result` so that moto is skipped."""

    def register(hook: Hook) -> Hook:
        for operation in operations:
            HOOKS[service, operation].before.append(hook)
        return hook

    return register


def replace(service: str, *operations: str) -> Callable[[ReplaceHook], ReplaceHook]:
    """Register a function that returns the result, in boto3's shape, in moto's place."""

    def register(hook: ReplaceHook) -> ReplaceHook:
        for operation in operations:
            if HOOKS[service, operation].replace:
                raise ValueError(f"two hooks replace {service}.{operation}")
            HOOKS[service, operation].replace = hook
        return hook

    return register


def after(service: str, *operations: str) -> Callable[[Hook], Hook]:
    """Register a hook that runs after moto has returned without an error. It may change `call.result`."""

    def register(hook: Hook) -> Hook:
        for operation in operations:
            HOOKS[service, operation].after.append(hook)
        return hook

    return register


def patch(module: str, name: str, *, new: bool = False, attribute: bool = False) -> Callable[[Any], Any]:
    """Register a replacement for a function inside moto, applied once moto has loaded that module.

    `new`: moto does not define the name. `attribute`: the replacement becomes a property.
    """

    def register(replacement: Any) -> Any:
        PATCHES[module, name] = (property(replacement) if attribute else replacement, new)
        return replacement

    return register


def reconciler(*services: str, order: int) -> Callable[[Function], Function]:
    """Register a reconciler. It must be idempotent and derive its work from current state.

    It returns the time of its next run, in seconds since 1970, or None.
    """

    def register(reconcile: Function) -> Function:
        name = f"{reconcile.__module__}.{reconcile.__qualname__}"
        RECONCILERS.append(Reconciler(order, name, frozenset(services), reconcile))
        RECONCILERS.sort()
        return reconcile

    return register


def is_mutating(operation: str) -> bool:
    """Whether an operation may change state, judged by its name."""
    return not operation.startswith(("Describe", "List", "Get", "Head", "BatchGet"))


def import_hook_modules() -> list[ModuleType]:
    """Import the modules that register hooks on import, and return them."""
    names = []
    for package in _PACKAGES:
        path = importlib.import_module(package).__path__
        names += sorted((info.name for info in pkgutil.walk_packages(path, f"{package}.")), key=_import_order)
    return [importlib.import_module(name) for name in names]


def _import_order(module: str) -> tuple[bool, str]:
    """Hooks run in the order of registration: a malformed id, then a missing resource is the first error of a call."""
    return not module.endswith((".malformed_ids", ".not_found")), module


def apply_patches() -> None:
    """Apply the patches of all moto modules that are loaded; the others stay unloaded until they are used.

    Raises AttributeError where an upgrade of moto has renamed what a patch replaces.
    """
    for (module_name, name), (replacement, is_new) in list(PATCHES.items()):
        if module_name in sys.modules:
            *path, attribute = name.split(".")
            owner: Any = importlib.import_module(module_name)
            for step in path:
                owner = getattr(owner, step)
            if not is_new:
                getattr(owner, attribute)
            setattr(owner, attribute, replacement)
            PATCHES.pop((module_name, name), None)


AFTER_IMPORT.append(apply_patches)
