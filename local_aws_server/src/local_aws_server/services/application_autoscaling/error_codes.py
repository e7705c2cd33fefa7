"""Deleting a scalable target or policy that is not there: ObjectNotFoundException; moto says ValidationException.

https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DeregisterScalableTarget.html
"""

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import AwsError, before

BEHAVIOURS = (
    Behaviour(
        service="Application Auto Scaling",
        statement="Deleting a scalable target or policy that is not there: ObjectNotFoundException; moto says "
        "ValidationException.",
        documentation=(
            "https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DeregisterScalableTarget.html",
        ),
    ),
)


@before("application-autoscaling", "DeregisterScalableTarget")
def no_such_target(call: Call) -> None:
    asked = call.params
    known = call.backends.backend("applicationautoscaling").targets.get(asked["ScalableDimension"], {})
    if asked["ResourceId"] not in known:
        raise AwsError("ObjectNotFoundException", _sentence("target", asked))


@before("application-autoscaling", "DeleteScalingPolicy")
def no_such_policy(call: Call) -> None:
    asked = call.params
    known = {
        (policy.service_namespace, policy.resource_id, policy.scalable_dimension, policy.policy_name)
        for policy in call.backends.backend("applicationautoscaling").policies.values()
    }
    words = (asked["ServiceNamespace"], asked["ResourceId"], asked["ScalableDimension"], asked["PolicyName"])
    if words not in known:
        raise AwsError("ObjectNotFoundException", _sentence("policy", asked))


def _sentence(what: str, asked: dict[str, str]) -> str:
    return (
        f"No scaling {what} found for service namespace: {asked['ServiceNamespace']}, resource ID: "
        f"{asked['ResourceId']}, scalable dimension: {asked['ScalableDimension']}"
    ).replace("scaling target", "scalable target")
