"""A cache subnet group: the subnets for the nodes of ElastiCache."""

from dataclasses import dataclass, replace
from typing import Any, Self

from esaws.aws import ignore_codes, tag_list
from esaws.cloud import Cloud
from esaws.documented import ANY_TAG, ID, ITSELF, NOT_DOCUMENTED, Call, Each, Field, Name, Parameter, Text, tags
from esaws.resource import Live, Lives, Ref, Resource
from esaws.resources._tags import list_owned_by_arn
from esaws.resources.subnet import Subnet

_SETTINGS: dict[str, Parameter] = {
    "CacheSubnetGroupDescription": Field("description", NOT_DOCUMENTED),
    "SubnetIds[]": Field("subnets", Each(ID, 1)),
}


@dataclass(frozen=True, kw_only=True)
class CacheSubnetGroup(Resource):
    """A named set of subnets of one VPC."""

    description: str
    subnets: tuple[Subnet, ...]

    in_place = frozenset({"description", "subnets"})
    icon = "aws.database.ElastiCache"
    free = "ElastiCache charges for nodes, not for where they may stand"
    permissions = (
        "elasticache:AddTagsToResource",
        "elasticache:CreateCacheSubnetGroup",
        "elasticache:DeleteCacheSubnetGroup",
        "elasticache:DescribeCacheSubnetGroups",
        "elasticache:ListTagsForResource",
        "elasticache:ModifyCacheSubnetGroup",
        "iam:CreateServiceLinkedRole",  # ElastiCache's own role, on the first use in an account
    )
    documented = (
        Call(
            "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateCacheSubnetGroup.html",
            {
                "CacheSubnetGroupName": Name(
                    # AWS stores it in lower case, and ours is looked up by its name.
                    Text(1, 255, r"[a-z0-9-]*", "lower-case letters, digits and hyphens")
                ),
                **_SETTINGS,
                **tags("Tags", ANY_TAG),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ModifyCacheSubnetGroup.html",
            {"CacheSubnetGroupName": ITSELF, **_SETTINGS},
        ),
        Call(
            "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DeleteCacheSubnetGroup.html",
            {"CacheSubnetGroupName": ITSELF},
        ),
    )

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        groups = list_owned_by_arn(
            cloud,
            "elasticache",
            "describe_cache_subnet_groups",
            "CacheSubnetGroups",
            name="CacheSubnetGroupName",
            arn="ARN",
            gone="CacheSubnetGroupNotFoundFault",
        )
        return [cls._live(name, raw) for name, raw in groups]

    @classmethod
    def _live(cls, name: str, raw: dict[str, Any]) -> Live:
        subnets = frozenset(subnet["SubnetIdentifier"] for subnet in raw["Subnets"])
        return Live(
            cls.kind,
            name,
            raw["CacheSubnetGroupName"],
            parents=frozenset(Ref("Subnet", subnet) for subnet in subnets),
            fields={"description": raw["CacheSubnetGroupDescription"], "subnets": subnets},
            raw=raw,
        )

    def desired(self) -> dict[str, Any]:
        return super().desired() | {"subnets": frozenset(self.subnets)}

    def create(self, cloud: Cloud) -> None:
        created = cloud.client("elasticache").create_cache_subnet_group(
            CacheSubnetGroupName=cloud.aws_name(self.name),
            **self._settings(cloud),
            Tags=tag_list(cloud.tags(self.name)),
        )["CacheSubnetGroup"]
        self.remember_id(cloud, created["CacheSubnetGroupName"])

    def update(self, cloud: Cloud, live: Live) -> None:
        settings = self._settings(cloud)
        cloud.client("elasticache").modify_cache_subnet_group(CacheSubnetGroupName=live.id, **settings)

    def _settings(self, cloud: Cloud) -> dict[str, Any]:
        subnets = [subnet.id_in(cloud) for subnet in self.subnets]
        return {"CacheSubnetGroupDescription": self.description, "SubnetIds": subnets}

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        # AWS rejects this for a moment after its last cluster is deleted.
        delete = cloud.client("elasticache").delete_cache_subnet_group
        with ignore_codes("CacheSubnetGroupNotFoundFault"):
            cloud.retry(lambda: delete(CacheSubnetGroupName=live.id), "CacheSubnetGroupInUse")

    @classmethod
    def example(cls) -> Self:
        first = Subnet.example()
        second = replace(first, name="public-b", cidr="172.31.16.0/20", zone="b")
        return cls(name="redis", description="Where Redis stands", subnets=(first, second))
