"""An instance may be registered with several ports; moto knows a target by its id alone.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeregisterTargets.html
"""

from typing import Any

from esaws.local.seam import inside

Target = dict[str, Any]


@inside("moto.elbv2.models", "FakeTargetGroup.register")
def register(self: Any, targets: list[Target]) -> None:
    from moto.elbv2.exceptions import TargetNotRunning

    for target in targets:
        instance = self.ec2_backend.get_instance_by_id(target["Id"])
        if instance is not None and instance.state != "running":
            raise TargetNotRunning(instance_id=target["Id"])
        key = _key(self, target)
        self.targets[key] = {"Id": target["Id"], "Port": key[1]}
        self.deregistered_targets.pop(key, None)


@inside("moto.elbv2.models", "FakeTargetGroup.deregister")
def deregister(self: Any, targets: list[Target]) -> None:
    """What is not registered is no error; a target registered with a port of its own must be named with it."""
    for target in targets:
        key = _key(self, target)
        if key in self.targets:
            self.deregistered_targets[key] = self.targets.pop(key)


@inside("moto.elbv2.models", "FakeTargetGroup.deregister_terminated_instances")
def deregister_terminated_instances(self: Any, instance_ids: list[str]) -> None:
    for key in [key for key in self.targets if key[0] in instance_ids]:
        self.terminated_targets[key] = self.targets.pop(key)


@inside("moto.elbv2.models", "FakeTargetGroup.health_for")
def health_for(self: Any, target: Target, ec2_backend: Any) -> Any:
    from moto.elbv2.models import FakeHealthStatus

    key = _key(self, target)
    if key in self.targets:
        instance = ec2_backend.get_instance_by_id(key[0])
        if instance is not None and instance.state != "running":
            health = ["unused", "Target.InvalidState", f"Target is in the {instance.state} state"]
        else:
            health = ["healthy"]
    elif key in self.terminated_targets:
        health = ["draining", "Target.DeregistrationInProgress", "Target deregistration is in progress"]
    else:
        health = ["unused", "Target.NotRegistered", "Target is not registered to the target group"]
    port = str(key[1]) if self.health_check_port == "traffic-port" else self.health_check_port
    return FakeHealthStatus(key[0], str(key[1]), port, *health)


def _key(group: Any, target: Target) -> tuple[str, int]:
    return target["Id"], int(target.get("Port") or group.port or 0)
