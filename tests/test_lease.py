"""A lease is granted, counted, told by every command once it is past, and enforced until nothing is left."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
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
from esaws.deploy.inventory import inventory
from esaws.deploy.leftovers import left
from esaws.deploy.plan import Plan, plan_deploy
from esaws.errors import EsawsError, InvalidResource, UsageError
from esaws.leases.estimate import HOW, lives
from esaws.leases.lease import _value, grant, lease_of, plan_enforce, plan_grant, recount, reminder
from esaws.leases.park import plan_park
from esaws.leases.terms import Spent, Terms, end_of, judge, length, moment
from esaws.reference.seccom import seccom
from esaws.resources.lease import granted, nonsense
from tests.inspect.test_read_only_policy import ACTIONS, action
from tests.shell import Shell

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ONE = ("client-web-ui",)


def spent(usd: float | None, an_hour: float | None = 0.1) -> Spent:
    return Spent(usd, an_hour, "counted")


# -- terms, a moment, and what was spent -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "limit", "used", "state", "reason"),
    [
        (9, None, None, "within", "it ends 2026-03-01 21:00 UTC, in 9 hours"),
        (1, None, None, "ending", "in 1 hour"),
        (0, None, None, "past", "it ended 2026-03-01 12:00 UTC, less than a minute ago"),
        (-72, None, None, "past", "it ended 2026-02-26 12:00 UTC, 3 days ago"),
        (None, 5, 1.0, "within", "about 1.00 of 5.00 USD are spent, the rest lasts 40 hours"),
        (None, 5, 4.5, "ending", "about 4.50 of 5.00 USD"),
        (None, 5, 5.0, "past", "about 5.00 USD of at most 5.00 USD are spent"),
        (None, 5, None, "unknown", "what was spent of its 5.00 USD is not known: counted"),
        (9, 5, None, "unknown", "is not known: counted; it ends"),
        (-1, 5, None, "past", "1 hour ago; what was spent of its 5.00 USD is not known"),
        (9, 5, 6.0, "past", "are spent; it ends 2026-03-01 21:00"),
        (0.5, 5, 1.0, "ending", "in 30 minutes; about 1.00 of"),
        (None, None, 1.0, "unknown", "it has neither an end nor a limit"),
    ],
)
def test_whether_a_lease_holds(
    hours: float | None, limit: float | None, used: float | None, state: str, reason: str
) -> None:
    until = None if hours is None else NOON + timedelta(hours=hours)
    judged = judge("seccom", Terms(until, limit, NOON), NOON, spent(used))
    assert judged.state == state and reason in judged.reason
    assert reason in repr(judged) and state in repr(judged)


def test_a_limit_that_lasts_no_hour_is_about_to_end() -> None:
    assert judge("seccom", Terms(None, 5, NOON), NOON, spent(2, an_hour=3)).state == "ending"
    assert judge("seccom", Terms(None, 5, NOON), NOON, spent(2, an_hour=2)).state == "within"


def test_what_cannot_be_read_is_never_within_and_what_is_over_is_over() -> None:
    wrong = ("until is 'soon'",)
    assert judge("seccom", Terms(None, 5, NOON, wrong), NOON, spent(1)).state == "unknown"
    assert judge("seccom", Terms(None, 5, NOON, wrong), NOON, spent(9)).state == "past"


TERMS = st.builds(
    Terms,
    st.none() | st.integers(-100, 100).map(lambda hours: NOON + timedelta(hours=hours)),
    st.none() | st.floats(0.01, 100),
    st.just(NOON),
)
ORDER = {"within": 0, "ending": 1, "past": 2}


@given(TERMS, st.floats(0, 200), st.floats(0, 200), st.floats(0, 150), st.floats(0, 50), st.floats(0, 5))
def test_time_and_spending_never_bring_a_lease_back(
    terms: Terms, hours: float, more_hours: float, usd: float, more_usd: float, an_hour: float
) -> None:
    then = NOON + timedelta(hours=hours)
    before = judge("seccom", terms, then, spent(usd, an_hour)).state
    after = judge("seccom", terms, then + timedelta(hours=more_hours), spent(usd + more_usd, an_hour)).state
    if terms.until is None and terms.at_most_usd is None:
        assert before == after == "unknown"
    else:
        assert ORDER[before] <= ORDER[after]


@pytest.mark.parametrize(
    ("said", "end"),
    [
        ("8h", NOON + timedelta(hours=8)),
        ("1d12h", NOON + timedelta(hours=36)),
        (" 3d ", NOON + timedelta(days=3)),
        ("2026-03-01", datetime(2026, 3, 2, tzinfo=UTC)),
        ("2026-03-01T18:00Z", datetime(2026, 3, 1, 18, tzinfo=UTC)),
        ("2026-03-01T18:00", datetime(2026, 3, 1, 18, tzinfo=UTC)),
        ("2026-03-01T18:00+02:00", datetime(2026, 3, 1, 16, tzinfo=UTC)),
    ],
)
def test_an_end_is_a_date_a_moment_or_a_span(said: str, end: datetime) -> None:
    assert end_of(said, NOON) == end


@pytest.mark.parametrize("said", ["", "soon", "8", "h", "-8h", "8w", "2026-02-30", "999999999999d", "9999-12-31", "٣x"])
def test_what_is_no_end_is_refused(said: str) -> None:
    with pytest.raises(UsageError, match="is no end"):
        end_of(said, NOON)


@pytest.mark.parametrize("said", ["0s", "2026-02-28", "2026-03-01T12:00Z", "0001-01-01T00:00Z"])
def test_an_end_that_has_passed_is_refused(said: str) -> None:
    with pytest.raises(UsageError, match=r"has passed: it is 2026-03-01 12:00 UTC there"):
        end_of(said, NOON)


@given(st.text(max_size=30))
def test_whatever_is_said_is_an_end_to_come_or_refused(said: str) -> None:
    with suppress(UsageError):
        assert end_of(said, NOON) > NOON


def test_lengths_are_told_in_one_unit() -> None:
    told = [length(timedelta(hours=hours)) for hours in (0.01, 0.5, 1, 47, 48, 71)]
    assert told == ["less than a minute", "30 minutes", "1 hour", "47 hours", "2 days", "2 days"]


NONSENSE = [
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


@pytest.mark.parametrize("value", NONSENSE)
def test_nonsense_in_a_parameter_is_told(value: str) -> None:
    assert nonsense(value)
    assert granted(value)["at_most_usd"] is None


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists, max_leaves=4))
def test_whatever_a_lease_says_is_read_or_told(anything: Any) -> None:
    value = json.dumps({"until": anything, "at_most_usd": anything, "counted_at": anything, "counted_usd": anything})
    said = granted(value)
    for name in ("until", "counted_at"):
        assert said[name] is None or moment(said[name])
    assert nonsense(value) or said["until"] or said["at_most_usd"]


def test_from_when_to_when_an_instance_ran_is_in_the_activities_of_its_group() -> None:
    found = lives(
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
    cloud.client("sts").get_caller_identity()
    simulation._ask(cloud, "POST", "regime", regime="none")
    return cloud


def billed(cloud: Cloud, start: datetime) -> float:
    """What the meter makes of it, for what stands there."""
    from esaws.costs.spending_query import spending

    days = spending(cloud, start.date(), simulation.now(cloud).date() + timedelta(days=1), by="USAGE_TYPE")
    return float(days[~days.usage_type.str.contains("AlarmMonitor|EUW3-TimedStorage-ByteHrs")].usd.sum())


def test_what_is_said_to_be_spent_is_what_is_billed_running_parked_and_pruned(new_cloud: Any) -> None:
    cloud = without_free_tier(new_cloud())
    # What is billed by the hour of the clock is billed for one more of them where it begins late in one.
    began = (simulation.now(cloud) + timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)
    simulation.advance(cloud, to=began)
    grant(cloud, at_most_usd=1000)
    plan_deploy(seccom("ha", services=ONE), cloud).apply()
    simulation.advance(cloud, "20h")
    for change in (lambda: plan_park(cloud).apply(), lambda: simulation.advance(cloud, "2d")):
        assert lease_of(cloud).spent.usd == pytest.approx(billed(cloud, began), rel=0.03)
        change()
    judged = lease_of(cloud)
    assert judged.spent.usd == pytest.approx(billed(cloud, began), rel=0.03)
    assert judged.spent.how == HOW and judged.state == "within"
    hour = simulation.costs(cloud)
    hour = hour[~hour.usage_type.str.contains("AlarmMonitor|EUW3-TimedStorage-ByteHrs")]
    assert judged.spent.usd_per_hour == pytest.approx(hour.usd_per_hour.sum(), abs=1e-6)
    assert reminder(cloud) is None


def test_instances_that_somebody_ended_in_between_are_counted(new_cloud: Any) -> None:
    cloud = without_free_tier(new_cloud())
    grant(cloud, at_most_usd=1000)
    plan_deploy(seccom("ha", services=ONE), cloud).apply()
    simulation.advance(cloud, "10h")
    before = lease_of(cloud).spent.usd
    autoscaling = cloud.client("autoscaling")
    autoscaling.update_auto_scaling_group(AutoScalingGroupName="seccom-client-web-ui-asg", MinSize=0, DesiredCapacity=0)
    simulation.advance(cloud, "2h")
    after = lease_of(cloud).spent
    assert before is not None and after.usd is not None and after.usd_per_hour is not None
    assert after.usd - before >= 2 * after.usd_per_hour * 0.9, "two instances of ten hours are not forgotten"


def test_a_lease_is_extended_and_goes_on_counting(cloud: Cloud) -> None:
    first = grant(cloud, until="8h", at_most_usd=5)
    simulation.advance(cloud, "1h")
    second = grant(cloud, until="2d")
    assert second.terms.at_most_usd == 5 and second.terms.since == first.terms.since
    assert second.left_hours == pytest.approx(48, abs=0.01)
    assert plan_grant(cloud, at_most_usd=7).steps[0].then.endswith("at most 7.00 USD")
    assert lease_of(cloud).terms.at_most_usd == 5, "a plan changes nothing"
    with pytest.raises(UsageError, match="needs an end or a limit"):
        grant(cloud)
    with pytest.raises(InvalidResource):
        grant(cloud, at_most_usd=float("nan"))


def put(cloud: Cloud, value: str) -> None:
    cloud.client("ssm").put_parameter(Name="/seccom/lease", Type="String", Value=value, Overwrite=True)


@pytest.mark.parametrize("value", [value for value in NONSENSE if value])
def test_nonsense_by_hand_is_said_and_a_new_grant_mends_it(cloud: Cloud, value: str) -> None:
    grant(cloud, until="8h")
    put(cloud, value)
    judged = lease_of(cloud)
    assert judged.state == "unknown" and "in its parameter" in judged.reason
    assert reminder(cloud) is None
    recount(cloud)
    assert _value(cloud) == value, "a count writes over nothing"
    with pytest.raises(EsawsError, match="nothing was changed"):
        plan_enforce(cloud)
    assert grant(cloud, until="8h", at_most_usd=3).state == "within"


def test_somebody_elses_parameter_is_left_alone(cloud: Cloud) -> None:
    cloud.client("ssm").put_parameter(Name="/seccom/lease", Type="String", Value="mine")
    with pytest.raises(ClientError, match="already exists"):
        grant(cloud, until="8h")
    assert _value(cloud) == "mine"


def deny(monkeypatch: pytest.MonkeyPatch, cloud: Cloud, service: str) -> None:
    error: Any = {"Error": {"Code": "AccessDeniedException", "Message": "no"}}

    class Denied:
        def __getattr__(self, name: str) -> Any:
            def call(*_: Any, **__: Any) -> Any:
                raise ClientError(error, name)

            return call

    made = cloud.client
    monkeypatch.setattr(cloud, "client", lambda name: Denied() if name == service else made(name))


def test_a_lease_that_may_not_be_read_is_unknown_and_reminds_of_nothing(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant(cloud, until="1s")
    deny(monkeypatch, cloud, "ssm")
    judged = lease_of(cloud)
    assert judged.state == "unknown" and "can't be read: AccessDenied" in judged.reason
    assert reminder(cloud) is None
    with pytest.raises(EsawsError, match="nothing was changed"):
        plan_enforce(cloud)


@pytest.mark.parametrize("service", ["rds", "autoscaling", "ec2"])
def test_what_may_not_be_looked_at_is_not_within(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, service: str) -> None:
    grant(cloud, until="8h", at_most_usd=5)
    deny(monkeypatch, cloud, service)
    judged = lease_of(cloud)
    assert judged.state == "unknown" and judged.left_usd is None and "is not known" in judged.reason


# -- every command says so -------------------------------------------------------------------------------------------

SAYS = {
    "plan": ["--profile", "budget", "--services", "client-web-ui"],
    "deploy": ["--profile", "budget", "--services", "client-web-ui", "--yes"],
    "draw": ["--live", "-o", "live.svg"],
    "inventory": [],
    "teardown": ["--dry-run"],
    "park": ["--dry-run"],
    "resume": ["--dry-run"],
    "reach": ["internet", "alb/alb", "80"],
    "matrix": [],
    "routes": [],
    "trace": ["http://seccom/"],
    "health": [],
    "findings": [],
    "cost forecast": ["--profile", "ha", "--regime", "mine"],
    "cost bill": ["ce:2026-01"],
    "cost focus": ["ce:2026-01", "-o", "focus.csv"],
}
SAYS_IT_ITSELF = {"lease"}
ASKS_NOTHING_OF_A_DEPLOYMENT = {
    "doctor": [],
    "draw": ["--profile", "ha", "-o", "ha.svg"],
    "cost forecast": ["--profile", "ha", "--regime", "none"],
    "cost prices": [],
    "course status": [],
    "course run": ["no-such-notebook"],
}


def commands(group: click.Group = cli, *above: str) -> Iterator[str]:
    """Of all commands, those that know a deployment."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *above, name)
        elif any(parameter.name == "deployment" for parameter in command.params):
            yield " ".join([*above, name])


def test_each_command_is_here() -> None:
    assert set(commands()) <= SAYS.keys() | SAYS_IT_ITSELF | ASKS_NOTHING_OF_A_DEPLOYMENT.keys()


@pytest.fixture(scope="module")
def past(new_cloud: Callable[..., Cloud]) -> Cloud:
    """A small deployment, an hour past its lease."""
    cloud = new_cloud()
    grant(cloud, until="2h")
    plan_deploy(seccom("budget", services=ONE), cloud).apply()
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
        cli, [str(folder / word) if word.endswith((".svg", ".csv")) else word for word in words]
    )


@pytest.mark.parametrize("name", sorted(SAYS.keys() & set(commands())))
def test_a_command_that_reaches_the_deployment_says_that_it_is_past_its_lease(
    past: Cloud, tmp_path: Path, name: str
) -> None:
    said = run(past, *name.split(), *SAYS[name], "--json", folder=tmp_path)
    lines = [line for line in said.stderr.splitlines() if "past its lease" in line]
    assert len(lines) == 1, (said.stderr, said.exception)
    assert lines[0].startswith("seccom is past its lease: it ended ")
    assert lines[0].endswith("'esaws lease --enforce park --yes' stops what costs")
    if not said.exception:
        json.loads(said.stdout)


@pytest.mark.parametrize("name", ASKS_NOTHING_OF_A_DEPLOYMENT)
def test_a_command_that_asks_nothing_of_the_deployment_says_nothing(past: Cloud, tmp_path: Path, name: str) -> None:
    said = run(past, *name.split(), *ASKS_NOTHING_OF_A_DEPLOYMENT[name], "--json", folder=tmp_path)
    assert "its lease" not in said.stderr


def test_where_no_local_aws_runs_none_is_started_for_a_lease(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {"ESAWS_TARGET": "http://127.0.0.1:1", "ESAWS_ACCOUNT": "", "ESAWS_HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        main(["inventory"])
    assert ended.value.code == 2
    assert "lease" not in capsys.readouterr().err


def test_a_reminder_takes_one_call_and_a_second_one_when_it_is_past(past: Cloud) -> None:
    before = len(past.calls)
    assert reminder(past)
    assert [call.operation for call in past.calls[before:]] == ["GetParameter", "DescribeAutoScalingGroups"]
    assert str(lease_of(past)).startswith("lease of seccom: past; it ended ")


def test_the_read_only_policy_is_enough_for_a_lease(new_cloud: Any) -> None:
    cloud = new_cloud()
    grant(cloud, at_most_usd=0.01, until="8h")
    plan_deploy(seccom("ha", services=ONE), cloud).apply()
    simulation.advance(cloud, "1h")
    cloud.client("autoscaling").update_auto_scaling_group(
        AutoScalingGroupName="seccom-client-web-ui-asg", MinSize=0, DesiredCapacity=0
    )
    simulation.advance(cloud, "10m")
    recount(cloud)
    before = len(cloud.calls)
    assert lease_of(cloud).state == "past" and reminder(cloud)
    made = {action(call.service, call.operation) for call in cloud.calls[before:]}
    assert "ssm:GetParameter" in made and made <= set(ACTIONS)


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
    assert shown["state"] == "within" and shown["at_most_usd"] == 5 and shown["source"] == HOW
    assert "not past a lease" in run(cloud, "lease", "--enforce", "park", "--yes", folder=tmp_path).stdout
    assert "no terminal" in str(run(cloud, "lease", "--enforce", "park", folder=tmp_path).exception)

    simulation.advance(cloud, "9h")
    assert "lease of seccom: past" in str(esaws.start("lease").communicate(timeout=60)[0])
    assert run(cloud, "lease", "--enforce", "park", "--dry-run", folder=tmp_path).exit_code == 0
    assert lease_of(cloud).spent.usd_per_hour == pytest.approx(shown["usd_per_hour"], abs=0.001)
    parked = esaws.json("lease", "--enforce", "park", "--yes")
    assert parked["changed"]
    simulation.advance(cloud, "1h")
    less = lease_of(cloud).spent.usd_per_hour
    assert less is not None and less < shown["usd_per_hour"] - 0.03, "two instances and a database less"
    again = json.loads(run(cloud, "lease", "--enforce", "park", "--yes", "--json", folder=tmp_path).stdout)
    assert again["changed"] == []
    assert str(reminder(cloud)).endswith("'esaws lease --enforce teardown --yes' ends it")

    gone = esaws.json("lease", "--enforce", "teardown", "--yes")
    assert gone["deleted"] and gone["left"] == [] and left(cloud) == []
    again = run(cloud, "lease", "--enforce", "teardown", "--yes", "--json", folder=tmp_path)
    assert again.exit_code == 0 and json.loads(again.stdout) == {"enforced": None}


def test_a_deploy_has_its_lease_before_anything_else(
    new_cloud: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = new_cloud()
    kept: list[str] = []

    def interrupted(*_: Any, **__: Any) -> None:
        kept.append(_value(cloud) or "")
        raise EsawsError("the lights went out")

    monkeypatch.setattr(Plan, "apply", interrupted)
    words = ("deploy", "--profile", "budget", "--yes", "--until", "8h", "--at-most-usd", "5")
    run(cloud, *words, folder=tmp_path)
    assert [live.kind for live in inventory(cloud)] == ["Lease"]
    assert kept, "what is about to stand there is in the lease before it does"
    assert json.loads(kept[0])["usd_per_hour"] > 0.1


def test_the_command_line_grants_shows_and_ends(cloud: Cloud, tmp_path: Path) -> None:
    def words(*words: str) -> Result:
        return run(cloud, "lease", *words, folder=tmp_path)

    assert words().exit_code == 1
    assert words("--until", "8h", "--end").exception.exit_code == 2  # type: ignore[union-attr]
    assert words("--until", "8h").exception.exit_code == 3  # type: ignore[union-attr]
    assert words("--until", "8h", "--dry-run").exit_code == 0 and lease_of(cloud).state == "none"
    granted = words("--until", "8h", "--at-most-usd", "2", "--yes", "--json")
    assert json.loads(granted.stdout)["state"] == "within"
    assert words("--until", "30m", "--yes", "--json").exit_code == 0 and words().exit_code == 0, "not past yet"
    assert "about to be past its lease" in run(cloud, "inventory", folder=tmp_path).stderr
    assert json.loads(words("--end", "--yes", "--json").stdout)["changed"]
    assert json.loads(words("--end", "--yes", "--json").stdout)["changed"] == []


def test_a_limit_that_is_spent_already_is_not_granted(past: Cloud) -> None:
    recount(past)
    with pytest.raises(UsageError, match="can't be granted: about"):
        grant(past, at_most_usd=0.001)
    assert lease_of(past).terms.at_most_usd is None


def test_what_stands_there_without_a_lease_is_not_passed_over(cloud: Cloud) -> None:
    assert plan_enforce(cloud) is None
    plan_deploy(seccom("budget", services=ONE).just(seccom("budget", services=ONE).in_order()[0]), cloud).apply()
    with pytest.raises(EsawsError, match="has no lease to be past"):
        plan_enforce(cloud, "teardown")
