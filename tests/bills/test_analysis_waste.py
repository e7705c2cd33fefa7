"""Waste: resources are found where a bill shows no use of them, and not where they are used, free or gone."""

import json
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from esaws.costs.analysis.selection import Unknown
from esaws.costs.analysis.waste import Waste, waste
from esaws.costs.analysis.waste_rules import RULES
from esaws.costs.bill.read import read_bill
from tests.bills.writing import Line, cur, explorer, focus, parquet, text

pytestmark = pytest.mark.slow

FIRST = datetime(2026, 1, 1)
DAYS = 10

KINDS = {
    "an address": ("AmazonVPC", "EUW3-PublicIPv4:IdleAddress", None, "yes"),
    "a load balancer": ("AWSELB", "EUW3-LoadBalancerUsage", "EUW3-LCUUsage", "yes"),
    "a NAT gateway": ("AmazonEC2", "EUW3-NatGateway-Hours", "EUW3-NatGateway-Bytes", "yes"),
    "a stopped database": ("AmazonRDS", "EUW3-RDS:GP2-Storage", "EUW3-InstanceUsage:db.t3.micro", "yes"),
    "snapshots": ("AmazonEC2", "EUW3-EBS:SnapshotUsage", None, "perhaps"),
    "a secret": ("AWSSecretsManager", "EUW3-AWSSecretsManager-Secrets", "EUW3-AWSSecretsManagerAPIRequest", "perhaps"),
    "a key": ("awskms", "eu-west-3-KMS-Keys", "eu-west-3-KMS-Requests", "perhaps"),
    "alarms": ("AmazonCloudWatch", "EUW3-CW:AlarmMonitorUsage", None, "perhaps"),
    "logs": ("AmazonCloudWatch", "EUW3-TimedStorage-ByteHrs", None, "perhaps"),
    "a disk": ("AmazonEC2", "EUW3-EBS:VolumeUsage.gp2", "EUW3-BoxUsage:t2.micro", "perhaps"),
}
"""Kind → service, usage type that it is charged by, usage type that shows its use, sure."""


def daily(
    service: str, usage_type: str, days: range = range(DAYS), name: str = "thing", **changes: object
) -> list[Line]:
    """A resource that is charged one dollar a day."""
    columns: dict[str, object] = {"cost": Decimal(1), "hours": 24, "resource": name} | changes
    return [Line(FIRST + timedelta(days=day), service, usage_type, **columns) for day in days]  # type: ignore[arg-type]


def find(lines: list[Line], folder: Path) -> Waste:
    result = waste(read_bill(parquet(folder / "a.parquet", [cur(line) for line in lines])))
    assert isinstance(result, Waste)
    return result


def test_this_file_covers_every_rule() -> None:
    assert {rule.kind for rule in RULES} == KINDS.keys()


def resource(
    name: str, kind: str, used: range | None = None, days: range = range(DAYS), **changes: object
) -> list[Line]:
    """A resource of a kind, with lines that show its use on some days."""
    service, usage_type, use, _ = KINDS[kind]
    lines = daily(service, usage_type, days, f"{name} {kind}", **changes)
    return [*lines, *(daily(service, use, used, f"{name} {kind}") if use and used is not None else [])]


@pytest.fixture(scope="module")
def every_kind(tmp_path_factory: pytest.TempPathFactory) -> Waste:
    """A bill with resources of each kind: never used, used, used long ago, gone, and free."""
    lines = []
    for kind, (_, _, use, _) in KINDS.items():
        if kind == "a disk":  # its rule depends on the instances of the whole bill
            continue
        lines += [*resource("unused", kind), *resource("gone", kind, days=range(DAYS - 4))]
        lines += resource("free", kind, cost=Decimal(0))
        if use:
            lines += [*resource("used", kind, range(DAYS)), *resource("once", kind, range(2))]
    return find(lines, tmp_path_factory.mktemp("bill"))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "a disk"])
def test_unused_resources_are_found_with_their_cost(kind: str, every_kind: Waste) -> None:
    frame = every_kind.to_frame()
    rows = frame[frame["what"] == kind]
    assert sorted(rows["name"]) == sorted([f"unused {kind}", *([f"once {kind}"] if KINDS[kind][2] else [])])
    assert set(rows["sure"]) == {KINDS[kind][3]}
    assert rows["cost"].tolist() == [DAYS] * len(rows)
    assert rows["a_month"].tolist() == pytest.approx([730 / 24] * len(rows))


def test_a_disk_is_found_if_it_existed_while_no_instance_ran(tmp_path: Path) -> None:
    instances = daily("AmazonEC2", "EUW3-BoxUsage:t2.micro", range(5), name="i-1")
    later = daily("AmazonEC2", "EUW3-BoxUsage:t2.micro", range(7, DAYS), name="i-2")
    root = daily("AmazonEC2", "EUW3-EBS:VolumeUsage.gp2", range(7, DAYS), name="vol-root")
    left = daily("AmazonEC2", "EUW3-EBS:VolumeUsage.gp2", name="vol-left")
    result = find([*instances, *later, *root, *left], tmp_path)
    assert [one.name for one in result.resources] == ["vol-left"]


def test_the_most_expensive_comes_first_and_all_add_up(tmp_path: Path) -> None:
    address, gateway = KINDS["an address"], KINDS["a NAT gateway"]
    result = find([*daily(*address[:2], name="a"), *daily(*gateway[:2], name="b", cost=Decimal(2))], tmp_path)
    assert [one.name for one in result.resources] == ["b", "a"]
    assert float(result.monthly) == pytest.approx(3 * 730 / 24)
    assert repr(result) == "2 things look forgotten, for 91.25 USD a month"


def test_days_that_the_bill_does_not_cover_are_not_days_without_use(tmp_path: Path) -> None:
    service, usage_type, use, _ = KINDS["a secret"]
    days = [*range(31), *range(59, 62)]  # January, and the first three days of March
    lines = [line for day in days for line in daily(service, usage_type, range(day, day + 1))]
    assert not find([*lines, *daily(service, str(use), range(28, 29))], tmp_path).resources, "used within seven days"
    assert find([*lines, *daily(service, str(use), range(20, 21))], tmp_path).resources


def test_a_bill_without_resources_is_evaluated_by_usage_type(tmp_path: Path) -> None:
    service, usage_type, use, _ = KINDS["a load balancer"]
    assert use
    lines = daily(service, usage_type, name="")
    assert [one.name for one in find(lines, tmp_path).resources] == ["LoadBalancerUsage"]
    assert not find([*lines, *daily(service, use, name="")], tmp_path).resources


def test_a_resource_has_the_name_of_its_tag(tmp_path: Path) -> None:
    frame = find(daily(*KINDS["an address"][:2], tags={"Name": "of the old site"}), tmp_path).to_frame()
    assert (frame.index.tolist(), frame["name"].tolist()) == (["thing"], ["of the old site"])


def test_focus_and_cost_explorer_show_waste_too(tmp_path: Path) -> None:
    lines = daily(*KINDS["an address"][:2])
    (tmp_path / "ce.json").write_text(json.dumps(explorer(lines, "SERVICE", "USAGE_TYPE")))
    for source in (text(tmp_path / "a.csv", [focus(line, "1.2") for line in lines]), tmp_path / "ce.json"):
        result = waste(read_bill(source))
        assert isinstance(result, Waste)
        assert [one.rule.kind for one in result.resources] == ["an address"]


def test_a_bill_with_monthly_lines_is_unknown(tmp_path: Path) -> None:
    lines = [Line(FIRST, *KINDS["an address"][:2], hours=31 * 24)]
    assert isinstance(waste(read_bill(parquet(tmp_path / "a.parquet", [cur(line) for line in lines]))), Unknown)


def test_a_bill_without_usage_types_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "ce.json").write_text(json.dumps(explorer([Line(FIRST), Line(FIRST + timedelta(days=1))], "SERVICE")))
    result = waste(read_bill(tmp_path / "ce.json"))
    assert isinstance(result, Unknown) and "usage type" in result.reason


def test_the_chart_names_the_monthly_cost(tmp_path: Path) -> None:
    chart = find(daily(*KINDS["an address"][:2]), tmp_path).draw()
    assert chart.title == "1 thing looks forgotten, for 30.42 USD a month"
    assert Waste((), "USD").draw().title == "nothing in the bill looks forgotten"
