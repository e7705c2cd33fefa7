"""An instance profile: passes a role to instances."""

from dataclasses import dataclass
from typing import Self

from esaws.aws import ignore_codes, ignore_repetition, tag_list
from esaws.cloud import Cloud
from esaws.documented import DESCRIBED, ITSELF, LONGEST_REGION, TAG, Call, Field, Name, tags
from esaws.resource import Live, Lives, Ref, Resource
from esaws.resources._iam import GONE, IAM_PROFILE_NAME, iam_name, list_owned
from esaws.resources.role import Role


@dataclass(frozen=True, kw_only=True)
class InstanceProfile(Resource):
    """Contains one role. Its instances get the credentials of the role from their metadata."""

    role: Role

    in_place = frozenset({"role"})
    seconds = 10
    icon = "aws.security.IAMPermissions"
    free = "AWS does not charge for IAM"
    permissions = (
        "iam:AddRoleToInstanceProfile",
        "iam:CreateInstanceProfile",
        "iam:DeleteInstanceProfile",
        "iam:GetInstanceProfile",
        "iam:ListInstanceProfileTags",
        "iam:ListInstanceProfiles",
        "iam:PassRole",
        "iam:RemoveRoleFromInstanceProfile",
        "iam:TagInstanceProfile",
    )
    documented = (
        Call(
            "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateInstanceProfile.html",
            {"InstanceProfileName": Name(IAM_PROFILE_NAME, ending=LONGEST_REGION), **tags("Tags", TAG)},
        ),
        Call(
            "https://docs.aws.amazon.com/IAM/latest/APIReference/API_AddRoleToInstanceProfile.html",
            {"InstanceProfileName": ITSELF, "RoleName": Field("role")},
        ),
        Call(
            "https://docs.aws.amazon.com/IAM/latest/APIReference/API_RemoveRoleFromInstanceProfile.html",
            {"InstanceProfileName": ITSELF, "RoleName": DESCRIBED},
        ),
        Call(
            "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteInstanceProfile.html",
            {"InstanceProfileName": ITSELF},
        ),
    )

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        lives = []
        profiles = list_owned(
            cloud, "list_instance_profiles", "InstanceProfiles", "InstanceProfileName", "list_instance_profile_tags"
        )
        for name, raw in profiles:
            role = next((role["RoleName"] for role in raw["Roles"]), None)
            parents = frozenset({Ref("Role", role)} if role else ())
            lives.append(
                Live(cls.kind, name, raw["InstanceProfileName"], parents=parents, fields={"role": role}, raw=raw)
            )
        return lives

    def create(self, cloud: Cloud) -> None:
        profile = self.remember_id(cloud, iam_name(cloud, self.name))
        cloud.client("iam").create_instance_profile(
            InstanceProfileName=profile, Tags=tag_list(cloud.tags(self.name, expiry=False))
        )
        cloud.wait("iam", "instance_profile_exists", InstanceProfileName=profile)
        self._add_role(cloud, profile)

    def update(self, cloud: Cloud, live: Live) -> None:
        _empty(cloud, live.id)
        self._add_role(cloud, live.id)

    def _add_role(self, cloud: Cloud, profile: str) -> None:
        role = self.role.id_in(cloud)
        add = cloud.client("iam").add_role_to_instance_profile
        with ignore_repetition("LimitExceeded", lambda: role in _roles(cloud, profile)):
            cloud.retry(lambda: add(InstanceProfileName=profile, RoleName=role), GONE, minutes=1)

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        with ignore_codes(GONE):
            _empty(cloud, live.id)
            delete = cloud.client("iam").delete_instance_profile
            cloud.retry(lambda: delete(InstanceProfileName=live.id), "DeleteConflict", minutes=2)

    @classmethod
    def example(cls) -> Self:
        return cls(name="ecs-instance", role=Role.example())


def _empty(cloud: Cloud, profile: str) -> None:
    """Remove the role from a profile, which can't be deleted before."""
    for role in _roles(cloud, profile):
        with ignore_codes(GONE):
            cloud.client("iam").remove_role_from_instance_profile(InstanceProfileName=profile, RoleName=role)


def _roles(cloud: Cloud, profile: str) -> list[str]:
    found = cloud.client("iam").get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]
    return [role["RoleName"] for role in found["Roles"]]
