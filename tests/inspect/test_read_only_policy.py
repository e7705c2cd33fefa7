"""The policy that is shipped covers what an inspection asks, and nothing that changes anything."""

import json
import re
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import pytest
from botocore.session import get_session

from esaws.cloud import Cloud
from esaws.deploy.plan import plan_deploy
from esaws.inspect.account import snapshot
from esaws.inspect.fetch import FETCHERS
from esaws.reference.seccom import seccom

POLICY: dict[str, Any] = json.loads(files("esaws").joinpath("data/read_only_policy.json").read_text(encoding="utf-8"))
ACTIONS = [action for statement in POLICY["Statement"] for action in statement["Action"]]

# Where IAM has other words than the API: https://docs.aws.amazon.com/service-authorization/latest/reference/
PREFIXES = {"elbv2": "elasticloadbalancing"}
SPECIAL = {
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
}
ONLY_IN_IAM = {*SPECIAL.values(), "budgets:ViewBudget", "s3:ListBucket"}
CLIENTS = {"elasticloadbalancing": "elbv2", "tag": "resourcegroupstaggingapi"}


def action(service: str, operation: str) -> str:
    """The IAM action that a call needs."""
    name = f"{PREFIXES.get(service, service)}:{operation}"
    return SPECIAL.get(name, name)


@pytest.fixture(scope="module")
def deployed(new_cloud: Callable[..., Cloud]) -> Cloud:
    """A deployment with a rule that names a prefix list, so that those are asked for, too."""
    cloud = new_cloud()
    plan_deploy(seccom("ha"), cloud).apply()
    ec2 = cloud.client("ec2")
    listed = ec2.create_managed_prefix_list(PrefixListName="office", MaxEntries=1, AddressFamily="IPv4")
    group = ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
    named = [{"PrefixListId": listed["PrefixList"]["PrefixListId"]}]
    permission = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "PrefixListIds": named}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    return cloud


def test_every_call_of_a_look_at_an_account_is_allowed(deployed: Cloud) -> None:
    before = len(deployed.calls)
    account = snapshot(deployed)
    assert set(account.answers) == set(FETCHERS)
    made = {action(call.service, call.operation) for call in deployed.calls[before:]} - {"sts:GetCallerIdentity"}
    assert "ec2:GetManagedPrefixListEntries" in made
    assert made <= set(ACTIONS)


@pytest.mark.parametrize("name", ACTIONS)
def test_an_action_is_exact_reads_and_exists(name: str) -> None:
    service, _, verb = name.partition(":")
    assert re.fullmatch(r"(Describe|List|Get|View)[A-Za-z]+", verb)
    if name not in ONLY_IN_IAM:
        client = CLIENTS.get(service, service)
        assert verb in get_session().get_service_model(client).operation_names


def test_the_policy_is_one_that_iam_takes() -> None:
    assert POLICY["Version"] == "2012-10-17"
    assert {statement["Effect"] for statement in POLICY["Statement"]} == {"Allow"}
    assert len(ACTIONS) == len(set(ACTIONS))
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    assert len(json.dumps(POLICY, separators=(",", ":"))) <= 6144


def test_objects_are_read_from_buckets_that_are_named_and_no_others() -> None:
    reading = [statement for statement in POLICY["Statement"] if "s3:GetObject" in statement["Action"]]
    assert reading == [POLICY["Statement"][-1]] and "*" not in POLICY["Statement"][-1]["Resource"]


def test_iam_itself_takes_the_policy(cloud: Cloud) -> None:
    iam = cloud.client("iam")
    made = iam.create_policy(PolicyName="esaws-read-only", PolicyDocument=json.dumps(POLICY))["Policy"]
    version = iam.get_policy_version(PolicyArn=made["Arn"], VersionId=made["DefaultVersionId"])["PolicyVersion"]
    assert version["Document"] == POLICY
