"""The one seam around moto: a table (service, operation → before, instead, after), and how a call goes through it."""

from __future__ import annotations

import importlib
import pkgutil
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from local_aws_server.backends import Backends
    from local_aws_server.call import Call

Hook = Callable[["Call"], None]
Answer = Callable[["Call"], dict[str, Any]]
Anything = TypeVar("Anything", bound=Callable[..., Any])


class AwsError(Exception):
    """An error as AWS would give it; the seam puts it into the protocol of the service."""

    def __init__(self, code: str, message: str, status: int | None = None, **members: Any):
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members = members
        """What the error's shape has beside its message."""


@dataclass
class Hooks:
    """What happens around one operation."""

    before: list[Hook] = field(default_factory=list)
    replace: Answer | None = None
    after: list[Hook] = field(default_factory=list)


HOOKS: defaultdict[tuple[str, str], Hooks] = defaultdict(Hooks)
"""(boto3's name of the service, the operation as in AWS's documentation) → its hooks."""

PATCHES: dict[tuple[str, str], tuple[Any, bool]] = {}
"""(module of moto, dotted name in it) → (what stands in for it, whether moto has no such name yet).

For what moto decides or changes where no call shows it.
"""


@dataclass(frozen=True, order=True)
class Reconciler:
    """What the world does by itself: after any call that may have changed these services, and at moments of its own."""

    order: int
    name: str
    services: frozenset[str] = field(compare=False)
    behaviour: Callable[[Backends], float | None] = field(compare=False)


RECONCILERS: list[Reconciler] = []
"""The behaviours of the world, by their order."""

RESET_SETTINGS: list[Callable[[], None]] = []
"""Settings of moto itself, made when the server starts and after each reset."""


def before(service: str, *operations: str) -> Callable[[Hook], Hook]:
    """Register a hook that sees the call before moto does: it may raise AwsError, or answer by itself."""

    def register(hook: Hook) -> Hook:
        for operation in operations:
            HOOKS[service, operation].before.append(hook)
        return hook

    return register


def replace(service: str, *operations: str) -> Callable[[Answer], Answer]:
    """Register an answer, in boto3's shape, that is given in moto's place."""

    def register(answer: Answer) -> Answer:
        for operation in operations:
            if HOOKS[service, operation].replace:
                raise ValueError(f"two rules answer {service}.{operation}")
            HOOKS[service, operation].replace = answer
        return answer

    return register


def after(service: str, *operations: str) -> Callable[[Hook], Hook]:
    """Register a hook that runs once moto has done its part without an error; it may change `call.result`."""

    def register(hook: Hook) -> Hook:
        for operation in operations:
            HOOKS[service, operation].after.append(hook)
        return hook

    return register


def patch(module: str, name: str, *, new: bool = False, attribute: bool = False) -> Callable[[Any], Any]:
    """Register a stand-in for a method of moto's, put in once moto has loaded that module.

    `new`: moto has no such name yet. `attribute`: it is read, not called.
    """

    def register(stand_in: Any) -> Any:
        PATCHES[module, name] = (property(stand_in) if attribute else stand_in, new)
        return stand_in

    return register


def reconciler(*services: str, order: int) -> Callable[[Anything], Anything]:
    """Register a behaviour of the world; it must find for itself what there is to do, and do nothing twice.

    It gives the moment, in seconds of the clock, at which it has to look again without having been called; or None.
    """

    def register(behaviour: Anything) -> Anything:
        name = f"{behaviour.__module__}.{behaviour.__qualname__}"
        RECONCILERS.append(Reconciler(order, name, frozenset(services), behaviour))
        RECONCILERS.sort()
        return behaviour

    return register


def may_change(operation: str) -> bool:
    """Whether an operation may change anything."""
    return not operation.startswith(("Describe", "List", "Get", "Head", "BatchGet"))


def on_reset(setting: Callable[[], None]) -> Callable[[], None]:
    """Register a setting of moto itself."""
    RESET_SETTINGS.append(setting)
    return setting


def import_hook_modules() -> list[ModuleType]:
    """Import every module of `services` and `billing`, which register their hooks on import; return the modules."""
    names = []
    for package in ("local_aws_server.services", "local_aws_server.billing"):
        path = importlib.import_module(package).__path__
        names += sorted(info.name for info in pkgutil.walk_packages(path, f"{package}."))
    return [importlib.import_module(name) for name in names]
