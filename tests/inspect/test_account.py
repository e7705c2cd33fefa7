"""An account is looked at once, by calls that only read; what AWS does not tell is missing, with the reason."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from esaws.cloud import Cloud
from esaws.deploy.plan import plan_deploy
from esaws.errors import UsageError
from esaws.inspect.account import MissingData, snapshot
from esaws.inspect.fetch import FETCHERS
from esaws.reference.seccom import seccom


@pytest.fixture(scope="module")
def deployed(new_cloud: Any) -> Cloud:
    cloud = new_cloud()
    plan_deploy(seccom("ha"), cloud).apply()
    return cloud


def deny(cloud: Cloud, service: str, operation: str) -> None:
    """Let AWS say that a call is not allowed."""

    def refuse(**_: Any) -> None:
        error = {"Code": "AccessDenied", "Message": "User is not authorized to perform this operation"}
        raise ClientError({"Error": error}, operation)  # type: ignore[typeddict-item, arg-type]

    cloud.client(service).meta.events.register(f"before-call.*.{operation}", refuse)


def test_a_deployment_is_seen_whole(deployed: Cloud) -> None:
    account = snapshot(deployed)
    assert account.missing == {}
    assert set(account.answers) == set(FETCHERS)
    counts = {key: len(account[key]) for key in ("Instances", "tasks", "services", "containerInstances", "Rules")}
    assert counts == {"Instances": 12, "tasks": 12, "services": 6, "containerInstances": 12, "Rules": 3}


def test_nothing_is_changed_by_looking(deployed: Cloud) -> None:
    before = len(deployed.calls)
    snapshot(deployed)
    made = deployed.calls.to_frame().iloc[before:]
    assert set(made.operation.str.extract(r"^([A-Z][a-z]+)")[0]) <= {"Describe", "List", "Get"}


def test_a_part_names_what_it_is_a_part_of(deployed: Cloud) -> None:
    account = snapshot(deployed, "Rules", "TargetHealth", "tasks")
    assert {rule["ListenerArn"] for rule in account["Rules"]} == {account["Listeners"][0]["ListenerArn"]}
    assert {each["TargetGroupArn"] for each in account["TargetHealth"]} == {
        each["TargetGroupArn"] for each in account["TargetGroups"]
    }
    assert all(task["clusterArn"] in {each["clusterArn"] for each in account["clusters"]} for task in account["tasks"])


def test_what_is_not_asked_for_costs_no_call(deployed: Cloud) -> None:
    before = len(deployed.calls)
    snapshot(deployed, "Vpcs")
    assert len(deployed.calls) == before + 1


def test_a_denied_call_names_the_permission_and_the_rest_is_there(new_cloud: Any, deployed: Cloud) -> None:
    cloud = new_cloud(account=deployed.account)
    deny(cloud, "ec2", "DescribeNetworkAcls")
    deny(cloud, "elbv2", "DescribeListeners")
    account = snapshot(cloud, "NetworkAcls", "Rules", "Vpcs")
    assert account.get("NetworkAcls") is None
    assert account.missing["NetworkAcls"] == "ec2:DescribeNetworkAcls was denied; ask for the permission"
    assert account.missing["Rules"].startswith("elasticloadbalancing:DescribeListeners was denied"), "what they are of"
    with pytest.raises(MissingData, match="ec2:DescribeNetworkAcls"):
        account["NetworkAcls"]
    assert account["Vpcs"]


def test_a_denied_setting_of_a_bucket_is_left_out(new_cloud: Any, deployed: Cloud) -> None:
    cloud = new_cloud(account=deployed.account)
    deny(cloud, "s3", "GetBucketPolicyStatus")
    (bucket,) = snapshot(cloud, "Buckets")["Buckets"]
    assert "PolicyStatus" not in bucket and bucket["Encryption"]


def test_a_key_that_there_is_not_is_refused(cloud: Cloud) -> None:
    with pytest.raises(UsageError, match="nobody can look at Vpc; there are"):
        snapshot(cloud, "Vpc")
