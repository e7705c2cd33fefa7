"""An IAM role for an AWS service."""

import json
from dataclasses import dataclass
from typing import Any, Self

from esaws.aws import ignore_codes, pages, tag_list
from esaws.cloud import Cloud
from esaws.documented import DESCRIBED, ITSELF, LONGEST_REGION, TAG, Call, Each, Field, Name, Text, tags
from esaws.resource import Live, Lives, Resource
from esaws.resources._iam import GONE, IAM_NAME, iam_name, list_owned

_SERVICE = Text(
    1, None, r"([a-z0-9-]+\.)+amazonaws\.com(\.cn)?", "the principal of a service, such as ec2.amazonaws.com"
)
_PRINCIPALS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html"
_POLICY = Text(1, 2000, r"[\w+=,.@/:-]*", "characters: the name of an AWS managed policy with its path, or an ARN")
"""AWS takes an ARN of 2,048 characters, of which the beginning is put in front of a name."""


@dataclass(frozen=True, kw_only=True)
class Role(Resource):
    """A role that an AWS service can assume, with AWS managed policies, such as `AmazonS3ReadOnlyAccess`."""

    service: str = "ec2.amazonaws.com"
    managed_policies: tuple[str, ...] = ()

    in_place = frozenset({"service", "managed_policies"})
    seconds = 3
    icon = "aws.security.IAMRole"
    free = "AWS does not charge for IAM"
    permissions = (
        "iam:AttachRolePolicy",
        "iam:CreateRole",
        "iam:DeleteRole",
        "iam:DeleteRolePolicy",
        "iam:DetachRolePolicy",
        "iam:GetRole",
        "iam:ListAttachedRolePolicies",
        "iam:ListInstanceProfilesForRole",
        "iam:ListRolePolicies",
        "iam:ListRoleTags",
        "iam:ListRoles",
        "iam:RemoveRoleFromInstanceProfile",
        "iam:TagRole",
        "iam:UpdateAssumeRolePolicy",
    )
    documented = (
        Call(
            "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html",
            {
                "RoleName": Name(IAM_NAME, ending=LONGEST_REGION),
                "AssumeRolePolicyDocument": Field("service", _SERVICE, _PRINCIPALS),
                **tags("Tags", TAG),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAssumeRolePolicy.html",
            {
                "RoleName": ITSELF,
                "PolicyDocument": Field("service", _SERVICE, _PRINCIPALS),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachRolePolicy.html",
            {"RoleName": ITSELF, "PolicyArn": Field("managed_policies", Each(_POLICY))},
        ),
        Call(
            "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DetachRolePolicy.html",
            {"RoleName": ITSELF, "PolicyArn": DESCRIBED},
        ),
        Call("https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html", {"RoleName": ITSELF}),
        Call(
            "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRolePolicy.html",
            {"RoleName": ITSELF, "PolicyName": DESCRIBED},
        ),
        Call(
            "https://docs.aws.amazon.com/IAM/latest/APIReference/API_RemoveRoleFromInstanceProfile.html",
            {"RoleName": ITSELF, "InstanceProfileName": DESCRIBED},
        ),
    )

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        lives = []
        for name, raw in list_owned(cloud, "list_roles", "Roles", "RoleName", "list_role_tags"):
            with ignore_codes(GONE):
                attached = pages(
                    cloud, "iam", "list_attached_role_policies", "AttachedPolicies", RoleName=raw["RoleName"]
                )
                observed = {
                    "service": _trusted(raw["AssumeRolePolicyDocument"]),
                    "managed_policies": frozenset(_policy_name(cloud, policy["PolicyArn"]) for policy in attached),
                }
                lives.append(Live(cls.kind, name, raw["RoleName"], fields=observed, raw=raw))
        return lives

    def desired(self) -> dict[str, Any]:
        return super().desired() | {"managed_policies": frozenset(self.managed_policies)}

    def create(self, cloud: Cloud) -> None:
        role = self.remember_id(cloud, iam_name(cloud, self.name))
        cloud.client("iam").create_role(
            RoleName=role,
            AssumeRolePolicyDocument=json.dumps(_trust(self.service)),
            Tags=tag_list(cloud.tags(self.name, expiry=False)),
        )
        cloud.wait("iam", "role_exists", RoleName=role)
        self._attach(cloud, role, set(self.managed_policies))

    def update(self, cloud: Cloud, live: Live) -> None:
        iam = cloud.client("iam")
        iam.update_assume_role_policy(RoleName=live.id, PolicyDocument=json.dumps(_trust(self.service)))
        attached = live.fields["managed_policies"]
        for policy in attached - set(self.managed_policies):
            with ignore_codes(GONE):
                iam.detach_role_policy(RoleName=live.id, PolicyArn=_policy_arn(cloud, policy))
        self._attach(cloud, live.id, set(self.managed_policies) - attached)

    def _attach(self, cloud: Cloud, role: str, policies: set[str]) -> None:
        for policy in sorted(policies):
            cloud.client("iam").attach_role_policy(RoleName=role, PolicyArn=_policy_arn(cloud, policy))

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        """Delete the role after removing it from instance profiles and deleting its policies."""
        iam, role = cloud.client("iam"), {"RoleName": live.id}
        with ignore_codes(GONE):
            for profile in pages(cloud, "iam", "list_instance_profiles_for_role", "InstanceProfiles", **role):
                with ignore_codes(GONE):
                    iam.remove_role_from_instance_profile(InstanceProfileName=profile["InstanceProfileName"], **role)
            for policy in pages(cloud, "iam", "list_attached_role_policies", "AttachedPolicies", **role):
                with ignore_codes(GONE):
                    iam.detach_role_policy(PolicyArn=policy["PolicyArn"], **role)
            for name in pages(cloud, "iam", "list_role_policies", "PolicyNames", **role):
                with ignore_codes(GONE):
                    iam.delete_role_policy(PolicyName=name, **role)
            cloud.retry(lambda: iam.delete_role(**role), "DeleteConflict", "ConcurrentModification", minutes=2)

    @classmethod
    def example(cls) -> Self:
        return cls(name="ecs-instance", managed_policies=("service-role/AmazonEC2ContainerServiceforEC2Role",))


def _trust(service: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _trusted(document: dict[str, Any]) -> str:
    """Return the service that can assume the role, or the whole document if it has another form."""
    try:
        service = document["Statement"][0]["Principal"]["Service"]
    except (KeyError, TypeError, IndexError):
        service = None
    return str(service) if document == _trust(service) else json.dumps(document, sort_keys=True)


def _policy_arn(cloud: Cloud, policy: str) -> str:
    prefix = f"arn:{cloud.client('iam').meta.partition}:iam::aws:policy/"
    return policy if policy.startswith("arn:") else prefix + policy


def _policy_name(cloud: Cloud, arn: str) -> str:
    """Return the name of an AWS managed policy, or the ARN of another one."""
    return arn.removeprefix(_policy_arn(cloud, ""))
