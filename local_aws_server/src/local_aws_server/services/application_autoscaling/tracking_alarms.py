"""A target tracking policy has an alarm above its target and one well below; put again, it keeps its ARN and alarms.

https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
"""

from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import patch
from local_aws_server.services.application_autoscaling.target_tracking import tracked, watch

BEHAVIOURS = (
    Behaviour(
        service="Application Auto Scaling",
        statement="A target tracking policy has an alarm above its target and one well below; put again, it keeps "
        "its ARN and alarms.",
        documentation=(
            "https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html",
        ),
    ),
)


@patch("moto.applicationautoscaling.models", "FakeApplicationAutoscalingPolicy.create_alarms")
def create_alarms(self: Any) -> None:
    """moto makes them for tables and for services, with thresholds that are always the same."""
    world = Backends(self.account_id, self.region_name)
    key = self.formulate_key(self.service_namespace, self.resource_id, self.scalable_dimension, self.policy_name)
    earlier = world.backend("applicationautoscaling").policies.get(key)
    if earlier is not None:
        self.policy_arn, self.creation_time = earlier.policy_arn, earlier.creation_time
    config = self.target_tracking_scaling_policy_configuration
    if config is not None and self.service_namespace == "dynamodb":
        self.alarms.extend(self._generate_dynamodb_alarms())
        return
    wanted = tracked(self.resource_id, config) if config is not None else None
    self.alarms = watch(world, self.resource_id, self.policy_arn, wanted, earlier.alarms if earlier else ())
