"""The fleets of an account: clusters, Auto Scaling groups and single instances, with health, open ports and prices."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from esaws.drawing.account_view import AccountView, is_running, task_details
from esaws.drawing.scene import FARGATE, Fleet, Key, Workload
from esaws.inspect.account import MissingData
from esaws.inspect.fetch import Raw
from esaws.inspect.port_bindings import task_name
from esaws.inspect.recurring_costs import fargate_task_usage, instance_usage
from esaws.inspect.target_health import health
from esaws.pricelist import Usage


def account_fleets(view: AccountView) -> list[Fleet]:
    """The fleets of the VPC by name: clusters and groups with their instances, and Fargate's tasks of clusters."""
    health_states = _health_states(view) if "health" in view.overlays else {}
    fleets = []
    for name in sorted({*view.clusters, *view.instances_by_fleet}):
        kind = "Cluster" if name in view.clusters else "AutoScalingGroup"
        cluster = view.clusters.get(name)
        instance_ids = view.instances_by_fleet.get(name, [])
        tasks = view.tasks_by_subnet.get(cluster["clusterArn"], {}) if cluster else {}
        if instance_ids or not tasks:
            workloads = tuple(cluster_workloads(view, cluster, on_fargate=False if tasks else None)) if cluster else ()
            fleets.append(_fleet_of_instances(view, (kind, name), instance_ids, workloads, health_states))
        if cluster and tasks:
            workloads = tuple(cluster_workloads(view, cluster, on_fargate=True if instance_ids else None))
            fleets.append(_fleet_on_fargate(view, name, tasks, workloads, bool(instance_ids)))
    return fleets


def _fleet_of_instances(
    view: AccountView, key: Key, instance_ids: list[str], workloads: tuple[Workload, ...], states: dict[str, list[str]]
) -> Fleet:
    placed = [id for id in instance_ids if view.is_drawn(view.instances[id].get("SubnetId"))]
    counts = Counter(view.subnet_name(view.instances[id]["SubnetId"]) for id in placed)
    types = sorted({view.instances[id]["InstanceType"] for id in placed})
    elsewhere = len(instance_ids) - len(placed)
    plural = "s" * (elsewhere != 1)
    scaling = _scaling(view, instance_ids)
    return Fleet(
        key,
        key[1],
        view.icon(key[0]) if scaling or key[0] == "Cluster" else "aws.compute.EC2Instances",
        f"{elsewhere} instance{plural}, subnet unknown" if elsewhere else "no instances",
        workloads,
        instance_type=" and ".join(types),
        instances=tuple(sorted(counts.items())),
        scaling=scaling,
        notes=tuple(_notes(view, placed, states)),
    )


def _fleet_on_fargate(
    view: AccountView, name: str, tasks: dict[str, int], workloads: tuple[Workload, ...], has_instances: bool
) -> Fleet:
    title = f"{name} on Fargate" if has_instances else name
    return Fleet(
        ("Cluster", title),
        title,
        view.icon("Cluster"),
        "no tasks",
        workloads,
        instance_type=FARGATE,
        instances=tuple(sorted((view.subnet_name(id), count) for id, count in tasks.items())),
        card_icon="aws.compute.Fargate",
        notes=tuple(_prices_of_tasks(view, name)),
    )


def _prices_of_tasks(view: AccountView, cluster: str) -> Iterator[tuple[str, str]]:
    """A line for each subnet: the price of the tasks on Fargate there."""
    usages: defaultdict[str, list[Usage]] = defaultdict(list)
    for task in view.items("tasks") if "costs" in view.overlays else ():
        subnet_id = task_details(task).get("subnetId")
        is_here = task["clusterArn"] == view.clusters[cluster]["clusterArn"] and view.is_drawn(subnet_id)
        if is_here and is_running(task) and task.get("launchType") == "FARGATE":
            usages[view.subnet_name(str(subnet_id))] += fargate_task_usage(task, view.account)
    yield from ((subnet, view.price(of_subnet)) for subnet, of_subnet in sorted(usages.items()))


def cluster_workloads(view: AccountView, cluster: Raw, *, on_fargate: bool | None = None) -> Iterator[Workload]:
    """The services of a cluster and its tasks without a service, by name; of all launch types, of Fargate or others."""
    tasks: defaultdict[str, list[Raw]] = defaultdict(list)
    for task in view.items("tasks"):
        is_wanted = on_fargate is None or on_fargate != bool(task.get("containerInstanceArn"))
        if task["clusterArn"] == cluster["clusterArn"] and is_running(task) and is_wanted:
            tasks[task_name(task)].append(task)
    for service in view.items("services"):
        is_wanted = on_fargate is None or on_fargate == (service.get("launchType") == "FARGATE")
        if service["clusterArn"] == cluster["clusterArn"] and is_wanted:
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
