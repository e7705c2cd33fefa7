"""Plans without AWS: actions, prices, refusals, and the order in which changes start."""

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from esaws.architecture import Architecture
from esaws.deploy import apply
from esaws.deploy.change import Change
from esaws.deploy.graph import Node, critical_path, delete_edges, deploy_graph, topological_order
from esaws.deploy.plan import Plan, compare
from esaws.errors import ApplyFailed, DeployRefused, EsawsError, InvalidResource
from esaws.pricelist import bundled
from esaws.pricelist.price_cache import overlay
from esaws.reference.seccom import seccom
from esaws.resource import Difference, Index, Live, Ref, drift
from esaws.resources import (
    VPC,
    AutoScalingGroup,
    Broker,
    Lease,
    LoadBalancer,
    SecurityGroup,
    SecurityGroupRule,
    Service,
    Subnet,
    load_all,
)

VPC_ = VPC(name="vpc", cidr="172.31.0.0/16")
SUBNET = Subnet(name="public-3a", vpc=VPC_, cidr="172.31.0.0/20", zone="a")
GROUP = SecurityGroup(name="web-sg", vpc=VPC_, description="Web")
RULE = SecurityGroupRule(group=GROUP, from_port=80, to_port=80, peer="0.0.0.0/0")


def lives_of(*resources, **overrides):
    """Return the existing resources after these were created; ids are `id-NAME`."""
    return [live_of(resource, **overrides.get(resource.kind, {})) for resource in resources]


def live_of(resource, **overrides):
    fields = {
        name: f"id-{value.name}" if hasattr(value, "kind") else value for name, value in resource.desired().items()
    }
    parents = frozenset(Ref(needed.kind, f"id-{needed.name}") for needed in resource.dependencies)
    return Live(resource.kind, resource.name, f"id-{resource.name}", parents=parents, fields=fields | overrides)


def actions(changes):
    return {(change.kind, change.name): change.action for change in changes}


def test_missing_resources_are_created_after_their_dependencies():
    changes = compare(Architecture("a", [RULE, SUBNET]), Index(), "eu-west-3")
    assert [change.action for change in changes] == ["create"] * 4
    order = [change.kind for change in changes]
    assert order.index("VPC") < order.index("Subnet")
    assert order.index("SecurityGroup") < order.index("SecurityGroupRule")


def test_resources_without_drift_are_kept():
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
def test_a_changed_field_is_drift_of_that_resource_alone(kind, field, actual, action):
    architecture = Architecture("a", [RULE, SUBNET])
    index = Index(lives_of(*architecture, **{kind: {field: actual}}))
    changed = [change for change in compare(architecture, index, "eu-west-3") if change.action != "keep"]
    assert [(change.kind, change.action, set(change.drift)) for change in changed] == [(kind, action, {field})]


def test_drift_has_names_instead_of_ids():
    other = live_of(VPC(name="other", cidr="10.0.0.0/16"))
    index = Index([live_of(VPC_), other, live_of(SUBNET, vpc="id-other")])
    assert drift(SUBNET, index.get("Subnet", "public-3a"), index) == {"vpc": Difference("vpc", "other")}


def test_an_undeclared_resource_is_extra_and_deleted_only_with_prune():
    index = Index(lives_of(VPC_, SUBNET))
    architecture = Architecture("a", [VPC_])
    assert actions(compare(architecture, index, "eu-west-3"))["Subnet", "public-3a"] == "extra"
    assert actions(compare(architecture, index, "eu-west-3", prune=True))["Subnet", "public-3a"] == "delete"


def test_a_part_of_an_architecture_does_not_list_the_rest_as_extra():
    whole = Architecture("a", [RULE, SUBNET])
    changes = compare(whole.just(VPC_), Index(lives_of(*whole)), "eu-west-3")
    assert actions(changes) == {("VPC", "vpc"): "keep"}


def test_a_second_resource_of_the_same_name_is_extra():
    double = replace(live_of(VPC_), id="id-vpc-again")
    changes = compare(Architecture("a", [VPC_]), Index([live_of(VPC_), double]), "eu-west-3")
    assert sorted(change.action for change in changes) == ["extra", "keep"]


def test_a_foreign_part_is_deleted_only_with_its_parent():
    foreign = Live(
        "SecurityGroupRule", "ingress tcp 81-81", "sgr-1", frozenset({Ref("SecurityGroup", "id-web-sg")}), foreign=True
    )
    index = Index([*lives_of(VPC_, GROUP, RULE), foreign])
    without_group_change = compare(Architecture("a", [RULE]), index, "eu-west-3", prune=True)
    assert actions(without_group_change)["SecurityGroupRule", foreign.name] == "foreign"
    with_pruned_group = compare(Architecture("a", [VPC_]), index, "eu-west-3", prune=True)
    assert actions(with_pruned_group)["SecurityGroupRule", foreign.name] == "delete"


def test_a_resource_that_aws_is_deleting_is_created_again():
    kind = next(kind for kind in load_all().values() if kind.deleting)
    resource = kind.example()
    architecture = Architecture("a", [resource])
    live = replace(live_of(resource), state=next(iter(kind.deleting)))
    (change,) = [c for c in compare(architecture, Index([live]), "eu-west-3") if c.kind == kind.kind]
    assert change.action == "create" and change.live is live


def test_a_new_revision_is_drift_of_the_resources_that_refer_to_it():
    kind = next(kind for kind in load_all().values() if kind.revisions)
    user = next(k.example() for k in load_all().values() if any(isinstance(d, kind) for d in k.example().dependencies))
    used = next(d for d in user.dependencies if isinstance(d, kind))
    index = Index([live_of(used), live_of(user)])
    field = next(name for name, value in user.desired().items() if value is used)
    assert set(drift(user, live_of(user), index, frozenset({used.key}))) >= {field}


def test_an_unverified_price_is_marked():
    database = replace(load_all()["DBInstance"].example(), storage_gb=20)
    plan = Plan("deploy", None, compare(Architecture("a", [database]), Index(), "eu-west-3"))
    (row,) = [row for row in plan.to_dict() if row["kind"] == "DBInstance"]
    assert row["usd_month"] == pytest.approx(730 * 0.021 + 20 * 0.133)
    assert row["verified"] is False
    assert "~" in repr(plan)


def test_a_plan_uses_the_given_price_list():
    price = {
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
    prices = overlay(bundled(), [price], "AWS")
    plan = Plan("deploy", None, compare(Architecture("a", [database]), Index(), "eu-west-3", prices=prices))
    (cost,) = [row["usd_month"] for row in plan.to_dict() if row["kind"] == "DBInstance"]
    assert cost == pytest.approx(730 + database.storage_gb * 0.133)


def test_an_unknown_price_is_not_counted_as_zero():
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


def test_resources_without_a_given_order_are_deleted_by_name():
    subnets = [replace(SUBNET, name=f"public-3{zone}", zone=zone) for zone in "abc"]
    for ids in (("z", "y", "x"), ("x", "y", "z")):
        lives = [live_of(VPC_), *(replace(live_of(s), id=id) for s, id in zip(subnets, ids, strict=True))]
        by_ref = {live.ref: live for live in lives}
        order = [by_ref[ref].name for ref in topological_order(delete_edges(reversed(lives)), by_ref)]
        assert order == ["public-3a", "public-3b", "public-3c", "vpc"]


def test_rules_that_refer_to_each_others_groups_are_deleted_before_both_groups():
    first = SecurityGroup(name="a-sg", vpc=VPC_, description="a")
    second = SecurityGroup(name="b-sg", vpc=VPC_, description="b")
    rules = [
        SecurityGroupRule(group=first, from_port=1, to_port=1, peer=second),
        SecurityGroupRule(group=second, from_port=1, to_port=1, peer=first),
    ]
    edges = delete_edges(lives_of(VPC_, first, second, *rules))
    both = {Ref("SecurityGroupRule", f"id-{rule.name}") for rule in rules}
    assert edges[Ref("SecurityGroup", "id-a-sg")] == edges[Ref("SecurityGroup", "id-b-sg")] == both


def test_an_extra_resource_is_deleted_before_an_update_of_its_parent():
    group = live_of(GROUP, all_outbound=False)
    extra = live_of(RULE)
    changes = compare(Architecture("a", [GROUP]), Index([live_of(VPC_), group, extra]), "eu-west-3", prune=True)
    graph = deploy_graph(changes)
    assert Node("delete", extra.ref) in graph[Node("make", GROUP.key)][1]


def test_an_extra_service_is_deleted_before_an_update_of_its_auto_scaling_group():
    group, service = AutoScalingGroup.example(), live_of(Service.example())
    larger = replace(group, maximum=4)
    existing = lives_of(*Architecture("before", [group]))
    changes = compare(Architecture("a", [larger]), Index([*existing, service]), "eu-west-3", prune=True)
    assert actions(changes)["AutoScalingGroup", group.name] == "update"
    assert Node("delete", service.ref) in deploy_graph(changes)[Node("make", group.key)][1]


def test_the_critical_path_counts_all_dependents():
    changes = compare(Architecture("a", [RULE, SUBNET]), Index(), "eu-west-3")
    length = critical_path(deploy_graph(changes))
    assert length[Node("make", VPC_.key)] > length[Node("make", GROUP.key)] > length[Node("make", RULE.key)] > 0


def test_a_summary_counts_changes_by_action_and_kind():
    plan = Plan("deploy", None, compare(Architecture("a", [RULE, SUBNET]), Index(), "eu-west-3"))
    summary = plan.summary()
    assert list(summary.columns) == ["action", "kind", "count", "usd_month", "verified"]
    assert summary["count"].sum() == 4
    assert repr(plan) == "deploy: 4 create; 0.00 USD a month at list price"


def test_a_change_has_the_documented_keys():
    assert Change("keep", "VPC", "vpc").to_dict().keys() == {"action", "kind", "name", "usd_month", "verified", "drift"}


def test_a_plan_shows_its_headline_and_its_changes():
    plan = Plan("deploy", None, compare(Architecture("a", [SUBNET]), Index(), "eu-west-3"))
    assert str(plan).splitlines() == [repr(plan), "  create VPC vpc", "  create Subnet public-3a"]
    assert "<td>Subnet</td>" in plan._repr_html_()
    console = Console(width=80, file=StringIO())
    console.print(plan)
    assert "public-3a" in console.file.getvalue()


def test_an_inventory_shows_its_resources_by_name():
    index = Index(lives_of(VPC_, SUBNET))
    assert repr(index) == "2 resources"
    assert index.to_dict()[0] == {"kind": "Subnet", "name": "public-3a", "id": "id-public-3a", "state": ""}
    assert index.to_frame(Subnet)["vpc"].to_list() == ["vpc"]
    assert "<td>public-3a</td>" in index._repr_html_() and "id-public-3a" not in index._repr_html_()


# -- apply, with recorded operations instead of AWS ----------------------------------------------------------------


class RecordingCloud:
    """Stands in for a cloud. `started` holds the changes in the order in which they start."""

    deployment, region, account, is_aws = "seccom", "eu-west-3", "123456789012", False

    def __init__(self):
        self.calls, self.known_ids, self.started = [], {}, []

    def check(self):
        return self.account


@pytest.fixture
def recording(monkeypatch, tmp_path):
    """Apply changes one at a time to a cloud that records them."""
    monkeypatch.setenv("ESAWS_RUNS", str(tmp_path))
    monkeypatch.setattr(apply, "WORKERS", 1)
    for action in ("create", "update", "delete"):
        monkeypatch.setitem(apply._OPERATIONS, action, lambda cloud, change: cloud.started.append(change))
    return RecordingCloud()


def started(cloud):
    return [(change.kind, change.name) for change in cloud.started]


@pytest.mark.parametrize(
    ("existing", "reason"),
    [
        ([live_of(VPC_, cidr="10.0.0.0/16")], "differs: VPC vpc (cidr: 10.0.0.0/16 instead of 172.31.0.0/16)"),
        (lives_of(VPC_, GROUP), "extra: SecurityGroup web-sg is not in this architecture; --prune deletes it"),
    ],
    ids=["differs", "extra"],
)
def test_apply_refuses_a_plan_with_changes_that_a_deploy_does_not_make(recording, existing, reason):
    changes = compare(Architecture("a", [SUBNET]), Index(existing), "eu-west-3")
    with pytest.raises(DeployRefused) as refusal:
        Plan("deploy", recording, changes).apply()
    assert reason in str(refusal.value)
    assert recording.started == []


def test_apply_makes_only_the_changes_of_a_pruning_plan(recording):
    changes = compare(Architecture("a", [SUBNET]), Index(lives_of(VPC_, GROUP)), "eu-west-3", prune=True)
    result = Plan("deploy", recording, changes).apply()
    assert {str(change) for change in recording.started} == {"create Subnet public-3a", "delete SecurityGroup web-sg"}
    assert (result.created, result.kept, result.deleted) == (1, 1, 1)
    assert repr(result) == "1 created, 1 kept, 1 deleted"


def test_apply_starts_the_longest_chain_first(recording):
    broker = Broker.example()  # 900 seconds
    balancer = LoadBalancer.example()  # 150 seconds
    rule = SecurityGroupRule(group=balancer.security_groups[0], from_port=80, to_port=80, peer="0.0.0.0/0")
    changes = compare(Architecture("a", [rule, balancer, broker]), Index(), "eu-west-3")
    Plan("deploy", recording, changes).apply()
    order = started(recording)
    assert order[:3] == [broker.password.key, broker.key, balancer.subnets[0].vpc.key]
    assert order.index(balancer.key) < order.index(rule.key)


def test_apply_starts_the_ready_change_with_the_longest_chain_every_time(recording):
    changes = compare(seccom("ha"), Index(), "eu-west-3")
    Plan("deploy", recording, changes).apply()
    graph = deploy_graph(changes)
    length = critical_path(graph)
    done = set()
    for key in started(recording):
        ready = [node for node, (_, needed) in graph.items() if node not in done and needed <= done]
        assert length["make", key] == max(length[node] for node in ready)
        done.add(Node("make", key))
    assert len(done) == len(changes)


def test_apply_starts_nothing_after_a_failure(recording, monkeypatch):
    def create(cloud, change):
        cloud.started.append(change)
        if change.kind == "VPC":
            raise EsawsError("no VPC today")

    monkeypatch.setitem(apply._OPERATIONS, "create", create)
    with pytest.raises(ApplyFailed, match=r"VPC vpc: EsawsError: no VPC today[\s\S]*run the same deploy again"):
        Plan("deploy", recording, compare(Architecture("a", [RULE, SUBNET]), Index(), "eu-west-3")).apply()
    assert started(recording) == [VPC_.key]


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
def test_a_kind_is_deleted_after_the_kinds_that_block_it_although_it_is_not_their_parent(kind, earlier):
    # The names would order them the other way round.
    later, first = Live(kind, "a", "id-a"), Live(earlier, "b", "id-b")
    by_ref = {live.ref: live for live in (later, first)}
    assert [*topological_order(delete_edges(by_ref.values()), by_ref)] == [first.ref, later.ref]
    pruning = [Change("delete", live.kind, live.name, live=live) for live in (later, first)]
    assert deploy_graph(pruning)[Node("delete", later.ref)][1] == {Node("delete", first.ref)}


@pytest.mark.parametrize("profile", ["ha", "budget"])
def test_a_teardown_of_the_system_deletes_children_first_and_blocked_kinds_last(recording, profile):
    lives = lives_of(*seccom(profile), Lease.example())
    Plan("teardown", recording, [Change("delete", live.kind, live.name, live=live) for live in lives]).apply()
    position = {change.live.ref: number for number, change in enumerate(recording.started)}
    assert len(position) == len(lives)
    for live in lives:
        assert all(position[live.ref] < position[parent] for parent in live.parents)
        for other in lives:
            if other.kind in DELETED_LATER.get(live.kind, ()):
                assert position[other.ref] < position[live.ref], f"{other.kind} {other.name} before {live.kind}"
