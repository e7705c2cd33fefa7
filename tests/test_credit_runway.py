"""The credit runway: when credits and free tier end, at which pace, and what stays unknown."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, get_args

import pytest
from botocore.exceptions import ClientError

from esaws.cloud import Cloud
from esaws.costs import CreditRunway, credit_runway
from esaws.costs.runway import facts as facts_module
from esaws.costs.runway import pace as pace_module
from esaws.costs.runway.facts import PACE, PLAN, PlanState, RunwayFacts
from esaws.costs.runway.offers import offers_of
from esaws.costs.runway.pace import Pace, fetch_pace, pace_of
from esaws.costs.runway.runway import runway_of
from esaws.costs.runway.switch_off import STEPS
from esaws.inspect.account import Account
from esaws.inspect.recurring_costs import ALL_KEYS, CostKind
from esaws.pricelist import bundled
from tests.conftest import post

TODAY = date(2026, 11, 10)
FREE_PLAN = PlanState("free", "ACTIVE", Decimal(60), date(2027, 1, 1))
PAID_PLAN = replace(FREE_PLAN, kind="paid", ends_on=None)

ADDRESS = {"AllocationId": "eipalloc-1", "PublicIp": "198.51.100.1", "Tags": [{"Key": "Name", "Value": "spare"}]}
GROUP_TAGS = [
    {"Key": "aws:autoscaling:groupName", "Value": "web-asg"},
    {"Key": "esaws:deployment", "Value": "seccom"},
]


def instance(number: int, size: str = "t3.micro", **more: Any) -> dict[str, Any]:
    return {"InstanceId": f"i-{number}", "InstanceType": size, "State": {"Name": "running"}, "Tags": [], **more}


def account(**descriptions: Any) -> Account:
    """An account with what is given, and nothing else that costs."""
    return Account("123456789012", "eu-west-3", {**dict.fromkeys(ALL_KEYS, ()), **descriptions})


def pace(used: float, paid: float | None = None, last_day: float | None = None, **more: Any) -> Pace:
    """Seven days at `used` USD, of which credits paid all or `paid`."""
    week = (Decimal(str(used)), Decimal(str(used if paid is None else paid)))
    last = Decimal(str(used if last_day is None else last_day))
    return Pace(date(2026, 11, 2), date(2026, 11, 8), *week, last, last, {"EC2": week[0]}, **more)


def runway(running: Account | None = None, **facts: Any) -> CreditRunway:
    return runway_of(RunwayFacts(TODAY, running or account(), **facts), bundled())


@pytest.mark.parametrize(
    ("facts", "state", "ends_on"),
    [
        ({"plan": PAID_PLAN, "pace": pace(2)}, "running", date(2026, 12, 10)),
        ({"plan": PAID_PLAN, "pace": pace(4, paid=2)}, "running", date(2026, 12, 10)),  # credits pay for a half
        ({"plan": PAID_PLAN, "pace": pace(2, last_day=6)}, "running", date(2026, 11, 20)),  # grown since yesterday
        ({"plan": FREE_PLAN, "pace": pace(0.01)}, "running", date(2027, 1, 1)),  # the plan ends first
        ({"plan": PAID_PLAN, "pace": pace(0.01), "opened": date(2025, 12, 1)}, "running", date(2026, 12, 1)),
        ({"plan": PAID_PLAN, "pace": pace(0)}, "running", None),
        ({"plan": replace(FREE_PLAN, left=Decimal(0)), "pace": pace(2)}, "ended", TODAY),
        ({"plan": replace(FREE_PLAN, status="EXPIRED"), "pace": pace(0)}, "ended", TODAY),
        ({"has_no_plan": True, "pace": pace(3, paid=0)}, "none", None),
        ({"has_no_plan": True, "pace": pace(3)}, "unknown", None),  # credits without a plan: no call says what is left
        ({"has_no_plan": True, "unknown": {PACE: "denied"}}, "unknown", None),
        ({"unknown": {PLAN: "AccessDenied"}, "pace": pace(2)}, "unknown", None),
        ({"plan": replace(PAID_PLAN, left=None), "pace": pace(2)}, "unknown", None),
    ],
)
def test_credits_end_at_the_fastest_pace_and_an_unknown_amount_is_never_zero(
    facts: Mapping[str, Any], state: str, ends_on: date | None
) -> None:
    found = runway(**facts)
    assert (found.state, found.ends_on) == (state, ends_on)
    assert found.days_left == (None if ends_on is None else (ends_on - TODAY).days)
    assert found.to_dict()["ends_on"] == (ends_on and ends_on.isoformat())
    assert state != "unknown" or found.reason


@pytest.mark.parametrize("facts", [{"plan": FREE_PLAN, "pace": pace(2)}, {}])
def test_the_picture_says_what_the_sentence_says(facts: Mapping[str, Any]) -> None:
    chart = runway(**facts).draw()
    assert chart.title == repr(runway(**facts)).partition("; ")[0]
    assert chart._repr_svg_().count("<svg") == 1


def test_without_any_pace_the_end_is_unknown_and_so_is_the_first_paid_month() -> None:
    nothing_described = Account("1", "eu-west-3", {}, dict.fromkeys(ALL_KEYS, "AccessDenied"))
    found = runway(nothing_described, plan=PAID_PLAN, unknown={PACE: "AccessDenied"})
    assert found.ends_on is None
    assert found.to_dict()["first_paid_month"] == {"month": None, "low_usd": None, "high_usd": None}
    assert "unknown time" in repr(found)


def test_the_first_paid_month_is_whole_and_ranges_over_the_paces() -> None:
    found = runway(plan=PAID_PLAN, pace=pace(2, last_day=6))
    assert found.first_paid_month == date(2026, 12, 1)  # the credits end on 20 November
    assert (found.low, found.high) == (0, 186)  # nothing runs now; 31 days at 6 USD
    assert "December 2026 costs between 0.00 and 186.00 USD" in repr(found)


def test_what_saves_most_is_switched_off_first_and_a_group_of_instances_is_one_thing() -> None:
    group = [instance(number, Tags=GROUP_TAGS) for number in (1, 2)]
    running = account(Instances=[*group, instance(3, "t3.small"), instance(4, "z9.huge")], Addresses=[ADDRESS])
    found = runway(running, plan=PAID_PLAN, pace=pace(2))
    assert [(one.kind, one.name, one.count) for one in found.switch_off] == [
        ("Auto Scaling group", "web-asg", 2),
        ("instance", "i-3", 1),
        ("idle address", "spare", 1),
        ("instance", "i-4", 1),  # its price is not known
    ]
    assert found.switch_off[-1].saves is None
    group_saves = found.switch_off[0].saves
    assert group_saves == pytest.approx(Decimal("2") * 730 * Decimal("0.0118"), abs=Decimal("0.1"))
    assert found.switch_off[0].longer_days == pytest.approx(60 / (2 - float(group_saves or 0) * 24 / 730) - 30, abs=0.1)
    assert "without 1 × instance (BoxUsage:z9.huge): no known price" in " ".join(found.notes)
    assert len(found.switch_off_frame()) == 4
    assert "`esaws park --deployment seccom`" in " ".join(found.notes)


def task(number: int, group: str = "", size: int = 256) -> dict[str, Any]:
    arns = {name: f"arn:aws:ecs:eu-west-3:123456789012:{name}/web" for name in ("cluster", "task")}
    size_of_it = {"cpu": str(size), "memory": str(2 * size), "launchType": "FARGATE", "lastStatus": "RUNNING"}
    return {"taskArn": f"{arns['task']}/{number}", "clusterArn": arns["cluster"], "group": group, **size_of_it}


def test_the_tasks_of_a_service_are_switched_off_together() -> None:
    running = account(tasks=[task(1, "service:web-ui"), task(2, "service:web-ui"), task(3, "family:job", 1024)])
    found = runway(running, plan=PAID_PLAN, pace=pace(2))
    assert [(one.kind, one.name, one.count) for one in found.switch_off] == [
        ("Fargate task", "3", 1),
        ("Fargate service", "web-ui", 2),
    ]
    assert all(one.saves for one in found.switch_off)
    assert "desired count to 0" in found.switch_off[1].step


def test_each_kind_of_cost_has_a_way_to_end_it() -> None:
    assert set(get_args(CostKind)) <= STEPS.keys()


@pytest.mark.parametrize(
    ("kind", "key", "raw", "stays"),
    [
        ("database", "DBInstances", {"DBInstanceIdentifier": "db", "Engine": "postgres", "AllocatedStorage": 20}, True),
        ("volume", "Volumes", {"VolumeId": "vol-1", "Size": 20, "VolumeType": "gp3", "Attachments": []}, False),
    ],
)
def test_what_still_costs_when_a_thing_is_stopped_is_not_saved(
    kind: str, key: str, raw: dict[str, Any], stays: bool
) -> None:
    found = runway(account(**{key: [{"DBInstanceClass": "db.t3.micro", **raw}]}), plan=PAID_PLAN, pace=pace(1))
    (thing,) = found.switch_off
    whole = found.runs_now.usd
    assert thing.kind == kind and thing.saves and whole
    assert (thing.saves < whole) is stays


def test_usage_in_another_region_is_said_as_the_list_does_not_have_it() -> None:
    elsewhere = pace(3, by_region={"eu-west-3": Decimal(1), "us-east-1": Decimal(2), "global": Decimal(1)})
    assert "2.00 USD a day is used in us-east-1" in " ".join(runway(plan=PAID_PLAN, pace=elsewhere).notes)
    assert "other regions are unknown" in " ".join(runway(plan=PAID_PLAN, pace=pace(3)).notes)


USAGE = {"service": "EC2", "usageType": "BoxUsage:freetier.micro", "limit": 750.0, "unit": "Hrs"}


@pytest.mark.parametrize(
    ("used", "expected", "used_up_on"),
    [
        (100.0, 400.0, None),
        (750.0, 2000.0, TODAY),
        (550.0, 950.0, TODAY + timedelta(days=10)),  # 21 days are left; half of what they need is free
    ],
)
def test_an_offer_of_the_free_tier_is_used_up_when_it_runs_out(
    used: float, expected: float, used_up_on: date | None
) -> None:
    usage = {**USAGE, "actualUsageAmount": used, "forecastedUsageAmount": expected, "freeTierType": "12 Months Free"}
    (offer,) = offers_of([usage, {**USAGE, "limit": 0.0}], TODAY)
    assert offer.used_up_on == used_up_on
    found = runway(has_no_plan=True, pace=pace(0), offers=(offer,))
    assert "allowances of the first 12 months end" in " ".join(found.notes)
    assert found.free_tier_frame().used_up_on.tolist() == [used_up_on.isoformat() if used_up_on else ""]


# --- the pace, from Cost Explorer


def day(start: str, *groups: tuple[str, str, float], unit: str = "USD") -> dict[str, Any]:
    """The result of a day with groups of (name, record type, amount)."""
    return {
        "TimePeriod": {"Start": start, "End": ""},
        "Groups": [
            {"Keys": [name, kind], "Metrics": {"UnblendedCost": {"Amount": str(usd), "Unit": unit}}}
            for name, kind, usd in groups
        ],
    }


def test_the_pace_counts_usage_from_the_first_day_with_a_cost_and_no_tax() -> None:
    days = [
        day("2026-11-01"),
        day("2026-11-02", ("EC2", "Usage", 2.0), ("EC2", "Credit", -1.5), ("Tax", "Tax", 9.0)),
        day("2026-11-03", ("EC2", "Usage", 3.0), ("EC2", "Credit", -3.0), ("S3", "Usage", 1.0), ("S3", "Refund", -5.0)),
    ]
    found = pace_of({"SERVICE": days})
    assert found is not None
    assert (found.days, found.used, found.paid_by_credits) == (2, 3, Decimal("2.25"))
    assert (found.last_day_used, found.last_day_paid_by_credits) == (4, 3)
    assert found.by_service == {"EC2": Decimal("2.5"), "S3": Decimal("0.5")}
    assert found.by_region is None


def test_a_pace_in_another_currency_is_unknown() -> None:
    assert pace_of({"SERVICE": [day("2026-11-02", ("EC2", "Usage", 2.0), unit="CNY")]}) is None
    assert pace_of({}) is None


class CountingCostExplorer:
    """Cost Explorer on AWS: it counts requests, and answers with `pages` pages."""

    def __init__(self, pages: int = 1, denied: bool = False) -> None:
        self.requests, self.pages, self.denied = 0, pages, denied

    def get_cost_and_usage(self, **request: Any) -> dict[str, Any]:
        self.requests += 1
        if self.denied:
            error = {"Code": "AccessDeniedException", "Message": "no"}
            raise ClientError({"Error": error}, "GetCostAndUsage")  # type: ignore[arg-type]
        token = {"NextPageToken": "2"} if self.pages > 1 else {}
        return {"ResultsByTime": [day(request["TimePeriod"]["Start"], ("EC2", "Usage", 1.0))], **token}


@pytest.fixture
def on_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Callable[[CountingCostExplorer], Cloud]:
    """A cloud of AWS whose client is the one given; nothing else can be called."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def make(explorer: CountingCostExplorer) -> Cloud:
        cloud = Cloud.aws("123456789012")
        monkeypatch.setattr(cloud, "_caller", {"Account": "123456789012"})
        monkeypatch.setattr(cloud, "client", lambda service: explorer)
        return cloud

    return make


def test_two_cents_at_most_are_spent_and_nothing_for_the_rest_of_the_day(
    on_aws: Callable[[CountingCostExplorer], Cloud],
) -> None:
    explorer = CountingCostExplorer()
    cloud = on_aws(explorer)
    first, again = fetch_pace(cloud, TODAY), fetch_pace(cloud, TODAY)
    assert (explorer.requests, first.usd, again.usd) == (2, pace_module.MOST_USD, 0.0)
    assert first.pace == again.pace
    assert first.pace and first.pace.end < TODAY - timedelta(days=1)  # yesterday's figures are not complete on AWS


@pytest.mark.parametrize(
    ("explorer", "reason"),
    [
        (CountingCostExplorer(pages=2), "more than one page"),
        (CountingCostExplorer(denied=True), "AccessDeniedException"),
    ],
)
def test_a_request_that_fails_leaves_the_pace_unknown(
    on_aws: Callable[[CountingCostExplorer], Cloud], explorer: CountingCostExplorer, reason: str
) -> None:
    found = fetch_pace(on_aws(explorer), TODAY)
    assert found.pace is None
    assert reason in found.reasons[0]
    assert found.usd <= pace_module.MOST_USD and explorer.requests <= 2


# --- on the local AWS


@pytest.fixture(scope="module")
def free_account(new_cloud: Callable[..., Cloud]) -> Cloud:
    """An account on the free plan in which an address has been idle for ten days."""
    cloud = new_cloud()
    cloud.check()
    regime = {"account": cloud.account, "regime": "credits", "plan": "free"}
    post(f"{cloud.endpoint}/_esaws/regime", json.dumps(regime).encode())
    cloud.client("ec2").allocate_address(Domain="vpc")
    post(f"{cloud.endpoint}/_esaws/advance", b'{"by": "10d"}')
    return cloud


def test_the_runway_of_an_account_on_the_free_plan(free_account: Cloud) -> None:
    found = credit_runway(free_account)
    assert found.state == "running"
    assert found.facts.plan and found.facts.plan.kind == "free"
    assert found.facts.pace and found.facts.pace.used == pytest.approx(Decimal("0.12"), abs=Decimal("0.001"))
    assert found.ends_on == found.ends_at_latest == found.facts.plan.ends_on
    assert [thing.kind for thing in found.switch_off] == ["idle address"]
    assert "AWS closes the account" in " ".join(found.notes)
    assert found.facts.requests == 2 and found.facts.requests_usd == 0
    assert json.loads(json.dumps(found.to_dict())) == found.to_dict()


def test_looking_at_the_runway_changes_nothing(free_account: Cloud) -> None:
    before = len(free_account.calls)
    credit_runway(free_account)
    made = {call.operation for call in free_account.calls[before:]}
    assert made and all(name.startswith(("Get", "Describe", "List")) for name in made)


def test_a_denied_plan_is_unknown(free_account: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetAccountPlanState")

    monkeypatch.setattr(facts_module, "fetch_plan", denied)
    found = credit_runway(free_account)
    assert found.state == "unknown" and found.left is None
    assert "AccessDenied" in found.reason
    assert found.to_dict()["unknown"].keys() == {PLAN}
    assert found.facts.opened and found.facts.opened <= found.facts.today
