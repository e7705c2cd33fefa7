"""Load balancers that leave a zone, and return to it. An Application Load Balancer needs two zones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from esaws.aws import tag_dict
from esaws.cloud import Cloud
from esaws.deploy.steps import Step
from esaws.operations.zone_tags import DRAINED_TAG
from esaws.resource import Live
from esaws.resources.load_balancer import LoadBalancer

_NEEDED = 2
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html"""


def plan_balancers(cloud: Cloud, zone: str, zone_of: Mapping[str, str], *, returns: bool = False) -> Iterator[Step]:
    """Yield a step for each load balancer that can leave the zone, or that left it and returns.

    `zone_of` has the zone of each subnet.
    """
    for live in LoadBalancer.list(cloud):
        subnets = live.fields["subnets"]
        outside = frozenset(subnet for subnet in subnets if zone_of.get(subnet) != zone)
        drained = _drained_subnet(cloud, live, zone) if returns else None
        if drained is not None:
            yield _step(cloud, live, zone_of, subnets | {drained}, untag=True)
        elif not returns and subnets != outside and len(outside) >= _NEEDED:
            (here,) = subnets - outside
            yield _step(cloud, live, zone_of, outside, tag=f"{zone} {here}")


def remaining_balancers(cloud: Cloud, zone: str, zone_of: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each load balancer that has to stay in the zone."""
    for live in LoadBalancer.list(cloud):
        zones = {zone_of.get(subnet) for subnet in live.fields["subnets"]}
        if zone in zones and len(zones) <= _NEEDED:
            yield f"LoadBalancer {live.name} keeps its node in {zone}: it needs two zones, and has no third"


def _step(
    cloud: Cloud, live: Live, zone_of: Mapping[str, str], subnets: frozenset[str], *, tag: str = "", untag: bool = False
) -> Step:
    """A step that sets the subnets of a load balancer, after it writes the tag, or before it removes the tag."""
    elbv2 = cloud.client("elbv2")

    def act() -> None:
        if tag:
            elbv2.add_tags(ResourceArns=[live.id], Tags=[{"Key": DRAINED_TAG, "Value": tag}])
        elbv2.set_subnets(LoadBalancerArn=live.id, Subnets=sorted(subnets))
        if untag:
            elbv2.remove_tags(ResourceArns=[live.id], TagKeys=[DRAINED_TAG])

    now, then = (
        ", ".join(sorted(zone_of.get(subnet, subnet) for subnet in ids)) for ids in (live.fields["subnets"], subnets)
    )
    return Step("LoadBalancer", live.name, now, then, act)


def _drained_subnet(cloud: Cloud, live: Live, zone: str) -> str | None:
    """The subnet of the zone that the load balancer left, from its tag."""
    described = cloud.client("elbv2").describe_tags(ResourceArns=[live.id])["TagDescriptions"]
    drained, _, subnet = tag_dict(described[0]["Tags"]).get(DRAINED_TAG, "").partition(" ")
    return subnet if drained == zone else None
