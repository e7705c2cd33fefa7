"""The clock of the local AWS, and the commands that use it."""

from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esaws.local_aws.event_text import format_events
from local_aws_server.clock.clock import format_timestamp, parse_duration, parse_timestamp
from tests.local.timing import advance, events, now

START = "2026-01-01T00:00Z"


def client(program: Any, service: str) -> Any:
    """A client of the server of a program, in the default account."""
    url = program.json("status")["url"]
    keys = {"aws_access_key_id": "123456789012", "aws_secret_access_key": "local"}
    return boto3.client(service, endpoint_url=url, region_name="eu-west-3", **keys)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90s", 90), ("20m", 1200), ("6h", 21600), ("3d", 259200), ("1d12h", 129600), ("0.5h", 1800), (" 1m ", 60)],
)
def test_a_duration_consists_of_numbers_with_units(text: str, expected: float) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize("text", ["", "3", "d", "3x", "-3d", "3 d", "1e3s", "3d!"])
def test_an_invalid_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@given(st.integers(0, 4_000_000_000))
def test_a_formatted_timestamp_is_parsed_to_the_same_time(timestamp: int) -> None:
    assert parse_timestamp(format_timestamp(timestamp)) == timestamp


def test_a_timestamp_without_a_zone_is_utc() -> None:
    assert (
        parse_timestamp("2026-01-01")
        == parse_timestamp("2026-01-01T00:00Z")
        == parse_timestamp("2026-01-01T01:00+01:00")
    )


def test_the_clock_starts_at_the_given_time_and_again_after_a_reset(program: Any) -> None:
    program.json("start", "--at", START)
    assert program.json("status")["time"].startswith("2026-01-01T00:00")
    assert program.json("advance", "3d")["time"].startswith("2026-01-04T00:00")
    user = client(program, "iam").create_user(UserName="r")["User"]
    assert user["CreateDate"].isoformat().startswith("2026-01-04T00:00"), "moto's own timestamps follow the clock"
    assert program.json("advance", "--to", "2026-02-01T00:00Z")["time"] == "2026-02-01T00:00:00Z"
    program.json("reset")
    assert program.json("status")["time"].startswith("2026-01-01T00:0")


def test_a_still_clock_moves_only_when_a_client_advances_it(program: Any) -> None:
    program.environment["ESAWS_STILL"] = "1"
    program.json("start", "--at", START)
    assert program.json("advance", "1h")["time"] == "2026-01-01T01:00:00Z"
    client(program, "ecs").create_cluster(clusterName="one")
    assert program.json("status")["time"] == "2026-01-01T01:00:00Z", "although real time has passed"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["advance", "--to", "2025-12-31"], "cannot go back"),
        (["advance", "3x"], "is not a duration"),
        (["advance"], "give a duration"),
        (["advance", "1h", "--to", "2026-02-01"], "give a duration"),
        (["events", "--since", "monday"], "is not a time"),
        (["start", "--at", "2026-02-01"], "already runs"),
        (["start", "--provisioning", "0.5"], "already runs"),
        (["traffic", "--shape", "steady"], "no application load balancer"),
        (["fail", "zone", "eu-west-9a"], "eu-west-9"),
        (["fail", "instance", "i-12345678"], "i-12345678"),
        (["mend", "zone", "eu-west-3a"], "has not failed"),
        (["mend", "image", "nginx"], "has not failed"),
        (["fail", "image", "nginx", "--for", "2h"], "until it is mended"),
        (["fault", "bad-luck"], "unknown kind"),
        (["fault", "throttle", "--service", "ec2", "--operation", "RunInstance"], "RunInstances"),
    ],
    ids=" ".join,
)
def test_invalid_arguments_exit_with_2(running: Any, arguments: list[str], message: str) -> None:
    done = running.run(*arguments)
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("at,path\n0,/", "no column 'requests_per_second'"),
        ("at,path,requests_per_second\n0,/,many", "line 2"),
        ("at,path,requests_per_second\n0,/,5\n60,/,", "line 3"),
    ],
)
def test_an_invalid_trace_file_is_refused_with_the_line(running: Any, tmp_path: Any, rows: str, message: str) -> None:
    (tmp_path / "trace.csv").write_text(rows)
    done = running.run("traffic", str(tmp_path / "trace.csv"))
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A program with a running server."""
    from tests.local.conftest import Program

    program = Program(tmp_path_factory.mktemp("clock"))
    program.json("start", "--at", START)
    yield program
    program.run("stop")


def test_a_waiter_advances_the_clock_and_other_describe_calls_do_not(account: Any) -> None:
    ec2 = account.client("ec2")
    began = now(account)
    instance = ec2.run_instances(ImageId="ami-760aaa0f", MinCount=1, MaxCount=1)["Instances"][0]
    assert instance["State"]["Name"] == "pending"
    ec2.describe_vpcs()
    assert now(account) - began < 20
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance["InstanceId"]])
    assert 50 < now(account) - began < 90


def test_each_account_has_its_own_events(account: Any, new_account: Any) -> None:
    ec2 = account.client("ec2")
    id = ec2.run_instances(ImageId="ami-760aaa0f", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    advance(account, "5m")
    ec2.stop_instances(InstanceIds=[id])
    assert [(event["subject"], event["what"]) for event in events(account)] == [(id, "instance stopped")]
    assert events(new_account()) == []


def event(time: str, subject: str, what: str, because: str = "") -> dict[str, str]:
    return {"time": f"2026-01-01T{time}Z", "region": "eu-west-3", "subject": subject, "what": what, "because": because}


def test_a_story_tells_of_one_thing_in_one_line() -> None:
    told = format_events(
        [
            event("03:12:00", "web", "instance stopped", "somebody stopped it"),
            event("03:12:30", "api", "task placed"),
            event("03:14:00", "web", "target unhealthy"),
            event("03:14:00", "web", "target unhealthy"),
            event("09:00:00", "web", "target healthy"),
        ]
    )
    assert told == [
        "2026-01-01 03:12 web: instance stopped (somebody stopped it) → target unhealthy",
        "2026-01-01 03:12 api: task placed",
        "2026-01-01 09:00 web: target healthy",
    ]
