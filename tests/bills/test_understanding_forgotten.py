"""What still costs although nothing uses it: found where a bill shows it, and not where it is used, free or gone."""

import json
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from esaws.costs.analysis.selection import Unknown
from esaws.costs.analysis.waste import RULES, Forgotten, draw_forgotten, forgotten
from esaws.costs.bill.read import read_bill
from tests.bills.writing import Line, cur, explorer, focus, parquet, text

FIRST = datetime(2026, 1, 1)
DAYS = 10

# What it costs by, what shows that it is used (on the same thing), and whether it is sure.
THINGS = {
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


def daily(
    service: str, usage_type: str, days: range = range(DAYS), name: str = "thing", **changes: object
) -> list[Line]:
    """A thing that is billed by the day, one dollar each."""
    settings: dict[str, object] = {"cost": Decimal(1), "hours": 24, "resource": name} | changes
    return [Line(FIRST + timedelta(days=day), service, usage_type, **settings) for day in days]  # type: ignore[arg-type]


def found(lines: list[Line], folder: Path) -> Forgotten:
    answer = forgotten(read_bill(parquet(folder / "a.parquet", [cur(line) for line in lines])))
    assert isinstance(answer, Forgotten)
    return answer


def test_each_rule_has_a_thing_here() -> None:
    assert {rule.what for rule in RULES} == THINGS.keys()


def shown(name: str, what: str, used: range | None = None, days: range = range(DAYS), **changes: object) -> list[Line]:
    """A thing of a kind, called after what becomes of it, and what of its use the bill tells."""
    service, usage_type, use, _ = THINGS[what]
    lines = daily(service, usage_type, days, f"{name} {what}", **changes)
    return [*lines, *(daily(service, use, used, f"{name} {what}") if use and used is not None else [])]


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Forgotten:
    """A bill in which there is each kind of thing: never used, used, used long ago, gone, and free."""
    lines = []
    for what, (_, _, use, _) in THINGS.items():
        if what == "a disk":  # by when machines ran, which would be for all of them
            continue
        lines += [*shown("unused", what), *shown("gone", what, days=range(DAYS - 4))]
        lines += shown("free", what, cost=Decimal(0))
        if use:
            lines += [*shown("used", what, range(DAYS)), *shown("once", what, range(2))]
    return found(lines, tmp_path_factory.mktemp("bill"))


@pytest.mark.parametrize("what", [what for what in THINGS if what != "a disk"])
def test_what_nothing_uses_is_found_with_what_it_costs(what: str, everything: Forgotten) -> None:
    frame = everything.to_frame()
    rows = frame[frame["what"] == what]
    assert sorted(rows["name"]) == sorted([f"unused {what}", *([f"once {what}"] if THINGS[what][2] else [])])
    assert set(rows["sure"]) == {THINGS[what][3]}
    assert rows["cost"].tolist() == [DAYS] * len(rows)
    assert rows["a_month"].tolist() == pytest.approx([730 / 24] * len(rows))


def test_a_disk_is_found_that_stood_while_no_machine_ran(tmp_path: Path) -> None:
    machines = daily("AmazonEC2", "EUW3-BoxUsage:t2.micro", range(5), name="i-1")
    later = daily("AmazonEC2", "EUW3-BoxUsage:t2.micro", range(7, DAYS), name="i-2")
    root = daily("AmazonEC2", "EUW3-EBS:VolumeUsage.gp2", range(7, DAYS), name="vol-root")
    left = daily("AmazonEC2", "EUW3-EBS:VolumeUsage.gp2", name="vol-left")
    assert [each.name for each in found([*machines, *later, *root, *left], tmp_path).things] == ["vol-left"]


def test_the_dearest_comes_first_and_all_add_up(tmp_path: Path) -> None:
    address, gateway = THINGS["an address"], THINGS["a NAT gateway"]
    lines = [*daily(*address[:2], name="a"), *daily(*gateway[:2], name="b", cost=Decimal(2))]
    answer = found(lines, tmp_path)
    assert [each.name for each in answer.things] == ["b", "a"]
    assert float(answer.monthly) == pytest.approx(3 * 730 / 24)
    assert repr(answer) == "2 things look forgotten, for 91.25 USD a month"


def test_a_bill_without_resources_tells_it_by_usage_type(tmp_path: Path) -> None:
    service, usage_type, used, _ = THINGS["a load balancer"]
    assert used
    lines = daily(service, usage_type, name="")
    assert [each.name for each in found(lines, tmp_path).things] == ["LoadBalancerUsage"]
    assert not found([*lines, *daily(service, used, name="")], tmp_path).things


def test_a_thing_is_called_by_its_name_where_the_bill_has_it(tmp_path: Path) -> None:
    frame = found(daily(*THINGS["an address"][:2], tags={"Name": "of the old site"}), tmp_path).to_frame()
    assert (frame.index.tolist(), frame["name"].tolist()) == (["thing"], ["of the old site"])


def test_focus_tells_it_by_its_sku_meters(tmp_path: Path) -> None:
    lines = daily(*THINGS["an address"][:2])
    answer = forgotten(read_bill(text(tmp_path / "a.csv", [focus(line, "1.2") for line in lines])))
    assert isinstance(answer, Forgotten) and len(answer.things) == 1


def test_a_bill_of_months_does_not_tell(tmp_path: Path) -> None:
    lines = [Line(FIRST, *THINGS["an address"][:2], hours=31 * 24)]
    answer = forgotten(read_bill(parquet(tmp_path / "a.parquet", [cur(line) for line in lines])))
    assert isinstance(answer, Unknown)
    assert "Unknown" in draw_forgotten(answer).figure.get_suptitle()


def test_answers_of_cost_explorer_tell_it_by_day(tmp_path: Path) -> None:
    (tmp_path / "ce.json").write_text(json.dumps(explorer(daily(*THINGS["an address"][:2]), "SERVICE", "USAGE_TYPE")))
    answer = forgotten(read_bill(tmp_path / "ce.json"))
    assert isinstance(answer, Forgotten)
    assert [each.rule.what for each in answer.things] == ["an address"]


def test_a_picture_says_what_it_comes_to(tmp_path: Path) -> None:
    chart = draw_forgotten(found(daily(*THINGS["an address"][:2]), tmp_path))
    assert chart.title == "1 thing looks forgotten, for 30.42 USD a month"
    assert draw_forgotten(Forgotten((), "USD")).title == "nothing in the bill looks forgotten"
