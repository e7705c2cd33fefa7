"""The looking runbooks of status, health, requests, reach, security, changes and leftovers: none changes anything."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from esaws import simulation
from esaws.call_log import Call
from esaws.cli.policy import policy_of
from esaws.cloud import Cloud
from esaws.local_aws import control
from esaws.runbooks.pytest_plugin import RunbookResult, RunbookTester
from tests.contract.actions import actions

URL = {"url": "http://seccom/intrusion-management-api/"}
RUNS: dict[str, dict[str, Any]] = {
    "status": {},
    "why_is_it_unhealthy": {},
    "trace_a_request": URL,
    "who_can_reach": {},
    "security_audit": {},
    "what_changed_since": {"profile": "ha"},
    "find_leftovers": {"days": 1},
}


@pytest.fixture(scope="module")
def aged(load_system: Callable[[str], Cloud]) -> tuple[bytes, str]:
    """(saved state, account) of two services behind their load balancer, a day old."""
    cloud = load_system("two-services")
    simulation.advance(cloud, "25h")
    return control.exchange(str(cloud.endpoint), "GET", "save"), cloud.account


@pytest.fixture
def small(runbook: RunbookTester, aged: tuple[bytes, str]) -> RunbookTester:
    runbook.load(*aged)
    return runbook


def found(result: RunbookResult) -> dict[str, Any]:
    """What the first look of a run found."""
    return dict(next(iter(result.record["found"].values())))


def add_classic_load_balancer(tester: RunbookTester) -> None:
    cloud = tester.cloud
    own = [{"Name": "tag:esaws:deployment", "Values": [cloud.deployment]}]
    subnet = cloud.client("ec2").describe_subnets(Filters=own)["Subnets"][0]["SubnetId"]
    listeners = [{"Protocol": "HTTP", "LoadBalancerPort": 80, "InstancePort": 80}]
    cloud.client("elb").create_load_balancer(LoadBalancerName="old", Listeners=listeners, Subnets=[subnet])


def close_group(tester: RunbookTester) -> None:
    ec2 = tester.cloud.client("ec2")
    groups = {raw["GroupName"]: raw for raw in ec2.describe_security_groups()["SecurityGroups"]}
    group = groups[tester.cloud.aws_name("ClientWeb-sg")]
    ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=group["IpPermissions"])
    simulation.advance(tester.cloud, "75s")


@pytest.mark.runbooks
def test_each_finds_what_is_there_with_the_policy_of_a_reader_and_changes_nothing(small: RunbookTester) -> None:
    add_classic_load_balancer(small)
    documents = [policy_of("findings"), policy_of("cost"), read_only()]
    allowed = {action for document in documents for each in document["Statement"] for action in each["Action"]}
    results = {name: small.run(name, **parameters) for name, parameters in RUNS.items()}
    for name, result in results.items():
        assert (result.exit_code, result.status, result.error) == (0, "done", None), name
        assert (result.record["changing_calls"], result.record["changed"]) == (0, []), name
        made = [Call(*action.split(":"), {}, 0.0, "OK") for action in result.record["actions"]]
        assert set(actions(made)) - allowed == set(), name
    assert found(results["status"])["verdict"] == "ok"
    assert found(results["why_is_it_unhealthy"])["verdict"] == "4 of 4 targets are healthy"
    assert found(results["trace_a_request"])["outcome"] == "match"
    ways = {(row["source"], row["destination"], row["port"]) for row in found(results["who_can_reach"])["ways"]}
    assert ("internet", "alb/alb", 80) in ways
    assert {"alb/alb"} < {row["destination"] for row in found(results["security_audit"])["exposed"]}
    assert found(results["what_changed_since"])["account_state"]["region"] == small.cloud.region
    assert len(results["find_leftovers"].record["found"]["leftovers"]) > 40

    since = small.folder / "before.json"
    since.write_text(json.dumps(results["what_changed_since"].record))
    close_group(small)
    failed = small.run("what_changed_since", since=str(since), fail_on="change")
    assert (failed.exit_code, failed.record["error"]["step"]) == (1, "verify")
    assert "changed security group seccom-ClientWeb-sg, moto: Revoke" in failed.record["error"]["cause"]

    ill = small.run("why_is_it_unhealthy", load_balancer="client-web-ui", fail_on="unhealthy")
    assert (ill.exit_code, ill.record["error"]["step"]) == (1, "verify")
    assert "2 of 2 targets of client-web-ui are unhealthy: NOT_REACHED" in ill.record["error"]["cause"]
    assert "authorize-security-group-ingress" in ill.record["error"]["next_step"]
    assert "ec2:DescribeInstanceStatus" in ill.record["actions"]

    left = small.run("find_leftovers", fail_on="deployment")
    assert (left.exit_code, left.record["error"]["next_step"]) == (1, "run the runbook tear_down")
    audit = small.run("security_audit", fail_on="high")
    assert audit.exit_code == 1 and "OPEN_ADMIN_PORT" in audit.record["error"]["cause"]


ANSWERS = [
    ("who_can_reach", {"start": "internet", "destination": "alb/alb", "port": 80, "expect": "allow"}, ""),
    (
        "who_can_reach",
        {"start": "internet", "destination": "alb/alb", "port": 81, "expect": "allow"},
        "read the reasons",
    ),
    ("who_can_reach", {"destination": "alb/alb", "expect": "deny"}, "give start, destination and port"),
    ("trace_a_request", {**URL, "expect": "target", "load_balancer": "alb"}, ""),
    ("trace_a_request", {"url": "http://seccom/", "expect": "response"}, "read the hops"),
    ("status", {"fail_on": "unknown"}, ""),
    ("why_is_it_unhealthy", {"load_balancer": "alb", "hours": 1, "fail_on": "flapping"}, ""),
    ("find_leftovers", {"fail_on": "account"}, ""),
]


@pytest.mark.runbooks
def test_a_run_fails_only_where_its_expectation_does_not_hold(small: RunbookTester) -> None:
    for name, parameters, next_step in ANSWERS:
        result = small.run(name, **parameters)
        assert result.exit_code == (1 if next_step else 0), (name, parameters, result.error)
        assert next_step in (result.record["error"] or {"next_step": ""})["next_step"]


MISSING = [
    ("why_is_it_unhealthy", {"load_balancer": "nothing"}, "no such load balancer, target group or service"),
    ("who_can_reach", {"destination": "alb/nothing"}, "not an end that has rows of its own"),
    ("what_changed_since", {"since": "nothing.json"}, "no such file or folder; give a snapshot, a record, or a time"),
]


@pytest.mark.parametrize(("name", "parameters", "message"), MISSING, ids=[name for name, _, _ in MISSING])
def test_what_does_not_exist_is_named_with_what_does(
    runbook: RunbookTester, name: str, parameters: dict[str, Any], message: str
) -> None:
    result = runbook.run(name, **parameters)
    assert (result.exit_code, result.record["error"]["step"]) == (2, "look")
    assert message in str(result.error)


def read_only() -> dict[str, Any]:
    path = Path(__file__).resolve().parents[2] / "esaws/data/read_only_policy.json"
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document
