"""A listener: a port of a load balancer, and the target group for requests that match no rule."""

from dataclasses import dataclass
from typing import Any, Literal, Self

from esaws.aws import ignore_codes, pages, tag_list
from esaws.cloud import Cloud
from esaws.documented import ITSELF, TAG, Between, Call, Field, OneOf, Parameter, tags
from esaws.resource import Live, Lives, Ref, Resource
from esaws.resources._elbv2 import (
    NO_BALANCER,
    NO_LISTENER,
    describe_forward,
    documented_forward,
    forward,
    target_groups_of,
    with_tags,
)
from esaws.resources.load_balancer import LoadBalancer
from esaws.resources.target_group import TargetGroup

_SETTINGS: dict[str, Parameter] = {
    "Port": Field("port", Between(1, 65535)),
    "Protocol": Field("protocol", OneOf("HTTP", besides="HTTPS, which needs a certificate")),
    **documented_forward("DefaultActions", "default"),
}


@dataclass(frozen=True, kw_only=True)
class Listener(Resource):
    """A plain HTTP listener; HTTPS is not supported, since there is no field for a certificate."""

    load_balancer: LoadBalancer
    port: int = 80
    protocol: Literal["HTTP"] = "HTTP"
    default: TargetGroup

    in_place = frozenset({"port", "protocol", "default"})
    icon = "aws.network.ElasticLoadBalancing"
    free = "AWS charges for the load balancer, not for its listeners"
    permissions = (
        "elasticloadbalancing:AddTags",
        "elasticloadbalancing:CreateListener",
        "elasticloadbalancing:DeleteListener",
        "elasticloadbalancing:DescribeListeners",
        "elasticloadbalancing:DescribeLoadBalancers",
        "elasticloadbalancing:DescribeTags",
        "elasticloadbalancing:ModifyListener",
    )
    documented = (
        Call(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html",
            {"LoadBalancerArn": Field("load_balancer"), **_SETTINGS, **tags("Tags", TAG)},
        ),
        Call(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyListener.html",
            {"ListenerArn": ITSELF, **_SETTINGS},
        ),
        Call(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeleteListener.html",
            {"ListenerArn": ITSELF},
        ),
    )

    def default_name(self) -> str:
        return f"{self.load_balancer.name} {self.port}"

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        lives = []
        for balancer in LoadBalancer.listed(cloud):
            with ignore_codes(NO_BALANCER):
                listed = pages(cloud, "elbv2", "describe_listeners", "Listeners", LoadBalancerArn=balancer.id)
                for tags, raw in with_tags(cloud, listed, "ListenerArn"):
                    lives.append(cls._live(cloud, balancer, tags, raw))
        return lives

    @classmethod
    def _live(cls, cloud: Cloud, balancer: Live, tags: dict[str, str], raw: dict[str, Any]) -> Live:
        name = cloud.owned_name(tags)
        groups = {Ref("TargetGroup", arn) for arn in target_groups_of(raw["DefaultActions"])}
        return Live(
            cls.kind,
            name or f"{balancer.name} {raw['Port']}",
            raw["ListenerArn"],
            parents=frozenset({balancer.ref} | groups),
            fields={
                "load_balancer": balancer.id,
                "port": raw["Port"],
                "protocol": raw["Protocol"],
                "default": describe_forward(raw["DefaultActions"]),
            },
            raw=raw,
            foreign=name is None,
        )

    def create(self, cloud: Cloud) -> None:
        created = cloud.client("elbv2").create_listener(
            LoadBalancerArn=self.load_balancer.id_in(cloud),
            Tags=tag_list(cloud.tags(self.name)),
            **self._settings(cloud),
        )
        self.remember_id(cloud, created["Listeners"][0]["ListenerArn"])

    def update(self, cloud: Cloud, live: Live) -> None:
        cloud.client("elbv2").modify_listener(ListenerArn=live.id, **self._settings(cloud))

    def _settings(self, cloud: Cloud) -> dict[str, Any]:
        actions = forward(self.default.id_in(cloud))
        return {"Port": self.port, "Protocol": self.protocol, "DefaultActions": actions}

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        with ignore_codes(NO_LISTENER):
            cloud.client("elbv2").delete_listener(ListenerArn=live.id)

    @classmethod
    def example(cls) -> Self:
        return cls(load_balancer=LoadBalancer.example(), default=TargetGroup.example())
