"""Charges of brokers."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from local_aws_server.backends import Backends
from local_aws_server.behaviours import Behaviour
from local_aws_server.billing.charge import Meter, sorted_tags
from local_aws_server.billing.meter import Reading, meter_reader

BEHAVIOURS = (
    Behaviour(
        service="Billing",
        statement="A broker is charged for each second that it runs or reboots, and RabbitMQ for its storage.",
        documentation=(
            "https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/broker-statuses.html",
            "https://aws.amazon.com/amazon-mq/pricing/",
        ),
    ),
)

_BILLED_STATES = ("RUNNING", "REBOOT_IN_PROGRESS", "CRITICAL_ACTION_REQUIRED")
_NODES = {"ACTIVE_STANDBY_MULTI_AZ": 2, "CLUSTER_MULTI_AZ": 3}
_OPERATION = "CreateBroker:0001"
_SMALLEST_TYPE, _SMALLEST_GB, _DEFAULT_GB = "mq.t3.micro", 20, 200
"""A RabbitMQ broker has 20 GB of storage with the smallest instance type, and 200 GB with the others."""


@meter_reader("mq")
def broker_hours(backends: Backends) -> Iterator[Reading]:
    """The instances of each broker, and the storage of RabbitMQ; the used storage of ActiveMQ is not simulated."""
    mq = backends.backend("mq")
    for broker in mq.brokers.values():
        if broker.state not in _BILLED_STATES:
            continue
        nodes, tags = (
            _NODES.get(broker.deployment_mode, 1),
            sorted_tags(mq.tagger.get_tag_dict_for_resource(broker.arn)),
        )
        is_rabbit = broker.engine_type.upper() == "RABBITMQ"
        usage_type = f"{'RabbitMQ' if is_rabbit else 'ActiveMQ'}-InstanceUsage:{broker.host_instance_type}"
        meter = Meter(backends.region, "AmazonMQ", usage_type, _OPERATION, "Hrs", broker.arn)
        yield Reading(meter, Decimal(nodes), tags)
        if is_rabbit:
            gigabytes = _SMALLEST_GB if broker.host_instance_type == _SMALLEST_TYPE else _DEFAULT_GB
            meter = Meter(backends.region, "AmazonMQ", "TimedStorage-RabbitMQ-ByteHrs", "", "GB-Mo", broker.arn)
            yield Reading(meter, Decimal(nodes * gigabytes), tags)
