"""The members of an account's fleets, instances and tasks on Fargate: as targets, by what is open, and by price."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from esaws.drawing.account_view import AccountView, task_details
from esaws.drawing.scene import Key
from esaws.inspect.account import MissingData
from esaws.inspect.fetch import Raw
from esaws.inspect.port_bindings import RunningTasks
from esaws.inspect.recurring_costs import fargate_task_usage, instance_usage
from esaws.inspect.target_health import health
from esaws.pricelist import Usage


class Member(NamedTuple):
    """An instance or a task on Fargate in a subnet that is drawn.

    `target` is what a target group knows it by: the id of the instance, the private address of the task. `open_ports`
    are those that security groups open to the internet, if it has a public address.
    """

    subnet: str
    target: str
    open_ports: frozenset[str]
    usages: tuple[Usage, ...]


def members_by_fleet(view: AccountView) -> dict[Key, list[Member]]:
    """The members of each fleet that has any in a subnet that is drawn."""
    members: defaultdict[Key, list[Member]] = defaultdict(list)
    for ids in view.instances_by_fleet.values():
        for id in ids:
            if view.is_drawn(view.instances[id].get("SubnetId")):
                members[view.fleet_key(id)].append(_instance(view, id))
    for arn, tasks in view.tasks_on_fargate.items():
        for task in tasks:
            fleet = view.task_fleet_key(view.short_name(arn.rpartition("/")[2]), task)
            members[fleet].append(_task(view, task))
    return dict(members)


def _instance(view: AccountView, id: str) -> Member:
    raw = view.instances[id]
    groups = raw.get("SecurityGroups", ()) if raw.get("PublicIpAddress") else ()
    return Member(
        view.subnet_name(raw["SubnetId"]), id, _open_ports(view, groups), tuple(instance_usage(raw, view.account))
    )


def _task(view: AccountView, task: Raw) -> Member:
    details = task_details(task)
    interface = view.interfaces.get(details.get("networkInterfaceId", ""), {})
    groups = interface.get("Groups", ()) if interface.get("Association", {}).get("PublicIp") else ()
    usages = fargate_task_usage(task, view.account) if task.get("launchType") == "FARGATE" else ()
    address = details.get("privateIPv4Address", "")
    return Member(view.subnet_name(details["subnetId"]), address, _open_ports(view, groups), tuple(usages))


def _open_ports(view: AccountView, groups: Iterable[Raw]) -> frozenset[str]:
    return frozenset(view.open_ports({group["GroupId"] for group in groups}))


def notes_by_subnet(
    view: AccountView, members: Iterable[Member], states: Mapping[str, list[str]]
) -> Iterator[tuple[str, str]]:
    """A line for each subnet: healthy targets, ports open to the internet, and the price."""
    by_subnet: defaultdict[str, list[Member]] = defaultdict(list)
    for member in members:
        by_subnet[member.subnet].append(member)
    for subnet, here in sorted(by_subnet.items()):
        parts = []
        if found := [state for member in here for state in states.get(member.target, ())]:
            parts.append(f"{found.count('healthy')} of {len(found)} healthy")
        if "ports" in view.overlays and (ports := sorted({port for member in here for port in member.open_ports})):
            parts.append(f"open: {', '.join(ports)}")
        if "costs" in view.overlays and (usages := [usage for member in here for usage in member.usages]):
            parts.append(view.price(usages))
        if parts:
            yield subnet, " · ".join(parts)


def target_states(view: AccountView) -> dict[str, list[str]]:
    """The states of each target, without those that are draining; empty where health is not shown or not known."""
    states: defaultdict[str, list[str]] = defaultdict(list)
    try:
        for target in health(view.account) if "health" in view.overlays else ():
            if target.state != "draining":
                states[target.id].append(target.state)
    except MissingData:
        return {}
    return states


def open_listening_ports(view: AccountView, members: Iterable[Member]) -> list[str]:
    """The ports that are open to the internet and that a task of the same member listens on."""
    running = RunningTasks(view.account)
    return sorted(
        {port for each in members for port in each.open_ports & {str(port) for port in running.ports_of(each.target)}}
    )
