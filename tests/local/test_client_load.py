"""Twenty clients in one account at a time, and isolated accounts."""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.local.cases import TRUST

pytestmark = pytest.mark.slow

CLIENTS = 20
SECONDS = 60 if os.environ.get("SOAK") else 3
TAGS = [{"Key": "esaws:deployment", "Value": "load"}]


def networks(account: Any, name: str) -> Iterator[None]:
    ec2 = account.client("ec2")
    for number in count():
        specification = [{"ResourceType": "vpc", "Tags": TAGS}]
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=specification)["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
        yield
        group = ec2.create_security_group(GroupName=f"{name}-{number}", Description="load", VpcId=vpc)["GroupId"]
        assert len(ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]) == 1
        ec2.describe_network_interfaces()
        yield
        ec2.delete_security_group(GroupId=group)
        ec2.delete_subnet(SubnetId=subnet)
        ec2.delete_vpc(VpcId=vpc)
        yield


def containers(account: Any, name: str) -> Iterator[None]:
    ecs, logs = account.client("ecs"), account.client("logs")
    definition = {"name": "web", "image": "nginx", "memory": 64, "cpu": 0}
    for number in count():
        cluster, own = f"{name}-{number}", {"cluster": f"{name}-{number}"}
        ecs.create_cluster(clusterName=cluster)
        logs.create_log_group(logGroupName=f"/ecs/{cluster}", tags={"esaws:deployment": "load"})
        task = ecs.register_task_definition(family=cluster, containerDefinitions=[definition])["taskDefinition"]
        yield
        ecs.create_service(serviceName="web", taskDefinition=cluster, desiredCount=0, **own)
        assert len(ecs.describe_services(services=["web"], **own)["services"]) == 1
        ecs.list_clusters()
        logs.describe_log_groups()
        yield
        ecs.delete_service(service="web", force=True, **own)
        ecs.delete_cluster(cluster=cluster)
        ecs.deregister_task_definition(taskDefinition=task["taskDefinitionArn"])
        logs.delete_log_group(logGroupName=f"/ecs/{cluster}")
        yield


def instances(account: Any, name: str) -> Iterator[None]:
    ec2 = account.client("ec2")
    for _ in count():
        specification = [{"ResourceType": "instance", "Tags": TAGS}]
        launched = ec2.run_instances(
            ImageId="ami-760aaa0f",
            MinCount=1,
            MaxCount=1,
            InstanceType="t2.micro",
            TagSpecifications=specification,
        )
        instance = [launched["Instances"][0]["InstanceId"]]
        yield
        assert ec2.describe_instances(InstanceIds=instance)["Reservations"]
        ec2.describe_volumes()
        yield
        ec2.terminate_instances(InstanceIds=instance)
        yield


def stores(account: Any, name: str) -> Iterator[None]:
    s3, iam = account.client("s3"), account.client("iam")
    for number in count():
        bucket = f"{name}-{number}-{account.id}"
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-3", "Tags": TAGS})
        s3.put_object(Bucket=bucket, Key="key", Body=b"content")
        iam.create_role(RoleName=bucket, AssumeRolePolicyDocument=TRUST, Tags=TAGS)
        yield
        assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"content"
        s3.list_buckets()
        iam.list_roles()
        yield
        s3.delete_object(Bucket=bucket, Key="key")
        s3.delete_bucket(Bucket=bucket)
        iam.delete_role(RoleName=bucket)
        yield


def readers(account: Any, name: str) -> Iterator[None]:
    """Read what the others change."""
    tagging = account.client("resourcegroupstaggingapi")
    for _ in count():
        tagging.get_resources(TagFilters=[{"Key": "esaws:deployment", "Values": ["load"]}])
        yield
        tagging.get_tag_keys()
        yield


def test_twenty_clients_in_one_account_get_no_errors_and_leave_nothing(account: Any) -> None:
    until = time.monotonic() + SECONDS

    def client(number: int) -> tuple[str, int]:
        kinds = [networks, containers, instances, stores, readers]
        work = kinds[number % len(kinds)]
        for done, _ in enumerate(work(account, f"load{number}"), start=1):
            if done % 3 == 0 and time.monotonic() > until:
                return work.__name__, done
        raise AssertionError("the work never ends by itself")

    with ThreadPoolExecutor(CLIENTS) as pool:
        done = Counter[str]()
        for name, rounds in pool.map(client, range(CLIENTS)):
            done[name] += rounds
    assert all(done[work.__name__] >= 3 for work in (networks, containers, instances, stores, readers)), done

    ec2 = account.client("ec2")
    assert [vpc for vpc in ec2.describe_vpcs()["Vpcs"] if vpc.get("Tags") == TAGS] == []
    assert account.client("ecs").list_clusters()["clusterArns"] == []
    assert account.client("s3").list_buckets()["Buckets"] == []
    states = [i["State"]["Name"] for r in ec2.describe_instances()["Reservations"] for i in r["Instances"]]
    assert set(states) == {"terminated"}


# --- accounts


def by_role(account: Any, other: Any) -> dict[str, str]:
    role = f"arn:aws:iam::{other.id}:role/operator"
    credentials: dict[str, str] = account.client("sts").assume_role(RoleArn=role, RoleSessionName="load")["Credentials"]
    return credentials


def by_access_key(account: Any, other: Any) -> dict[str, str]:
    iam = other.client("iam")
    iam.create_user(UserName="operator")
    key: dict[str, str] = iam.create_access_key(UserName="operator")["AccessKey"]
    return key


@pytest.mark.parametrize("get_credentials", [by_role, by_access_key])
def test_credentials_act_in_their_own_account_only(
    account: Any, new_account: Callable[[], Any], get_credentials: Callable[[Any, Any], dict[str, str]]
) -> None:
    other = new_account()
    key = get_credentials(account, other)

    def client(service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=account.url,
            region_name="eu-west-3",
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
            aws_session_token=key.get("SessionToken"),
        )

    account.client("ecs").create_cluster(clusterName="mine")
    vpc = account.client("ec2").create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    client("ecs").create_cluster(clusterName="theirs")
    assert [arn.split("/")[-1] for arn in client("ecs").list_clusters()["clusterArns"]] == ["theirs"]
    assert [arn.split("/")[-1] for arn in other.client("ecs").list_clusters()["clusterArns"]] == ["theirs"]
    assert [arn.split("/")[-1] for arn in account.client("ecs").list_clusters()["clusterArns"]] == ["mine"]
    with pytest.raises(ClientError, match=r"InvalidVpcID\.NotFound"):
        client("ec2").describe_vpcs(VpcIds=[vpc])
    with pytest.raises(ClientError, match=r"InvalidVpcID\.NotFound"):
        client("ec2").delete_vpc(VpcId=vpc)


def test_a_bucket_name_is_unique_across_accounts_and_listed_in_its_own(
    account: Any, new_account: Callable[[], Any]
) -> None:
    other, name = new_account(), f"global-{account.id}"
    place = {"LocationConstraint": "eu-west-3"}
    account.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=place)
    with pytest.raises(ClientError) as raised:
        other.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=place)
    assert raised.value.response["Error"]["Code"] == "BucketAlreadyExists"
    assert other.client("s3").list_buckets()["Buckets"] == []
    assert [bucket["Name"] for bucket in account.client("s3").list_buckets()["Buckets"]] == [name]


def test_accounts_work_in_parallel(new_account: Callable[[], Any]) -> None:
    def work(account: Any) -> int:
        ecs = account.client("ecs")
        for number in range(5):
            ecs.create_cluster(clusterName=f"c{number}")
        return len(ecs.list_clusters()["clusterArns"])

    with ThreadPoolExecutor(CLIENTS) as pool:
        assert list(pool.map(work, [new_account() for _ in range(CLIENTS)])) == [5] * CLIENTS
