"""A broker is charged for each second that it runs, or is rebooted, and for the storage that comes with its size.

https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/broker-statuses.html
https://aws.amazon.com/amazon-mq/pricing/
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from local_aws_server.backends import Backends
from local_aws_server.billing.charge import Meter, sorted_tags
from local_aws_server.billing.meter import Reading, meter_reader
from local_aws_server.fidelity import Behaviour

BEHAVIOURS = (
    Behaviour(
        service="Billing",
        statement="A broker is charged for each second that it runs, or is rebooted, and for the storage that "
        "comes with its size.",
        documentation=(
            "https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/broker-statuses.html",
            "https://aws.amazon.com/amazon-mq/pricing/",
        ),
    ),
)

_BILLED = ("RUNNING", "REBOOT_IN_PROGRESS", "CRITICAL_ACTION_REQUIRED")
_NODES = {"ACTIVE_STANDBY_MULTI_AZ": 2, "CLUSTER_MULTI_AZ": 3}
_OPERATION = "CreateBroker:0001"
_SMALL, _SMALL_GB, _GB = "mq.t3.micro", 20, 200
"""A RabbitMQ broker has 20 GB of storage in the smallest size, and 200 GB in the others."""


@meter_reader("mq")
def brokers(world: Backends) -> Iterator[Reading]:
    """The instances of each broker, and of RabbitMQ their storage; what ActiveMQ fills of its storage nobody knows."""
    mq = world.backend("mq")
    for broker in mq.brokers.values():
        if broker.state not in _BILLED:
            continue
        nodes, tags = _NODES.get(broker.deployment_mode, 1), sorted_tags(mq.tagger.get_tag_dict_for_resource(broker.arn))
        rabbit = broker.engine_type.upper() == "RABBITMQ"
        usage_type = f"{'RabbitMQ' if rabbit else 'ActiveMQ'}-InstanceUsage:{broker.host_instance_type}"
        meter = Meter(world.region, "AmazonMQ", usage_type, _OPERATION, "Hrs", broker.arn)
        yield Reading(meter, Decimal(nodes), tags)
        if rabbit:
            gigabytes = _SMALL_GB if broker.host_instance_type == _SMALL else _GB
            kept = Meter(world.region, "AmazonMQ", "TimedStorage-RabbitMQ-ByteHrs", "", "GB-Mo", broker.arn)
            yield Reading(kept, Decimal(nodes * gigabytes), tags)
