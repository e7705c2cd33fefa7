"""Leases: granted, counted, mentioned by every command once past, and enforced until nothing is left."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from esaws import simulation
from esaws.cli import cli, main
from esaws.cloud import Cloud
from esaws.costs.cost_explorer import spending
from esaws.deploy.inventory import inventory
from esaws.deploy.leftovers import leftovers
from esaws.deploy.plan import Plan, plan_deploy
from esaws.durations import humanize, parse_duration
from esaws.errors import EsawsError, InvalidResource, UsageError
from esaws.leases.enforce import plan_enforce
from esaws.leases.estimate import METHOD, instance_lifetimes
from esaws.leases.lease import _parameter_value, grant, lease_status, plan_lease, recount, reminder
from esaws.leases.park import plan_park
from esaws.reference.seccom import seccom
from esaws.resources.lease import parse_errors, parse_terms
from esaws.timestamps import parse_timestamp
from tests.inspect.test_read_only_policy import ACTIONS, action
from tests.local.conftest import Account
from tests.local.timing import control
from tests.shell import Shell

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ONE_SERVICE = ("client-web-ui",)
NOT_ESTIMATED = "AlarmMonitor|EUW3-TimedStorage-ByteHrs"
"""Usage types of the bill that the estimate leaves out: alarms, and a kilobyte of placeholder images."""


def test_durations_are_formatted_in_one_unit() -> None:
    texts = [humanize(timedelta(hours=hours)) for hours in (0.01, 0.5, 1, 47, 48, 71)]
    assert texts == ["less than a minute", "30 minutes", "1 hour", "47 hours", "2 days", "2 days"]


def test_durations_are_parsed_by_their_units() -> None:
    assert parse_duration("1d2h3m4.5s") == timedelta(days=1, hours=2, minutes=3, seconds=4.5)
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration("3 days")


DAMAGED = [
    "",
    "hello",
    "[]",
    "null",
    "{}",
    "[" * 4000,
    '{"until": "tomorrow"}',
    '{"until": 7, "since": [], "at_most_usd": "five"}',
    '{"until": "0001-01-01T00:00:00+14:00"}',
    '{"at_most_usd": NaN}',
    '{"at_most_usd": -1}',
    '{"at_most_usd": true}',
    '{"at_most_usd": 1' + "0" * 400 + "}",
    '{"until": "2099-01-01T00:00:00Z", "at_most_usd": "five", "since": "2026-01-01T00:00:00Z"}',
]


@pytest.mark.parametrize("value", DAMAGED)
def test_damaged_terms_have_errors(value: str) -> None:
    assert parse_errors(value)
    assert parse_terms(value)["at_most_usd"] is None


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists, max_leaves=4))
def test_any_terms_are_parsed_or_have_errors(anything: Any) -> None:
    value = json.dumps({"until": anything, "at_most_usd": anything, "counted_at": anything, "counted_usd": anything})
    terms = parse_terms(value)
    for name in ("until", "counted_at"):
        assert terms[name] is None or parse_timestamp(terms[name])
    assert parse_errors(value) or terms["until"] or terms["at_most_usd"]


def test_the_lifetimes_of_instances_are_read_from_scaling_activities() -> None:
    found = instance_lifetimes(
        [
            {"Description": "Terminating EC2 instance: i-0a", "StartTime": NOON, "EndTime": NOON + timedelta(hours=1)},
            {"Description": "Launching a new EC2 instance: i-0a", "StartTime": NOON - timedelta(hours=5)},
            {"Description": "Launching a new EC2 instance: i-0b", "StartTime": NOON},
            {"Description": "Launching a new EC2 instance.  Status Reason: none left", "StartTime": NOON},
        ]
    )
    assert found == [("i-0a", NOON - timedelta(hours=5), NOON + timedelta(hours=1)), ("i-0b", NOON, None)]


# -- on the local AWS ------------------------------------------------------------------------------------------------


def without_free_tier(cloud: Cloud) -> Cloud:
    control(Account(cloud.endpoint or "", cloud.account), "POST", "regime", regime="none")
    return cloud


def billed_usd(cloud: Cloud, start: datetime) -> float:
    """What the local AWS billed since a time, without what the estimate leaves out."""
    end = simulation.now(cloud).date() + timedelta(days=1)
    days = spending(cloud, start.date(), end, by="USAGE_TYPE").to_frame()
    return float(days[~days.usage_type.str.contains(NOT_ESTIMATED)].usd.sum())


def test_the_estimate_matches_the_bill_while_running_parked_and_after(new_cloud: Any) -> None:
    cloud = without_free_tier(new_cloud())
    # Hours of the clock are billed, so a start within an hour would add one.
    start = (simulation.now(cloud) + timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)
    simulation.advance(cloud, to=start)
    grant(cloud, at_most_usd=1000)
    plan_deploy(seccom("ha", services=ONE_SERVICE), cloud).apply()
    simulation.advance(cloud, "20h")
    for change in (lambda: plan_park(cloud).apply(), lambda: simulation.advance(cloud, "2d")):
        assert lease_status(cloud).spent.usd == pytest.approx(billed_usd(cloud, start), rel=0.03)
        change()
    status = lease_status(cloud)
    assert status.spent.usd == pytest.approx(billed_usd(cloud, start), rel=0.03)
    assert status.spent.source == METHOD and status.state == "within"
    hour = simulation.costs(cloud)
    hour = hour[~hour.usage_type.str.contains(NOT_ESTIMATED)]
    assert status.spent.usd_per_hour == pytest.approx(hour.usd_per_hour.sum(), abs=1e-6)
    assert reminder(cloud) is None


def test_instances_that_were_terminated_in_between_are_counted(new_cloud: Any) -> None:
    cloud = without_free_tier(new_cloud())
    grant(cloud, at_most_usd=1000)
    plan_deploy(seccom("ha", services=ONE_SERVICE), cloud).apply()
    simulation.advance(cloud, "10h")
    before = lease_status(cloud).spent.usd
    autoscaling = cloud.client("autoscaling")
    autoscaling.update_auto_scaling_group(AutoScalingGroupName="seccom-client-web-ui-asg", MinSize=0, DesiredCapacity=0)
    simulation.advance(cloud, "2h")
    after = lease_status(cloud).spent
    assert before is not None and after.usd is not None and after.usd_per_hour is not None
    assert after.usd - before >= 2 * after.usd_per_hour * 0.9, "the ten hours of two instances are counted"


def test_an_extended_lease_keeps_its_other_terms_and_its_count(cloud: Cloud) -> None:
    first = grant(cloud, until="8h", at_most_usd=5)
    simulation.advance(cloud, "1h")
    second = grant(cloud, until="2d")
    assert second.terms.at_most_usd == 5 and second.terms.since == first.terms.since
    assert second.left_hours == pytest.approx(48, abs=0.01)
    assert plan_lease(cloud, at_most_usd=7).steps[0].after.endswith("at most 7.00 USD")
    assert lease_status(cloud).terms.at_most_usd == 5, "a plan must not change anything"
    with pytest.raises(UsageError, match="needs an end or a limit"):
        grant(cloud)
    with pytest.raises(InvalidResource):
        grant(cloud, at_most_usd=float("nan"))


def put(cloud: Cloud, value: str) -> None:
    cloud.client("ssm").put_parameter(Name="/seccom/lease", Type="String", Value=value, Overwrite=True)


@pytest.mark.parametrize("value", ["hello", '{"until": "tomorrow"}', '{"at_most_usd": -1}', DAMAGED[-1]])
def test_damaged_terms_are_unknown_until_a_lease_is_granted_again(cloud: Cloud, value: str) -> None:
    grant(cloud, until="8h")
    put(cloud, value)
    status = lease_status(cloud)
    assert status.state == "unknown" and "in its parameter" in status.reason
    assert reminder(cloud) is None
    recount(cloud)
    assert _parameter_value(cloud) == value, "a count must not overwrite it"
    with pytest.raises(EsawsError, match="nothing was changed"):
        plan_enforce(cloud)
    assert grant(cloud, until="8h", at_most_usd=3).state == "within"


def test_a_parameter_without_our_tags_is_not_overwritten(cloud: Cloud) -> None:
    cloud.client("ssm").put_parameter(Name="/seccom/lease", Type="String", Value="mine")
    with pytest.raises(ClientError, match="already exists"):
        grant(cloud, until="8h")
    assert _parameter_value(cloud) == "mine"


def deny(monkeypatch: pytest.MonkeyPatch, cloud: Cloud, service: str) -> None:
    error: Any = {"Error": {"Code": "AccessDeniedException", "Message": "no"}}

    class Denied:
        def __getattr__(self, name: str) -> Any:
            def call(*_: Any, **__: Any) -> Any:
                raise ClientError(error, name)

            return call

    allowed = cloud.client
    monkeypatch.setattr(cloud, "client", lambda name: Denied() if name == service else allowed(name))


def test_a_lease_that_is_denied_is_unknown_and_has_no_reminder(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    grant(cloud, until="1s")
    deny(monkeypatch, cloud, "ssm")
    status = lease_status(cloud)
    assert status.state == "unknown" and "can't be read: AccessDenied" in status.reason
    assert reminder(cloud) is None
    with pytest.raises(EsawsError, match="nothing was changed"):
        plan_enforce(cloud)


@pytest.mark.parametrize("service", ["rds", "autoscaling", "ec2"])
def test_a_lease_whose_spending_is_denied_is_unknown(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    grant(cloud, until="8h", at_most_usd=5)
    deny(monkeypatch, cloud, service)
    status = lease_status(cloud)
    assert status.state == "unknown" and status.left_usd is None and "is not known" in status.reason


# -- reminders of other commands -----------------------------------------------------------------------------------

WITH_REMINDER = {
    "plan": ["--profile", "budget", "--services", "client-web-ui"],
    "deploy": ["--profile", "budget", "--services", "client-web-ui", "--yes"],
    "draw": ["--live", "-o", "live.svg"],
    "inventory": [],
    "leftovers": [],
    "teardown": ["--dry-run"],
    "park": ["--dry-run"],
    "resume": ["--dry-run"],
    "reach": ["internet", "alb/alb", "80"],
    "matrix": [],
    "routes": [],
    "trace": ["http://seccom/"],
    "health": [],
    "findings": [],
    "cost forecast": ["--profile", "ha", "--regime", "auto"],
    "cost bill": ["ce:2026-01"],
    "cost focus": ["ce:2026-01", "-o", "focus.csv"],
    "doctor": [],
    "snapshot": ["-o", "saved.snapshot"],
}
QUESTIONS = ("anomalies", "breakdown", "credits", "free-tier", "idle-hours", "month-end", "month-over-month", "waste")
WITH_REMINDER |= {f"cost {question}": ["ce:2026-01"] for question in QUESTIONS}
WITHOUT_REMINDER = {"image list", "image push", "lease", "lock"}
WITHOUT_DEPLOYMENT = {
    "draw": ["--profile", "ha", "-o", "ha.svg"],
    "cost forecast": ["--profile", "ha", "--regime", "none"],
    "cost prices": [],
    "course status": [],
    "runs list": [],
    "course run": ["no-such-notebook"],
    **{name: [] for name in ("lab check", "lab diagnose", "lab end", "lab hint", "lab solution")},
    "lab start": ["no-such-lab"],
}


def commands(group: click.Group = cli, *above: str) -> Iterator[str]:
    """The commands with an option for the deployment."""
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command
        if isinstance(command, click.Group):
            yield from commands(command, *above, name)
        elif any(parameter.name == "deployment" for parameter in command.params):
            yield " ".join([*above, name])


def test_this_file_covers_every_command() -> None:
    assert set(commands()) <= WITH_REMINDER.keys() | WITHOUT_REMINDER | WITHOUT_DEPLOYMENT.keys()


@pytest.fixture(scope="module")
def past(new_cloud: Callable[..., Cloud]) -> Cloud:
    """A small deployment, an hour past its lease."""
    cloud = new_cloud()
    grant(cloud, until="2h")
    plan_deploy(seccom("budget", services=ONE_SERVICE), cloud).apply()
    simulation.advance(cloud, "3h")
    return cloud


def run(cloud: Cloud, *words: str, folder: Path) -> Result:
    environment = {
        "ESAWS_TARGET": str(cloud.endpoint),
        "ESAWS_ACCOUNT": cloud.account,
        "ESAWS_DEPLOYMENT": cloud.deployment,
        "ESAWS_RUNS": str(folder / "runs"),
    }
    return CliRunner(env=environment).invoke(
        cli, [str(folder / word) if word.endswith((".svg", ".csv", ".snapshot")) else word for word in words]
    )


@pytest.mark.parametrize("name", sorted(WITH_REMINDER.keys() & set(commands())))
def test_a_command_on_a_deployment_past_its_lease_prints_one_reminder(past: Cloud, tmp_path: Path, name: str) -> None:
    result = run(past, *name.split(), *WITH_REMINDER[name], "--json", folder=tmp_path)
    lines = [line for line in result.stderr.splitlines() if "past its lease" in line]
    assert len(lines) == 1, (result.stderr, result.exception)
    assert lines[0].startswith("seccom is past its lease: it ended ")
    assert lines[0].endswith("'esaws lease --enforce park --yes' stops what costs")
    if not result.exception:
        json.loads(result.stdout)


@pytest.mark.parametrize("name", WITHOUT_DEPLOYMENT)
def test_a_command_without_a_deployment_prints_no_reminder(past: Cloud, tmp_path: Path, name: str) -> None:
    result = run(past, *name.split(), *WITHOUT_DEPLOYMENT[name], "--json", folder=tmp_path)
    assert "its lease" not in result.stderr


def test_a_reminder_does_not_start_the_local_aws(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {"ESAWS_TARGET": "http://127.0.0.1:1", "ESAWS_ACCOUNT": "", "ESAWS_HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        main(["inventory"])
    assert ended.value.code == 2
    assert "lease" not in capsys.readouterr().err


def test_a_reminder_takes_two_calls_when_the_lease_is_past(past: Cloud) -> None:
    before = len(past.calls)
    assert reminder(past)
    assert [call.operation for call in past.calls[before:]] == ["GetParameter", "DescribeAutoScalingGroups"]
    assert str(lease_status(past)).startswith("lease of seccom: past; it ended ")


def test_the_read_only_policy_is_enough_for_a_lease(new_cloud: Any) -> None:
    cloud = new_cloud()
    grant(cloud, at_most_usd=0.01, until="8h")
    plan_deploy(seccom("ha", services=ONE_SERVICE), cloud).apply()
    simulation.advance(cloud, "1h")
    cloud.client("autoscaling").update_auto_scaling_group(
        AutoScalingGroupName="seccom-client-web-ui-asg", MinSize=0, DesiredCapacity=0
    )
    simulation.advance(cloud, "10m")
    recount(cloud)
    before = len(cloud.calls)
    assert lease_status(cloud).state == "past" and reminder(cloud)
    actions = {action(call.service, call.operation) for call in cloud.calls[before:]}
    assert "ssm:GetParameter" in actions and actions <= set(ACTIONS)


# -- enforced --------------------------------------------------------------------------------------------------------


def test_a_lease_from_its_grant_to_an_empty_account(new_cloud: Any, tmp_path: Path) -> None:
    cloud = new_cloud()
    esaws = Shell(cloud, tmp_path)
    words = ("deploy", "--profile", "ha", "--services", "client-web-ui", "--yes")
    assert "has passed" in str(run(cloud, *words, "--until", "2020-01-01", folder=tmp_path).exception)
    assert len(inventory(cloud)) == 0
    esaws(*words, "--until", "8h", "--at-most-usd", "5")
    shown = json.loads(run(cloud, "lease", "--json", folder=tmp_path).stdout)
    assert shown.keys() >= {"until", "at_most_usd", "since", "spent_usd", "left_hours", "left_usd", "state", "reason"}
    assert shown["state"] == "within" and shown["at_most_usd"] == 5 and shown["source"] == METHOD
    assert "no lease that is over" in run(cloud, "lease", "--enforce", "park", "--yes", folder=tmp_path).stdout
    assert "no terminal" in str(run(cloud, "lease", "--enforce", "park", folder=tmp_path).exception)

    simulation.advance(cloud, "9h")
    result = run(cloud, "lease", folder=tmp_path)
    assert result.exit_code == 1 and "lease of seccom: past" in result.stdout
    assert run(cloud, "lease", "--enforce", "park", "--dry-run", folder=tmp_path).exit_code == 0
    assert lease_status(cloud).spent.usd_per_hour == pytest.approx(shown["usd_per_hour"], abs=0.001)
    parked = esaws.json("lease", "--enforce", "park", "--yes")
    assert parked["changed"]
    simulation.advance(cloud, "1h")
    less = lease_status(cloud).spent.usd_per_hour
    assert less is not None and less < shown["usd_per_hour"] - 0.03, "two instances and a database less"
    assert str(reminder(cloud)).endswith("'esaws lease --enforce teardown --yes' deletes it")

    gone = esaws.json("lease", "--enforce", "teardown", "--yes")
    assert gone["deleted"] and gone["left"] == [] and leftovers(cloud) == []
    again = run(cloud, "lease", "--enforce", "teardown", "--yes", "--json", folder=tmp_path)
    assert again.exit_code == 0 and json.loads(again.stdout) == {"enforced": None}


def test_a_deploy_grants_its_lease_first(new_cloud: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = new_cloud()
    values: list[str] = []

    def interrupted(*_: Any, **__: Any) -> None:
        values.append(_parameter_value(cloud) or "")
        raise EsawsError("the lights went out")

    monkeypatch.setattr(Plan, "apply", interrupted)
    words = ("deploy", "--profile", "budget", "--yes", "--until", "8h", "--at-most-usd", "5")
    run(cloud, *words, folder=tmp_path)
    assert [live.kind for live in inventory(cloud)] == ["Lease"]
    assert json.loads(values[0])["usd_per_hour"] > 0.1, "the lease has the cost of what is about to be deployed"


def test_the_command_line_grants_shows_and_ends(cloud: Cloud, tmp_path: Path) -> None:
    def words(*words: str) -> Result:
        return run(cloud, "lease", *words, folder=tmp_path)

    assert words().exit_code == 1
    assert words("--until", "8h", "--end").exception.exit_code == 2  # type: ignore[union-attr]
    assert words("--until", "8h").exception.exit_code == 3  # type: ignore[union-attr]
    assert words("--until", "8h", "--dry-run").exit_code == 0 and lease_status(cloud).state == "none"
    granted = words("--until", "8h", "--at-most-usd", "2", "--yes", "--json")
    assert json.loads(granted.stdout)["state"] == "within"
    assert words("--until", "30m", "--yes", "--json").exit_code == 0 and words().exit_code == 0, "not past yet"
    assert "about to be past its lease" in run(cloud, "inventory", folder=tmp_path).stderr
    assert json.loads(words("--end", "--yes", "--json").stdout)["changed"]
    assert json.loads(words("--end", "--yes", "--json").stdout)["changed"] == []


def test_a_limit_below_the_spending_is_not_granted(past: Cloud) -> None:
    recount(past)
    with pytest.raises(UsageError, match="can't be granted: about"):
        grant(past, at_most_usd=0.001)
    assert lease_status(past).terms.at_most_usd is None


def test_enforcing_without_a_lease_is_an_error_if_resources_exist(cloud: Cloud) -> None:
    assert plan_enforce(cloud) is None
    plan_deploy(
        seccom("budget", services=ONE_SERVICE).just(seccom("budget", services=ONE_SERVICE).in_order()[0]), cloud
    ).apply()
    with pytest.raises(EsawsError, match="has no lease"):
        plan_enforce(cloud, "teardown")
