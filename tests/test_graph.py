"""The order of work: what has to be done before what in a deploy and in a teardown, and the longest path."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from esaws.deploy.change import Change
from esaws.deploy.graph import (
    Graph,
    Node,
    critical_path,
    delete_edges,
    delete_graph,
    deploy_graph,
    topological_order,
)
from esaws.reference.seccom import seccom
from esaws.resource import KINDS, Live, Ref, Resource
from esaws.resources import AutoScalingGroup, Lease, SecurityGroup, SecurityGroupRule, Service, load_all
from tests.small_network import GROUP, RULE, SUBNET, VPC_, live_of, lives_of

load_all()


def create(resource: Resource) -> Change:
    return Change("create", resource.kind, resource.name, resource)


def keep(resource: Resource) -> Change:
    return Change("keep", resource.kind, resource.name, resource, live_of(resource))


def update(resource: Resource, live: Live | None = None) -> Change:
    return Change("update", resource.kind, resource.name, resource, live or live_of(resource))


def delete(resource: Resource) -> Change:
    return Change("delete", resource.kind, resource.name, live=live_of(resource))


def names(graph: Graph) -> dict[str, set[str]]:
    """Return a graph of readable names: the work, the kind and the name of each node."""

    def name(node: Node) -> str:
        change, _ = graph[node]
        return f"{node.work} {change.kind} {change.name}"

    return {name(node): {name(dependency) for dependency in dependencies} for node, (_, dependencies) in graph.items()}


# -- a teardown ----------------------------------------------------------------------------------------------------


def test_children_are_deleted_before_their_parents() -> None:
    assert names(delete_graph(map(delete, [VPC_, GROUP, RULE, SUBNET]))) == {
        "delete VPC vpc": {"delete SecurityGroup web-sg", "delete Subnet public-3a"},
        "delete SecurityGroup web-sg": {f"delete SecurityGroupRule {RULE.name}"},
        "delete Subnet public-3a": set(),
        f"delete SecurityGroupRule {RULE.name}": set(),
    }


def test_a_parent_that_does_not_exist_sets_no_order() -> None:
    assert delete_edges(lives_of(SUBNET)) == {Ref("Subnet", "id-public-3a"): set()}


def test_a_change_without_an_existing_resource_is_not_deleted() -> None:
    assert names(delete_graph([create(VPC_), delete(SUBNET)])) == {"delete Subnet public-3a": set()}


def test_rules_that_refer_to_each_others_groups_are_deleted_before_both_groups() -> None:
    first = SecurityGroup(name="a-sg", vpc=VPC_, description="a")
    second = SecurityGroup(name="b-sg", vpc=VPC_, description="b")
    rules = [
        SecurityGroupRule(group=first, from_port=1, to_port=1, peer=second),
        SecurityGroupRule(group=second, from_port=1, to_port=1, peer=first),
    ]
    edges = delete_edges(lives_of(VPC_, first, second, *rules))
    both = {Ref("SecurityGroupRule", f"id-{rule.name}") for rule in rules}
    assert edges[Ref("SecurityGroup", "id-a-sg")] == edges[Ref("SecurityGroup", "id-b-sg")] == both


def test_resources_without_a_given_order_are_deleted_by_name() -> None:
    subnets = [replace(SUBNET, name=f"public-3{zone}", zone=zone) for zone in "abc"]
    for ids in (("z", "y", "x"), ("x", "y", "z")):
        lives = [live_of(VPC_), *(replace(live_of(s), id=id) for s, id in zip(subnets, ids, strict=True))]
        by_ref = {live.ref: live for live in lives}
        order = [by_ref[ref].name for ref in topological_order(delete_edges(reversed(lives)), by_ref)]
        assert order == ["public-3a", "public-3b", "public-3c", "vpc"]


DELETED_LATER = {
    # A gateway can't be detached while anything behind it has a public address.
    "InternetGateway": ("LoadBalancer", "AutoScalingGroup", "DBInstance", "Broker", "Service", "Task"),
    # A container that still runs would create its log group again.
    "LogGroup": ("AutoScalingGroup", "Service", "Task"),
    # An instance that is terminated under a running task takes longer.
    "AutoScalingGroup": ("Service", "Task"),
    "TaskDefinition": ("Service", "Task"),
    # The lease stays until nothing that costs by the hour is left.
    "Lease": ("AutoScalingGroup", "Broker", "CacheCluster", "DBInstance", "LoadBalancer"),
}


@pytest.mark.parametrize(
    ("kind", "earlier"), [(kind, earlier) for kind, kinds in DELETED_LATER.items() for earlier in kinds]
)
def test_a_kind_is_deleted_after_the_kinds_that_block_it_although_it_is_not_their_parent(
    kind: str, earlier: str
) -> None:
    # The names would order them the other way round.
    later, first = Live(kind, "a", "id-a"), Live(earlier, "b", "id-b")
    by_ref = {live.ref: live for live in (later, first)}
    assert [*topological_order(delete_edges(by_ref.values()), by_ref)] == [first.ref, later.ref]
    pruning = [Change("delete", live.kind, live.name, live=live) for live in (later, first)]
    assert names(deploy_graph(pruning)) == {f"delete {kind} a": {f"delete {earlier} b"}, f"delete {earlier} b": set()}


@pytest.mark.parametrize("profile", ["ha", "budget"])
def test_a_teardown_of_the_system_deletes_children_first_and_blocked_kinds_last(profile: str) -> None:
    lives = {live.ref: live for live in lives_of(*seccom(profile), Lease.example())}
    order = [*topological_order(delete_edges(lives.values()), lives)]
    position = {ref: number for number, ref in enumerate(order)}
    assert len(position) == len(lives)
    for ref, live in lives.items():
        assert all(position[ref] < position[parent] for parent in live.parents)
        for other in lives.values():
            if other.kind in DELETED_LATER.get(live.kind, ()):
                assert position[other.ref] < position[ref], f"{other.kind} {other.name} before {live.kind}"


# -- a deploy ------------------------------------------------------------------------------------------------------


def test_resources_are_made_after_their_dependencies() -> None:
    assert names(deploy_graph([create(VPC_), create(GROUP), create(RULE), create(SUBNET)])) == {
        "make VPC vpc": set(),
        "make SecurityGroup web-sg": {"make VPC vpc"},
        f"make SecurityGroupRule {RULE.name}": {"make SecurityGroup web-sg"},
        "make Subnet public-3a": {"make VPC vpc"},
    }


def test_extra_and_foreign_resources_are_not_work() -> None:
    changes = [keep(VPC_), Change("extra", "Subnet", "public-3a", live=live_of(SUBNET))]
    changes.append(Change("foreign", "SecurityGroup", "default", live=live_of(replace(GROUP, name="default"))))
    assert names(deploy_graph(changes)) == {"make VPC vpc": set()}


@pytest.mark.parametrize("action", [keep, update])
def test_a_pruned_child_is_deleted_before_an_update_of_its_parent_alone(action: Callable[[Resource], Change]) -> None:
    graph = deploy_graph([action(VPC_), keep(SUBNET), delete(GROUP), delete(RULE)])
    assert names(graph) == {
        "make VPC vpc": {"delete SecurityGroup web-sg"} if action is update else set(),
        "make Subnet public-3a": {"make VPC vpc"},
        "delete SecurityGroup web-sg": {f"delete SecurityGroupRule {RULE.name}"},
        f"delete SecurityGroupRule {RULE.name}": set(),
    }


def test_an_update_of_another_resource_does_not_wait_for_a_pruned_one() -> None:
    graph = deploy_graph([keep(VPC_), update(SUBNET), delete(GROUP)])
    assert names(graph) == {
        "make VPC vpc": set(),
        "make Subnet public-3a": {"make VPC vpc"},
        "delete SecurityGroup web-sg": set(),
    }


@pytest.mark.parametrize("action", [keep, update])
def test_a_pruned_service_is_deleted_before_an_update_of_its_auto_scaling_group(
    action: Callable[[Resource], Change],
) -> None:
    group, service = AutoScalingGroup.example(), Service.example()
    assert group.kind not in {dependency.kind for dependency in service.dependencies}
    graph = deploy_graph([action(group), delete(service)])
    before = {f"make {dependency}" for dependency in group.dependencies}
    first = {f"delete {service}"} if action is update else set()
    work = Node("make", group.key)
    dependencies = {f"{node.work} {node.key[0]} {node.key[1].removeprefix('id-')}" for node in graph[work][1]}
    assert dependencies == before | first


def test_a_pruned_resource_is_deleted_after_the_updates_of_those_that_refer_to_it() -> None:
    """A rule moves its peer from a pruned group to a declared one."""
    old, new = replace(GROUP, name="old-sg"), replace(GROUP, name="new-sg")
    rule = SecurityGroupRule(group=GROUP, from_port=80, to_port=80, peer=new, name="rule")
    existing = live_of(replace(rule, peer=old))
    changes = [keep(VPC_), keep(GROUP), create(new), update(rule, existing), delete(old)]
    assert names(deploy_graph(changes)) == {
        "make VPC vpc": set(),
        "make SecurityGroup web-sg": {"make VPC vpc"},
        "make SecurityGroup new-sg": {"make VPC vpc"},
        "make SecurityGroupRule rule": {"make SecurityGroup web-sg", "make SecurityGroup new-sg"},
        "delete SecurityGroup old-sg": {"make SecurityGroupRule rule"},
    }


# -- the longest path ----------------------------------------------------------------------------------------------


def test_the_critical_path_is_the_longest_chain_of_dependents() -> None:
    seconds = {kind: KINDS[kind].seconds for kind in ("VPC", "Subnet", "SecurityGroup", "SecurityGroupRule")}
    assert seconds == {"VPC": 2, "Subnet": 2, "SecurityGroup": 1, "SecurityGroupRule": 1}
    second = replace(RULE, from_port=443, to_port=443, name="second")
    changes = [create(VPC_), create(SUBNET), create(GROUP)]
    assert critical_path(deploy_graph(changes)) == {
        Node("make", VPC_.key): 4,
        Node("make", SUBNET.key): 2,
        Node("make", GROUP.key): 1,
    }
    longer = critical_path(deploy_graph([*changes, create(RULE), create(second)]))
    assert (longer[Node("make", GROUP.key)], longer[Node("make", VPC_.key)]) == (2, 4)


def test_the_critical_path_of_a_teardown_starts_at_the_children() -> None:
    length = critical_path(delete_graph(map(delete, [VPC_, SUBNET, GROUP, RULE])))
    assert {node.key[0]: seconds for node, seconds in length.items()} == {
        "SecurityGroupRule": 4,
        "SecurityGroup": 3,
        "Subnet": 4,
        "VPC": 2,
    }
