"""Plans without AWS: actions, prices, what a plan shows, refusals and the confirmation on AWS."""

from contextlib import nullcontext
from dataclasses import replace
from decimal import Decimal
from io import StringIO
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError
from rich.console import Console

from esaws.architecture import Architecture
from esaws.cli.lease import summarize_costs
from esaws.deploy import plan as plan_module
from esaws.deploy.change import ACTIONS, Change
from esaws.deploy.graph import Node
from esaws.deploy.plan import Plan, ask_for_confirmation, compare, plan_deploy, plan_teardown
from esaws.deploy.preflight import CheckReport
from esaws.deploy.staleness import changed_lines
from esaws.errors import DeployRefused, EsawsError, InvalidResource, Refused, StalePlan, UsageError, WrongAccount
from esaws.pricelist import MonthlyCost, bundled
from esaws.pricelist.price_cache import overlay
from esaws.resource import AddressOf, Difference, Index, Live, Ref, drift
from esaws.resources import VPC, Lease, LoadBalancer, Service, Subnet, TaskDefinition, load_all
from tests.small_network import GROUP, RULE, SUBNET, VPC_, live_of, lives_of


def plan_of(purpose, changes, cloud=None):
    """Return a plan that says the same whatever exists."""
    return Plan(purpose, cloud, lambda index: changes, Index())


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


def test_a_resource_is_updated_in_place_only_if_aws_can_change_every_field_that_differs():
    both = live_of(SUBNET, public_addresses=True, zone="b")
    changes = compare(Architecture("a", [SUBNET]), Index([live_of(VPC_), both]), "eu-west-3")
    assert actions(changes) == {("VPC", "vpc"): "keep", ("Subnet", "public-3a"): "differs"}


def test_drift_has_names_instead_of_ids():
    other = live_of(VPC(name="other", cidr="10.0.0.0/16"))
    index = Index([live_of(VPC_), other, live_of(SUBNET, vpc="id-other")])
    assert drift(SUBNET, index.get("Subnet", "public-3a"), index) == {"vpc": Difference("vpc", "other")}


def test_an_undeclared_resource_is_extra_and_deleted_only_with_prune():
    index = Index(lives_of(VPC_, SUBNET))
    architecture = Architecture("a", [VPC_])
    assert actions(compare(architecture, index, "eu-west-3"))["Subnet", "public-3a"] == "extra"
    assert actions(compare(architecture, index, "eu-west-3", prune=True))["Subnet", "public-3a"] == "delete"


def test_a_resource_that_a_deploy_keeps_is_not_in_its_plan():
    lease = live_of(Lease.example())
    assert compare(Architecture("a", [VPC_]), Index([live_of(VPC_), lease]), "eu-west-3", prune=True)[1:] == []


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


@pytest.mark.parametrize(("memory", "action"), [(64, "update"), (None, "keep")])
def test_a_service_is_updated_with_its_task_definition_and_kept_with_it(memory, action):
    service = Service.example()
    (definition,) = [item for item in service.dependencies if isinstance(item, TaskDefinition)]
    existing = lives_of(*Architecture("before", [service]), TaskDefinition={"memory": memory or definition.memory})
    planned = actions(compare(Architecture("a", [service]), Index(existing), "eu-west-3"))
    assert (planned[definition.key], planned[service.key]) == (action, action)


@pytest.mark.parametrize(
    ("address", "actual", "expected"),
    [
        ("new.example", "http://new.example", {}),
        ("new.example", "http://old.example", {"environment": "http://alb"}),
        (None, "http://old.example", {"environment": "http://alb"}),
    ],
    ids=["same", "another", "none yet"],
)
def test_a_value_with_an_address_is_compared_with_the_one_that_aws_gave(address, actual, expected):
    balancer = LoadBalancer.example().replace(name="alb")
    definition = TaskDefinition.example().replace(environment=(("URL", AddressOf(balancer, "http://{}")),))
    assert balancer in definition.dependencies
    live = live_of(definition, environment=frozenset({("URL", actual)}))
    existing = [each for each in lives_of(*definition.dependencies) if each.key != balancer.key]
    if address:
        existing.append(replace(live_of(balancer), address=address))
    found = drift(definition, live, Index(existing))
    assert {name: dict(each.declared)["URL"] for name, each in found.items()} == expected


def test_an_unverified_price_is_marked():
    database = replace(load_all()["DBInstance"].example(), storage_gb=20)
    plan = plan_of("deploy", compare(Architecture("a", [database]), Index(), "eu-west-3"))
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
    plan = plan_of("deploy", compare(Architecture("a", [database]), Index(), "eu-west-3", prices=prices))
    (cost,) = [row["usd_month"] for row in plan.to_dict() if row["kind"] == "DBInstance"]
    assert cost == pytest.approx(730 + database.storage_gb * 0.133)


def test_an_unknown_price_is_not_counted_as_zero():
    plan = plan_of("deploy", compare(Architecture("a", [load_all()["DBInstance"].example()]), Index(), "ap-south-1"))
    assert plan.monthly_cost.usd is None
    assert plan.price() == "its monthly price is not known: no price of 1 DBInstance"
    assert plan.to_frame().usd_month.isna().sum() == 1
    mixed = plan_of(
        "deploy", [priced("create", "Broker", "b", 5), *(change for change in plan if change.cost.usd is None)]
    )
    assert mixed.price() == "at least 5.00 USD a month at list price, without 1 DBInstance (price not known)"
    summary = mixed.summary().set_index("kind").usd_month
    assert summary["Broker"] == 5 and summary.isna()["DBInstance"], "the sum of an unknown price is unknown"


def test_what_a_parked_deployment_still_costs_counts_unknown_prices_beside_the_sum():
    rows = [{"usd_per_day": 2.0}, {"usd_per_day": None}]
    assert summarize_costs(rows[:1]) == "2.00 USD a day remain, at list price"
    assert summarize_costs(rows) == "at least 2.00 USD a day remain, at list price, without 1 of unknown price"
    assert summarize_costs(rows[1:]) == "costs remain, of unknown price"


def test_two_different_resources_of_one_name_are_refused():
    with pytest.raises(InvalidResource, match="two different resources called VPC vpc"):
        Architecture("a", [VPC_, replace(VPC_, cidr="10.0.0.0/16")])


def test_a_summary_counts_changes_by_action_and_kind():
    plan = plan_of("deploy", compare(Architecture("a", [RULE, SUBNET]), Index(), "eu-west-3"))
    summary = plan.summary()
    assert list(summary.columns) == ["action", "kind", "count", "usd_month", "verified"]
    assert summary["count"].sum() == 4
    assert repr(plan) == "deploy: 4 create; 0.00 USD a month at list price"


def test_a_change_has_the_documented_keys():
    assert Change("keep", "VPC", "vpc").to_dict().keys() == {"action", "kind", "name", "usd_month", "verified", "drift"}


def priced(action, kind, name, usd=None, *, verified=True):
    cost = None if usd is None else MonthlyCost(Decimal(usd), verified)
    return Change(action, kind, name, cost=cost)


def test_a_headline_counts_actions_in_their_order_and_adds_the_prices():
    changes = [
        priced("keep", "VPC", "vpc", 0),
        priced("create", "DBInstance", "database", 10),
        priced("create", "Broker", "broker", 20.5),
        priced("extra", "Subnet", "old"),
    ]
    price = "30.50 USD a month at list price"
    assert repr(plan_of("deploy", changes)) == f"deploy: 2 create, 1 keep, 1 extra; {price}"
    unverified = priced("keep", "Alarm", "alarm", 0, verified=False)
    assert repr(plan_of("deploy", [*changes, unverified])).endswith(f"; {price} (~ some prices unverified)")


def test_a_headline_of_a_teardown_has_no_price():
    assert repr(plan_of("teardown", [priced("delete", "VPC", "vpc")])) == "teardown: 1 delete"
    assert repr(plan_of("teardown", [])) == "teardown: nothing to do"


def test_a_plan_separates_the_changes_that_apply_makes_from_those_that_block_it():
    plan = plan_of("deploy", [Change(action, "VPC", action) for action in ACTIONS])
    assert [change.action for change in plan.changing] == ["create", "update", "delete"]
    assert [change.action for change in plan.blockers] == ["differs", "extra"]
    assert (len(plan), [change.action for change in plan]) == (len(ACTIONS), list(ACTIONS))


def test_a_summary_has_the_most_expensive_row_first_and_equal_ones_by_action_and_kind():
    changes = [
        priced("keep", "VPC", "vpc", 0),
        priced("keep", "Alarm", "b", 0),
        priced("create", "VPC", "other", 0),
        priced("keep", "Broker", "broker", 5, verified=False),
        priced("keep", "DBInstance", "one", 4),
        priced("keep", "DBInstance", "two", 4),
    ]
    assert plan_of("deploy", changes).summary().to_numpy().tolist() == [
        ["keep", "DBInstance", 2, 8, True],
        ["keep", "Broker", 1, 5, False],
        ["create", "VPC", 1, 0, True],
        ["keep", "Alarm", 1, 0, True],
        ["keep", "VPC", 1, 0, True],
    ]


def test_a_plan_shows_its_headline_and_its_changes():
    plan = plan_of("deploy", compare(Architecture("a", [SUBNET]), Index(), "eu-west-3"))
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


# -- planning against a cloud --------------------------------------------------------------------------------------


class StubCloud:
    """Stands in for a cloud. `calls` holds the names of the methods that were called."""

    deployment, region, account, prices = "seccom", "eu-west-3", "123456789012", None

    def __init__(self, *, is_aws=False):
        self.is_aws, self.calls = is_aws, []

    def start(self):
        self.calls.append("start")

    def check(self):
        self.calls.append("check")
        return self.account


@pytest.fixture
def existing(monkeypatch):
    """Return a function that sets the resources that exist."""
    return lambda *lives: monkeypatch.setattr(plan_module, "inventory", lambda cloud: Index(lives))


@pytest.mark.parametrize(("options", "action"), [({}, "extra"), ({"prune": True}, "delete")])
def test_a_deploy_is_planned_from_the_inventory_after_the_account_is_checked(existing, options, action):
    existing(*lives_of(VPC_, SUBNET))
    cloud = StubCloud()
    plan = plan_deploy(Architecture("a", [VPC_]), cloud, **options)
    assert (plan.purpose, cloud.calls) == ("deploy", ["start", "check"])
    assert actions(plan) == {("VPC", "vpc"): "keep", ("Subnet", "public-3a"): action}


def test_a_teardown_is_planned_from_the_inventory_with_children_first(existing):
    existing(*lives_of(VPC_, GROUP, RULE))
    cloud = StubCloud()
    plan = plan_teardown(cloud)
    assert [str(change) for change in plan] == [f"delete {RULE}", "delete SecurityGroup web-sg", "delete VPC vpc"]
    assert (plan.purpose, cloud.calls) == ("teardown", ["check"])


# -- apply: refusals and the confirmation --------------------------------------------------------------------------


@pytest.fixture
def applied(monkeypatch):
    """The purposes and graphs of the applies that ran."""
    monkeypatch.setattr("esaws.deploy.plan.check_account", lambda changes, cloud: CheckReport())
    runs = []

    def run(purpose, cloud, graph, unfinished, check_lock):
        return SimpleNamespace(run=lambda: runs.append((purpose, graph)))

    monkeypatch.setattr(plan_module, "Apply", run)
    monkeypatch.setattr(plan_module, "deployment_lock", lambda cloud, purpose: nullcontext(SimpleNamespace(check=None)))
    monkeypatch.setattr(plan_module, "inventory", lambda cloud: Index())
    monkeypatch.delenv("ESAWS_YES", raising=False)
    return runs


@pytest.mark.parametrize(
    ("lives", "reason"),
    [
        ([live_of(VPC_, cidr="10.0.0.0/16")], "differs: VPC vpc (cidr: 10.0.0.0/16 instead of 172.31.0.0/16)"),
        (lives_of(VPC_, GROUP), "extra: SecurityGroup web-sg is not in this architecture; --prune deletes it"),
    ],
    ids=["differs", "extra"],
)
def test_apply_refuses_a_plan_with_changes_that_a_deploy_does_not_make(applied, lives, reason):
    changes = compare(Architecture("a", [SUBNET]), Index(lives), "eu-west-3")
    with pytest.raises(DeployRefused) as refusal:
        plan_of("deploy", changes, StubCloud()).apply(yes=True)
    assert [line for line in str(refusal.value).splitlines()[1:] if not line.strip().startswith(reason)] == []
    assert applied == []


def test_apply_checks_the_account_before_anything_else(applied):
    class OtherAccount(StubCloud):
        def check(self):
            raise WrongAccount("the credentials belong to another account")

    with pytest.raises(WrongAccount):
        plan_of("deploy", [Change("extra", "VPC", "vpc")], OtherAccount()).apply(yes=True)
    assert applied == []


def test_apply_runs_the_graph_of_its_purpose(applied):
    create, delete = Change("create", "VPC", "vpc", VPC_), Change("delete", "VPC", "vpc", live=live_of(VPC_))
    plan_of("deploy", [create], StubCloud()).apply()
    plan_of("teardown", [delete], StubCloud()).apply()
    assert [(purpose, list(graph)) for purpose, graph in applied] == [
        ("deploy", [Node("make", VPC_.key)]),
        ("teardown", [Node("delete", ("VPC", "id-vpc"))]),
    ]


@pytest.mark.parametrize(
    ("is_aws", "yes", "variable", "answer", "runs"),
    [
        (True, None, None, "123456789012", True),
        (True, None, None, " 123456789012 ", True),
        (True, None, None, "yes", False),
        (True, None, None, "", False),
        (True, False, None, "no", False),
        (True, None, "0", "no", False),
        # No question.
        (True, True, None, None, True),
        (True, None, "1", None, True),
        (False, None, None, None, True),
        (False, False, "0", None, True),
    ],
)
def test_apply_on_aws_needs_the_account_number_or_yes(applied, monkeypatch, is_aws, yes, variable, answer, runs):
    prompts = []

    def ask(prompt):
        prompts.append(prompt)
        return answer

    monkeypatch.setattr("builtins.input", ask)
    if variable is not None:
        monkeypatch.setenv("ESAWS_YES", variable)
    plan = plan_of("deploy", [Change("create", "VPC", "vpc", VPC_)], StubCloud(is_aws=is_aws))
    options = {} if yes is None else {"yes": yes}
    if runs:
        plan.apply(**options)
    else:
        with pytest.raises(Refused, match="the answer was not the account number"):
            plan.apply(**options)
    assert bool(applied) is runs
    assert prompts == (
        []
        if answer is None
        else [f"{plan!r}, in account 123456789012, eu-west-3. Type the account number to continue: "]
    )


@pytest.mark.parametrize("error", [EOFError, RuntimeError])
def test_without_input_nothing_is_confirmed(error):
    def ask(prompt):
        raise error

    with pytest.raises(Refused, match="there is no input to confirm it; set ESAWS_YES=1"):
        ask_for_confirmation(StubCloud(), "teardown: 1 delete", ask=ask)


def test_a_given_prompt_is_used_instead_of_input(monkeypatch):
    monkeypatch.setattr("builtins.input", lambda prompt: "")
    ask_for_confirmation(StubCloud(), "teardown: 1 delete", ask=lambda prompt: "123456789012")


# -- apply: the account is compared again --------------------------------------------------------------------------

WHOLE = Architecture("a", [RULE, SUBNET])
PUBLIC = live_of(SUBNET, public_addresses=True)
OTHER_CIDR = live_of(SUBNET, cidr="10.0.0.0/20")
UNKNOWN = live_of(SUBNET, public_addresses=None)


def lines_between(before, after, unfinished=(), *, prune=False):
    """Return how the plan of `WHOLE` for the resources `before` is stale where `after` exist."""
    planned, current = (compare(WHOLE, Index(lives), "eu-west-3", prune=prune) for lives in (before, after))
    return changed_lines(planned, current, unfinished)


def but(live, *, of=WHOLE):
    """Return the existing resources of an architecture, with `live` instead of the declared one."""
    return [live if declared.key == live.key else declared for declared in lives_of(*of)]


GROUP_REF = Ref("SecurityGroup", "id-web-sg")
FOREIGN = Live("SecurityGroupRule", "ingress tcp 81-81", "sgr-1", frozenset({GROUP_REF}), foreign=True)
EXTRA = live_of(replace(SUBNET, name="public-3b"))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([], []),
        ([], lives_of(*WHOLE)),
        ([], lives_of(VPC_)),
        (lives_of(VPC_, GROUP), lives_of(*WHOLE)),
        (but(PUBLIC), lives_of(*WHOLE)),
        (but(PUBLIC), but(PUBLIC)),
        (but(PUBLIC), but(replace(PUBLIC, id="id-made-again"))),
        (lives_of(*WHOLE), [*lives_of(*WHOLE), FOREIGN]),
        ([*lives_of(*WHOLE), FOREIGN], lives_of(*WHOLE)),
    ],
    ids=[
        "nothing",
        "all done",
        "begun",
        "continued",
        "repaired",
        "as planned",
        "made again",
        "foreign",
        "foreign gone",
    ],
)
def test_a_plan_holds_while_only_what_it_says_is_left_to_do(before, after):
    assert lines_between(before, after) == []


IS_GONE = "it existed when the plan was made, and does not exist now"
IS_NEW = "it did not exist when the plan was made, and now it does"
IS_EXTRA = "it was not there when the plan was made, and this architecture does not declare it"


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        (lives_of(*WHOLE), but(PUBLIC), "public-3a: it has changed (public_addresses: True instead of False)"),
        (lives_of(*WHOLE), lives_of(VPC_, GROUP, RULE), f"public-3a: {IS_GONE}"),
        (but(PUBLIC), lives_of(VPC_, GROUP, RULE), f"public-3a: {IS_GONE}"),
        (but(PUBLIC), but(UNKNOWN), "public-3a: it has changed (public_addresses: None instead of False)"),
        ([], but(OTHER_CIDR), f"public-3a: {IS_NEW} (cidr: 10.0.0.0/20 instead of 172.31.0.0/20)"),
        ([], but(PUBLIC), f"public-3a: {IS_NEW} (public_addresses: True instead of False)"),
        ([], [EXTRA], f"public-3b: {IS_EXTRA}"),
    ],
    ids=["changed", "gone", "gone before its update", "changed otherwise", "another", "half another", "extra"],
)
def test_a_plan_is_stale_where_the_account_has_changed_otherwise(before, after, line):
    assert lines_between(before, after) == [f"Subnet {line}"]


def test_a_resource_that_the_plan_left_half_made_is_completed():
    assert lines_between([], but(PUBLIC), {Node("make", SUBNET.key)}) == []
    assert lines_between(but(PUBLIC), lives_of(VPC_, GROUP, RULE), {Node("make", SUBNET.key)}) == []
    assert len(lines_between([], but(OTHER_CIDR), {Node("make", SUBNET.key)})) == 1, "AWS can't change it"


def test_nothing_is_deleted_that_the_plan_does_not_name():
    nothing, extra = lives_of(*WHOLE), [*lives_of(*WHOLE), EXTRA]
    assert lines_between(extra, extra, prune=True) == lines_between(extra, nothing, prune=True) == []
    stale = "Subnet public-3b: it was not there when the plan was made, and would be deleted"
    assert lines_between(nothing, extra, prune=True) == [stale]


DRAINING = replace(live_of(Service.example()), state="DRAINING")


@pytest.mark.parametrize(
    "after",
    [lives_of(VPC_), [], [live_of(VPC_), DRAINING]],
    ids=["unchanged", "gone", "a service that drains"],
)
def test_a_teardown_deletes_what_is_left_of_what_it_names(existing, applied, after):
    existing(live_of(VPC_))
    plan = plan_teardown(StubCloud())
    existing(*after)
    plan.apply()
    assert [len(graph) for _, graph in applied] == [len(after)]


def test_a_teardown_deletes_nothing_that_it_does_not_name(existing, applied):
    existing(live_of(VPC_))
    plan = plan_teardown(StubCloud())
    existing(*lives_of(VPC_, GROUP))
    with pytest.raises(StalePlan) as error:
        plan.apply()
    assert error.value.lines == ("SecurityGroup web-sg: it was not there when the plan was made, and would be deleted",)
    assert applied == []


def test_a_stale_plan_says_what_changed_and_what_to_do(existing, applied):
    existing(*lives_of(*WHOLE))
    plan = plan_deploy(WHOLE, StubCloud())
    existing(*but(PUBLIC))
    with pytest.raises(StalePlan) as error:
        plan.apply()
    assert str(error.value).splitlines() == [
        "nothing was changed: the account has changed since the plan of this deploy was made:",
        "  Subnet public-3a: it has changed (public_addresses: True instead of False)",
        "plan the deploy again, and look at the plan before you apply it",
    ]
    assert applied == []


def test_drift_names_both_sides():
    another = replace(live_of(VPC_), id="vpc-2")  # `id-vpc` sorts first
    index = Index([*lives_of(VPC_, SUBNET), another])
    assert drift(SUBNET, live_of(SUBNET, vpc="vpc-2"), index) == {"vpc": Difference("vpc", "vpc-2 of another run")}
    service = Service.example()
    definition = service.task_definition
    lives = lives_of(*Architecture("a", [service]))
    renewed = drift(service, live_of(service), Index(lives), frozenset({definition.key}))
    assert renewed == {"task_definition": Difference(f"new revision of {definition.name}", definition.name)}


# -- kinds that AWS does not list ----------------------------------------------------------------------------------


def test_an_unlisted_kind_is_a_warning_unless_the_architecture_declares_it(monkeypatch):
    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, "ListBrokers")
    index = Index(lives_of(VPC_), {"Broker": denied})
    monkeypatch.setattr(plan_module, "inventory", lambda cloud: index)
    text = (
        "Broker could not be listed, so it is unknown whether any exist: "
        "AccessDenied: not you (ListBrokers) → ask for the permission"
    )
    deploy = plan_deploy(Architecture("a", [VPC_]), StubCloud())
    assert (deploy.warnings, actions(deploy)) == ((text,), {VPC_.key: "keep"})
    assert repr(deploy) == "deploy: 1 keep; 0.00 USD a month at list price; not listed: Broker"
    assert plan_teardown(StubCloud()).warnings == (text,)
    with pytest.raises(EsawsError, match="Broker could not be listed"):
        plan_deploy(Architecture("a", [load_all()["Broker"].example()]), StubCloud())
    assert repr(index) == "1 resource; not listed: Broker"


# -- what an architecture leaves open ------------------------------------------------------------------------------


def test_what_a_part_declares_otherwise_than_its_whole_stays_so_in_an_account():
    vpc = replace(VPC_, cidr="10.0.0.0/16")
    in_account = Architecture("a", [replace(SUBNET, vpc=vpc, zone="c"), replace(GROUP, vpc=vpc)])
    whole = Architecture("a", [SUBNET, GROUP], fit=lambda cloud: in_account)
    assert [*whole.just(GROUP).fitted(None)] == [vpc, replace(GROUP, vpc=vpc)]
    what_if = Architecture("what if", [replace(SUBNET, public_addresses=True)], whole=whole)
    assert [*what_if.fitted(None)] == [vpc, replace(SUBNET, vpc=vpc, public_addresses=True)]


def test_what_refers_to_a_changed_resource_refers_to_it_in_an_account_too():
    later = replace(SUBNET, after=(GROUP,))
    whole = Architecture("a", [later], fit=lambda cloud: Architecture("a", [later]))
    changed = whole.including(replace(GROUP, description="Another"))
    fitted = changed.just(later).fitted(None)
    assert [group.description for group in fitted if group.kind == "SecurityGroup"] == ["Another"]


# -- single resources ----------------------------------------------------------------------------------------------


def test_a_plan_of_single_resources_lists_nothing_else():
    index = Index(lives_of(VPC_, SUBNET, GROUP))
    part = Architecture("part", [replace(SUBNET, public_addresses=True)], complete=False)
    assert [(change.action, change.kind) for change in compare(part, index, "eu-west-3")] == [
        ("keep", "VPC"),
        ("update", "Subnet"),
    ]
    with pytest.raises(UsageError, match="prune needs a complete architecture"):
        plan_deploy([SUBNET], StubCloud(), prune=True)
