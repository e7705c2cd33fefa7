"""A snapshot fetches an account with read-only calls; data that AWS does not return is missing, with the reason."""

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from esaws import simulation
from esaws.cloud import Cloud
from esaws.errors import UsageError
from esaws.inspect.account import MissingData, snapshot
from esaws.inspect.fetch import FETCHERS


def deny(cloud: Cloud, service: str, operation: str) -> None:
    """Make AWS deny a call."""

    def refuse(**_: Any) -> None:
        error = {"Code": "AccessDenied", "Message": "User is not authorized to perform this operation"}
        raise ClientError({"Error": error}, operation)  # type: ignore[typeddict-item, arg-type]

    cloud.client(service).meta.events.register(f"before-call.*.{operation}", refuse)


def test_a_snapshot_contains_the_whole_deployment(deployed: Cloud) -> None:
    account = snapshot(deployed)
    assert account.missing == {}
    assert set(account.descriptions) == set(FETCHERS)
    counts = {key: len(account[key]) for key in ("Instances", "tasks", "services", "containerInstances", "Rules")}
    assert counts == {"Instances": 12, "tasks": 12, "services": 6, "containerInstances": 12, "Rules": 3}


def test_a_snapshot_makes_read_calls_only(deployed: Cloud) -> None:
    before = len(deployed.calls)
    snapshot(deployed)
    calls = deployed.calls.to_frame().iloc[before:]
    assert set(calls.operation.str.extract(r"^([A-Z][a-z]+)")[0]) <= {"Describe", "List", "Get"}


def test_a_child_has_the_id_of_its_parent(deployed: Cloud) -> None:
    account = snapshot(deployed, "Rules", "TargetHealth", "tasks")
    assert {rule["ListenerArn"] for rule in account["Rules"]} == {account["Listeners"][0]["ListenerArn"]}
    assert {target["TargetGroupArn"] for target in account["TargetHealth"]} == {
        group["TargetGroupArn"] for group in account["TargetGroups"]
    }
    assert all(
        task["clusterArn"] in {cluster["clusterArn"] for cluster in account["clusters"]} for task in account["tasks"]
    )


def test_a_snapshot_of_one_key_makes_one_call(deployed: Cloud) -> None:
    before = len(deployed.calls)
    snapshot(deployed, "Vpcs")
    assert len(deployed.calls) == before + 1


def test_a_denied_call_gives_the_missing_permission_and_the_other_keys(new_cloud: Any, deployed: Cloud) -> None:
    cloud = new_cloud(account=deployed.account)
    deny(cloud, "ec2", "DescribeNetworkAcls")
    deny(cloud, "elbv2", "DescribeListeners")
    account = snapshot(cloud, "NetworkAcls", "Rules", "Vpcs")
    assert account.get("NetworkAcls") is None
    assert account.missing["NetworkAcls"] == "ec2:DescribeNetworkAcls was denied; ask for the permission"
    assert account.missing["Rules"].startswith("elasticloadbalancing:DescribeListeners was denied"), (
        "the reason of the parent"
    )
    with pytest.raises(MissingData, match="ec2:DescribeNetworkAcls"):
        account["NetworkAcls"]
    assert account["Vpcs"]


def test_a_denied_setting_of_a_bucket_is_left_out(new_cloud: Any, deployed: Cloud) -> None:
    cloud = new_cloud(account=deployed.account)
    deny(cloud, "s3", "GetBucketPolicyStatus")
    (bucket,) = snapshot(cloud, "Buckets")["Buckets"]
    assert "PolicyStatus" not in bucket and bucket["Encryption"]


def test_an_unknown_key_is_refused(cloud: Cloud) -> None:
    with pytest.raises(UsageError, match="Vpc: no such key of an account"):
        snapshot(cloud, "Vpc")


def test_a_snapshot_shows_resources_in_transition_and_leaves_the_clock_where_it_is(new_cloud: Any) -> None:
    cloud = new_cloud()
    rds = cloud.client("rds")
    settings = {"Engine": "postgres", "DBInstanceClass": "db.t3.micro", "AllocatedStorage": 20}
    login = {"MasterUsername": "someone", "MasterUserPassword": "a-long-secret"}
    rds.create_db_instance(DBInstanceIdentifier="db", **settings, **login)
    before = simulation.now(cloud)
    states = [raw["DBInstanceStatus"] for raw in snapshot(cloud, "DBInstances")["DBInstances"]]
    assert (states, simulation.now(cloud) - before < timedelta(minutes=1)) == (["creating"], True)
    rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier="db")
    assert simulation.now(cloud) - before > timedelta(minutes=1), "a waiter advances it"
