"""A spare instance of an Auto Scaling group while tasks are replaced; a tag of the group says what it had before.

The group's own scaling pauses meanwhile: it chooses instances without regard to their tasks.
https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-suspend-resume-processes.html
"""

from __future__ import annotations

from esaws.aws import tag_dict
from esaws.cloud import Cloud
from esaws.errors import EsawsError
from esaws.operations.fleet import drain, hosts_of, read_group, surplus_instances, terminate, wait_for_hosts
from esaws.resource import Live

SPARE_TAG = "esaws:spare-instance"

_SCALING = "AlarmNotification"
_SUSPENDED, _ACTIVE = "suspended", "active"


def spare_before(group: Live) -> tuple[int, int, bool] | None:
    """Desired capacity, maximum and whether scaling was active before a group got a spare instance; None without one.

    Raises:
        EsawsError: the tag was changed by hand.
    """
    text = tag_dict(group.raw["Tags"]).get(SPARE_TAG)
    if text is None:
        return None
    try:
        desired, maximum, scaling = text.split()
        return int(desired), int(maximum), scaling == _ACTIVE
    except ValueError:
        raise EsawsError(f"AutoScalingGroup {group.name}: its tag {SPARE_TAG} is damaged ({text}); remove it") from None


def has_spare(group: Live) -> bool:
    """Whether a group has been asked for its spare instance."""
    before = spare_before(group)
    return before is not None and bool(group.raw["DesiredCapacity"] > before[0])


def add_spare(cloud: Cloud, group: Live) -> None:
    """Write the tag, pause scaling, ask for one more instance, and wait until its ECS agent runs."""
    autoscaling, raw = cloud.client("autoscaling"), group.raw
    name = raw["AutoScalingGroupName"]
    before = spare_before(group)
    if before is None:
        suspended = _SCALING in {each["ProcessName"] for each in raw.get("SuspendedProcesses", ())}
        before = raw["DesiredCapacity"], raw["MaxSize"], not suspended
        text = f"{before[0]} {before[1]} {_ACTIVE if before[2] else _SUSPENDED}"
        autoscaling.create_or_update_tags(Tags=[_tag(name) | {"Value": text, "PropagateAtLaunch": False}])
    autoscaling.suspend_processes(AutoScalingGroupName=name, ScalingProcesses=[_SCALING])
    desired = before[0] + 1
    autoscaling.update_auto_scaling_group(
        AutoScalingGroupName=name, DesiredCapacity=desired, MaxSize=max(before[1], desired)
    )
    wait_for_hosts(cloud, name, desired, ())


def remove_spare(cloud: Cloud, group: Live) -> None:
    """Drain and terminate an instance without tasks, and restore the group as its tag says, if it has the tag."""
    autoscaling, group = cloud.client("autoscaling"), read_group(cloud, group)
    name, before = group.raw["AutoScalingGroupName"], spare_before(group)
    if before is None:
        return
    leaving = surplus_instances(cloud, group, before[0])
    drain(cloud, hosts_of(cloud, leaving))
    terminate(cloud, leaving)
    autoscaling.update_auto_scaling_group(AutoScalingGroupName=name, DesiredCapacity=before[0], MaxSize=before[1])
    if before[2]:
        autoscaling.resume_processes(AutoScalingGroupName=name, ScalingProcesses=[_SCALING])
    autoscaling.delete_tags(Tags=[_tag(name)])


def _tag(group: str) -> dict[str, str]:
    return {"ResourceId": group, "ResourceType": "auto-scaling-group", "Key": SPARE_TAG}
