"""A launch template is deleted although a group uses it: the group then launches nothing, as its activities say.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/ts-as-launch-template.html
"""

from typing import Any

from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import AwsError, patch

BEHAVIOURS = (
    Behaviour(
        service="EC2 Auto Scaling",
        statement="A launch template is deleted although a group uses it: the group then launches nothing, as its "
        "activities say.",
        documentation=("https://docs.aws.amazon.com/autoscaling/ec2/userguide/ts-as-launch-template.html",),
    ),
)


@patch("moto.ec2.models.launch_templates", "LaunchTemplate.get_version")
def version_of_a_template_that_exists(self: Any, num: Any) -> Any:
    """moto's groups keep the template itself, so that its deletion changes nothing for them."""
    from moto.ec2.exceptions import InvalidLaunchTemplateVersionNotFound

    if self.id not in self.ec2_backend.launch_templates:
        message = f"The specified launch template, with template ID {self.id}, does not exist."
        raise AwsError("InvalidLaunchTemplateId.NotFound", message)
    by_word = {"$latest": len(self.versions), "$default": self.default_version_number}
    number = int(by_word.get(str(num).lower(), num))
    if not 1 <= number <= len(self.versions):
        raise InvalidLaunchTemplateVersionNotFound(template_id=self.id, version=num)
    return self.versions[number - 1]
