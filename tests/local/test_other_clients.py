"""Other clients than boto3's: the AWS CLI, and boto3's resources, waiters and paginators."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.local.cases import TRUST

AWS = Path(sys.executable).with_name("aws")

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def aws(account: Any, tmp_path: Path) -> Cli:
    """The AWS CLI, configured by environment variables only."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL": account.url,
        "AWS_DEFAULT_REGION": "eu-west-3",
        "AWS_ACCESS_KEY_ID": account.id,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_MAX_ATTEMPTS": "1",
    }

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, str(AWS), *arguments]
        return subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )

    return run


def resource(account: Any, service: str) -> Any:
    return boto3.resource(
        service,
        endpoint_url=account.url,
        region_name="eu-west-3",
        aws_access_key_id=account.id,
        aws_secret_access_key="local",
    )


def test_the_aws_cli_creates_fills_and_deletes_a_bucket(account: Any, aws: Cli, tmp_path: Path) -> None:
    bucket = f"s3://cli-{account.id}"
    (tmp_path / "clip.txt").write_text("a clip")
    created = aws("s3", "mb", bucket)
    assert created.returncode == 0, created.stderr
    assert aws("s3", "cp", "clip.txt", f"{bucket}/a/clip.txt").returncode == 0
    assert aws("s3", "cp", f"{bucket}/a/clip.txt", "-").stdout == "a clip"
    refused = aws("s3", "rb", bucket)
    assert refused.returncode == 1 and "BucketNotEmpty" in refused.stderr
    assert aws("s3", "rb", "--force", bucket).returncode == 0
    assert aws("s3", "ls").stdout == ""


def test_the_aws_cli_prints_errors_and_not_simulated(aws: Cli) -> None:
    missing = aws("ec2", "describe-vpcs", "--vpc-ids", "vpc-12345678")
    assert missing.returncode and "InvalidVpcID.NotFound" in missing.stderr
    unknown = aws("ec2", "describe-fpga-images")
    assert unknown.returncode and "(NotSimulated)" in unknown.stderr


def test_the_aws_cli_paginates_and_queries(account: Any, aws: Cli) -> None:
    for number in range(5):
        account.client("ecs").create_cluster(clusterName=f"c{number}")
    listed = aws("ecs", "list-clusters", "--page-size", "2", "--query", "length(clusterArns)")
    assert listed.stdout.strip() == "5"
    account.client("elbv2").create_target_group(Name="t", Protocol="HTTP", Port=80, VpcId=account.network()[0])
    command = ("elbv2", "describe-target-groups", "--names", "t", "--query", "TargetGroups[].Port", "--output", "json")
    assert json.loads(aws(*command).stdout) == [80]


def test_boto3_resources_create_and_delete_a_network(account: Any) -> None:
    ec2 = resource(account, "ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")
    vpc.wait_until_available()
    vpc.create_tags(Tags=[{"Key": "Name", "Value": "resources"}])
    subnet = vpc.create_subnet(CidrBlock="10.0.1.0/24")
    group = vpc.create_security_group(GroupName="web", Description="web")
    group.authorize_ingress(IpProtocol="tcp", FromPort=80, ToPort=80, CidrIp="0.0.0.0/0")
    assert [found.id for found in vpc.subnets.all()] == [subnet.id]
    assert {found.group_name for found in vpc.security_groups.all()} == {"default", "web"}
    assert ec2.Vpc(vpc.id).tags == [{"Key": "Name", "Value": "resources"}]
    group.delete()
    subnet.delete()
    vpc.delete()
    assert vpc.id not in [found.id for found in ec2.vpcs.all()]


def test_boto3_resources_wait_for_instances(account: Any) -> None:
    ec2 = resource(account, "ec2")
    _, subnets, _ = account.network()
    (instance,) = ec2.create_instances(
        ImageId="ami-760aaa0f", InstanceType="t2.micro", MinCount=1, MaxCount=1, SubnetId=subnets[0]
    )
    instance.wait_until_running()
    instance.reload()
    assert instance.state["Name"] == "running" and instance.private_ip_address.startswith("172.31.")
    assert len(list(instance.volumes.all())) == 1
    instance.stop()
    instance.wait_until_stopped()
    instance.terminate()
    instance.wait_until_terminated()
    assert not list(instance.volumes.all())


def test_boto3_resources_create_and_delete_objects(account: Any) -> None:
    s3 = resource(account, "s3")
    bucket = s3.Bucket(f"objects-{account.id}")
    bucket.create(CreateBucketConfiguration={"LocationConstraint": "eu-west-3"})
    bucket.wait_until_exists()
    for number in range(3):
        bucket.put_object(Key=f"k{number}", Body=b"x" * number)
    assert [found.size for found in bucket.objects.all()] == [0, 1, 2]
    bucket.objects.all().delete()
    bucket.delete()
    bucket.wait_until_not_exists()


def waiters(account: Any) -> dict[str, Callable[[], None]]:
    """Name → a function that waits, polling every second."""
    ec2, rds, elb = account.client("ec2"), account.client("rds"), account.client("elbv2")
    _, subnets, group = account.network()
    launched = ec2.run_instances(
        ImageId="ami-760aaa0f", MinCount=1, MaxCount=1, InstanceType="t2.micro", SubnetId=subnets[0]
    )
    instances = [launched["Instances"][0]["InstanceId"]]
    rds.create_db_instance(
        DBInstanceIdentifier="d",
        Engine="postgres",
        DBInstanceClass="db.t3.micro",
        AllocatedStorage=20,
        MasterUsername="operator",
        MasterUserPassword="passw0rd",
    )
    balancers = elb.create_load_balancer(Name="a", Subnets=subnets, SecurityGroups=[group])["LoadBalancers"]
    arns = [balancer["LoadBalancerArn"] for balancer in balancers]
    polling = {"Delay": 1, "MaxAttempts": 5}
    return {
        "instance_running": lambda: ec2.get_waiter("instance_running").wait(
            InstanceIds=instances, WaiterConfig=polling
        ),
        "instance_status_ok": lambda: ec2.get_waiter("instance_status_ok").wait(
            InstanceIds=instances, WaiterConfig=polling
        ),
        "db_instance_available": lambda: rds.get_waiter("db_instance_available").wait(
            DBInstanceIdentifier="d", WaiterConfig=polling
        ),
        "load_balancer_available": lambda: elb.get_waiter("load_balancer_available").wait(
            LoadBalancerArns=arns, WaiterConfig=polling
        ),
    }


def test_waiters_return_within_ten_seconds(account: Any) -> None:
    for name, wait in waiters(account).items():
        thread = threading.Thread(target=wait, name=name, daemon=True)
        thread.start()
        thread.join(timeout=10)
        assert not thread.is_alive(), f"{name} still waits"


def pages(account: Any, service: str, operation: str, key: str, size: int, **parameters: Any) -> list[list[Any]]:
    paginator = account.client(service).get_paginator(operation)
    return [page[key] for page in paginator.paginate(PaginationConfig={"PageSize": size}, **parameters)]


def create_clusters(account: Any, count: int) -> None:
    for number in range(count):
        account.client("ecs").create_cluster(clusterName=f"c{number}")


def create_log_groups(account: Any, count: int) -> None:
    for number in range(count):
        account.client("logs").create_log_group(logGroupName=f"g{number}", tags={"load": "pages"})


def create_roles(account: Any, count: int) -> None:
    for number in range(count):
        account.client("iam").create_role(RoleName=f"r{number}", Path="/pages/", AssumeRolePolicyDocument=TRUST)


def create_target_groups(account: Any, count: int) -> None:
    vpc = account.network()[0]
    for number in range(count):
        account.client("elbv2").create_target_group(Name=f"t{number}", Protocol="HTTP", Port=80, VpcId=vpc)


def create_instances(account: Any, count: int) -> None:
    for _ in range(count):
        account.client("ec2").run_instances(ImageId="ami-760aaa0f", MinCount=1, MaxCount=1, InstanceType="t2.micro")


def create_repositories(account: Any, count: int) -> None:
    for number in range(count):
        account.client("ecr").create_repository(repositoryName=f"r{number}")


def create_objects(account: Any, count: int) -> None:
    s3, bucket = account.client("s3"), f"pages-{account.id}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-3"})
    for number in range(count):
        s3.put_object(Bucket=bucket, Key=f"k{number}", Body=b"")


@pytest.mark.parametrize(
    ("create", "service", "operation", "key", "size", "parameters"),
    [
        (create_clusters, "ecs", "list_clusters", "clusterArns", 2, {}),
        (create_log_groups, "logs", "describe_log_groups", "logGroups", 2, {}),
        (
            create_log_groups,
            "resourcegroupstaggingapi",
            "get_resources",
            "ResourceTagMappingList",
            2,
            {"TagFilters": [{"Key": "load"}]},
        ),
        (create_roles, "iam", "list_roles", "Roles", 2, {"PathPrefix": "/pages/"}),
        (create_target_groups, "elbv2", "describe_target_groups", "TargetGroups", 2, {}),
        (create_instances, "ec2", "describe_instances", "Reservations", 5, {}),
        (create_instances, "ec2", "describe_volumes", "Volumes", 5, {}),
        (create_instances, "ec2", "describe_network_interfaces", "NetworkInterfaces", 5, {}),
        (create_repositories, "ecr", "describe_repositories", "repositories", 2, {}),
        (create_objects, "s3", "list_objects_v2", "Contents", 2, {"Bucket": "pages-{account}"}),
    ],
    ids=lambda value: value if isinstance(value, str) and "_" in value else "",
)
def test_paginators_get_pages_of_the_requested_size(
    account: Any,
    create: Callable[[Any, int], None],
    service: str,
    operation: str,
    key: str,
    size: int,
    parameters: dict[str, Any],
) -> None:
    create(account, 2 * size + 1)
    parameters = {k: v.format(account=account.id) if isinstance(v, str) else v for k, v in parameters.items()}
    result = pages(account, service, operation, key, size, **parameters)
    assert [len(page) for page in result] == [size, size, 1]
    assert all(one[0] not in other for one, other in pairwise(result)), "no page repeats the start of the previous one"
