"""Return the members and values that AWS's models have, where moto's responses have others."""

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.hooks import after, before

BEHAVIOURS = (
    Behaviour(
        service="anything else",
        statement="Responses have the members, types and enum values of AWS's models; a member without a value is "
        "left out.",
        documentation=(
            "https://docs.aws.amazon.com/amazon-mq/latest/api-reference/brokers-broker-id.html",
            "https://docs.aws.amazon.com/amazon-mq/latest/api-reference/configurations.html",
            "https://docs.aws.amazon.com/kms/latest/APIReference/API_ListGrants.html",
            "https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_ScalingPolicy.html",
        ),
    ),
)


@after("kms", "ListGrants", "ListRetirableGrants")
@after("secretsmanager", "DescribeSecret", "ListSecrets")
@after("servicediscovery", "ListNamespaces", "ListServices")
def remove_unknown_members(call: Call) -> None:
    """Read the result: it is serialized again by the model, without members such as moto's `GrantCount`."""
    call.result  # noqa: B018


@after("mq", "DescribeBroker", "UpdateBroker")
def complete_broker(call: Call) -> None:
    if window := call.result.get("MaintenanceWindowStartTime"):
        window["DayOfWeek"] = window["DayOfWeek"].upper()
    if "Logs" in call.result:
        call.result["Logs"].setdefault("General", False)
        call.result["Logs"].setdefault("GeneralLogGroup", f"/aws/amazonmq/broker/{call.result['BrokerId']}/general")


@after("mq", "DescribeConfiguration", "ListConfigurations")
def complete_configurations(call: Call) -> None:
    for configuration in call.result.get("Configurations", [call.result]):
        configuration.setdefault("Description", "")


@after("autoscaling", "DescribePolicies")
def remove_empty_predictive_scaling(call: Call) -> None:
    for policy in call.result.get("ScalingPolicies", []):
        if not policy.get("PredictiveScalingConfiguration"):
            policy.pop("PredictiveScalingConfiguration", None)


@after("application-autoscaling", "DescribeScalableTargets")
def add_service_role(call: Call) -> None:
    """Show the service-linked role of a target that was registered without a role."""
    role = (
        f"arn:aws:iam::{call.account}:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/"
        "AWSServiceRoleForApplicationAutoScaling_ECSService"
    )
    for target in call.result.get("ScalableTargets", []):
        if target.get("ServiceNamespace") == "ecs":
            target["RoleARN"] = target.get("RoleARN") or role


@after("ec2", "DescribeTags")
def name_type_of_addresses(call: Call) -> None:
    for tag in call.result.get("Tags", []):
        if tag.get("ResourceType") == "vpc-elastic-ip":
            tag["ResourceType"] = "elastic-ip"


@before("ecs", "DeregisterContainerInstance")
def note_attributes(call: Call) -> None:
    arn = call.params["containerInstance"]
    found = [each for _, each in call.backends.container_instances if each.container_instance_arn.endswith(arn)]
    call.notes["attributes"] = dict(found[0].attributes) if found else {}


@after("ecs", "DeregisterContainerInstance")
def show_attributes(call: Call) -> None:
    attributes = call.notes["attributes"].items()
    call.result["containerInstance"]["attributes"] = [
        {"name": name, **({} if value is None else {"value": value})} for name, value in attributes
    ]
