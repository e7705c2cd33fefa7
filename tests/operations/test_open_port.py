"""Ports that are open for a time: opened, extended, closed when they are over, and never opened to everyone."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from esaws import simulation
from esaws.architecture import Architecture
from esaws.cloud import Cloud
from esaws.deploy.plan import plan_deploy
from esaws.errors import NotDeployed, Refused, UsageError
from esaws.operations.open_port import CONNECTIONS_STAY, _duration_text, plan_port, verify_port
from esaws.operations.port_openings import OPEN_UNTIL_TAG, list_openings, open_ports
from esaws.resources.security_group import SecurityGroup
from esaws.resources.security_group_rule import SecurityGroupRule

WEB = SecurityGroup.example()
ARCHITECTURE = Architecture(
    "web", [WEB, SecurityGroupRule(group=WEB, from_port=80, to_port=90, peer="198.51.100.0/24")]
)
OFFICE = "203.0.113.7/32"
HOUR = timedelta(hours=1)
SSH = ("web-sg", 22, OFFICE)


@pytest.fixture(scope="module")
def deployed(new_cloud: Callable[..., Cloud]) -> Cloud:
    """A security group with one permanent rule."""
    cloud = new_cloud()
    plan_deploy(ARCHITECTURE, cloud).apply()
    return cloud


@pytest.fixture
def web(deployed: Cloud) -> Cloud:
    """The group without a port that is open for a time."""
    for each in list_openings(deployed):
        SecurityGroupRule.delete(deployed, each.live)
    return deployed


def rules(cloud: Cloud) -> list[dict[str, Any]]:
    """Every rule as AWS describes it."""
    described: list[dict[str, Any]] = cloud.client("ec2").describe_security_group_rules()["SecurityGroupRules"]
    return described


def answers(*checks: Any) -> list[bool | None]:
    return [check.ok for check in checks]


def test_a_port_is_opened_once_and_closed_when_its_time_is_over(web: Cloud) -> None:
    before = rules(web)
    plan = plan_port(web, "open", *SSH, 1.5 * HOUR, note="INC-7 by <ops>")
    assert rules(web) == before, "a plan changes nothing"
    assert [step.after for step in plan.steps] == ["open for 1:30:00"]
    plan.apply()
    (rule,) = [rule for rule in rules(web) if rule not in before]
    assert (rule["FromPort"], rule["ToPort"], rule["CidrIpv4"]) == (22, 22, OFFICE)
    assert rule["Description"].startswith("open until ") and rule["Description"].endswith("UTC, INC-7 by -ops-")
    assert answers(*verify_port(web, "open", *SSH)) == [True, True]
    assert not plan_port(web, "open", *SSH, 1.5 * HOUR).steps, "the second run changes nothing"
    assert not plan_port(web, "close_expired", "", 1, "", HOUR).steps, "its time is not over"

    simulation.advance(web, "2h")
    assert open_ports(web)["over"].tolist() == [True]
    assert answers(*verify_port(web, "close_expired", "", 1, "")) == [False]
    closing = plan_port(web, "close_expired", "", 1, "", HOUR)
    assert closing.remarks == (CONNECTIONS_STAY,)
    closing.apply()
    assert rules(web) == before
    assert answers(*verify_port(web, "close", *SSH)) == [True, True]
    assert not plan_port(web, "close", *SSH, HOUR).steps


def test_a_plan_is_the_same_a_minute_later(web: Cloud) -> None:
    plan = plan_port(web, "open", *SSH, HOUR).to_dict()
    simulation.advance(web, "70s")
    assert plan_port(web, "open", *SSH, HOUR).to_dict() == plan


def test_a_longer_duration_counts_from_the_opening(web: Cloud) -> None:
    plan_port(web, "open", *SSH, HOUR).apply()
    (first,) = list_openings(web)
    assert not plan_port(web, "open", *SSH, HOUR / 2).steps, "it is never shortened"
    plan_port(web, "open", *SSH, 3 * HOUR).apply()
    (second,) = list_openings(web)
    assert first.until and second.until and second.until - first.until == timedelta(hours=2)
    assert second.opened == first.opened and second.live.id == first.live.id
    assert second.live.raw["Description"] == f"open until {second.until:%Y-%m-%d %H:%M} UTC"


def test_an_extension_that_stops_between_its_calls_is_made_again(web: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    plan_port(web, "open", *SSH, HOUR).apply()
    monkeypatch.setattr(web.client("ec2"), "create_tags", lambda **_: (_ for _ in ()).throw(ConnectionError()))
    with pytest.raises(ConnectionError):
        plan_port(web, "open", *SSH, 2 * HOUR).apply()
    monkeypatch.undo()
    plan_port(web, "open", *SSH, 2 * HOUR).apply()
    assert not plan_port(web, "open", *SSH, 2 * HOUR).steps
    assert len(list_openings(web)) == 1


def test_a_port_that_is_over_is_closed_and_opened_anew(web: Cloud) -> None:
    plan_port(web, "open", *SSH, HOUR).apply()
    simulation.advance(web, "2h")
    plan = plan_port(web, "open", *SSH, HOUR)
    assert [step.after for step in plan.steps] == ["closed", "open for 1 hour"]
    plan.apply()
    assert answers(*verify_port(web, "open", *SSH)) == [True, True]


def test_a_permanent_rule_is_neither_doubled_nor_removed(web: Cloud) -> None:
    inside = ("web-sg", 85, "198.51.100.128/25")
    plan = plan_port(web, "open", *inside, HOUR)
    assert not plan.steps and "a rule without an end opens it to 198.51.100.128/25 already" in plan.remarks[0]
    (is_open, _), (is_closed, _) = verify_port(web, "open", *inside), verify_port(web, "close", *inside)
    assert is_open.ok and is_closed.ok and "a rule without an end" in is_closed.found
    assert not plan_port(web, "close", *inside, HOUR).steps
    for outside in (("web-sg", 91, inside[2]), ("web-sg", 85, "198.51.0.0/16")):
        assert plan_port(web, "open", *outside, HOUR).steps


def test_the_block_is_written_as_aws_stores_it(web: Cloud) -> None:
    for written, stored in (("203.0.113.200/24", "203.0.113.0/24"), ("2001:DB8::1/64", "2001:db8::/64")):
        plan_port(web, "open", "web-sg", 22, written, HOUR).apply()
        assert not plan_port(web, "open", "web-sg", 22, written, HOUR).steps
        assert stored in {each.source for each in list_openings(web)}


def test_a_deploy_keeps_a_port_that_is_open_for_a_time(web: Cloud) -> None:
    plan_port(web, "open", *SSH, HOUR).apply()
    plan = plan_deploy(ARCHITECTURE, web)
    assert not plan.changing and not plan.blockers
    assert [change.action for change in plan if change.action != "keep"] == ["foreign"]


def test_an_end_that_cannot_be_read_is_unknown_and_not_closed(web: Cloud) -> None:
    plan_port(web, "open", *SSH, HOUR).apply()
    (opening,) = list_openings(web)
    tags = [{"Key": OPEN_UNTIL_TAG, "Value": "tomorrow"}]
    web.client("ec2").create_tags(Resources=[opening.live.id], Tags=tags)
    simulation.advance(web, "2h")
    assert not plan_port(web, "close_expired", "", 1, "", HOUR).steps
    (check,) = verify_port(web, "close_expired", "", 1, "")
    assert check.ok is None and "can't be read" in check.found and OPEN_UNTIL_TAG in check.next_step
    assert open_ports(web)["until"].tolist() == ["unknown"]
    plan_port(web, "close", *SSH, HOUR).apply()
    assert not list_openings(web)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (("web-sg", 22, "0.0.0.0/0", HOUR), Refused, "is everyone"),
        (("web-sg", 22, "::/0", HOUR), Refused, "is everyone"),
        (("web-sg", 22, "office", HOUR), UsageError, "'office' is not an address block"),
        (("web-sg", 22, OFFICE, 0 * HOUR), UsageError, "more than 0"),
        (("web-sg", 22, OFFICE, 31 * 24 * HOUR), UsageError, "31 days: choose"),
        (
            ("other-sg", 22, OFFICE, HOUR),
            NotDeployed,
            "other-sg of seccom is not in eu-west-3; choose one that it has: web-sg",
        ),
    ],
)
def test_what_cannot_be_opened_is_refused_and_nothing_changes(
    web: Cloud, arguments: Any, error: type[Exception], text: str
) -> None:
    before = rules(web)
    with pytest.raises(error, match=text.replace("(", r"\(")):
        plan_port(web, "open", *arguments)
    assert rules(web) == before


def test_durations_are_written_without_rounding() -> None:
    lengths = [timedelta(minutes=30), timedelta(hours=1), timedelta(hours=47), timedelta(days=3), timedelta(seconds=90)]
    assert [_duration_text(each) for each in lengths] == ["30 minutes", "1 hour", "47 hours", "3 days", "0:01:30"]
