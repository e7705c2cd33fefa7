"""What is found on the reference system, and that it is gone once it is mended, with the system still working."""

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from esaws import simulation
from esaws.cloud import Cloud
from esaws.deploy.plan import plan_deploy
from esaws.errors import UsageError
from esaws.inspect.account import Account, snapshot
from esaws.inspect.checks.finding import Fix
from esaws.inspect.checks.report import KEYS, Findings, all_codes, codes_as_markdown, findings
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
    return {(each.code, each.resource) for each in found}


@pytest.fixture(scope="module")
def deployed(new_cloud: Any) -> Cloud:
    cloud = new_cloud()
    plan_deploy(seccom("ha"), cloud).apply()
    simulation.advance(cloud, "10m")
    return cloud


@pytest.fixture(scope="module")
def seen(deployed: Cloud) -> Findings:
    return findings(snapshot(deployed, *KEYS), seccom_as_drawn())


@pytest.mark.parametrize("flaw", FLAWS)
def test_the_flaws_of_the_reference_system_are_found(seen: Findings, flaw: int) -> None:
    assert set(FLAWS[flaw]) <= pairs(seen)


def test_nothing_is_said_of_what_is_well(seen: Findings) -> None:
    said = pairs(seen)
    assert not {resource for _, resource in said} & {
        "seccom-ALB-sg",
        "seccom-rds-ec2-1",
        "seccom-ec2-rds-1",
        "seccom-alb",
    }
    assert not {code for code, _ in said} & {"NOT_LOOKED_AT", "UNHEALTHY_TARGET", "SERVICE_SHORT", "UNREACHED_PORT"}


def test_the_gravest_come_first(seen: Findings) -> None:
    severities = [each.severity for each in seen]
    assert severities == sorted(severities, key=["critical", "high", "medium", "low", "info"].index)
    assert list(seen.to_frame().columns) == ["severity", "code", "resource", "detail", "fix"]


def test_what_is_mended_is_gone_and_the_system_still_works(new_cloud: Any) -> None:
    cloud = new_cloud()
    plan_deploy(seccom("ha"), cloud).apply()
    simulation.advance(cloud, "10m")
    before = findings(snapshot(cloud, *KEYS), seccom_as_drawn())
    for fix in before.fixes():
        fix.apply(cloud)
        fix.apply(cloud)  # made twice it changes nothing more
    simulation.advance(cloud, "10m")
    account = snapshot(cloud, *KEYS)
    # A drawing is mended by drawing what is there; stopping groups is not for a system that is to work.
    after = pairs(findings(account, seccom("ha")))
    left = {flaw: set(some) & after for flaw, some in FLAWS.items() if flaw != 9}
    assert not any(left.values()), left
    assert not {code for code, _ in after} & {"WRONG_PORT", "UNSERVED_PORT", "OPEN_SERVICE_PORT", "PREFIX_TRAP"}
    assert {each.state for each in health(account)} == {"healthy"}
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


def test_groups_that_come_back_stop_once_they_are_told_to(new_cloud: Any) -> None:
    cloud = new_cloud()
    plan_deploy(seccom("budget", services=("cameras-api",)), cloud).apply()
    found = findings(snapshot(cloud, *KEYS)).select("STOPPING_DOES_NOT_STOP")
    assert found.fixes() == [], "it stops something, so it has to be asked for"
    (fix,) = found.fixes(destructive=True)
    fix.apply(cloud)
    simulation.advance(cloud, "1h")
    after = snapshot(cloud, *KEYS)
    assert not findings(after).select("STOPPING_DOES_NOT_STOP")
    assert not [each for each in after["Instances"] if each["State"]["Name"] == "running"]


# --- each code, on a small account made by hand


def account(**answers: list[dict[str, Any]]) -> Account:
    """An account in which nothing is but what is given."""
    return Account("111122223333", "eu-west-3", {key: [] for key in KEYS} | answers)


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
        "Groups": [{"GroupId": each} for each in groups],
    }


WORLD = [{"CidrIp": "0.0.0.0/0"}]
BALANCER = {
    "LoadBalancerArn": "arn:aws:elasticloadbalancing:eu-west-3:1:loadbalancer/app/front/1",
    "LoadBalancerName": "front",
    "Type": "application",
    "Scheme": "internet-facing",
    "AvailabilityZones": [{"ZoneName": "eu-west-3a"}],
}
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
    "STOPPING_DOES_NOT_STOP": {
        "AutoScalingGroups": [{"AutoScalingGroupName": "g", "MinSize": 0, "DesiredCapacity": 1}]
    },
}


@pytest.mark.parametrize("code", SMALL)
def test_a_code_is_found_where_it_should_be_and_nowhere_else(code: str) -> None:
    assert code in {each.code for each in findings(account(**SMALL[code]))}
    assert not findings(account())


def test_every_code_is_found_somewhere(seen: Findings) -> None:
    elsewhere = {
        "NOT_LOOKED_AT",
        "RULE_QUOTA",
        "SHADOWED",
        "DEAD_VALUE",
        "NEVER_MATCHES",
        "INVALID_RULE",
        "UNREACHED_PORT",
    }
    in_health = {"TARGET_OUTSIDE_ZONES", "HEALTH_PATH_UNANSWERED", "UNHEALTHY_TARGET"}
    assert set(all_codes()) == {each.code for each in seen} | set(SMALL) | elsewhere | in_health


def test_rules_that_nothing_reaches_are_found() -> None:
    listener = {"ListenerArn": "l", "LoadBalancerArn": BALANCER["LoadBalancerArn"], "Port": 80, "Protocol": "HTTP"}
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
    found = findings(account(LoadBalancers=[BALANCER], Listeners=[listener], Rules=rules))
    assert {("SHADOWED", "front:80 rule 2"), ("DEAD_VALUE", "front:80 rule 3")} <= pairs(found)


def test_a_denied_call_is_named_and_the_other_checks_are_made(new_cloud: Any, deployed: Cloud) -> None:
    cloud = new_cloud(account=deployed.account)

    def refuse(**_: Any) -> None:
        error: Any = {"Error": {"Code": "AccessDenied", "Message": "no"}}
        raise ClientError(error, "DescribeDBInstances")

    cloud.client("rds").meta.events.register("before-call.*.DescribeDBInstances", refuse)
    found = findings(snapshot(cloud, *KEYS))
    (missing,) = [each for each in found.select("NOT_LOOKED_AT") if "NO_BACKUPS" in each.resource]
    assert "rds:DescribeDBInstances was denied; ask for the permission" in missing.detail
    assert found.select("OPEN_ADMIN_PORT") and found.select("PREFIX_TRAP")


def test_a_code_or_severity_that_there_is_not_is_refused(seen: Findings) -> None:
    with pytest.raises(UsageError, match="there is no code OPEN; there are ALARM_WITHOUT_DATA"):
        seen.select("OPEN")
    with pytest.raises(UsageError, match="there is no severity 'bad'"):
        seen.select(severity="bad")


def test_the_page_of_codes_is_current() -> None:
    text = DOCS.read_text(encoding="utf-8")
    assert codes_as_markdown() in text, "write esaws.inspect.checks.report.as_markdown() into docs/findings.md"
    for flaw, some in FLAWS.items():
        assert all(f"`{code}`" in text for code, _ in some), f"flaw {flaw} names its codes"


def test_a_fix_is_shown_as_lines_of_the_aws_cli() -> None:
    fix = Fix("delete it", (("ec2", "DeleteSecurityGroup", {"GroupId": "sg-1"}),))
    assert fix.cli() == ["aws ec2 delete-security-group --group-id sg-1"]


def test_the_command_line(new_cloud: Any, tmp_path: Path) -> None:
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
    assert "none was made" in esaws("findings", "--code", "OPEN_ADMIN_PORT", "--fix", "--dry-run")
    assert esaws.json("findings", "--code", "OPEN_ADMIN_PORT")
    assert "there is no terminal to ask in" in esaws("findings", "--fix", code=3)
    esaws("findings", "--code", "OPEN_ADMIN_PORT", "--fix", "--yes")
    assert esaws.json("findings", "--code", "OPEN_ADMIN_PORT") == []
    assert "there is no code" in esaws("findings", "--code", "X", code=2)
    health_rows = esaws.json("health")
    assert [row["code"] for row in health_rows] == ["HEALTHY"]
    assert "1 of 1 targets are healthy" in esaws("health")
