"""Let the resources of stacks behave like others, and refuse stacks with resources that moto would skip."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from local_aws_server.backends import sidecar
from local_aws_server.behaviours import NOT_SIMULATED, Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.errors import AwsError
from local_aws_server.hooks import RECONCILERS, after, before

BEHAVIOURS = (
    Behaviour(
        service="CloudFormation",
        statement="The resources of a stack behave like others: its groups launch instances, its services run tasks.",
        documentation=("https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacks.html",),
    ),
    Behaviour(
        service="CloudFormation",
        fidelity=NOT_SIMULATED,
        statement="Stacks with a resource type that moto lacks: CreateStack, UpdateStack and CreateChangeSet name it.",
        documentation=(
            "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-template-resource-type-ref.html",
        ),
    ),
    Behaviour(
        service="CloudFormation",
        fidelity=NOT_SIMULATED,
        statement="The rules of other services, such as those of sizes and of deletion in order, and the time that "
        "resources of a stack take: it is complete at once.",
        documentation=("https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacks.html",),
    ),
)

_TEMPLATE_OPERATIONS = ("CreateStack", "UpdateStack", "CreateChangeSet", "CreateStackSet", "UpdateStackSet")

_WITHOUT_EFFECT = ("AWS::CDK::Metadata", "AWS::CloudFormation::")


@before("cloudformation", *_TEMPLATE_OPERATIONS)
def require_known_types(call: Call) -> None:
    """Refuse a template with a type that moto lacks: moto leaves the resource out of the stack without an error."""
    from moto.cloudformation.parsing import get_model_map

    resources = _template(call).get("Resources", {}).values()
    types = {str(resource.get("Type")) for resource in resources if isinstance(resource, Mapping)}
    of_aws = {name for name in types if name.startswith("AWS::") and not name.startswith(_WITHOUT_EFFECT)}
    unknown = sorted(of_aws - get_model_map().keys())
    if unknown:
        raise AwsError("NotSimulated", f"the local AWS does not simulate {', '.join(unknown)} in a stack", 501)


@after("cloudformation", "CreateStack", "UpdateStack", "ExecuteChangeSet")
def complete_instances(call: Call) -> None:
    """Note since when instances run, which moto starts at once, and let their interfaces go with them."""
    for instance in call.backends.instances:
        if instance.state == "running" and "running_since" not in sidecar(instance):
            sidecar(instance)["running_since"] = CLOCK.now()
            for interface in instance.nics.values():
                interface.delete_on_termination = True


@after("cloudformation", "CreateStack", "UpdateStack", "DeleteStack", "ExecuteChangeSet")
def mark_resources_changed(call: Call) -> None:
    """Run all reconcilers: resources of any service may have changed."""
    SCHEDULER.mark_changed(call.backends, *{service for each in RECONCILERS for service in each.services})


def _template(call: Call) -> dict[str, Any]:
    """Return the template of a call; an empty one if there is none, or if it is invalid, which moto reports."""
    import yaml
    from moto.cloudformation.models import Stack
    from moto.cloudformation.utils import get_stack_from_s3_url

    body = call.params.get("TemplateBody")
    if not body and (url := call.params.get("TemplateURL")):
        try:
            body = get_stack_from_s3_url(url, account_id=call.account, partition="aws")
        except Exception:  # moto reports that it is missing
            return {}
    try:
        template = Stack.parse_template(body) if body else {}
    except (yaml.YAMLError, json.JSONDecodeError):
        return {}
    return template if isinstance(template, dict) else {}
