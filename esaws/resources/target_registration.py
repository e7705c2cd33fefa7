"""The registration of an Auto Scaling group's instances in a target group, for tasks without a service."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from esaws.aws import ignore_codes
from esaws.cloud import Cloud
from esaws.documented import DESCRIBED, ID, Between, Call, Field, Made, Unchecked
from esaws.errors import NotDeployed
from esaws.resource import Live, Lives, Resource
from esaws.resources._elbv2 import NO_GROUP
from esaws.resources.auto_scaling_group import AutoScalingGroup, describe_group, instances_in_service
from esaws.resources.service import Service
from esaws.resources.target_group import TargetGroup

_DRAINING = "draining"
_NO_TARGET = "InvalidTarget"


@dataclass(frozen=True, kw_only=True)
class TargetRegistration(Resource):
    """Registers every instance in service of `group` in `target_group`, with `port`.

    Instances that the group starts later are not registered, which is a drift.
    """

    target_group: TargetGroup
    group: AutoScalingGroup
    port: int

    in_place = frozenset({"port"})
    deleting = frozenset({_DRAINING})
    seconds = 5
    icon = "aws.compute.EC2Instances"
    free = "AWS charges for the load balancer and the instances, not for the registration"
    permissions = (
        "autoscaling:DescribeAutoScalingGroups",
        "ecs:DescribeClusters",
        "ecs:DescribeServices",
        "ecs:ListClusters",
        "ecs:ListServices",
        "elasticloadbalancing:DeregisterTargets",
        "elasticloadbalancing:DescribeTags",
        "elasticloadbalancing:DescribeTargetGroupAttributes",
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:DescribeTargetHealth",
        "elasticloadbalancing:RegisterTargets",
    )
    documented = (
        Call(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RegisterTargets.html",
            {
                "TargetGroupArn": Field("target_group"),
                "Targets[].Id": Field("group", Unchecked("the ids of its instances")),
                "Targets[].Port": Field("port", Between(1, 65535)),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeregisterTargets.html",
            {"TargetGroupArn": Field("target_group"), "Targets[].Id": Made(ID), "Targets[].Port": DESCRIBED},
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.target_group.target_type != "instance":
            raise self.refusal(
                f"{self.target_group} takes addresses, and {self.group} has instances. Set its target_type='instance'.",
                "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetDescription.html",
            )

    def default_name(self) -> str:
        return f"{self.target_group.name} {self.group.name}"

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        """Return one per target group and Auto Scaling group of ours, and one per target outside our groups.

        Target groups of ECS services are left out: ECS registers their targets itself.
        """
        of_services = {
            balancer["targetGroupArn"]
            for service in Service.listed(cloud)
            for balancer in service.raw["loadBalancers"]
            if "targetGroupArn" in balancer
        }
        groups = AutoScalingGroup.listed(cloud)
        lives = []
        for target_group in TargetGroup.listed(cloud):
            if target_group.id not in of_services:
                with ignore_codes(NO_GROUP):
                    described = cloud.client("elbv2").describe_target_health(TargetGroupArn=target_group.id)
                    lives += _lives(target_group, groups, described["TargetHealthDescriptions"])
        return lives

    def create(self, cloud: Cloud) -> None:
        name = cloud.aws_name(self.group.name)
        group = describe_group(cloud, name)
        if not group or not group["DesiredCapacity"]:
            raise NotDeployed(f"{name} has no instance to register; set its desired capacity and apply this again")
        cloud.wait_until(f"an instance of {name} is in service", lambda: instances_in_service(cloud, name), minutes=5)
        self._register(cloud, instances_in_service(cloud, name))

    def update(self, cloud: Cloud, live: Live) -> None:
        instances = instances_in_service(cloud, cloud.aws_name(self.group.name))
        self._register(cloud, instances)
        declared = [_target(instance, self.port) for instance in instances]
        _deregister(cloud, live, [target for target in live.raw["Targets"] if target not in declared])

    def _register(self, cloud: Cloud, instances: Iterable[str]) -> None:
        target_group = self.target_group.id_in(cloud)
        targets = [_target(instance, self.port) for instance in instances]
        cloud.client("elbv2").register_targets(TargetGroupArn=target_group, Targets=targets)
        self.remember_id(cloud, f"{target_group} {self.group.id_in(cloud)}")

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        targets = live.raw["Targets"]
        with ignore_codes(NO_GROUP, _NO_TARGET):
            _deregister(cloud, live, targets)
            # Draining takes the deregistration delay of the target group.
            cloud.wait("elbv2", "target_deregistered", TargetGroupArn=live.fields["target_group"], Targets=targets)

    @classmethod
    def example(cls) -> Self:
        return cls(target_group=TargetGroup.example(), group=AutoScalingGroup.example(), port=8080)


def _target(instance: str, port: int) -> dict[str, Any]:
    return {"Id": instance, "Port": port}


def _deregister(cloud: Cloud, live: Live, targets: Iterable[dict[str, Any]]) -> None:
    if targets := [*targets]:
        cloud.client("elbv2").deregister_targets(TargetGroupArn=live.fields["target_group"], Targets=targets)


def _lives(target_group: Live, groups: Iterable[Live], health: Iterable[dict[str, Any]]) -> Lives:
    """Return the registrations of a target group: one per Auto Scaling group, and one per other target. Pure."""
    remaining = [*health]
    lives = []
    for group in groups:
        members = {instance["InstanceId"]: instance["LifecycleState"] for instance in group.raw["Instances"]}
        own = [item for item in remaining if item["Target"]["Id"] in members]
        remaining = [item for item in remaining if item not in own]
        if own:
            serving = {instance for instance, state in members.items() if state == "InService"}
            lives.append(_live(target_group, own, f"{target_group.name} {group.name}", group, serving))
    for item in remaining:
        lives.append(_live(target_group, [item], "{} {Id}:{Port}".format(target_group.name, **item["Target"])))
    return lives


def _live(
    target_group: Live,
    health: Sequence[dict[str, Any]],
    name: str,
    group: Live | None = None,
    serving: Iterable[str] = (),
) -> Live:
    states = {item["TargetHealth"]["State"] for item in health}
    staying = [item["Target"] for item in health if item["TargetHealth"]["State"] != _DRAINING]
    return Live(
        TargetRegistration.kind,
        name,
        f"{target_group.id} {group.id}" if group else "{} {Id}:{Port}".format(target_group.id, **health[0]["Target"]),
        parents=frozenset(live.ref for live in (target_group, group) if live),
        state=", ".join(sorted(states - {_DRAINING} or states)),
        fields={
            "target_group": target_group.id,
            "group": group.id if group else None,
            "port": _port(staying or [item["Target"] for item in health], set(serving)),
        },
        raw={"Targets": [_target(item["Target"]["Id"], item["Target"]["Port"]) for item in health]},
        foreign=group is None,
    )


def _port(targets: Iterable[dict[str, Any]], serving: set[str]) -> Any:
    """Return the port of all instances in service; a description if they have several, or some are not registered."""
    ports = sorted({target["Port"] for target in targets})
    missing = serving - {target["Id"] for target in targets}
    if len(ports) == 1 and not missing:
        return ports[0]
    words = " and ".join(map(str, ports))
    return f"{words}, not on {len(missing)} of {len(serving)} instances" if missing else words
