"""Refuse an Auto Scaling group whose launch template can't launch anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.core.exceptions import ServiceException

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before
from local_aws_server.services.autoscaling.launching import find_template
from local_aws_server.services.ec2.launch_parameters import check_launch_parameters

BEHAVIOURS = (
    Behaviour(
        service="EC2 Auto Scaling",
        statement="A group needs a launch template whose instance type, AMI, key pair, role and volumes exist.",
        documentation=(
            "https://docs.aws.amazon.com/autoscaling/ec2/userguide/ts-as-launch-template.html",
            "https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html",
        ),
    ),
)


@before("autoscaling", "CreateAutoScalingGroup", "UpdateAutoScalingGroup")
def check_launch_template(call: Call) -> None:
    for specification, overrides in _launches(call.params):
        if bool(specification.get("LaunchTemplateId")) == bool(specification.get("LaunchTemplateName")):
            message = "Valid requests must contain either launchTemplateId or LaunchTemplateName"
            raise AwsError("ValidationError", message)
        try:
            template = find_template(call.backends, specification)
            version = template.get_version(specification.get("Version") or "$Default")
            check_launch_parameters(call.backends, {**version.data, **overrides})
        except (AwsError, ServiceException) as error:
            if error.code == "NotSimulated":
                raise
            message = f"You must use a valid fully-formed launch template. {error.message}"
            raise AwsError("ValidationError", message) from None


def _launches(parameters: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """(launch template, parameters that replace its own) of each kind of instance that a group launches."""
    if specification := parameters.get("LaunchTemplate"):
        yield specification, {}
    mixed = (parameters.get("MixedInstancesPolicy") or {}).get("LaunchTemplate") or {}
    if default := mixed.get("LaunchTemplateSpecification"):
        for override in mixed.get("Overrides") or [{}]:
            fields = {"InstanceType": override["InstanceType"]} if override.get("InstanceType") else {}
            yield override.get("LaunchTemplateSpecification") or default, fields
