"""A DB subnet group: the subnets, in at least two zones, for RDS databases."""

from dataclasses import dataclass, replace
from typing import Any, Self

from esaws.aws import ignore_codes, tag_list
from esaws.cloud import Cloud
from esaws.documented import ITSELF, NOT_DOCUMENTED, TAG, Call, Each, Field, Name, Parameter, Text, Unchecked, tags
from esaws.resource import Live, Lives, Ref, Resource
from esaws.resources._tags import list_owned_by_arn
from esaws.resources.subnet import Subnet

_SETTINGS: dict[str, Parameter] = {
    "DBSubnetGroupDescription": Field("description", NOT_DOCUMENTED),
    # A diagram may show one zone, which AWS refuses.
    "SubnetIds[]": Field("subnets", Each(Unchecked("ids of subnets in at least two Availability Zones"), 1)),
}


@dataclass(frozen=True, kw_only=True)
class DBSubnetGroup(Resource):
    """A named set of subnets of one VPC. RDS requires two zones even for a database in one."""

    description: str
    subnets: tuple[Subnet, ...]

    in_place = frozenset({"description", "subnets"})
    icon = "aws.database.RDS"
    free = "RDS charges for instances, not for subnet groups"
    permissions = (
        "iam:CreateServiceLinkedRole",  # RDS's own role, on the first use in an account
        "rds:AddTagsToResource",
        "rds:CreateDBSubnetGroup",
        "rds:DeleteDBSubnetGroup",
        "rds:DescribeDBSubnetGroups",
        "rds:ListTagsForResource",
        "rds:ModifyDBSubnetGroup",
    )
    documented = (
        Call(
            "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSubnetGroup.html",
            {
                "DBSubnetGroupName": Name(
                    # AWS stores it in lower case, and ours is looked up by its name.
                    Text(1, 255, r"[a-z][a-z0-9._ -]*", "lower-case letters, digits, spaces and any of ._-")
                ),
                **_SETTINGS,
                **tags("Tags", TAG),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBSubnetGroup.html",
            {"DBSubnetGroupName": ITSELF, **_SETTINGS},
        ),
        Call(
            "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBSubnetGroup.html",
            {"DBSubnetGroupName": ITSELF},
        ),
    )

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        groups = list_owned_by_arn(
            cloud,
            "rds",
            "describe_db_subnet_groups",
            "DBSubnetGroups",
            name="DBSubnetGroupName",
            arn="DBSubnetGroupArn",
            gone="DBSubnetGroupNotFoundFault",
        )
        return [cls._live(name, raw) for name, raw in groups]

    @classmethod
    def _live(cls, name: str, raw: dict[str, Any]) -> Live:
        subnets = frozenset(subnet["SubnetIdentifier"] for subnet in raw["Subnets"])
        return Live(
            cls.kind,
            name,
            raw["DBSubnetGroupName"],
            parents=frozenset(Ref("Subnet", subnet) for subnet in subnets),
            state=raw["SubnetGroupStatus"],
            fields={"description": raw["DBSubnetGroupDescription"], "subnets": subnets},
            raw=raw,
        )

    def desired(self) -> dict[str, Any]:
        return super().desired() | {"subnets": frozenset(self.subnets)}

    def create(self, cloud: Cloud) -> None:
        created = cloud.client("rds").create_db_subnet_group(
            DBSubnetGroupName=cloud.aws_name(self.name),
            **self._settings(cloud),
            Tags=tag_list(cloud.tags(self.name)),
        )["DBSubnetGroup"]
        self.remember_id(cloud, created["DBSubnetGroupName"])

    def update(self, cloud: Cloud, live: Live) -> None:
        cloud.client("rds").modify_db_subnet_group(DBSubnetGroupName=live.id, **self._settings(cloud))

    def _settings(self, cloud: Cloud) -> dict[str, Any]:
        subnets = [subnet.id_in(cloud) for subnet in self.subnets]
        return {"DBSubnetGroupDescription": self.description, "SubnetIds": subnets}

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        # AWS rejects this for a moment after its last database is deleted.
        rds = cloud.client("rds")
        with ignore_codes("DBSubnetGroupNotFoundFault"):
            cloud.retry(lambda: rds.delete_db_subnet_group(DBSubnetGroupName=live.id), "InvalidDBSubnetGroupStateFault")

    @classmethod
    def example(cls) -> Self:
        subnets = tuple(
            replace(Subnet.example(), name=f"public-{zone}", cidr=f"172.31.{16 * number}.0/20", zone=zone)
            for number, zone in enumerate("abc")
        )
        return cls(name="database", description="Where the database stands", subnets=subnets)
