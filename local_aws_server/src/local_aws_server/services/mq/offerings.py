"""DescribeBrokerInstanceOptions: the instance types of RabbitMQ brokers, with the versions that each supports."""

from __future__ import annotations

from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.hooks import replace

BEHAVIOURS = (
    Behaviour(
        service="Amazon MQ",
        statement="The options of RabbitMQ brokers have the versions that each instance type supports.",
        documentation=(
            "https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/rmq-broker-instance-types.html",
            "https://docs.aws.amazon.com/amazon-mq/latest/api-reference/broker-instance-options.html",
        ),
    ),
)

_SIZES = ("large", "xlarge", "2xlarge", "4xlarge")
RABBITMQ_VERSIONS = {
    "mq.t3.micro": ("3.13",),
    **{f"mq.m5.{size}": ("3.13",) for size in _SIZES},
    **{f"mq.m7g.{size}": ("3.13", "4.2") for size in ("medium", *_SIZES)},
}
"""Instance type → the versions that `CreateBroker` accepts with it."""


@replace("mq", "DescribeBrokerInstanceOptions")
def describe_options(call: Call) -> dict[str, Any]:
    engine, wanted = call.params.get("EngineType", "RABBITMQ").upper(), call.params.get("HostInstanceType")
    zones = [{"Name": zone.name} for zone in call.backends.backend("ec2").describe_availability_zones()]
    options = [
        {
            "AvailabilityZones": zones,
            "EngineType": "RABBITMQ",
            "HostInstanceType": instance_type,
            "StorageType": "EBS",
            "SupportedDeploymentModes": [
                "SINGLE_INSTANCE",
                *([] if "micro" in instance_type else ["CLUSTER_MULTI_AZ"]),
            ],
            "SupportedEngineVersions": list(versions),
        }
        for instance_type, versions in RABBITMQ_VERSIONS.items()
        if wanted in (None, instance_type)
    ]
    return {"BrokerInstanceOptions": options if engine == "RABBITMQ" else [], "MaxResults": 100}
