"""Launch templates: how a call names one, and warnings about parameters with which nothing can be launched."""

from __future__ import annotations

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before
from local_aws_server.services.ec2.launch_parameters import check_launch_parameters

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="A launch template may have parameters that don't exist; the response of its creation warns, and a "
        "launch is refused.",
        documentation=("https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplate.html",),
    ),
)


@before("ec2", "CreateLaunchTemplateVersion", "DeleteLaunchTemplate", "DescribeLaunchTemplateVersions")
def check_one_name(call: Call) -> None:
    _check_reference(call, "identify")


@before("ec2", "ModifyLaunchTemplate")
def check_name_of_modified(call: Call) -> None:
    _check_reference(call, "modify")


def _check_reference(call: Call, verb: str) -> None:
    """A call names a template by its id or by its name, which exists."""
    id, name = call.params.get("LaunchTemplateId"), call.params.get("LaunchTemplateName")
    if id and name:
        message = f"Either provide launch template ID or launch template name to {verb} the template."
        raise AwsError("InvalidParameterCombination", message)
    if not id and not name and call.operation != "DescribeLaunchTemplateVersions":
        message = "The request must contain the parameter launch template ID or launch template name"
        raise AwsError("MissingParameter", message)
    ec2 = call.backends.backend("ec2")
    if id and id not in ec2.launch_templates:
        message = f"The specified launch template, with template ID {id}, does not exist."
        raise AwsError("InvalidLaunchTemplateId.NotFound", message)
    if name and name not in ec2.launch_template_name_to_ids:
        message = f"The specified launch template, with template name {name}, does not exist."
        raise AwsError("InvalidLaunchTemplateName.NotFoundException", message)


@after("ec2", "CreateLaunchTemplate", "CreateLaunchTemplateVersion")
def warn(call: Call) -> None:
    try:
        check_launch_parameters(call.backends, call.params["LaunchTemplateData"])
    except AwsError as error:
        call.result["Warning"] = {"Errors": [{"Code": error.code, "Message": error.message}]}
