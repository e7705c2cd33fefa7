"""Meter the tasks on Fargate: their vCPUs and memory.

https://aws.amazon.com/fargate/pricing/
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from esaws.pricelist import FARGATE_OPERATION
from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.billing.charge import Meter, sorted_tags
from local_aws_server.billing.meter import Reading, meter_reader
from local_aws_server.services.ecs.placement import FARGATE_SPOT

BEHAVIOURS = (
    Behaviour(
        service="Billing",
        statement="Tasks on Fargate are charged by the second for their vCPUs and memory, from the pull of the image "
        "until they have stopped, for at least a minute.",
        documentation=("https://aws.amazon.com/fargate/pricing/",),
    ),
)

_UNCHARGED = ("PROVISIONING", "STOPPED")
"""The states before the image is pulled, and after the task has stopped."""
_UNITS_PER_VCPU = _MIB_PER_GB = 1024


@meter_reader("ecs")
def fargate_tasks(backends: Backends) -> Iterator[Reading]:
    """The vCPUs and the gigabytes of each Linux task on Fargate with an x86 processor; Spot has other prices."""
    for task in backends.ecs_tasks:
        platform = sidecar(task).get("platform") or {}
        is_priced = platform.get("cpuArchitecture", "X86_64") == "X86_64" and (
            platform.get("operatingSystemFamily", "LINUX") == "LINUX" and task.capacity_provider_name != FARGATE_SPOT
        )
        if task.launch_type != "FARGATE" or task.last_status in _UNCHARGED or not is_priced:
            continue
        size, tags = task.resource_requirements, sorted_tags({tag["key"]: tag["value"] for tag in task.tags or ()})
        for usage_type, amount in (
            ("Fargate-vCPU-Hours:perCPU", Decimal(size["CPU"]) / _UNITS_PER_VCPU),
            ("Fargate-GB-Hours", Decimal(size["MEMORY"]) / _MIB_PER_GB),
        ):
            meter = Meter(backends.region, "AmazonECS", usage_type, FARGATE_OPERATION, "hours", task.task_arn)
            yield Reading(meter, amount, tags)
