"""The shipped read-only policy allows every call of a snapshot, and no call that changes anything."""

import json
import re
from importlib.resources import files
from typing import Any

from botocore.session import get_session

from esaws.cloud import Cloud
from esaws.deploy.plan import compare
from esaws.deploy.preflight import check_account
from esaws.inspect.account import snapshot
from esaws.inspect.fetch import FETCHERS
from esaws.reference.seccom import seccom
from esaws.resource import Index

POLICY: dict[str, Any] = json.loads(files("esaws").joinpath("data/read_only_policy.json").read_text(encoding="utf-8"))
ACTIONS = [action for statement in POLICY["Statement"] for action in statement["Action"]]

# Where IAM and the API use different names: https://docs.aws.amazon.com/service-authorization/latest/reference/
PREFIXES = {"elbv2": "elasticloadbalancing", "service-quotas": "servicequotas"}
SPECIAL = {
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
}
ONLY_IN_IAM = {*SPECIAL.values(), "budgets:ViewBudget", "s3:ListBucket"}
ONLY_IN_IAM |= {"elasticloadbalancing:DescribeInstanceHealth"}  # of Classic Load Balancers
CLIENTS = {"elasticloadbalancing": "elbv2", "tag": "resourcegroupstaggingapi", "servicequotas": "service-quotas"}


def action(service: str, operation: str) -> str:
    """Return the IAM action of a call."""
    name = f"{PREFIXES.get(service, service)}:{operation}"
    return SPECIAL.get(name, name)


def test_the_policy_allows_every_call_of_a_snapshot(deployed: Cloud) -> None:
    """A rule with a prefix list is added, because only then are the entries of prefix lists fetched."""
    ec2 = deployed.client("ec2")
    prefix_list = ec2.create_managed_prefix_list(PrefixListName="office", MaxEntries=1, AddressFamily="IPv4")
    group = ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
    sources = [{"PrefixListId": prefix_list["PrefixList"]["PrefixListId"]}]
    permission = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "PrefixListIds": sources}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    before = len(deployed.calls)
    account = snapshot(deployed)
    assert set(account.descriptions) == set(FETCHERS)
    actions = {action(call.service, call.operation) for call in deployed.calls[before:]} - {"sts:GetCallerIdentity"}
    assert "ec2:GetManagedPrefixListEntries" in actions
    assert actions <= set(ACTIONS)


def test_the_policy_allows_every_call_of_the_checks_of_a_first_deploy(cloud: Cloud) -> None:
    before = len(cloud.calls)
    check_account(compare(seccom("ha").fitted(cloud), Index(), cloud.region), cloud)
    actions = {action(call.service, call.operation) for call in cloud.calls[before:]} - {"sts:GetCallerIdentity"}
    assert "servicequotas:GetServiceQuota" in actions
    assert actions <= set(ACTIONS)


def test_every_action_exists_and_reads_only() -> None:
    session = get_session()
    for name in ACTIONS:
        service, _, verb = name.partition(":")
        assert re.fullmatch(r"(Describe|List|Lookup|Get|View|Simulate)[A-Za-z]+", verb), name
        if name not in ONLY_IN_IAM:
            client = CLIENTS.get(service, service)
            assert verb in session.get_service_model(client).operation_names, name


def test_the_policy_is_valid_for_iam() -> None:
    assert POLICY["Version"] == "2012-10-17"
    assert {statement["Effect"] for statement in POLICY["Statement"]} == {"Allow"}
    assert len(ACTIONS) == len(set(ACTIONS))
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    assert len(json.dumps(POLICY, separators=(",", ":"))) <= 6144


def test_objects_are_only_readable_in_named_buckets() -> None:
    reading = [statement for statement in POLICY["Statement"] if "s3:GetObject" in statement["Action"]]
    assert reading == [POLICY["Statement"][-1]] and "*" not in POLICY["Statement"][-1]["Resource"]


def test_iam_accepts_the_policy(cloud: Cloud) -> None:
    iam = cloud.client("iam")
    policy = iam.create_policy(PolicyName="esaws-read-only", PolicyDocument=json.dumps(POLICY))["Policy"]
    version = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])["PolicyVersion"]
    assert version["Document"] == POLICY
