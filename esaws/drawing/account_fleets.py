"""The fleets of an account: clusters with their workloads, Auto Scaling groups, and single instances."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace

from esaws.drawing.account_members import Member, members_by_fleet, notes_by_subnet, target_states
from esaws.drawing.account_view import AccountView, is_running
from esaws.drawing.scene import FARGATE, Fleet, Key, Workload
from esaws.inspect.fetch import Raw
from esaws.inspect.port_bindings import task_name


def account_fleets(view: AccountView) -> list[Fleet]:
    """The fleets of the VPC by name: clusters and groups with their instances, and Fargate's tasks of clusters."""
    states, members = target_states(view), members_by_fleet(view)
    fleets = []
    for name in sorted({*view.clusters, *view.instances_by_fleet}):
        kind = "Cluster" if name in view.clusters else "AutoScalingGroup"
        cluster = view.clusters.get(name)
        instance_ids = view.instances_by_fleet.get(name, [])
        on_fargate = bool(cluster and cluster["clusterArn"] in view.tasks_on_fargate)
        if instance_ids or not on_fargate:
            workloads = (
                tuple(cluster_workloads(view, cluster, on_fargate=False if on_fargate else None)) if cluster else ()
            )
            fleet = _fleet_of_instances(view, (kind, name), instance_ids, workloads)
            fleets.append(_with_members(view, fleet, members.get(fleet.key, []), states))
        if cluster and on_fargate:
            workloads = tuple(cluster_workloads(view, cluster, on_fargate=True if instance_ids else None))
            fleet = _fleet_on_fargate(view, f"{name} on Fargate" if instance_ids else name, workloads)
            fleets.append(_with_members(view, fleet, members.get(fleet.key, []), states))
    return fleets


def _with_members(view: AccountView, fleet: Fleet, members: list[Member], states: dict[str, list[str]]) -> Fleet:
    counts = Counter(member.subnet for member in members)
    notes = tuple(notes_by_subnet(view, members, states))
    return replace(fleet, instances=tuple(sorted(counts.items())), notes=notes)


def _fleet_of_instances(view: AccountView, key: Key, instance_ids: list[str], workloads: tuple[Workload, ...]) -> Fleet:
    placed = [id for id in instance_ids if view.is_drawn(view.instances[id].get("SubnetId"))]
    elsewhere = len(instance_ids) - len(placed)
    plural = "s" * (elsewhere != 1)
    scaling = _scaling(view, instance_ids)
    return Fleet(
        key,
        key[1],
        view.icon(key[0]) if scaling or key[0] == "Cluster" else "aws.compute.EC2Instances",
        f"{elsewhere} instance{plural}, subnet unknown" if elsewhere else "no instances",
        workloads,
        instance_type=" and ".join(sorted({view.instances[id]["InstanceType"] for id in placed})),
        scaling=scaling,
    )


def _fleet_on_fargate(view: AccountView, title: str, workloads: tuple[Workload, ...]) -> Fleet:
    return Fleet(
        ("Cluster", title),
        title,
        view.icon("Cluster"),
        "no tasks",
        workloads,
        instance_type=FARGATE,
        card_icon="aws.compute.Fargate",
    )


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
