"""Findings on the reference system, on small accounts for each code, and after their fixes."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from esaws import simulation
from esaws.cloud import Cloud
from esaws.deploy.plan import plan_deploy
from esaws.errors import UsageError
from esaws.inspect.account import Account, snapshot
from esaws.inspect.checks.registry import CHECKS
from esaws.inspect.checks.report import KEYS, Findings, all_codes, codes_as_markdown, findings
from esaws.inspect.fixes import Fix
from esaws.inspect.load_balancers import target_group_name
from esaws.inspect.network.reach import reach
from esaws.inspect.target_health import health
from esaws.reference.seccom import seccom, seccom_as_drawn
from tests.shell import Shell

DOCS = Path(__file__).parents[2] / "docs" / "findings.md"

SEVEN = (
    "CamerasAPI",
    "ClientWeb",
    "HumanDetectionModule",
    "IntrusionManagementAPI",
    "ManagerWeb",
    "SitesManagementAPI",
)
FLAWS = {
    1: [
        *(("OPEN_ADMIN_PORT", f"seccom-{name}-sg") for name in (*SEVEN, "Redis")),
        ("OPEN_DATA_PORT", "seccom-Redis-sg"),
        ("OPEN_DATA_PORT", "seccom-IntrusionManagementAPI-sg"),
        ("OPEN_SERVICE_PORT", "seccom-CamerasAPI-sg"),
        ("UNSERVED_PORT", "seccom-HumanDetectionModule-sg"),
    ],
    2: [("WRONG_PORT", "seccom-SitesManagementAPI-sg")],
    3: [("UNSERVED_PORT", "seccom-Redis-sg")],
    4: [("INBOUND_OF_A_CLIENT", "seccom-IntrusionManagementAPI-sg")],
    5: [("PREFIX_TRAP", "seccom-alb:80 rule 1"), ("PREFIX_TRAP", "seccom-alb:80 rule 2")],
    6: [("DRAWN_OTHERWISE", "cameras-api"), ("DRAWN_OTHERWISE", "sites-management-api"), ("DRAWN_IMPOSSIBLE", "alb")],
    9: [("STOPPING_DOES_NOT_STOP", "seccom-cameras-api-asg")],
}
"""The flaws of the reference system by number, as (code, resource)."""


def pairs(found: Findings) -> set[tuple[str, str]]:
    return {(finding.code, finding.resource) for finding in found}


@pytest.fixture(scope="module")
def found(account: Account) -> Findings:
    return findings(account, seccom_as_drawn())


@pytest.mark.parametrize("flaw", FLAWS)
def test_the_flaws_of_the_reference_system_are_found(found: Findings, flaw: int) -> None:
    assert set(FLAWS[flaw]) <= pairs(found)


def test_correct_resources_have_no_findings(found: Findings) -> None:
    codes = pairs(found)
    assert not {resource for _, resource in codes} & {
        "seccom-ALB-sg",
        "seccom-rds-ec2-1",
        "seccom-ec2-rds-1",
        "seccom-alb",
    }
    assert not {code for code, _ in codes} & {"NOT_LOOKED_AT", "UNHEALTHY_TARGET", "SERVICE_SHORT", "UNREACHED_PORT"}


def test_the_most_severe_come_first(found: Findings) -> None:
    severities = [finding.severity for finding in found]
    assert severities == sorted(severities, key=["critical", "high", "medium", "low", "info"].index)
    assert list(found.to_frame().columns) == ["severity", "code", "resource", "detail", "fix"]


def test_the_destructive_fix_stops_the_instances_of_a_group(new_cloud: Any) -> None:
    cloud = new_cloud()
    plan_deploy(seccom("budget", services=("cameras-api",)), cloud).apply()
    found = findings(snapshot(cloud, *KEYS))
    named = found.select("STOPPING_DOES_NOT_STOP")
    assert not set(named.fixes()) & set(found.fixes()), "it stops instances, so its code has to be named"
    (fix,) = named.fixes()
    fix.apply(cloud)
    simulation.advance(cloud, "1h")
    after = snapshot(cloud, *KEYS)
    assert not findings(after).select("STOPPING_DOES_NOT_STOP")
    assert not [finding for finding in after["Instances"] if finding["State"]["Name"] == "running"]


# Each code, on a small account


def account_with(**descriptions: list[dict[str, Any]]) -> Account:
    """Return an account that contains only the given resources."""
    return Account("111122223333", "eu-west-3", {key: [] for key in KEYS} | descriptions)


def group(id: str, *permissions: dict[str, Any]) -> dict[str, Any]:
    return {"GroupId": id, "GroupName": f"{id}-name", "VpcId": "vpc-1", "IpPermissions": list(permissions)}


def allow(port: int, **source: list[dict[str, str]]) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **source}


def interface(id: str, *groups: str) -> dict[str, Any]:
    return {
        "NetworkInterfaceId": id,
        "VpcId": "vpc-1",
        "SubnetId": "subnet-1",
        "PrivateIpAddress": f"10.0.0.{id.removeprefix('eni-')}",
        "Groups": [{"GroupId": finding} for finding in groups],
    }


WORLD = [{"CidrIp": "0.0.0.0/0"}]
BALANCER = {
    "LoadBalancerArn": "arn:aws:elasticloadbalancing:eu-west-3:1:loadbalancer/app/front/1",
    "LoadBalancerName": "front",
    "Type": "application",
    "Scheme": "internet-facing",
    "AvailabilityZones": [{"ZoneName": "eu-west-3a", "SubnetId": "subnet-1"}],
}
TARGET_GROUP = "arn:aws:elasticloadbalancing:eu-west-3:1:targetgroup/web/1"
LISTENER = {"ListenerArn": "l", "LoadBalancerArn": BALANCER["LoadBalancerArn"], "Port": 80, "Protocol": "HTTP"}
DEFAULT_RULE = {
    "Priority": "default",
    "RuleArn": "r",
    "ListenerArn": "l",
    "IsDefault": True,
    "Conditions": [],
    "Actions": [{"Type": "forward", "TargetGroupArn": TARGET_GROUP}],
}
START = datetime(2026, 11, 29, tzinfo=UTC)


def service(events: list[str], **deployment: Any) -> dict[str, Any]:
    """Return a service with one deployment, of which one of two tasks runs."""
    raw = {"serviceName": "s", "clusterArn": "c", "status": "ACTIVE", "desiredCount": 2, "runningCount": 2}
    raw["deployments"] = [
        {
            "status": "PRIMARY",
            "taskDefinition": "app:2",
            "rolloutState": "IN_PROGRESS",
            "createdAt": START,
            "desiredCount": 2,
            "runningCount": 1,
            **deployment,
        }
    ]
    return raw | {"events": [{"createdAt": START, "message": message} for message in events]}


def stopped_task(code: str, **fields: Any) -> dict[str, Any]:
    base = {"clusterArn": "c", "group": "service:s", "taskDefinitionArn": "app:2", "lastStatus": "STOPPED"}
    return base | {"stopCode": code, "stoppedReason": "it exited"} | fields


def activity(description: str, minute: int, **fields: Any) -> dict[str, Any]:
    cause = "At 2026-11-29T00:00:00Z an instance was taken out of service in response to an ELB health check failure."
    raw = {"AutoScalingGroupName": "g", "Description": description, "Cause": cause, "StatusCode": "Successful"}
    return raw | {"StartTime": START + timedelta(minutes=minute)} | fields


DATABASE = {
    "DBInstanceIdentifier": "db",
    "PubliclyAccessible": True,
    "StorageEncrypted": False,
    "BackupRetentionPeriod": 0,
}
ECR = "111122223333.dkr.ecr.eu-west-3.amazonaws.com/app"

SMALL: dict[str, dict[str, list[dict[str, Any]]]] = {
    "OPEN_ALL": {"SecurityGroups": [group("sg-1", {"IpProtocol": "-1", "IpRanges": WORLD})]},
    "OPEN_ALL_PORTS_PROTOCOL": {
        "SecurityGroups": [group("sg-1", {"IpProtocol": "tcp", "FromPort": 0, "ToPort": 65535, "IpRanges": WORLD})]
    },
    "UNATTACHED_GROUP": {"SecurityGroups": [group("sg-1")], "NetworkInterfaces": [interface("eni-5", "sg-2")]},
    "DUPLICATE_RULE": {
        "SecurityGroups": [group("sg-1", allow(80, IpRanges=WORLD), allow(80, IpRanges=[{"CidrIp": "10.0.0.0/8"}]))]
    },
    "UNUSED_RULE": {
        "SecurityGroups": [group("sg-1", allow(80, UserIdGroupPairs=[{"GroupId": "sg-2"}])), group("sg-2")],
        "NetworkInterfaces": [interface("eni-5", "sg-1")],
    },
    "ALB_IN_ONE_ZONE": {"LoadBalancers": [BALANCER]},
    "PUBLIC_STORE": {"DBInstances": [DATABASE]},
    "UNENCRYPTED_STORE": {"Buckets": [{"Name": "b", "Encryption": None}]},
    "BUCKET_NOT_CLOSED": {"Buckets": [{"Name": "b", "PublicAccessBlock": None}]},
    "NO_BACKUPS": {"DBInstances": [DATABASE]},
    "UNKNOWN_INSTANCE": {
        "clusters": [{"clusterArn": "arn:1", "clusterName": "c"}],
        "Instances": [
            {
                "InstanceId": "i-1",
                "State": {"Name": "running"},
                "Tags": [{"Key": "aws:autoscaling:groupName", "Value": "asg"}],
            }
        ],
    },
    "IMAGE_ABSENT": {
        "taskDefinitions": [
            {"family": "app", "revision": 3, "taskDefinitionArn": "a", "containerDefinitions": [{"image": f"{ECR}:v2"}]}
        ],
        "images": [{"repositoryName": "app", "imageTags": ["v1"]}],
    },
    "DESIRED_ZERO": {"services": [{"serviceName": "s", "clusterArn": "c", "status": "ACTIVE", "desiredCount": 0}]},
    "SERVICE_SHORT": {
        "services": [
            {
                "serviceName": "s",
                "clusterArn": "c",
                "status": "ACTIVE",
                "desiredCount": 2,
                "runningCount": 1,
                "events": [],
            }
        ]
    },
    "ALARM_WITHOUT_DATA": {"MetricAlarms": [{"AlarmName": "a", "StateValue": "INSUFFICIENT_DATA"}]},
    "UNUSED_TARGET_GROUP": {
        "TargetGroups": [
            {"TargetGroupArn": "arn:aws:x:targetgroup/web/1", "TargetGroupName": "web", "LoadBalancerArns": []}
        ]
    },
    "DEPLOYMENT_STUCK": {
        "services": [service(events=["(service s) was unable to place a task because its ports are in use."])]
    },
    "DEPLOYMENT_FAILED": {
        "services": [service(rolloutState="FAILED", rolloutStateReason="tasks failed to start.", events=[])]
    },
    "TASKS_FAIL": {
        "services": [service(rolloutState="COMPLETED", events=[])],
        "tasks": [stopped_task("EssentialContainerExited"), stopped_task("TaskFailedToStart")],
    },
    "GROUP_REPLACES_INSTANCES": {
        "AutoScalingGroups": [{"AutoScalingGroupName": "g", "MinSize": 0, "DesiredCapacity": 1}],
        "Activities": [activity("Terminating EC2 instance: i-1", minute) for minute in (0, 9, 18)],
    },
    "GROUP_LAUNCHES_NOTHING": {
        "AutoScalingGroups": [{"AutoScalingGroupName": "g", "MinSize": 0, "DesiredCapacity": 1}],
        "Activities": [activity("Launching a new EC2 instance", 0, StatusCode="Failed", StatusMessage="no capacity")],
    },
    "EMPTY_TARGET_GROUP": {
        "LoadBalancers": [BALANCER],
        "Listeners": [LISTENER],
        "Rules": [DEFAULT_RULE],
        "TargetGroups": [{"TargetGroupArn": TARGET_GROUP, "TargetGroupName": "web", "LoadBalancerArns": ["a"]}],
    },
    "UNREACHED_PORT": {
        "LoadBalancers": [BALANCER | {"SecurityGroups": ["sg-1"]}],
        "Listeners": [LISTENER],
        "SecurityGroups": [group("sg-1")],
    },
    "NO_ROUTE": {
        "LoadBalancers": [BALANCER],
        "Subnets": [{"SubnetId": "subnet-1", "VpcId": "vpc-1", "CidrBlock": "10.0.0.0/24"}],
        "RouteTables": [{"RouteTableId": "rtb-1", "VpcId": "vpc-1", "Associations": [{"Main": True}], "Routes": []}],
    },
    "STOPPING_DOES_NOT_STOP": {
        "AutoScalingGroups": [{"AutoScalingGroupName": "g", "MinSize": 0, "DesiredCapacity": 1}]
    },
}


@pytest.mark.parametrize("code", SMALL)
def test_each_code_is_found_on_its_account_and_none_on_an_empty_one(code: str) -> None:
    assert code in {finding.code for finding in findings(account_with(**SMALL[code]))}
    assert not findings(account_with())


def test_every_code_has_a_test(found: Findings) -> None:
    elsewhere = {
        "NOT_LOOKED_AT",
        "RULE_QUOTA",
        "SHADOWED",
        "DEAD_VALUE",
        "NEVER_MATCHES",
        "INVALID_RULE",
    }
    in_health = {"TARGET_OUTSIDE_ZONES", "HEALTH_PATH_UNANSWERED", "UNHEALTHY_TARGET"}
    assert set(all_codes()) == {finding.code for finding in found} | set(SMALL) | elsewhere | in_health


def test_unreachable_rules_are_found() -> None:
    rules = [
        {"Priority": str(n), "RuleArn": f"r{n}", "ListenerArn": "l", "Actions": [], "Conditions": [condition]}
        for n, condition in enumerate(
            [
                {"Field": "path-pattern", "Values": ["/a", "/a/*"]},
                {"Field": "path-pattern", "Values": ["/a/b"]},
                {"Field": "path-pattern", "Values": ["/c", "/a/d"]},
            ],
            1,
        )
    ]
    found = findings(account_with(LoadBalancers=[BALANCER], Listeners=[LISTENER], Rules=rules))
    assert {("SHADOWED", "front:80 rule 2"), ("DEAD_VALUE", "front:80 rule 3")} <= pairs(found)


def test_a_denied_call_skips_one_check_with_the_missing_permission(new_cloud: Any, deployed: Cloud) -> None:
    cloud = new_cloud(account=deployed.account)

    def refuse(**_: Any) -> None:
        error: Any = {"Error": {"Code": "AccessDenied", "Message": "no"}}
        raise ClientError(error, "DescribeDBInstances")

    cloud.client("rds").meta.events.register("before-call.*.DescribeDBInstances", refuse)
    found = findings(snapshot(cloud, *KEYS))
    (missing,) = [finding for finding in found.select("NOT_LOOKED_AT") if "NO_BACKUPS" in finding.resource]
    assert "rds:DescribeDBInstances was denied; ask for the permission" in missing.detail
    assert found.select("OPEN_ADMIN_PORT") and found.select("PREFIX_TRAP")


def test_an_unknown_code_or_severity_is_refused(found: Findings) -> None:
    with pytest.raises(UsageError, match="no such code: OPEN"):
        found.select("OPEN")
    with pytest.raises(UsageError, match="no such severity: 'bad'"):
        found.select(severity="bad")


@pytest.mark.parametrize(
    ("service", "tasks"),
    [
        (service(events=["(service s) has started 1 tasks: (task 1)."]), []),
        (service(events=["(service s) has reached a steady state.", "(service s) was unable to place a task"]), []),
        (service(events=["(service s) was unable to place a task"], runningCount=2), []),
        (service(events=[], rolloutState="COMPLETED"), [stopped_task("EssentialContainerExited")]),
        (service(events=[], rolloutState="COMPLETED"), [stopped_task("ServiceSchedulerInitiated")] * 3),
        (service(events=[], rolloutState="COMPLETED"), [stopped_task("UserInitiated")] * 3),
        (
            service(events=[], rolloutState="COMPLETED"),
            [stopped_task("EssentialContainerExited", taskDefinitionArn="app:1")] * 3,
        ),
    ],
    ids=["starts", "placed since", "runs", "once", "scaled in", "stopped by a user", "an earlier revision"],
)
def test_a_service_that_goes_on_has_no_finding(service: dict[str, Any], tasks: list[dict[str, Any]]) -> None:
    assert not findings(account_with(services=[service], tasks=tasks))


def test_a_rolled_back_deployment_is_found_with_its_reason() -> None:
    reason = "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1."
    (found,) = findings(account_with(services=[service([], rolloutState="COMPLETED", rolloutStateReason=reason)]))
    assert (found.code, found.severity, found.detail) == ("DEPLOYMENT_FAILED", "medium", reason)


def test_a_rollback_is_found_in_the_events_until_the_next_deployment() -> None:
    failed = "(service s) (deployment ecs-svc/2) deployment failed: tasks failed to start."
    done = "(service s) (deployment ecs-svc/1) deployment completed."
    rolled_back = service([done, failed], rolloutState="COMPLETED")
    (found,) = findings(account_with(services=[rolled_back]))
    assert (found.code, found.detail) == ("DEPLOYMENT_FAILED", "(service s) deployment failed: tasks failed to start.")
    mended = service([done, failed], rolloutState="COMPLETED", createdAt=START + timedelta(hours=1))
    assert not findings(account_with(services=[mended]))


@pytest.mark.parametrize(
    ("activities", "instances"),
    [
        ([activity("Terminating EC2 instance: i-1", minute) for minute in (0, 9)], 1),
        ([activity("Terminating EC2 instance: i-1", 1000 * day) for day in range(5)], 1),
        ([activity("Terminating EC2 instance: i-1", minute) for minute in (0, 9, 18)], 3),
        ([activity("Terminating EC2 instance: i-1", minute, Cause="scaled in") for minute in range(5)], 1),
        (
            [
                activity("Launching a new EC2 instance", 0, StatusCode="Failed"),
                activity("Launching a new EC2 instance: i-1", 5),
            ],
            1,
        ),
    ],
    ids=["twice", "over days", "a group of three", "scaled in", "launched since"],
)
def test_a_steady_group_has_no_finding(activities: list[dict[str, Any]], instances: int) -> None:
    group = {"AutoScalingGroupName": "g", "MinSize": 0, "DesiredCapacity": instances}
    found = findings(account_with(AutoScalingGroups=[group], Activities=activities))
    assert {finding.code for finding in found} == {"STOPPING_DOES_NOT_STOP"}


def test_a_weight_of_an_empty_group_is_a_share_of_503() -> None:
    other = TARGET_GROUP.replace("web", "green")
    groups = [{"TargetGroupArn": TARGET_GROUP, "Weight": 90}, {"TargetGroupArn": other, "Weight": 10}]
    rule = DEFAULT_RULE | {"Actions": [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]}
    described = [
        {"TargetGroupArn": arn, "TargetGroupName": target_group_name(arn), "LoadBalancerArns": ["a"]}
        for arn in (TARGET_GROUP, other)
    ]
    healthy = {"Target": {"Id": "10.0.0.9"}, "TargetHealth": {"State": "healthy"}, "TargetGroupArn": TARGET_GROUP}
    account = account_with(
        LoadBalancers=[BALANCER], Listeners=[LISTENER], Rules=[rule], TargetGroups=described, TargetHealth=[healthy]
    )
    (found,) = findings(account).select("EMPTY_TARGET_GROUP")
    assert found.detail.endswith("it answers 503 for 10 of 100 requests") and "green" in found.detail


def test_an_unhealthy_target_is_found_without_a_known_cause() -> None:
    group = {"TargetGroupArn": TARGET_GROUP, "TargetGroupName": "web", "LoadBalancerArns": ["other"]}
    target = {"Target": {"Id": "10.0.0.9"}, "TargetHealth": {"State": "unhealthy", "Reason": "Target.Timeout"}}
    account = account_with(TargetGroups=[group], TargetHealth=[target | {"TargetGroupArn": TARGET_GROUP}])
    (found,) = findings(account).select("UNHEALTHY_TARGET")
    assert "Target.Timeout" in found.detail and found.fix.description


def test_a_healthy_system_is_steady(found: Findings) -> None:
    codes = {
        code for check in CHECKS if check.run.__module__.endswith(("deployments", "entries")) for code in check.codes
    }
    assert "TASKS_FAIL" in codes and not {finding.code for finding in found} & {*codes, "EMPTY_TARGET_GROUP"}


def test_the_docs_list_all_codes() -> None:
    text = DOCS.read_text(encoding="utf-8")
    assert codes_as_markdown() in text, "write codes_as_markdown() of esaws.inspect.checks.report into docs/findings.md"
    for flaw, flaws in FLAWS.items():
        assert all(f"`{code}`" in text for code, _ in flaws), f"flaw {flaw} names its codes"


def test_a_fix_gives_aws_cli_commands() -> None:
    fix = Fix("delete it", (("ec2", "DeleteSecurityGroup", {"GroupId": "sg-1"}),))
    assert fix.cli() == ["aws ec2 delete-security-group --group-id sg-1"]


def test_the_commands_findings_and_health(new_cloud: Any, tmp_path: Path) -> None:
    cloud = new_cloud()
    esaws = Shell(cloud, tmp_path)
    assert esaws.json("findings") == []
    plan_deploy(seccom("budget", services=("client-web-ui",)), cloud).apply()
    simulation.advance(cloud, "10m")
    rows = esaws.json("findings", "--severity", "high")
    assert {row["severity"] for row in rows} == {"high"} and set(rows[0]) >= {
        "code",
        "severity",
        "resource",
        "detail",
        "fix",
    }
    assert "none made" in esaws("findings", "--code", "OPEN_ADMIN_PORT", "--fix", "--dry-run")
    assert esaws.json("findings", "--code", "OPEN_ADMIN_PORT")
    assert "no terminal to confirm in" in esaws("findings", "--fix", code=3)
    esaws("findings", "--code", "OPEN_ADMIN_PORT", "--fix", "--yes")
    assert esaws.json("findings", "--code", "OPEN_ADMIN_PORT") == []
    assert "no such code" in esaws("findings", "--code", "X", code=2)
    health_rows = esaws.json("health")
    assert [row["code"] for row in health_rows] == ["HEALTHY"]
    assert "1 of 1 targets are healthy" in esaws("health")


def test_fixed_findings_are_gone_and_the_system_still_works(deployed: Cloud, found: Findings) -> None:
    """This test changes the deployment, so it comes last."""
    cloud = deployed
    codes = {code for flaw, flaws in FLAWS.items() if flaw != 9 for code, _ in flaws}
    for fix in found.select(*codes).fixes():
        fix.apply(cloud)
        fix.apply(cloud)  # a second time changes nothing
    simulation.advance(cloud, "10m")
    account = snapshot(cloud)
    # Flaw 6 is fixed by another drawing, and the fix of flaw 9 would stop the system.
    after = pairs(findings(account, seccom("ha")))
    left = {flaw: set(flaws) & after for flaw, flaws in FLAWS.items() if flaw != 9}
    assert not any(left.values()), left
    assert not {code for code, _ in after} & {"WRONG_PORT", "UNSERVED_PORT", "OPEN_SERVICE_PORT", "PREFIX_TRAP"}
    assert {finding.state for finding in health(account)} == {"healthy"}
    for service in account["services"]:
        assert service["runningCount"] == service["desiredCount"] == 2
    for source, destination, port in [
        ("internet", "alb/alb", 80),
        ("service/cameras-api", "service/sites-management-api", 8002),
        ("service/hdm", "service/sites-management-api", 8002),
        ("service/hdm", "cache/redis", 6379),
        ("service/intrusion-management-api", "service/cameras-api", 8003),
        ("service/sites-management-api", "db/database", 5432),
    ]:
        assert reach(account, source, destination, port).decision == "allow", (source, destination)
    assert reach(account, "internet", "service/cameras-api", 22).decision == "deny"
