"""The fleets of an account: clusters, Auto Scaling groups and single instances, with health, open ports and prices."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from esaws.drawing.account_view import AccountView
from esaws.drawing.scene import Fleet, Workload
from esaws.inspect.account import MissingData
from esaws.inspect.fetch import Raw
from esaws.inspect.port_bindings import task_name
from esaws.inspect.recurring_costs import instance_usage
from esaws.inspect.target_health import health


def account_fleets(view: AccountView) -> list[Fleet]:
    """The fleets of the VPC by name."""
    health_states = _health_states(view) if "health" in view.overlays else {}
    fleets = []
    for name in sorted({*view.clusters, *view.instances_by_fleet}):
        kind = "Cluster" if name in view.clusters else "AutoScalingGroup"
        instance_ids = view.instances_by_fleet.get(name, [])
        workloads = tuple(cluster_workloads(view, view.clusters[name])) if name in view.clusters else ()
        counts = Counter(view.subnet_name(view.instances[id]["SubnetId"]) for id in instance_ids)
        types = sorted({view.instances[id]["InstanceType"] for id in instance_ids})
        fleets.append(
            Fleet(
                (kind, name),
                name,
                view.icon(kind),
                "no instances",
                workloads,
                instance_type=" and ".join(types),
                instances=tuple(sorted(counts.items())),
                scaling=_scaling(view, instance_ids),
                notes=tuple(_notes(view, instance_ids, health_states)),
            )
        )
    return fleets


def cluster_workloads(view: AccountView, cluster: Raw) -> Iterator[Workload]:
    """The services of a cluster and its tasks without a service, by name."""
    tasks: defaultdict[str, list[Raw]] = defaultdict(list)
    for task in view.items("tasks"):
        if task["clusterArn"] == cluster["clusterArn"] and task.get("lastStatus") != "STOPPED":
            tasks[task_name(task)].append(task)
    for service in view.items("services"):
        if service["clusterArn"] == cluster["clusterArn"]:
            tasks.setdefault(f"service {service['serviceName']}", [])
    for name, running in sorted(tasks.items()):
        kind, _, title = name.partition(" ")
        bindings = [
            (int(binding["hostPort"]), int(binding["containerPort"]))
            for task in running
            for container in task.get("containers", ())
            for binding in container.get("networkBindings", ())
            if "hostPort" in binding
        ]
        ports = bindings[0] if bindings else None
        yield Workload(view.short_name(title), len(running), ports, is_service=kind == "service")


def _scaling(view: AccountView, instance_ids: Iterable[str]) -> str:
    wanted = set(instance_ids)
    for group in view.items("AutoScalingGroups"):
        if wanted & {instance["InstanceId"] for instance in group.get("Instances", ())}:
            low, high = group["MinSize"], group["MaxSize"]
            return f"{low}–{high}" if low != high else str(low)
    return ""


def _notes(
    view: AccountView, instance_ids: Iterable[str], health_states: dict[str, list[str]]
) -> Iterator[tuple[str, str]]:
    """A line for each subnet: healthy targets, ports open to the internet, and the price."""
    by_subnet: defaultdict[str, list[str]] = defaultdict(list)
    for instance_id in instance_ids:
        by_subnet[view.subnet_name(view.instances[instance_id]["SubnetId"])].append(instance_id)
    for subnet, ids in sorted(by_subnet.items()):
        parts = []
        if "health" in view.overlays and any(id in health_states for id in ids):
            states = [state for id in ids for state in health_states.get(id, ())]
            parts.append(f"{states.count('healthy')} of {len(states)} healthy")
        if "ports" in view.overlays and (ports := sorted({port for id in ids for port in view.public_ports(id)})):
            parts.append(f"open: {', '.join(ports)}")
        if "costs" in view.overlays:
            usages = [usage for id in ids for usage in instance_usage(view.instances[id], view.account)]
            parts.append(view.price(usages))
        if parts:
            yield subnet, " · ".join(parts)


def _health_states(view: AccountView) -> dict[str, list[str]]:
    """The states of each instance as a target."""
    states: defaultdict[str, list[str]] = defaultdict(list)
    try:
        for target in health(view.account):
            if target.state != "draining":
                states[target.id].append(target.state)
    except MissingData:
        return {}
    return states
