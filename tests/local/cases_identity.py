"""Policies, users, parameters and secrets that AWS refuses, and what it keeps of a refused call: nothing."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.cases import TRUST, case
from tests.local.cases_errors_stores import DOCUMENT, refused

MALFORMED, LIMIT, CONFLICT = "MalformedPolicyDocument", "LimitExceeded", "DeleteConflict"


def _trust(**changed: Any) -> str:
    document = json.loads(TRUST)
    document["Statement"][0] |= changed
    return json.dumps(document)


TRUSTS = (
    "{}",
    "not JSON",
    _trust(Action="s3:GetObject"),
    _trust(Effect="Maybe"),
    _trust(Resource="*"),
    _trust(Principal={"Servant": "ec2.amazonaws.com"}),
    json.dumps({"Version": "2012-10-17", "Statement": []}),
)


@case(
    "a role needs a trust policy, and a refused one is not kept",
    aws=([MALFORMED] * len(TRUSTS), []),
    stock=(["accepted"] * len(TRUSTS), [f"r{n}" for n in range(len(TRUSTS))]),
)
def case_trust(account: Any) -> Any:
    iam = account.client("iam")
    codes = [
        refused(iam.create_role, RoleName=f"r{number}", AssumeRolePolicyDocument=text)
        for number, text in enumerate(TRUSTS)
    ]
    return codes, sorted(role["RoleName"] for role in iam.list_roles()["Roles"])


@case(
    "a trust policy may be of 2008, and names principals that exist",
    aws=("accepted", MALFORMED, "accepted"),
    stock=("accepted", "accepted", "EntityAlreadyExists"),
)
def case_principals(account: Any) -> Any:
    iam = account.client("iam")
    role = f"arn:aws:iam::{account.id}:role/first"
    return (
        refused(iam.create_role, RoleName="old", AssumeRolePolicyDocument=TRUST.replace("2012-10-17", "2008-10-17")),
        refused(iam.create_role, RoleName="second", AssumeRolePolicyDocument=_trust(Principal={"AWS": role})),
        refused(iam.create_role, RoleName="first", AssumeRolePolicyDocument=TRUST)
        and refused(iam.create_role, RoleName="second", AssumeRolePolicyDocument=_trust(Principal={"AWS": role})),
    )


@case(
    "a role has ten managed policies at most, and policies have a largest size",
    aws=(LIMIT, LIMIT, LIMIT),
    stock=("accepted", "accepted", "accepted"),
)
def case_quotas(account: Any) -> Any:
    iam = account.client("iam")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    document = json.loads(DOCUMENT)
    document["Statement"][0]["Action"] = [f"s3:Action{number}" for number in range(1000)]
    large = json.dumps(document)
    for number in range(11):
        arn = iam.create_policy(PolicyName=f"p{number}", PolicyDocument=DOCUMENT)["Policy"]["Arn"]
        last = refused(iam.attach_role_policy, RoleName="r", PolicyArn=arn)
    return (
        last,
        refused(iam.put_role_policy, RoleName="r", PolicyName="large", PolicyDocument=large),
        refused(iam.create_policy, PolicyName="large", PolicyDocument=large),
    )


@case("a name of a user differs from others by more than its case", aws="EntityAlreadyExists", stock="accepted")
def case_user_in_capitals(account: Any) -> Any:
    iam = account.client("iam")
    iam.create_user(UserName="operator")
    return refused(iam.create_user, UserName="Operator")


@case(
    "a user with a group, a key or a password cannot be deleted, nor can a group with users or policies",
    aws=[CONFLICT] * 6,
    stock=["accepted"] * 6,
)
def case_used_entities(account: Any) -> Any:
    iam = account.client("iam")
    arn = iam.create_policy(PolicyName="p", PolicyDocument=DOCUMENT)["Policy"]["Arn"]
    for name in ("member", "key", "password"):
        iam.create_user(UserName=name)
    for name in ("users", "inline", "attached"):
        iam.create_group(GroupName=name)
    iam.add_user_to_group(UserName="member", GroupName="users")
    iam.create_access_key(UserName="key")
    iam.create_login_profile(UserName="password", Password="Correct-horse-7")
    iam.put_group_policy(GroupName="inline", PolicyName="p", PolicyDocument=DOCUMENT)
    iam.attach_group_policy(GroupName="attached", PolicyArn=arn)
    groups = [refused(iam.delete_group, GroupName=name) for name in ("users", "inline", "attached")]
    return groups + [refused(iam.delete_user, UserName=name) for name in ("member", "key", "password")]


NAMES = ("a b", "/a//b", "a/b", "/a/", "ünï", "/" + "/".join("abcdefghijklmnop"))
INVALID = "ValidationException"


@case(
    "a parameter has a name, a size and a pattern that fit, and a refused one is not kept",
    aws=(
        [*[INVALID] * 5, "HierarchyLevelLimitExceededException"],
        [INVALID, "Advanced", INVALID, "Parameter"],
        ["tiered"],
    ),
    stock="other",
)
def case_parameters(account: Any) -> Any:
    ssm = account.client("ssm")
    text = {"Value": "1", "Type": "String"}
    names = [refused(ssm.put_parameter, Name=name, **text) for name in NAMES]
    values = [
        refused(ssm.put_parameter, Name="large", **text | {"Value": "x" * 4097}),
        ssm.put_parameter(Name="tiered", Tier="Intelligent-Tiering", **text | {"Value": "x" * 4097})["Tier"],
        refused(ssm.put_parameter, Name="tiered", Overwrite=True, Tier="Standard", **text),
        refused(ssm.put_parameter, Name="pattern", AllowedPattern=r"\D+", **text)[:9],
    ]
    kept = [each["Name"] for each in ssm.describe_parameters()["Parameters"]]
    return (names, values, kept) if account.wrapped else "other"


@case(
    "a secret has a valid name and one value; its name stays taken while its deletion is scheduled",
    aws=(INVALID, "InvalidParameterException", "InvalidRequestException", "InvalidRequestException"),
    stock=("accepted", "accepted", "ResourceExistsException", "accepted"),
)
def case_secrets(account: Any) -> Any:
    secrets = account.client("secretsmanager")
    secrets.create_secret(Name="app/password", SecretString="x")
    secrets.delete_secret(SecretId="app/password")
    return (
        refused(secrets.create_secret, Name="a b", SecretString="x"),
        refused(secrets.create_secret, Name="two", SecretString="x", SecretBinary=b"x"),
        refused(secrets.create_secret, Name="app/password", SecretString="x"),
        refused(secrets.put_secret_value, SecretId="app/password", SecretString="x"),
    )


@case(
    "a secret is rotated by a function that exists",
    aws=("InvalidRequestException", "AccessDeniedException"),
    stock=("accepted", "ResourceNotFoundException"),
)
def case_rotation(account: Any) -> Any:
    secrets = account.client("secretsmanager")
    secrets.create_secret(Name="s", SecretString="x")
    function = f"arn:aws:lambda:{account.region}:{account.id}:function:absent"
    return (
        refused(secrets.rotate_secret, SecretId="s"),
        refused(secrets.rotate_secret, SecretId="s", RotationLambdaARN=function),
    )


@case(
    "a service-linked role has its service's name and policy, and only the service changes it",
    aws=(
        ("AWSServiceRoleForECS", "ecs.amazonaws.com", ["AmazonECSServiceRolePolicy"]),
        "AWSServiceRoleForAutoScaling_mine",
        ("InvalidInput", "InvalidInput", "UnmodifiableEntity"),
        "task/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS/",
        ["AWSServiceRoleForAutoScaling_mine"],
    ),
    stock=(
        ("AWSServiceRoleForecs", ["ecs.amazonaws.com"], []),
        "AWSServiceRoleForAutoScaling_mine",
        ("accepted", "EntityAlreadyExists", "accepted"),
        "",
        ["AWSServiceRoleForAutoScaling_mine", "AWSServiceRoleForecs_mine"],
    ),
)
def case_service_linked_role(account: Any) -> Any:
    iam = account.client("iam")
    create = iam.create_service_linked_role
    role = create(AWSServiceName="ecs.amazonaws.com")["Role"]
    name = role["RoleName"]
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    scaling = create(AWSServiceName="autoscaling.amazonaws.com", CustomSuffix="mine")["Role"]["RoleName"]
    codes = (
        refused(create, AWSServiceName="ecs.amazonaws.com", CustomSuffix="mine"),
        refused(create, AWSServiceName="ecs.amazonaws.com"),
        refused(iam.put_role_policy, RoleName=name, PolicyName="p", PolicyDocument=DOCUMENT),
    )
    if codes[-1] == "accepted":
        iam.delete_role_policy(RoleName=name, PolicyName="p")
    task = iam.delete_service_linked_role(RoleName=name)["DeletionTaskId"]
    left = sorted(each["RoleName"] for each in iam.list_roles()["Roles"])
    principal = role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"]
    shown = name, principal, [each["PolicyName"] for each in attached]
    return shown, scaling, codes, task[: task.rfind("/") + 1], left


@case(
    "a service-linked role of Application Auto Scaling is named after what it scales",
    aws=[
        ("AWSServiceRoleForApplicationAutoScaling_CustomResource", ["AWSApplicationAutoScalingCustomResourcePolicy"]),
        ("AWSServiceRoleForApplicationAutoScaling_KafkaCluster", ["AWSApplicationAutoscalingKafkaClusterPolicy"]),
    ],
    stock=[
        ("AWSServiceRoleForApplicationAutoScaling_CustomResource", []),
        ("AWSServiceRoleForApplicationAutoScaling_Kafka", []),
    ],
)
def case_scaling_roles(account: Any) -> Any:
    iam, shown = account.client("iam"), []
    for scaled in ("custom-resource", "kafka"):
        service = f"{scaled}.application-autoscaling.amazonaws.com"
        name = iam.create_service_linked_role(AWSServiceName=service)["Role"]["RoleName"]
        attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        shown.append((name, [each["PolicyName"] for each in attached]))
    return shown


@case("an error of the query protocol has its message once", aws=1, stock=2)
def case_message_once(account: Any) -> Any:
    with pytest.raises(ClientError) as raised:
        account.client("iam").get_user(UserName="absent")
    return sum(name.lower() == "message" for name in raised.value.response["Error"])


@case(
    "a role shows more when it is read alone",
    aws=(set(), {"MaxSessionDuration"}, {"MaxSessionDuration", "RoleLastUsed", "Tags"}),
    stock=(
        {"MaxSessionDuration", "RoleLastUsed"},
        {"MaxSessionDuration", "RoleLastUsed", "Tags"},
        {"MaxSessionDuration", "RoleLastUsed", "Tags"},
    ),
)
def case_members_of_roles(account: Any) -> Any:
    iam = account.client("iam")
    tags = [{"Key": "k", "Value": "v"}]
    created = iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST, Tags=tags)["Role"]
    listed = iam.list_roles()["Roles"][0]
    read = iam.get_role(RoleName="r")["Role"]
    members = {"MaxSessionDuration", "RoleLastUsed", "Tags"}
    return members & created.keys() - {"Tags"}, members & listed.keys(), members & read.keys()
