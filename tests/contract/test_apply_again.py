"""A plan of every kind, applied twice, interrupted in each of its changes, and applied after a change by hand."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from esaws.architecture import Architecture
from esaws.call_log import Call
from esaws.cloud import Cloud
from esaws.deploy import apply
from esaws.deploy.change import Change
from esaws.deploy.inventory import inventory
from esaws.deploy.leftovers import leftovers
from esaws.deploy.plan import Plan, plan_deploy, plan_teardown
from esaws.errors import ApplyFailed, EsawsError, StalePlan
from esaws.resources import Lease, TargetRegistration, Task, load_all

from .test_contract import BY_HAND, LEFT_BY_HAND

# ECS registers the targets of a service itself, and its tasks take their port: others need a group and no port.
REGISTRATION, TASK = TargetRegistration.example(), Task.example()
JOB = replace(TASK.task_definition, name="job", container_port=None, host_port=None)
EXAMPLES = [
    *(kind.example() for kind in load_all().values() if kind not in (TargetRegistration, Task, Lease)),
    replace(REGISTRATION, name="", target_group=replace(REGISTRATION.target_group, name="tasks-tg")),
    replace(TASK, task_definition=JOB),
]
EVERY_KIND = Architecture("every kind", EXAMPLES)


class Interrupted(EsawsError):
    """The response of AWS was lost."""


@contextmanager
def interrupting_each_change_once() -> Iterator[list[str]]:
    """Lose AWS's response to the first call of each change that changes something; yields the interrupted changes."""
    call, operations = BaseClient._make_api_call, dict(apply._OPERATIONS)
    interrupted: list[str] = []
    here = threading.local()

    def call_and_interrupt(self: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        response = call(self, operation, parameters)
        if getattr(here, "change", None) and Call("", operation, {}, 0, "OK").changes:
            interrupted.append(here.change)
            here.change = None
            raise Interrupted("the response was lost")
        return response

    def operate(cloud: Cloud, change: Change) -> None:
        here.change = None if str(change) in interrupted else str(change)
        operations[change.action](cloud, change)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", call_and_interrupt)
        patch.setattr(apply, "WORKERS", 64)  # all that is ready is interrupted in one apply
        for action in operations:
            patch.setitem(apply._OPERATIONS, action, operate)
        yield interrupted


def apply_until_done(plan: Plan) -> int:
    """Apply one plan until nothing interrupts it, and return how often it was interrupted."""
    for interruptions in range(50):
        try:
            plan.apply(yes=True)
        except ApplyFailed as error:
            assert "Interrupted: the response was lost" in str(error)
            assert str(error).count("Interrupted") == len(str(error).splitlines()) - 2, str(error)
        else:
            return interruptions
    raise AssertionError("it does not end")


def keys(cloud: Cloud) -> Counter[tuple[str, str]]:
    return Counter(live.key for live in inventory(cloud))


def change_one_field_of_each(cloud: Cloud) -> set[str]:
    """Change one field of each kind by hand, unless AWS refuses it among the others, and return what was changed."""
    index, changed = inventory(cloud), set[str]()
    # A task that starts after the routes were changed has no way to its image.
    for (kind, _), change_by_hand in sorted(BY_HAND.items(), key=lambda item: (item[0][0] != "Task", item[0])):
        live = next((live for live in index if live.kind == kind), None)
        if live and kind not in LEFT_BY_HAND and f"{kind} {live.name}" not in changed:
            with suppress(ClientError):
                change_by_hand(cloud, live)
                changed.add(f"{kind} {live.name}")
    return changed


def test_nothing_is_made_twice_and_nothing_is_lost(new_cloud: Callable[..., Cloud]) -> None:
    cloud = new_cloud()
    declared = Counter(resource.key for resource in EVERY_KIND)

    first = plan_deploy(EVERY_KIND, cloud)
    with interrupting_each_change_once() as interrupted:
        assert apply_until_done(first) > 5
    assert {*interrupted} >= {f"create {resource}" for resource in EVERY_KIND}
    assert keys(cloud) == declared
    again = first.apply()
    assert (again.created, again.updated, again.kept) == (0, 0, len(EVERY_KIND))

    changed = change_one_field_of_each(cloud)
    with pytest.raises(StalePlan) as stale:
        first.apply()
    assert {line.partition(": ")[0] for line in stale.value.lines} == changed
    repair = plan_deploy(EVERY_KIND, cloud)
    with interrupting_each_change_once() as interrupted:
        assert apply_until_done(repair) > 0
    assert {*interrupted} >= {f"update {name}" for name in changed}
    assert keys(cloud) == declared
    assert not plan_deploy(EVERY_KIND, cloud).changing

    teardown = plan_teardown(cloud)
    with interrupting_each_change_once() as interrupted:
        assert apply_until_done(teardown) > 5
    assert {*interrupted} == {f"delete {resource}" for resource in EVERY_KIND}
    assert repr(teardown.apply()) == "nothing to do"
    assert leftovers(cloud) == []
