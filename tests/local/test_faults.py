"""Injected faults: each service returns its own errors, clients retry as on AWS, and faults end."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from esaws import simulation
from esaws.cloud import Cloud
from esaws.errors import UsageError
from tests.local.cases import TRUST, outcome
from tests.local.test_auto_scaling_groups import Fleet
from tests.local.timing import advance, control, events


def add(account: Any, kind: str, service: str = "*", **parameters: Any) -> int:
    """Add a fault; returns its id."""
    id: int = control(account, "POST", "faults", kind=kind, service=service, **parameters)["id"]
    return id


def struck(account: Any) -> list[int]:
    return [fault["struck"] for fault in control(account, "GET", "faults")["faults"]]


def refusal(account: Any, name: str, **parameters: Any) -> str:
    """The message of a refused control request."""
    with pytest.raises(UsageError) as raised:
        control(account, "POST", name, **parameters)
    return str(raised.value)


def retrying_client(account: Any, service: str, attempts: int = 3) -> Any:
    """A client that retries as AWS recommends."""
    return boto3.client(
        service,
        endpoint_url=account.url,
        region_name=account.region,
        aws_access_key_id=account.id,
        aws_secret_access_key="local",
        config=Config(retries={"mode": "standard", "total_max_attempts": attempts}, s3={"addressing_style": "path"}),
    )


def launch(account: Any, subnet: str) -> str:
    launched = account.client("ec2").run_instances(
        ImageId="ami-12c6146b", InstanceType="t2.micro", MinCount=1, MaxCount=1, SubnetId=subnet
    )
    instance: str = launched["Instances"][0]["InstanceId"]
    return instance


CALLS: dict[str, Callable[[Any], Any]] = {
    "ec2": lambda client: client.describe_vpcs(),
    "s3": lambda client: client.list_buckets(),
    "elbv2": lambda client: client.describe_load_balancers(),
    "autoscaling": lambda client: client.describe_auto_scaling_groups(),
    "rds": lambda client: client.describe_db_instances(),
    "iam": lambda client: client.list_roles(),
    "cloudwatch": lambda client: client.list_metrics(),
    "elasticache": lambda client: client.describe_cache_clusters(),
    "sts": lambda client: client.get_caller_identity(),
    "ecs": lambda client: client.list_clusters(),
    "ecr": lambda client: client.describe_repositories(),
    "ssm": lambda client: client.describe_parameters(),
    "logs": lambda client: client.describe_log_groups(),
    "mq": lambda client: client.list_brokers(),
    "cognito-idp": lambda client: client.list_user_pools(MaxResults=1),
    "budgets": lambda client: client.describe_budgets(AccountId="123456789012"),
    "application-autoscaling": lambda client: client.describe_scalable_targets(ServiceNamespace="ecs"),
    "resourcegroupstaggingapi": lambda client: client.get_resources(),
    "servicediscovery": lambda client: client.list_namespaces(),
}

KINDS = ("throttle", "internal-error", "unavailable", "expired-token")

ERRORS = {
    "ec2": "RequestLimitExceeded 503, InternalError 500, Unavailable 503, RequestExpired 400",
    "s3": "SlowDown 503, InternalError 500, ServiceUnavailable 503, ExpiredToken 400",
    "elbv2": "Throttling 400, InternalFailure 500, ServiceUnavailable 503, ExpiredToken 403",
    "autoscaling": "Throttling 400, InternalFailure 500, ServiceUnavailable 503, ExpiredToken 403",
    "rds": "Throttling 400, InternalFailure 500, ServiceUnavailable 503, ExpiredToken 403",
    "iam": "Throttling 400, ServiceFailure 500, ServiceUnavailable 503, ExpiredToken 403",
    "cloudwatch": "Throttling 400, InternalServiceError 500, ServiceUnavailable 503, ExpiredToken 403",
    "elasticache": "Throttling 400, InternalFailure 500, ServiceUnavailable 503, ExpiredToken 403",
    "sts": "Throttling 400, InternalFailure 500, ServiceUnavailable 503, ExpiredToken 403",
    "ecs": "ThrottlingException 400, ServerException 500, ServiceUnavailable 503, ExpiredTokenException 400",
    "ecr": "ThrottlingException 400, ServerException 500, ServiceUnavailable 503, ExpiredTokenException 400",
    "ssm": "ThrottlingException 400, InternalServerError 500, ServiceUnavailable 503, ExpiredTokenException 400",
    "logs": "ThrottlingException 400, InternalFailure 500, ServiceUnavailableException 503, ExpiredTokenException 400",
    "mq": "TooManyRequestsException 429, InternalServerErrorException 500, ServiceUnavailable 503, "
    "ExpiredTokenException 403",
    "cognito-idp": "TooManyRequestsException 400, InternalErrorException 500, ServiceUnavailable 503, "
    "ExpiredTokenException 400",
    "budgets": "ThrottlingException 400, InternalErrorException 500, ServiceUnavailable 503, ExpiredTokenException 400",
    "application-autoscaling": "ThrottlingException 400, InternalServiceException 500, ServiceUnavailable 503, "
    "ExpiredTokenException 400",
    "resourcegroupstaggingapi": "ThrottledException 400, InternalServiceException 500, ServiceUnavailable 503, "
    "ExpiredTokenException 400",
    "servicediscovery": "ThrottlingException 400, InternalFailure 500, ServiceUnavailable 503, "
    "ExpiredTokenException 400",
}


@pytest.mark.parametrize("service", CALLS)
def test_each_service_returns_its_own_errors(account: Any, service: str) -> None:
    client, errors = account.client(service), []
    for kind in KINDS:
        add(account, kind, service)
        with pytest.raises(ClientError) as raised:
            CALLS[service](client)
        response = raised.value.response
        assert response["Error"]["Message"] and response["ResponseMetadata"]["RequestId"]
        errors.append(f"{response['Error']['Code']} {response['ResponseMetadata']['HTTPStatusCode']}")
    assert ", ".join(errors) == ERRORS[service]
    CALLS[service](client)


@pytest.mark.parametrize(
    ("service", "denied", "exceeded"),
    [
        ("ec2", "UnauthorizedOperation 403", "VpcLimitExceeded 400"),
        ("ecs", "AccessDeniedException 400", "LimitExceededException 400"),
        ("iam", "AccessDenied 403", "LimitExceeded 409"),
        ("s3", "AccessDenied 403", "TooManyBuckets 400"),
    ],
)
def test_calls_are_denied_and_quotas_used_up(account: Any, service: str, denied: str, exceeded: str) -> None:
    client = account.client(service)
    makes: dict[str, Callable[[], Any]] = {
        "ec2": lambda: client.create_vpc(CidrBlock="10.0.0.0/16"),
        "ecs": lambda: client.create_cluster(clusterName="c"),
        "iam": lambda: client.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST),
        "s3": lambda: client.create_bucket(
            Bucket="b-of-faults", CreateBucketConfiguration={"LocationConstraint": account.region}
        ),
    }
    for kind, expected in (("access-denied", denied), ("quota-exceeded", exceeded)):
        add(account, kind, service)
        if kind == "quota-exceeded":
            CALLS[service](client)  # a call that makes nothing exceeds no quota
        with pytest.raises(ClientError) as raised:
            makes[service]()
        response = raised.value.response
        assert f"{response['Error']['Code']} {response['ResponseMetadata']['HTTPStatusCode']}" == expected
    makes[service]()


# --- which calls, and how often


@pytest.mark.parametrize(("service", "kind"), [("ec2", "throttle"), ("ecs", "throttle"), ("s3", "unavailable")])
def test_a_client_that_retries_succeeds(account: Any, service: str, kind: str) -> None:
    add(account, kind, service, count=2)
    assert CALLS[service](retrying_client(account, service))["ResponseMetadata"]["RetryAttempts"] == 2
    assert struck(account) == [2]


def test_a_client_gives_up_after_its_attempts(account: Any) -> None:
    add(account, "throttle", "ec2", count=5)
    with pytest.raises(ClientError) as raised:
        retrying_client(account, "ec2").describe_vpcs()
    assert raised.value.response["Error"]["Code"] == "RequestLimitExceeded"
    assert raised.value.response["ResponseMetadata"]["MaxAttemptsReached"]
    assert struck(account) == [3]


def test_only_the_given_operation_fails(account: Any) -> None:
    add(account, "throttle", "ec2", operation="DescribeSubnets")
    ec2 = account.client("ec2")
    ec2.describe_vpcs()
    assert outcome(ec2.describe_subnets) == "RequestLimitExceeded"
    ec2.describe_subnets()


def test_a_refused_call_changes_nothing(account: Any) -> None:
    add(account, "internal-error", "ecs", operation="CreateCluster")
    ecs = account.client("ecs")
    assert outcome(lambda: ecs.create_cluster(clusterName="site")) == "ServerException"
    assert ecs.list_clusters()["clusterArns"] == []


def test_a_fault_is_limited_to_its_account_and_region(account: Any, new_account: Callable[[], Any]) -> None:
    add(account, "throttle", "ec2", region="us-east-1", count=None)
    add(account, "throttle", "ecs", count=None)
    account.client("ec2").describe_vpcs()
    new_account().client("ecs").list_clusters()
    assert outcome(account.client("ecs").list_clusters) == "ThrottlingException"


def test_a_fault_without_a_count_strikes_until_it_is_cleared(account: Any) -> None:
    first, second = add(account, "throttle", "ec2", count=None), add(account, "throttle", "ecs", count=None)
    for _ in range(3):
        assert outcome(account.client("ec2").describe_vpcs) == "RequestLimitExceeded"
    assert struck(account) == [3, 0]
    assert control(account, "DELETE", "faults", id=first) == {"cleared": 1}
    account.client("ec2").describe_vpcs()
    assert [fault["id"] for fault in control(account, "GET", "faults")["faults"]] == [second]
    assert control(account, "DELETE", "faults") == {"cleared": 1}
    account.client("ecs").list_clusters()


def test_a_seed_makes_random_strikes_repeatable(account: Any, new_account: Callable[[], Any]) -> None:
    def strikes(account: Any, seed: int) -> str:
        add(account, "throttle", "ec2", probability=0.5, seed=seed)
        ec2 = account.client("ec2")
        return "".join("x" if outcome(ec2.describe_vpcs) == "RequestLimitExceeded" else "." for _ in range(20))

    first = strikes(account, 7)
    assert first == strikes(new_account(), 7) != strikes(new_account(), 8)
    assert 4 <= first.count("x") <= 16


def test_each_strike_is_an_event(account: Any) -> None:
    id = add(account, "throttle", "ec2")
    outcome(account.client("ec2").describe_vpcs)
    event = events(account)[-1]
    assert (event["subject"], event["what"]) == ("ec2 DescribeVpcs", "answered RequestLimitExceeded")
    assert event["because"] == f"fault {id}, throttle"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"kind": "earthquake"}, "throttle, internal-error"),
        ({"kind": "throttle", "service": "ecz"}, "ecs"),
        ({"kind": "throttle", "service": "ec2", "operation": "RunInstance"}, "RunInstances"),
        ({"kind": "throttle", "operation": "RunInstances"}, "which service"),
        ({"kind": "throttle", "service": "ec2", "count": 0}, "at least 1"),
        ({"kind": "throttle", "service": "ec2", "count": "three"}, "must be a number"),
        ({"kind": "throttle", "service": "ec2", "count": 1.5}, "whole number"),
        ({"kind": "throttle", "service": "ec2", "region": "paris"}, "eu-west-3"),
        ({"kind": "throttle", "service": "ec2", "probability": 2}, "at most 1"),
        ({"kind": "throttle", "service": "ec2", "seconds": 2}, "only slow"),
        ({"kind": "throttle", "service": "ec2", "zone": "eu-west-3a"}, "only insufficient-capacity"),
        ({"kind": "throttle", "service": "ec2", "times": 2}, "count"),
        ({"kind": "insufficient-capacity", "service": "rds"}, "ec2"),
        ({"kind": "insufficient-capacity", "zone": "eu-west-3z"}, "eu-west-3a, eu-west-3b, eu-west-3c"),
        ({"kind": "not-found-after-create", "service": "s3"}, "ec2, iam"),
    ],
    ids=str,
)
def test_an_invalid_fault_is_refused_with_the_valid_values(
    account: Any, parameters: dict[str, Any], message: str
) -> None:
    assert message in refusal(account, "faults", **parameters)
    assert struck(account) == []


# --- lost and slow responses, resources that are not visible yet


def test_a_resource_exists_after_a_lost_response(account: Any) -> None:
    add(account, "lost-response", "ec2", operation="CreateVpc")
    ec2 = account.client("ec2")
    with pytest.raises(ConnectionClosedError):
        ec2.create_vpc(CidrBlock="10.0.0.0/16")
    assert "10.0.0.0/16" in [vpc["CidrBlock"] for vpc in ec2.describe_vpcs()["Vpcs"]]


def test_a_retry_after_a_lost_response_creates_a_second_vpc(account: Any) -> None:
    """CreateVpc has no client token, so AWS cannot recognize the retry."""
    add(account, "lost-response", "ec2", operation="CreateVpc")
    response = retrying_client(account, "ec2").create_vpc(CidrBlock="10.0.0.0/16")
    assert response["ResponseMetadata"]["RetryAttempts"] == 1
    cidrs = [vpc["CidrBlock"] for vpc in account.client("ec2").describe_vpcs()["Vpcs"]]
    assert cidrs.count("10.0.0.0/16") == 2


def test_a_slow_response_does_not_delay_other_calls(account: Any) -> None:
    def call(client: Any) -> float:
        client.list_clusters()
        return time.monotonic()

    clients = [account.client("ecs") for _ in range(4)]
    began = call(clients[0])
    add(account, "slow", "ecs", seconds=2)
    with ThreadPoolExecutor(4) as pool:
        *others, slowest = sorted(pool.map(call, clients))
    assert slowest - began >= 2 and slowest - max(others) > 1


def test_a_new_resource_is_not_found_for_some_calls(account: Any) -> None:
    add(account, "not-found-after-create", "ec2", operation="RunInstances", count=2)
    _, subnets, _ = account.network()
    ec2, instance = account.client("ec2"), launch(account, subnets[0])
    for _ in range(2):
        assert outcome(lambda: ec2.describe_instances(InstanceIds=[instance])) == "InvalidInstanceID.NotFound"
    assert ec2.describe_instances(InstanceIds=[instance])["Reservations"]


def test_a_new_resource_is_not_found_for_some_time(account: Any) -> None:
    vpc, _, older = account.network()
    add(account, "not-found-after-create", "ec2", seconds=300)
    ec2 = account.client("ec2")
    group = ec2.create_security_group(GroupName="new", Description="new", VpcId=vpc)["GroupId"]
    ec2.describe_security_groups(GroupIds=[older])
    rule = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    for call in (
        lambda: ec2.describe_security_groups(GroupIds=[group]),
        lambda: ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule]),
    ):
        assert outcome(call) == "InvalidGroup.NotFound"
    advance(account, "5m")
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])


def test_the_name_of_an_invisible_resource_is_taken(account: Any) -> None:
    add(account, "not-found-after-create", "iam", count=1)
    iam = account.client("iam")
    for expected in ("created", "EntityAlreadyExists"):
        result = outcome(lambda: iam.create_role(RoleName="host", AssumeRolePolicyDocument=TRUST))
        assert ("created" if isinstance(result, dict) else result) == expected
    assert outcome(lambda: iam.get_role(RoleName="host")) == "NoSuchEntity"
    assert iam.get_role(RoleName="host")["Role"]["RoleName"] == "host"


# --- missing capacity


def test_a_zone_without_capacity_refuses_instances(account: Any) -> None:
    _, (first, second), _ = account.network()
    add(account, "insufficient-capacity", zone="eu-west-3a", count=None)
    assert outcome(lambda: launch(account, first)) == "InsufficientInstanceCapacity"
    assert launch(account, second).startswith("i-")
    control(account, "DELETE", "faults")
    assert launch(account, first).startswith("i-")


def test_a_stopped_instance_needs_capacity_to_start(account: Any) -> None:
    ec2, (_, (subnet, _), _) = account.client("ec2"), account.network()
    instance = launch(account, subnet)
    ec2.stop_instances(InstanceIds=[instance])
    ec2.describe_instances(InstanceIds=[instance])
    add(account, "insufficient-capacity", "ec2", operation="StartInstances")
    assert outcome(lambda: ec2.start_instances(InstanceIds=[instance])) == "InsufficientInstanceCapacity"
    assert ec2.start_instances(InstanceIds=[instance])["StartingInstances"]


# --- failed instances and zones


def checks(account: Any, *instances: str) -> list[str]:
    """The status of each instance's checks, which must agree: `ok` or `impaired`."""
    statuses = account.client("ec2").describe_instance_status(InstanceIds=list(instances))["InstanceStatuses"]
    by_id = {s["InstanceId"]: {s["InstanceStatus"]["Status"], s["SystemStatus"]["Status"]} for s in statuses}
    return ["/".join(by_id[instance]) for instance in instances]


def failures(account: Any) -> list[tuple[str, str]]:
    """(subject, event) of each failure and its end."""
    log = events(account)
    return [(event["subject"], event["what"]) for event in log if event["what"].split()[0] in ("zone", "instance")]


def test_a_failed_instance_is_impaired_until_it_is_mended(account: Any) -> None:
    _, (subnet, _), _ = account.network()
    failing, other = launch(account, subnet), launch(account, subnet)
    assert checks(account, failing, other) == ["ok", "ok"]
    control(account, "POST", "fail", what="instance", id=failing)
    assert checks(account, failing, other) == ["impaired", "ok"]
    control(account, "POST", "mend", what="instance", id=failing)
    assert checks(account, failing, other) == ["ok", "ok"]
    assert failures(account) == [(failing, "instance failed"), (failing, "instance works again")]


@pytest.mark.parametrize("steps", [["2h"], ["1h", "1h"]], ids=str)
def test_a_failure_ends_after_its_duration(account: Any, steps: list[str]) -> None:
    _, (subnet, _), _ = account.network()
    instance = launch(account, subnet)
    assert checks(account, instance) == ["ok"]
    control(account, "POST", "fail", what="instance", id=instance, **{"for": "2h"})
    advance(account, "119m")
    assert checks(account, instance) == ["impaired"]
    for step in steps:
        advance(account, step)
    assert checks(account, instance) == ["ok"]


def test_a_failed_instance_works_after_a_stop_and_start(account: Any) -> None:
    ec2, (_, (subnet, _), _) = account.client("ec2"), account.network()
    instance = launch(account, subnet)
    checks(account, instance)
    control(account, "POST", "fail", what="instance", id=instance)
    ec2.stop_instances(InstanceIds=[instance])
    ec2.describe_instances(InstanceIds=[instance])
    ec2.start_instances(InstanceIds=[instance])
    assert checks(account, instance) == ["ok"]


def test_a_failed_zone_fails_its_instances_and_refuses_new_ones(account: Any) -> None:
    _, (first, second), _ = account.network()
    here, there = launch(account, first), launch(account, second)
    checks(account, here, there)
    control(account, "POST", "fail", what="zone", id="eu-west-3a", **{"for": "2h"})
    assert checks(account, here, there) == ["impaired", "ok"]
    assert outcome(lambda: launch(account, first)) == "InsufficientInstanceCapacity"
    advance(account, "2h")
    assert checks(account, here, there) == ["ok", "ok"]
    assert launch(account, first).startswith("i-")
    assert failures(account) == [("eu-west-3a", "zone failed"), ("eu-west-3a", "zone works again")]


def test_a_zone_fails_in_one_account_only(account: Any, new_account: Callable[[], Any]) -> None:
    other = new_account()
    _, (subnet, _), _ = other.network()
    control(account, "POST", "fail", what="zone", id="eu-west-3a")
    assert checks(other, launch(other, subnet)) == ["ok"]


def test_a_mended_instance_stays_failed_while_its_zone_is(account: Any) -> None:
    _, (subnet, _), _ = account.network()
    instance = launch(account, subnet)
    checks(account, instance)
    control(account, "POST", "fail", what="instance", id=instance)
    control(account, "POST", "fail", what="zone", id="eu-west-3a")
    control(account, "POST", "mend", what="instance", id=instance)
    assert checks(account, instance) == ["impaired"]
    control(account, "POST", "mend", what="zone", id="eu-west-3a")
    assert checks(account, instance) == ["ok"]


def test_only_a_running_instance_can_fail(account: Any) -> None:
    ec2, (_, (subnet, _), _) = account.client("ec2"), account.network()
    instance = launch(account, subnet)
    ec2.stop_instances(InstanceIds=[instance])
    assert "only a running instance can fail" in refusal(account, "fail", what="instance", id=instance)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("fail", {"what": "region", "id": "eu-west-3"}, "instance, zone, task or image"),
        ("fail", {"what": "instance", "id": "i-1"}, "instance i-1 does not exist in eu-west-3"),
        ("fail", {"what": "instance", "id": "i-1", "region": "paris"}, "eu-west-3"),
        ("fail", {"what": "zone", "id": "paris"}, "eu-west-3a"),
        ("fail", {"what": "zone", "id": "xx-west-3a"}, "eu-west-3"),
        ("fail", {"what": "zone", "id": "eu-west-3q"}, "eu-west-3a, eu-west-3b, eu-west-3c"),
        ("fail", {"what": "zone", "id": "eu-west-3a", "for": "long"}, "is not a duration"),
        ("fail", {"what": "task", "id": "site"}, "is not the ARN of a task"),
        ("fail", {"what": "task", "id": "arn:aws:ecs:eu-west-3:1:task/site/1"}, "Running tasks: none"),
        ("mend", {"what": "zone", "id": "eu-west-3a"}, "has not failed"),
    ],
    ids=str,
)
def test_an_invalid_failure_is_refused(account: Any, name: str, parameters: dict[str, Any], message: str) -> None:
    assert message in refusal(account, name, **parameters)
    assert failures(account) == []


# --- the reactions of Auto Scaling and ECS


def activities(fleet: Fleet) -> list[tuple[str, str]]:
    """(status, message or "") of each activity of the group, the oldest first."""
    found = fleet.autoscaling.describe_scaling_activities(AutoScalingGroupName="g")["Activities"]
    return [(each["StatusCode"], each.get("StatusMessage", "")) for each in reversed(found)]


def test_a_group_launches_where_there_is_capacity(account: Any) -> None:
    add(account, "insufficient-capacity", zone="eu-west-3a", count=None)
    fleet = Fleet(account)
    assert fleet.instances_per_subnet() == [0, 2]
    advance(account, "1h")
    assert ("Failed", True) in [(status, "eu-west-3a" in message) for status, message in activities(fleet)]
    assert fleet.instances_per_subnet() == [0, 2]
    control(account, "DELETE", "faults")
    advance(account, "20m")
    assert fleet.instances_per_subnet() == [1, 1]


def test_a_group_without_capacity_in_any_zone_retries(account: Any) -> None:
    add(account, "insufficient-capacity", count=None)
    fleet = Fleet(account)
    advance(account, "10m")
    assert fleet.instances() == []
    control(account, "DELETE", "faults")
    advance(account, "5m")
    assert fleet.instances_per_subnet() == [1, 1]


def test_a_group_leaves_a_failed_zone_and_returns(account: Any) -> None:
    fleet = Fleet(account, DesiredCapacity=4)
    control(account, "POST", "fail", what="zone", id="eu-west-3a", **{"for": "2h"})
    advance(account, "10m")
    assert fleet.instances_per_subnet() == [0, 4]
    advance(account, "3h")
    assert fleet.instances_per_subnet() == [2, 2]


def test_the_ecs_agent_of_a_failed_instance_is_disconnected(account: Any) -> None:
    fleet = Fleet(account, HealthCheckGracePeriod=3600)
    fleet.ecs.create_cluster(clusterName="site-cluster")
    advance(account, "5m")
    failing = fleet.container_instances()[0]["ec2InstanceId"]
    control(account, "POST", "fail", what="instance", id=failing)
    connected = {each["ec2InstanceId"]: each["agentConnected"] for each in fleet.container_instances()}
    assert [name for name, up in connected.items() if not up] == [failing]
    control(account, "POST", "mend", what="instance", id=failing)
    assert all(each["agentConnected"] for each in fleet.container_instances())


def test_a_failed_task_stops_with_exit_code_137(account: Any) -> None:
    fleet = Fleet(account)
    fleet.ecs.create_cluster(clusterName="site-cluster")
    container = {"name": "site", "image": "nginx", "memory": 256}
    fleet.ecs.register_task_definition(family="site", containerDefinitions=[container])
    advance(account, "5m")
    task = fleet.ecs.run_task(cluster="site-cluster", taskDefinition="site")["tasks"][0]["taskArn"]
    advance(account, "1m")
    control(account, "POST", "fail", what="task", id=task)
    ended = fleet.ecs.describe_tasks(cluster="site-cluster", tasks=[task])["tasks"][0]
    assert (ended["lastStatus"], ended["stopCode"]) == ("STOPPED", "EssentialContainerExited")
    assert ended["containers"][0]["exitCode"] == 137
    assert ("site", "task failed") in [(each["subject"], each["what"]) for each in events(account)]


def test_faults_of_every_call_can_be_ended(cloud: Cloud) -> None:
    simulation.fault(cloud, "expired-token", count=1000)
    fresh = Cloud.at(cloud.endpoint or "", account=cloud.local_account)
    simulation.no_faults(fresh)
    assert fresh.account == cloud.local_account
