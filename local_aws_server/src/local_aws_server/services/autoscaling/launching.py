"""Launch an instance of an Auto Scaling group in the subnet with the fewest instances."""

from __future__ import annotations

from typing import Any

from local_aws_server.backends import Backends, display_name, sidecar
from local_aws_server.clock.event_log import record_event
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.errors import AwsError
from local_aws_server.faults.capacity import refuse_launch
from local_aws_server.services.autoscaling import activities
from local_aws_server.services.autoscaling.capacity import (
    count_by_subnet,
    members,
    overrides,
    units,
)
from local_aws_server.services.ec2.instances import mark_pending
from local_aws_server.services.ec2.launch import launch


def launch_instance(backends: Backends, group: Any, option: str, *, any_subnet: bool = True) -> bool:
    """Launch an instance and add it to the group; return False if that fails, as the activities explain.

    The instance goes into the subnet with the fewest instances. With `any_subnet`, it goes into the next one if AWS
    has no capacity there. `option` is the purchase option that it counts for; those for Spot are On-Demand, too.
    """
    from moto.autoscaling.models import ASG_NAME_TAG, InstanceState

    capacity = units(members(group))
    try:
        instance = _launch(backends, group, {**group.get_propagated_tags(), ASG_NAME_TAG: group.name}, any_subnet)
    except Exception as error:  # on AWS, too, any failure of a launch ends in the activities, not in a response
        message = str(getattr(error, "message", error))
        if activities.add_failed_launch(group, capacity, message):
            record_event(backends, group.name, "launch of an instance failed", message)
        return False
    instance.autoscaling_group = group
    state: Any = InstanceState(instance, "Pending", protected_from_scale_in=group.new_instances_protected_from_scale_in)
    sidecar(state)["purchase_option"] = option
    for override in overrides(group)[:1]:
        if "WeightedCapacity" in override:
            state.weighted_capacity = override["WeightedCapacity"]
    group.instance_states.append(state)
    activities.add_launch(group, state, capacity)
    what = f"instance launched in {state.availability_zone}"
    record_event(backends, display_name(backends, instance), what, activities.get_launch_reason(group))
    SCHEDULER.mark_changed(backends, "ec2", "autoscaling")
    return True


def _launch(backends: Backends, group: Any, tags: dict[str, str], any_subnet: bool) -> Any:
    counts = count_by_subnet(group)
    if not counts:
        return _launch_with_moto(backends, group, tags, None)
    *others, last = sorted(counts, key=lambda subnet: counts[subnet])[: None if any_subnet else 1]
    for subnet in others:
        try:
            return _launch_in_subnet(backends, group, tags, subnet)
        except AwsError as error:
            if error.code != "InsufficientInstanceCapacity":
                raise
    return _launch_in_subnet(backends, group, tags, last)


def _launch_in_subnet(backends: Backends, group: Any, tags: dict[str, str], subnet: str) -> Any:
    refuse_launch(backends, backends.zone_of_subnet(subnet))
    if group.ec2_launch_template is None:
        return _launch_with_moto(backends, group, tags, subnet)
    preferred = next(iter(overrides(group)), {})
    template, number = group.ec2_launch_template, group.launch_template_version
    if other := preferred.get("LaunchTemplateSpecification"):
        template, number = find_template(backends, other), other.get("Version") or "$Default"
    fields = {"InstanceType": preferred["InstanceType"]} if preferred.get("InstanceType") else {}
    return launch(backends, template.get_version(number), subnet, tags, fields)


def find_template(backends: Backends, specification: dict[str, str]) -> Any:
    """Return moto's launch template that a specification names. Raises moto's error if it does not exist."""
    ec2 = backends.backend("ec2")
    if identifier := specification.get("LaunchTemplateId"):
        return ec2.get_launch_template(identifier)
    return ec2.get_launch_template_by_name(specification.get("LaunchTemplateName"))


def _launch_with_moto(backends: Backends, group: Any, tags: dict[str, str], subnet: str | None) -> Any:
    """Launch an instance of a group with a launch configuration, or without subnets."""
    reservation = backends.backend("ec2").run_instances(
        group.image_id,
        1,
        group.user_data,
        group.security_groups,
        instance_type=group.instance_type,
        tags={"instance": {**group.instance_tags, **tags}},
        placement=group.availability_zones[len(group.instance_states) % len(group.availability_zones)],
        launch_config=group.launch_config,
        is_instance_type_default=False,
        associate_public_ip=group.launch_config.associate_public_ip_address if group.launch_config else None,
        subnet_id=subnet,
    )
    mark_pending(reservation.instances[0])
    return reservation.instances[0]
