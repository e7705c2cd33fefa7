"""A plan, from what should exist and what does: its actions, its price and the order of its work. No AWS here."""

from dataclasses import replace

import pytest

from esaws.architecture import Architecture
from esaws.deploy.change import Change
from esaws.deploy.graph import Node, critical_path, delete_edges, deploy_graph, topological_order
from esaws.deploy.plan import Plan, compare
from esaws.errors import InvalidResource
from esaws.pricelist import bundled
from esaws.pricelist.price_cache import overlay
from esaws.resource import Difference, Index, Live, Ref, drift
from esaws.resources import load_all
from esaws.resources.auto_scaling_group import AutoScalingGroup
from esaws.resources.security_group import SecurityGroup
from esaws.resources.security_group_rule import SecurityGroupRule
from esaws.resources.service import Service
from esaws.resources.subnet import Subnet
from esaws.resources.vpc import VPC

VPC_ = VPC(name="vpc", cidr="172.31.0.0/16")
SUBNET = Subnet(name="public-3a", vpc=VPC_, cidr="172.31.0.0/20", zone="a")
GROUP = SecurityGroup(name="web-sg", vpc=VPC_, description="Web")
RULE = SecurityGroupRule(group=GROUP, from_port=80, to_port=80, peer="0.0.0.0/0")


def lives_of(*resources, **overrides):
    """What exists once these were made; ids are `id-NAME`."""
    return [live_of(resource, **overrides.get(resource.kind, {})) for resource in resources]


def live_of(resource, **overrides):
    fields = {
        name: f"id-{value.name}" if hasattr(value, "kind") else value for name, value in resource.desired().items()
    }
    parents = frozenset(Ref(needed.kind, f"id-{needed.name}") for needed in resource.dependencies)
    return Live(resource.kind, resource.name, f"id-{resource.name}", parents=parents, fields=fields | overrides)


def actions(changes):
    return {(change.kind, change.name): change.action for change in changes}


def test_what_is_absent_is_created_after_what_it_needs():
    changes = compare(Architecture("a", [RULE, SUBNET]), Index(), "eu-west-3")
    assert [change.action for change in changes] == ["create"] * 4
    order = [change.kind for change in changes]
    assert order.index("VPC") < order.index("Subnet")
    assert order.index("SecurityGroup") < order.index("SecurityGroupRule")


def test_what_is_as_declared_is_kept():
    architecture = Architecture("a", [RULE, SUBNET])
    changes = compare(architecture, Index(lives_of(*architecture)), "eu-west-3")
    assert {change.action for change in changes} == {"keep"}


@pytest.mark.parametrize(
    ("kind", "field", "actual", "action"),
    [
        ("Subnet", "public_addresses", True, "update"),
        ("Subnet", "cidr", "172.31.16.0/20", "differs"),
        ("Subnet", "vpc", "id-of-another", "differs"),
        ("VPC", "dns_hostnames", False, "update"),
        ("SecurityGroupRule", "to_port", 81, "update"),
        ("SecurityGroup", "description", "else", "differs"),
    ],
)
def test_a_field_that_reads_otherwise_is_drift_in_that_line_alone(kind, field, actual, action):
    architecture = Architecture("a", [RULE, SUBNET])
    index = Index(lives_of(*architecture, **{kind: {field: actual}}))
    changed = [change for change in compare(architecture, index, "eu-west-3") if change.action != "keep"]
    assert [(change.kind, change.action, set(change.drift)) for change in changed] == [(kind, action, {field})]


def test_drift_speaks_in_names():
    other = live_of(VPC(name="other", cidr="10.0.0.0/16"))
    index = Index([live_of(VPC_), other, live_of(SUBNET, vpc="id-other")])
    assert drift(SUBNET, index.get("Subnet", "public-3a"), index) == {"vpc": Difference("vpc", "other")}


def test_what_is_ours_and_not_declared_is_extra_and_pruned_only_when_asked():
    index = Index(lives_of(VPC_, SUBNET))
    architecture = Architecture("a", [VPC_])
    assert actions(compare(architecture, index, "eu-west-3"))["Subnet", "public-3a"] == "extra"
    assert actions(compare(architecture, index, "eu-west-3", prune=True))["Subnet", "public-3a"] == "delete"


def test_the_rest_of_the_whole_is_nothing_extra_for_a_part():
    whole = Architecture("a", [RULE, SUBNET])
    changes = compare(whole.just(VPC_), Index(lives_of(*whole)), "eu-west-3")
    assert actions(changes) == {("VPC", "vpc"): "keep"}


def test_a_double_is_extra():
    double = replace(live_of(VPC_), id="id-vpc-again")
    changes = compare(Architecture("a", [VPC_]), Index([live_of(VPC_), double]), "eu-west-3")
    assert sorted(change.action for change in changes) == ["extra", "keep"]


def test_somebody_else_s_part_is_shown_and_goes_only_with_what_it_is_part_of():
    stranger = Live(
        "SecurityGroupRule", "ingress tcp 81-81", "sgr-1", frozenset({Ref("SecurityGroup", "id-web-sg")}), foreign=True
    )
    index = Index([*lives_of(VPC_, GROUP, RULE), stranger])
    kept = compare(Architecture("a", [RULE]), index, "eu-west-3", prune=True)
    assert actions(kept)["SecurityGroupRule", stranger.name] == "foreign"
    gone = compare(Architecture("a", [VPC_]), index, "eu-west-3", prune=True)
    assert actions(gone)["SecurityGroupRule", stranger.name] == "delete"


def test_what_is_on_its_way_out_is_created_anew():
    kind = next(kind for kind in load_all().values() if kind.deleting)
    resource = kind.example()
    architecture = Architecture("a", [resource])
    live = replace(live_of(resource), state=next(iter(kind.deleting)))
    (change,) = [c for c in compare(architecture, Index([live]), "eu-west-3") if c.kind == kind.kind]
    assert change.action == "create" and change.live is live


def test_a_new_revision_moves_what_refers_to_it():
    kind = next(kind for kind in load_all().values() if kind.revisions)
    user = next(k.example() for k in load_all().values() if any(isinstance(d, kind) for d in k.example().dependencies))
    used = next(d for d in user.dependencies if isinstance(d, kind))
    index = Index([live_of(used), live_of(user)])
    field = next(name for name, value in user.desired().items() if value is used)
    assert set(drift(user, live_of(user), index, frozenset({used.key}))) >= {field}


def test_the_price_of_a_line_is_marked_where_it_is_not_verified():
    database = replace(load_all()["DBInstance"].example(), storage_gb=20)
    plan = Plan("deploy", None, compare(Architecture("a", [database]), Index(), "eu-west-3"))
    (row,) = [row for row in plan.to_dict() if row["kind"] == "DBInstance"]
    assert row["usd_month"] == pytest.approx(730 * 0.021 + 20 * 0.133)
    assert row["verified"] is False
    assert "~" in repr(plan)


def test_prices_that_aws_told_are_those_of_the_plan():
    told = {
        "service": "AmazonRDS",
        "usage_type": "InstanceUsage:db.t3.micro",
        "operation": "CreateDBInstance:0014",
        "region": "eu-west-3",
        "unit": "Hrs",
        "usd": "1",
        "description": "",
        "source": "AWS Price List API",
        "as_of": "2026-11-01",
        "since": "2026-11-01",
        "verified": True,
    }
    database = load_all()["DBInstance"].example()
    prices = overlay(bundled(), [told], "AWS")
    plan = Plan("deploy", None, compare(Architecture("a", [database]), Index(), "eu-west-3", prices=prices))
    (cost,) = [row["usd_month"] for row in plan.to_dict() if row["kind"] == "DBInstance"]
    assert cost == pytest.approx(730 + database.storage_gb * 0.133)


def test_a_price_that_is_not_known_is_never_counted_as_nothing():
    plan = Plan("deploy", None, compare(Architecture("a", [load_all()["DBInstance"].example()]), Index(), "ap-south-1"))
    assert plan.monthly_cost.usd is None
    assert "not known" in repr(plan)


def test_two_different_resources_of_one_name_are_refused():
    with pytest.raises(InvalidResource, match="two different resources called VPC vpc"):
        Architecture("a", [VPC_, replace(VPC_, cidr="10.0.0.0/16")])


def test_children_are_deleted_before_their_parents():
    lives = lives_of(VPC_, GROUP, RULE, SUBNET)
    edges = delete_edges(lives)
    assert edges[Ref("VPC", "id-vpc")] == {Ref("SecurityGroup", "id-web-sg"), Ref("Subnet", "id-public-3a")}
    assert edges[Ref("SecurityGroup", "id-web-sg")] == {Ref("SecurityGroupRule", f"id-{RULE.name}")}


def test_what_goes_at_the_same_time_is_told_by_name_whatever_the_ids():
    subnets = [replace(SUBNET, name=f"public-3{zone}", zone=zone) for zone in "abc"]
    for ids in (("z", "y", "x"), ("x", "y", "z")):
        lives = [live_of(VPC_), *(replace(live_of(s), id=id) for s, id in zip(subnets, ids, strict=True))]
        by_ref = {live.ref: live for live in lives}
        order = [by_ref[ref].name for ref in topological_order(delete_edges(reversed(lives)), by_ref)]
        assert order == ["public-3a", "public-3b", "public-3c", "vpc"]


def test_rules_that_name_each_other_s_groups_are_revoked_before_either_group_goes():
    first = SecurityGroup(name="a-sg", vpc=VPC_, description="a")
    second = SecurityGroup(name="b-sg", vpc=VPC_, description="b")
    rules = [
        SecurityGroupRule(group=first, from_port=1, to_port=1, peer=second),
        SecurityGroupRule(group=second, from_port=1, to_port=1, peer=first),
    ]
    edges = delete_edges(lives_of(VPC_, first, second, *rules))
    both = {Ref("SecurityGroupRule", f"id-{rule.name}") for rule in rules}
    assert edges[Ref("SecurityGroup", "id-a-sg")] == edges[Ref("SecurityGroup", "id-b-sg")] == both


def test_what_is_extra_goes_before_what_it_stands_on_is_changed():
    group = live_of(GROUP, all_outbound=False)
    extra = live_of(RULE)
    changes = compare(Architecture("a", [GROUP]), Index([live_of(VPC_), group, extra]), "eu-west-3", prune=True)
    graph = deploy_graph(changes)
    assert Node("delete", extra.ref) in graph[Node("make", GROUP.key)][1]


def test_extra_services_go_before_the_group_whose_instances_they_are_on_is_changed():
    group, service = AutoScalingGroup.example(), live_of(Service.example())
    larger = replace(group, maximum=4)
    existing = lives_of(*Architecture("before", [group]))
    changes = compare(Architecture("a", [larger]), Index([*existing, service]), "eu-west-3", prune=True)
    assert actions(changes)["AutoScalingGroup", group.name] == "update"
    assert Node("delete", service.ref) in deploy_graph(changes)[Node("make", group.key)][1]


def test_what_takes_longest_with_all_that_waits_for_it_is_begun_first():
    changes = compare(Architecture("a", [RULE, SUBNET]), Index(), "eu-west-3")
    length = critical_path(deploy_graph(changes))
    assert length[Node("make", VPC_.key)] > length[Node("make", GROUP.key)] > length[Node("make", RULE.key)] > 0


def test_a_summary_counts_lines_by_kind_and_action():
    plan = Plan("deploy", None, compare(Architecture("a", [RULE, SUBNET]), Index(), "eu-west-3"))
    summary = plan.summary()
    assert list(summary.columns) == ["action", "kind", "count", "usd_month", "verified"]
    assert summary["count"].sum() == 4
    assert repr(plan) == "deploy: 4 create; 0.00 USD a month at list price"


def test_a_line_has_the_documented_keys():
    assert Change("keep", "VPC", "vpc").to_dict().keys() == {"action", "kind", "name", "usd_month", "verified", "drift"}
