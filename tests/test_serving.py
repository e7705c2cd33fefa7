"""A deploy waits for stable services and healthy targets, and gives AWS's reasons where they don't get there."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from esaws import simulation
from esaws.cloud import Cloud
from esaws.deploy import serving
from esaws.deploy.serving import describe_service, describe_stopped_task, describe_targets, wait_until_serving
from esaws.errors import EsawsError
from esaws.resources import VPC
from tests.shell import Shell

SYSTEM = ("--profile", "ha", "--services", "client-web-ui,intrusion-management-api")
NO_SPACE = "no container instance met all of its requirements"


@pytest.fixture(scope="module")
def deployed(load_system: Callable[[str], Cloud]) -> Cloud:
    """A system of two services; a test that changes it undoes that."""
    return load_system("two-services")


# -- on a local AWS ------------------------------------------------------------------------------------------------


def test_a_system_serves_after_a_short_time(deployed: Cloud) -> None:
    began = time.monotonic()
    assert wait_until_serving(deployed) == []
    assert time.monotonic() - began < 5


@pytest.fixture
def unreachable(deployed: Cloud) -> Iterator[None]:
    """Containers that health checks don't reach, for a reason that no deploy undoes."""
    ec2 = deployed.client("ec2")
    vpc = [{"Name": "vpc-id", "Values": [VPC.list(deployed)[0].id]}]
    (acl,) = ec2.describe_network_acls(Filters=vpc)["NetworkAcls"]
    entry = {"NetworkAclId": acl["NetworkAclId"], "RuleNumber": 1, "Egress": False}
    port = {"PortRange": {"From": 4201, "To": 4201}, "Protocol": "6", "CidrBlock": "0.0.0.0/0", "RuleAction": "deny"}
    ec2.create_network_acl_entry(**entry, **port)
    simulation.advance(deployed, "2m")
    yield
    ec2.delete_network_acl_entry(**entry)
    simulation.advance(deployed, "30m")  # ECS starts tasks that failed again and again ever more slowly
    assert wait_until_serving(deployed) == []


@pytest.mark.usefixtures("unreachable")
def test_a_deploy_exits_1_with_the_reasons_of_aws(deployed: Cloud, tmp_path: Any) -> None:
    shell = Shell(deployed, tmp_path)
    process = shell.start("deploy", *SYSTEM, "--yes", "--json", "--timeout", "1m")
    output, error = process.communicate(timeout=60)
    assert process.returncode == 1
    result = json.loads(output)
    assert result["created"] == result["updated"] == 0
    reasons = {(row["kind"], row["name"]): row["reason"] for row in result["unstable"]}
    assert {kind for kind, _ in reasons} <= {"Service", "TargetGroup"}
    assert "unhealthy" in reasons["TargetGroup", "client-web-ui-tg"]
    assert "failed ELB health checks" in reasons["Service", "client-web-ui"]
    assert "everything is made, but not all of it serves within 1 minute: Service client-web-ui, " in error
    assert shell.json("deploy", *SYSTEM, "--yes", "--no-wait")["unstable"] is None


def test_what_cannot_be_checked_is_not_called_stable(deployed: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    call = BaseClient._make_api_call

    def deny(self: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        if operation == "DescribeTargetHealth":
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, operation)
        return call(self, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", deny)
    began = time.monotonic()
    unstable = wait_until_serving(deployed)
    assert time.monotonic() - began < 10, "it does not wait for a permission"
    assert {item.kind for item in unstable} == {"TargetGroup"}
    assert all(item.reason.startswith("it could not be checked: ") for item in unstable)
    assert "AccessDenied" in unstable[0].reason


def test_a_group_without_targets_is_waited_for_until_the_services_are_stable(
    deployed: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tasks of a service that starts are not registered yet, and a group without targets has none that is sick."""
    rounds = {"service": 0, "group": 0}

    def service(*_: Any) -> str:
        rounds["service"] += 1
        return "0 of 2 tasks run" if rounds["service"] <= 9 else ""

    def group(*_: Any) -> str:
        rounds["group"] += rounds["service"] > 9
        return "i-1 is initial" if 0 < rounds["group"] <= 9 else ""

    monkeypatch.setattr(serving, "_reason_of_service", service)
    monkeypatch.setattr(serving, "_reason_of_targets", group)
    assert wait_until_serving(deployed) == []
    assert rounds["group"] > 9


def test_an_interrupt_says_what_was_waited_for(deployed: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(serving, "_reason_of_service", interrupt)
    with pytest.raises(EsawsError, match="interrupted while waiting for Service client-web-ui, Service intrusion"):
        wait_until_serving(deployed)


# -- AWS's reasons -------------------------------------------------------------------------------------------------

STEADY = {"message": "(service web) has reached a steady state."}
STARTED = {"message": "(service web) has started 2 tasks: (task 1) (task 2)."}
UNPLACED = {"message": f"(service web) was unable to place a task because {NO_SPACE}"}
UNHEALTHY = {"message": "(service web) (port 80) is unhealthy in (target-group tg) due to (reason timed out)"}
PRIMARY: dict[str, Any] = {"status": "PRIMARY", "rolloutState": "IN_PROGRESS"}
FAILED = PRIMARY | {"rolloutState": "FAILED", "rolloutStateReason": "ECS deployment circuit breaker: tasks failed"}
EXITED = {
    "stoppedReason": "Essential container in task exited",
    "stoppedAt": "2026-11-29T10:00:00Z",
    "containers": [{"name": "web", "exitCode": 137, "reason": "OutOfMemoryError: Container killed"}],
}
EARLIER = {"stoppedReason": "Scaling activity", "stoppedAt": "2026-11-29T09:00:00Z"}


@pytest.mark.parametrize(
    ("deployments", "events", "stopped", "reason"),
    [
        ([PRIMARY], [], [], "1 of 2 tasks run"),
        ([PRIMARY], [STARTED, STEADY], [], "1 of 2 tasks run"),
        ([PRIMARY], [STARTED, UNPLACED, UNHEALTHY], [], f"1 of 2 tasks run; {UNPLACED['message']}"),
        ([PRIMARY, {"status": "ACTIVE"}], [], [], "1 of 2 tasks run; 2 deployments are in progress"),
        ([FAILED], [], [], "1 of 2 tasks run; ECS deployment circuit breaker: tasks failed"),
        (
            [PRIMARY],
            [],
            [EARLIER, EXITED],
            "1 of 2 tasks run; a task stopped: Essential container in task exited, "
            "web: OutOfMemoryError: Container killed, web: exit code 137",
        ),
    ],
    ids=["no event", "routine events", "newest problem", "two deployments", "failed deployment", "newest stopped task"],
)
def test_the_reason_of_a_service(deployments: Any, events: Any, stopped: Any, reason: str) -> None:
    service = {"runningCount": 1, "desiredCount": 2, "deployments": deployments, "events": events}
    assert describe_service(service, stopped) == reason


def test_a_task_without_a_reason_is_not_given_one() -> None:
    assert describe_stopped_task({"containers": [{"name": "web"}]}) == "ECS does not say why"


@pytest.mark.parametrize(
    ("health", "reasons"),
    [
        ({"State": "healthy"}, []),
        ({"State": "draining", "Reason": "Target.DeregistrationInProgress"}, []),
        ({"State": "unavailable", "Reason": "Target.HealthCheckDisabled"}, []),
        ({"State": "initial", "Reason": "Elb.Waiting"}, ["i-1:80 is initial (Elb.Waiting)"]),
        ({"State": "unused", "Reason": "Target.NotInUse"}, ["i-1:80 is unused (Target.NotInUse)"]),
        (
            {"State": "unhealthy", "Reason": "Target.Timeout", "Description": "Request timed out"},
            ["i-1:80 is unhealthy (Target.Timeout: Request timed out)"],
        ),
    ],
    ids=lambda value: value["State"] if isinstance(value, dict) else "",
)  # fmt: skip
def test_the_reason_of_a_target(health: dict[str, str], reasons: list[str]) -> None:
    assert [*describe_targets([{"Target": {"Id": "i-1", "Port": 80}, "TargetHealth": health}])] == reasons
