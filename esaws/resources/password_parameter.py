"""A generated password, kept in Systems Manager as an encrypted parameter: nobody has to know or to write it."""

import re
import secrets
import string
from dataclasses import dataclass
from typing import Self

from esaws.cloud import DEPLOYMENT_TAG, Cloud
from esaws.errors import InvalidResource
from esaws.resource import Live, Lives, Resource, absent, pages, tag_dict, tag_list

# What all of PostgreSQL, RabbitMQ and their URLs take without quoting.
_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True, kw_only=True)
class PasswordParameter(Resource):
    """A password of `length` letters and digits under `/<deployment>/<name>`; made once, never overwritten."""

    length: int = 24

    not_compared = frozenset({"length"})
    icon = "aws.management.SystemsManagerParameterStore"
    free = "standard parameters cost nothing"
    name_pattern = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
    permissions = (
        "ssm:AddTagsToResource",
        "ssm:DeleteParameter",
        "ssm:DescribeParameters",
        "ssm:GetParameter",
        "ssm:ListTagsForResource",
        "ssm:PutParameter",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 12 <= self.length <= 128:
            raise InvalidResource(f"{self} of {self.length} characters: RabbitMQ takes 12 at least, RDS 128 at most")

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        ssm = cloud.client("ssm")
        filters = [{"Key": f"tag:{DEPLOYMENT_TAG}", "Values": [cloud.deployment]}]
        lives = []
        for raw in pages(cloud, "ssm", "describe_parameters", "Parameters", ParameterFilters=filters):
            with absent("InvalidResourceId"):  # deleted since
                tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=raw["Name"])["TagList"]
                if raw["Type"] == "SecureString" and (name := cloud.owned_name(tag_dict(tags))):
                    lives.append(Live(cls.kind, name, raw["Name"], raw=raw))
        return lives

    def value(self, cloud: Cloud) -> str:
        """The password itself.

        Raises:
            NotDeployed: it does not exist.
        """
        asked = cloud.client("ssm").get_parameter(Name=self.id_in(cloud), WithDecryption=True)
        return str(asked["Parameter"]["Value"])

    def create(self, cloud: Cloud) -> None:
        parameter = f"/{cloud.deployment}/{self.name}"
        cloud.client("ssm").put_parameter(
            Name=parameter,
            Type="SecureString",
            Value="".join(secrets.choice(_ALPHABET) for _ in range(self.length)),
            Tags=tag_list(cloud.tags(self.name)),
        )
        self.made(cloud, parameter)

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        with absent("ParameterNotFound"):
            cloud.client("ssm").delete_parameter(Name=live.id)

    @classmethod
    def example(cls) -> Self:
        return cls(name="database-password")
