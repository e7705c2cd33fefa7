"""The edges of an account's drawing: what load balancers forward to, and what security groups let in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from esaws.drawing.account_members import members_by_fleet, open_listening_ports
from esaws.drawing.account_view import AccountView, permission_ports
from esaws.drawing.scene import USERS, Edge, Key, Node
from esaws.inspect.load_balancers import LiveLoadBalancer, target_group_name, target_group_weights

_MAX_LABELLED_RULES = 12
"""If a listener has more rules, its edges have no labels: one edge for each fleet."""


def account_edges(view: AccountView, gateway: Node | None) -> Iterator[Edge]:
    """All edges; those from the internet start at the gateway, or at the users without one."""
    if gateway:
        yield Edge(USERS, gateway.key)
    internet = gateway.key if gateway else USERS
    for load_balancer in view.load_balancers:
        key = ("LoadBalancer", view.short_name(load_balancer.name))
        if load_balancer.is_public:
            yield Edge(internet, key)
        yield from _forwarding_edges(view, load_balancer, key)
    yield from _direct_edges(view, internet)
    yield from _group_edges(view)


def _forwarding_edges(view: AccountView, load_balancer: LiveLoadBalancer, key: Key) -> Iterator[Edge]:
    if view.account.get("Listeners") is None:
        return
    if load_balancer.raw.get("Type", "application") != "application":
        yield from _default_edges(view, load_balancer, key)
        return
    if view.account.get("Rules") is None:
        return
    for listener in load_balancer.listeners():
        rules = load_balancer.rules(listener)
        for rule in rules:
            paths = [
                value
                for condition in rule.conditions
                if condition.field == "path-pattern"
                for value in condition.values
            ]
            label = "default" if rule.is_default else f"{rule.priority} · {' or '.join(paths) or 'other conditions'}"
            for arn in target_group_weights(rule.actions[-1]) if rule.actions else ():
                group = view.short_name(target_group_name(arn))
                for fleet, port in _targets(view, arn):
                    detail = f"{group} → {port}" if port else group
                    yield Edge(key, fleet, label if len(rules) <= _MAX_LABELLED_RULES else "", detail)


def _default_edges(view: AccountView, load_balancer: LiveLoadBalancer, key: Key) -> Iterator[Edge]:
    """Of a Network Load Balancer, which has no rules: what each listener forwards to."""
    for listener in load_balancer.listeners():
        for action in listener.get("DefaultActions", ()):
            groups = action.get("ForwardConfig", {}).get("TargetGroups", ()) or [action]
            for arn in dict.fromkeys(group.get("TargetGroupArn", "") for group in groups):
                group = view.short_name(target_group_name(arn))
                for fleet, port in _targets(view, arn):
                    label = f"{listener.get('Protocol', '')}:{listener.get('Port', '')}"
                    yield Edge(key, fleet, label, f"{group} → {port}" if port else group)


def _targets(view: AccountView, target_group_arn: str) -> list[tuple[Key, int | None]]:
    """The fleets of a target group's targets, with their port."""
    targets = [
        (fleet, entry["Target"].get("Port"))
        for entry in view.items("TargetHealth")
        if entry["TargetGroupArn"] == target_group_arn and (fleet := _fleet_of_target(view, entry["Target"]["Id"]))
    ]
    return list(dict.fromkeys(targets))


def _fleet_of_target(view: AccountView, id: str) -> Key | None:
    return view.fleet_key(id) if id in view.instances else view.fleets_by_address.get(id)


def _direct_edges(view: AccountView, internet: Key) -> Iterator[Edge]:
    """From the internet to instances and tasks on a port that is open to the internet and that a task listens on."""
    for fleet, members in sorted(members_by_fleet(view).items()):
        for port in open_listening_ports(view, members):
            yield Edge(internet, fleet, port, "from anywhere")


def _group_edges(view: AccountView) -> Iterator[Edge]:
    """From the members of a security group to the members of a group that lets it in."""
    members: defaultdict[str, list[Key]] = defaultdict(list)
    for _, instance_ids in sorted(view.instances_by_fleet.items()):
        group_ids = {group["GroupId"] for id in instance_ids for group in view.instances[id].get("SecurityGroups", ())}
        for group_id in group_ids:
            members[group_id].append(view.fleet_key(instance_ids[0]))
    for fleet, interfaces in view.interfaces_by_task_fleet.items():
        for group_id in dict.fromkeys(group["GroupId"] for raw in interfaces for group in raw.get("Groups", ())):
            members[group_id] += [] if fleet in members[group_id] else [fleet]
    for database in view.items("DBInstances"):
        for group in database.get("VpcSecurityGroups", ()):
            name = view.short_name(database["DBInstanceIdentifier"])
            members[group["VpcSecurityGroupId"]].append(("DBInstance", name))
    for cache in view.items("CacheClusters"):
        for group in cache.get("SecurityGroups", ()):
            members[group["SecurityGroupId"]].append(("CacheCluster", view.short_name(cache["CacheClusterId"])))
    for group in sorted(view.items("SecurityGroups"), key=lambda group: group.get("GroupName", "")):
        for permission in group.get("IpPermissions", ()):
            for pair in permission.get("UserIdGroupPairs", ()):
                for source in members.get(pair.get("GroupId", ""), ()):
                    for target in members.get(group["GroupId"], ()):
                        if source != target:
                            yield Edge(source, target, permission_ports(permission))
