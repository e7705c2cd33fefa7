"""A cache cluster of ElastiCache: nodes of Redis (always one) or Memcached."""

from dataclasses import dataclass
from typing import Any, Literal, Self

from esaws.aws import ignore_codes, ignore_repetition, tag_list
from esaws.cloud import Cloud
from esaws.documented import ANY_TAG, BOOLEAN, ITSELF, Always, Between, Call, Field, Name, OneOf, Text, Unchecked, tags
from esaws.pricelist import Usage
from esaws.resource import Live, Lives, Ref, Resource, Usages
from esaws.resources._tags import list_owned_by_arn, minor_version
from esaws.resources.cache_subnet_group import CacheSubnetGroup
from esaws.resources.security_group import SecurityGroup

_CREATE_CACHE_CLUSTER_PAGE = (
    "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateCacheCluster.html"
)

_OPERATIONS = {"memcached": "0001", "redis": "0002"}  # the engine on bills


_NODE_TYPE = Unchecked("a type that the region has for the engine")


@dataclass(frozen=True, kw_only=True)
class CacheCluster(Resource):
    """Nodes in one zone, without replicas. `engine_version` is major and minor; AWS chooses the patch."""

    subnet_group: CacheSubnetGroup
    security_groups: tuple[SecurityGroup, ...]
    node_type: str = "cache.t3.micro"
    engine: Literal["redis", "memcached"] = "redis"
    engine_version: str = "7.1"
    nodes: int = 1

    in_place = frozenset({"security_groups", "node_type"})
    pending = frozenset(
        {"creating", "modifying", "rebooting cluster nodes", "snapshotting"}
        | {"incompatible-network", "restore-failed"}  # ready() raises an error for these
    )
    deleting = frozenset({"deleting"})
    seconds = 360
    icon = "aws.database.ElasticacheForRedis"
    permissions = (
        "elasticache:AddTagsToResource",
        "elasticache:CreateCacheCluster",
        "elasticache:DeleteCacheCluster",
        "elasticache:DescribeCacheClusters",
        "elasticache:ListTagsForResource",
        "elasticache:ModifyCacheCluster",
        "iam:CreateServiceLinkedRole",
    )
    documented = (
        Call(
            _CREATE_CACHE_CLUSTER_PAGE,
            {
                "CacheClusterId": Name(
                    Text(
                        1, 50, r"[a-z](-?[a-z0-9])*", "lower-case letters and digits, with single hyphens between them"
                    )
                ),
                "CacheSubnetGroupName": Field("subnet_group"),
                "SecurityGroupIds[]": Field("security_groups"),
                "CacheNodeType": Field("node_type", _NODE_TYPE),
                "Engine": Field("engine", OneOf(*_OPERATIONS)),
                "EngineVersion": Field("engine_version", Unchecked("one that DescribeCacheEngineVersions lists")),
                "NumCacheNodes": Field("nodes", Between(1, 40)),
                **tags("Tags", ANY_TAG),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ModifyCacheCluster.html",
            {
                "CacheClusterId": ITSELF,
                "ApplyImmediately": Always(True, BOOLEAN),
                "CacheNodeType": Field("node_type", _NODE_TYPE),
                "SecurityGroupIds[]": Field("security_groups"),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DeleteCacheCluster.html",
            {"CacheClusterId": ITSELF},
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.engine == "redis" and self.nodes != 1:
            raise self.refusal(
                f"a cluster of Redis has one node, not {self.nodes}. Set nodes=1.",
                _CREATE_CACHE_CLUSTER_PAGE,
            )

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        clusters = list_owned_by_arn(
            cloud,
            "elasticache",
            "describe_cache_clusters",
            "CacheClusters",
            name="CacheClusterId",
            arn="ARN",
            gone="CacheClusterNotFound",
            ShowCacheNodeInfo=True,
        )
        return [cls._live(name, raw) for name, raw in clusters if raw["CacheClusterStatus"] != "deleted"]

    @classmethod
    def _live(cls, name: str, raw: dict[str, Any]) -> Live:
        settings = raw | raw.get("PendingModifiedValues", {})  # pending changes count as applied
        security_groups = frozenset(
            group["SecurityGroupId"] for group in raw.get("SecurityGroups", ()) if group["Status"] != "removing"
        )
        return Live(
            cls.kind,
            name,
            raw["CacheClusterId"],
            parents=frozenset(
                {
                    Ref("CacheSubnetGroup", raw["CacheSubnetGroupName"]),
                    *(Ref("SecurityGroup", group) for group in security_groups),
                }
            ),
            state=raw["CacheClusterStatus"],
            fields={
                "subnet_group": raw["CacheSubnetGroupName"],
                "security_groups": security_groups,
                "node_type": settings["CacheNodeType"],
                "engine": raw["Engine"],
                "engine_version": minor_version(raw["EngineVersion"]),
                "nodes": settings["NumCacheNodes"],
            },
            raw=raw,
            address=next((node["Endpoint"]["Address"] for node in raw.get("CacheNodes", ()) if "Endpoint" in node), ""),
        )

    def desired(self) -> dict[str, Any]:
        return super().desired() | {
            "security_groups": frozenset(self.security_groups),
            "engine_version": minor_version(self.engine_version),
        }

    def create(self, cloud: Cloud) -> None:
        created = cloud.client("elasticache").create_cache_cluster(
            CacheClusterId=cloud.aws_name(self.name),
            CacheSubnetGroupName=self.subnet_group.id_in(cloud),
            SecurityGroupIds=[group.id_in(cloud) for group in self.security_groups],
            CacheNodeType=self.node_type,
            Engine=self.engine,
            EngineVersion=self.engine_version,
            NumCacheNodes=self.nodes,
            Tags=tag_list(cloud.tags(self.name)),
        )["CacheCluster"]
        self.remember_id(cloud, created["CacheClusterId"])
        self.ready(cloud)

    def ready(self, cloud: Cloud) -> None:
        cloud.wait("elasticache", "cache_cluster_available", CacheClusterId=self.id_in(cloud))

    def update(self, cloud: Cloud, live: Live) -> None:
        elasticache = cloud.client("elasticache")
        differing: dict[str, Any] = {}
        if live.fields["node_type"] != self.node_type:
            differing["CacheNodeType"] = self.node_type
        security_groups = [group.id_in(cloud) for group in self.security_groups]
        if live.fields["security_groups"] != set(security_groups):
            differing["SecurityGroupIds"] = security_groups

        def is_modified() -> bool:
            fields = self._live(self.name, _describe(cloud, live.id)).fields
            return (fields["node_type"], fields["security_groups"]) == (self.node_type, frozenset(security_groups))

        def modify() -> None:
            with ignore_repetition("InvalidCacheClusterState", is_modified):
                elasticache.modify_cache_cluster(CacheClusterId=live.id, ApplyImmediately=True, **differing)

        cloud.retry(modify, "InvalidCacheClusterState", minutes=30)

        def settled() -> bool:
            raw = _describe(cloud, live.id)
            changed = all(group["Status"] == "active" for group in raw.get("SecurityGroups", ()))
            return raw["CacheClusterStatus"] == "available" and not raw.get("PendingModifiedValues") and changed

        cloud.wait_until(f"{self} is changed", settled, minutes=60)

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        elasticache = cloud.client("elasticache")

        def is_deleting() -> bool:
            return _describe(cloud, live.id)["CacheClusterStatus"] in cls.deleting

        def delete() -> None:
            with ignore_repetition("InvalidCacheClusterState", is_deleting):
                elasticache.delete_cache_cluster(CacheClusterId=live.id)

        with ignore_codes("CacheClusterNotFound"):
            if live.state not in cls.deleting:
                cloud.retry(delete, "InvalidCacheClusterState", minutes=30)
        cloud.wait("elasticache", "cache_cluster_deleted", CacheClusterId=live.id)

    def usage(self) -> Usages:
        operation = f"CreateCacheCluster:{_OPERATIONS[self.engine]}"
        return [Usage.hours("AmazonElastiCache", f"NodeUsage:{self.node_type}", operation, count=self.nodes)]

    @classmethod
    def example(cls) -> Self:
        subnet_group = CacheSubnetGroup.example()
        return cls(name="redis", subnet_group=subnet_group, security_groups=(SecurityGroup.example(),))


def _describe(cloud: Cloud, id: str) -> dict[str, Any]:
    (raw,) = cloud.client("elasticache").describe_cache_clusters(CacheClusterId=id)["CacheClusters"]
    return dict(raw)
