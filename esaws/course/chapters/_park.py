"""An exercise of chapter 06: a group of instances is parked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from esaws import simulation
from esaws.aws import pages
from esaws.cloud import Cloud
from esaws.course.exercises import Attempt, Exercise, Point, Values, Wrong
from esaws.course.seed import Seed
from esaws.deploy.plan import plan_deploy
from esaws.reference.seccom import seccom
from esaws.resources.auto_scaling_group import AutoScalingGroup, describe_group

_GROUPS = ("client-web-ui-asg", "manager-web-ui-asg")


def _park(seed: Seed) -> Mapping[str, Any]:
    group, other = seed.shuffled(_GROUPS)
    return {"group": group, "other": other}


def _check_park(attempt: Attempt) -> Iterator[Point]:
    cloud, mine = attempt.cloud, attempt.mine
    group = describe_group(cloud, cloud.aws_name(mine.group))
    other = describe_group(cloud, cloud.aws_name(mine.other))
    instances = len(other["Instances"]) if other else 0
    yield Point(
        f"{mine.other} still has two instances",
        instances == 2,
        f"it has {instances}" if other else "the group is gone",
        "only one group is to be parked",
        is_needed=True,
    )
    yield Point(
        f"{mine.group} still exists, so that it can start again",
        group is not None,
        "the group is gone",
        "deleting a group is not parking it",
    )
    sizes = (group["MinSize"], group["DesiredCapacity"]) if group else (0, 0)
    yield Point(
        "Its minimum and its desired capacity are 0",
        group is not None and sizes == (0, 0),
        f"minimum {sizes[0]}, desired {sizes[1]}" if group else "the group is gone",
        "update-auto-scaling-group",
    )
    running = _instances_an_hour_later(attempt)
    yield Point(
        "On a copy, one hour later, it has no instance",
        running == 0,
        f"it has {running}: the group replaced them",
        "what a group does with an instance that stops",
    )


def _instances_an_hour_later(attempt: Attempt) -> int:
    """The instances of the group that exist on a copy after an hour, running or not."""
    with attempt.copy() as copy:
        simulation.advance(copy, "1h")
        name = copy.aws_name(attempt.mine.group)
        filters = [
            {"Name": "tag:aws:autoscaling:groupName", "Values": [name]},
            {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]},
        ]
        found = pages(copy, "ec2", "describe_instances", "Reservations", Filters=filters)
        return sum(len(reservation["Instances"]) for reservation in found)


def _update_park(cloud: Cloud, mine: Values) -> None:
    autoscaling, name = cloud.client("autoscaling"), cloud.aws_name(mine.group)
    autoscaling.update_auto_scaling_group(AutoScalingGroupName=name, MinSize=0, DesiredCapacity=0)


def _declare_park(cloud: Cloud, mine: Values) -> None:
    group = seccom("ha").get(AutoScalingGroup, mine.group)
    parked = group.replace(minimum=0, maximum=0, desired_capacity=0)
    plan_deploy([parked], cloud).apply()


def _instance_ids(cloud: Cloud, mine: Values) -> list[str]:
    group = describe_group(cloud, cloud.aws_name(mine.group))
    return [instance["InstanceId"] for instance in group["Instances"]] if group else []


def _stop_instances(cloud: Cloud, mine: Values) -> None:
    cloud.client("ec2").stop_instances(InstanceIds=_instance_ids(cloud, mine))


def _terminate_instances(cloud: Cloud, mine: Values) -> None:
    cloud.client("ec2").terminate_instances(InstanceIds=_instance_ids(cloud, mine))


def _delete_group(cloud: Cloud, mine: Values) -> None:
    autoscaling, name = cloud.client("autoscaling"), cloud.aws_name(mine.group)
    autoscaling.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)


PARK = Exercise(
    "06-park",
    prompt=(
        "The service behind `{mine.group}` is not needed for a week. **Park the group**: no instance of it runs, none "
        "comes back by itself, and it can be started again. `{mine.other}` keeps its two instances."
    ),
    values=_park,
    check=_check_park,
    hints=(
        "Which two numbers of a group say how many instances it wants at least?",
        "`aws autoscaling update-auto-scaling-group help`; a group replaces what you stop, as long as it wants two.",
        '`update_auto_scaling_group(AutoScalingGroupName=cloud.aws_name("{mine.group}"), MinSize=0, '
        "DesiredCapacity=0)`",
    ),
    solutions=(_update_park, _declare_park),
    wrong=(
        Wrong(_stop_instances, "the group replaced them"),
        Wrong(_terminate_instances, "minimum 2, desired 2"),
        Wrong(_delete_group, "the group is gone"),
    ),
    notices=("AutoScalingGroup",),
)
