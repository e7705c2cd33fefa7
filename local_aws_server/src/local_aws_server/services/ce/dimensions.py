"""The dimensions of Cost Explorer, and the value of a charge in each: SERVICE, REGION, INSTANCE_TYPE and so on.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetDimensionValues.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from local_aws_server.billing.charge import Charge, Meter, Tags
from local_aws_server.billing.engines import CACHE_ENGINES, DATABASE_ENGINES
from local_aws_server.billing.service_names import cost_explorer_name

Value = TypeVar("Value")

_INSTANCE_GROUPS = {
    "BoxUsage:": "EC2: Running Hours",
    "InstanceUsage:": "RDS: Running Hours",
    "Multi-AZUsage:": "RDS: Running Hours",
    "NodeUsage:": "ElastiCache: Running Hours",
    "RabbitMQ-InstanceUsage:": "",
    "ActiveMQ-InstanceUsage:": "",
}
"""Beginning of the usage types of instances → their usage type group."""

_GROUPS = {
    **_INSTANCE_GROUPS,
    "EBS:VolumeUsage.gp2": "EC2: EBS - SSD(gp2)",
    "EBS:VolumeUsage.gp3": "EC2: EBS - SSD(gp3)",
    "EBS:VolumeUsage.piops": "EC2: EBS - SSD(io1)",
    "EBS:VolumeUsage.io2": "EC2: EBS - SSD(io2)",
    "EBS:VolumeUsage.st1": "EC2: EBS - HDD(st1)",
    "EBS:VolumeUsage.sc1": "EC2: EBS - HDD(sc1)",
    "EBS:VolumeUsage": "EC2: EBS - Magnetic",
    "EBS:SnapshotUsage": "EC2: EBS - Snapshots",
    "LoadBalancerUsage": "EC2: ELB - Running Hours",
    "LCUUsage": "EC2: ELB - LCU Running Hours",
    "NatGateway-Hours": "EC2: NAT Gateway - Running Hours",
    "NatGateway-Bytes": "EC2: NAT Gateway - Data Processed",
    "ElasticIP:IdleAddress": "EC2: Elastic IP - Idle Address",
    "CW:AlarmMonitorUsage": "EC2: CloudWatch - Alarms",
    "CW:MetricMonitorUsage": "EC2: CloudWatch - Metrics",
    "RDS:": "RDS: Storage",
}
_SERVICE_GROUPS = {
    ("AmazonEC2", "DataTransfer-Out-Bytes"): "EC2: Data Transfer - Internet (Out)",
    ("AmazonEC2", "DataTransfer-Regional-Bytes"): "EC2: Data Transfer - Inter AZ",
    ("AmazonS3", "DataTransfer-Out-Bytes"): "S3: Data Transfer - Internet (Out)",
    ("AmazonS3", "TimedStorage-ByteHrs"): "S3: Storage - Standard",
    ("AmazonS3", "Requests-Tier1"): "S3: API Requests - Standard",
    ("AmazonS3", "Requests-Tier2"): "S3: API Requests - Standard",
}
"""https://docs.aws.amazon.com/cost-management/latest/userguide/ce-filtering.html"""

_PLATFORMS = {"RunInstances": "Linux/UNIX", "RunInstances:0002": "Windows (Amazon VPC)"}


def instance_type(meter: Meter) -> str:
    """`t2.micro`, `db.t3.micro`; "" for other usage."""
    return meter.usage_type.split(":")[1] if meter.usage_type.startswith(tuple(_INSTANCE_GROUPS)) else ""


def usage_type_group(meter: Meter) -> str:
    """AWS's group of a usage type; "" if it has none."""
    group = _SERVICE_GROUPS.get((meter.service, meter.usage_type))
    by_prefix = (group for prefix, group in _GROUPS.items() if meter.usage_type.startswith(prefix))
    return group if group is not None else next(by_prefix, "")


def _instance_family(meter: Meter) -> str:
    return instance_type(meter).removeprefix("db.").removeprefix("cache.").removeprefix("mq.").split(".")[0]


def _purchase_type(meter: Meter) -> str:
    return "On Demand Instances" if instance_type(meter) else ""


def _tenancy(meter: Meter) -> str:
    return "Shared" if meter.usage_type.startswith("BoxUsage:") else ""


def _platform(meter: Meter) -> str:
    return _PLATFORMS.get(meter.operation, "") if meter.usage_type.startswith("BoxUsage:") else ""


def _deployment_option(meter: Meter) -> str:
    return {"InstanceUsage": "Single-AZ", "Multi-AZUsage": "Multi-AZ"}.get(meter.usage_type.split(":")[0], "")


_METER_DIMENSIONS: dict[str, tuple[Callable[[Meter], str], str]] = {
    "AZ": (lambda meter: meter.zone, "NoAZ"),
    "INSTANCE_TYPE": (instance_type, "NoInstanceType"),
    "INSTANCE_TYPE_FAMILY": (_instance_family, "NoInstanceTypeFamily"),
    "OPERATION": (lambda meter: meter.operation, "NoOperation"),
    "PURCHASE_TYPE": (_purchase_type, "NoPurchaseType"),
    "REGION": (lambda meter: meter.region, "NoRegion"),
    "SERVICE": (cost_explorer_name, "NoService"),
    "USAGE_TYPE": (lambda meter: meter.regional_usage_type, "NoUsageType"),
    "USAGE_TYPE_GROUP": (usage_type_group, "NoUsageTypeGroup"),
    "OPERATING_SYSTEM": (_platform, "NoOperatingSystem"),
    "PLATFORM": (_platform, "NoOperatingSystem"),
    "TENANCY": (_tenancy, "NoTenancy"),
    "DEPLOYMENT_OPTION": (_deployment_option, "NoDeploymentOption"),
    "DATABASE_ENGINE": (lambda meter: DATABASE_ENGINES.get(meter.operation, ""), "NoDatabaseEngine"),
    "CACHE_ENGINE": (lambda meter: CACHE_ENGINES.get(meter.operation, ""), "NoCacheEngine"),
    "RESOURCE_ID": (lambda meter: meter.resource, "NoResourceId"),
    "BILLING_ENTITY": (lambda _: "AWS", "NoBillingEntity"),
    "LEGAL_ENTITY_NAME": (lambda _: "Amazon Web Services, Inc.", "NoLegalEntityName"),
    "INVOICING_ENTITY": (lambda _: "Amazon Web Services, Inc.", "NoInvoicingEntity"),
    "RESERVATION_ID": (lambda _: "", "NoReservationId"),
    "SAVINGS_PLANS_TYPE": (lambda _: "", "NoSavingsPlansType"),
    "SAVINGS_PLAN_ARN": (lambda _: "", "NoSavingsPlanArn"),
}
"""Dimension → (function of a meter, the value that Cost Explorer shows if the function returns "")."""

DIMENSIONS = frozenset({*_METER_DIMENSIONS, "LINKED_ACCOUNT", "RECORD_TYPE"})
"""The dimensions in which a charge has a value."""

GROUPABLE_DIMENSIONS = (
    "AZ",
    "INSTANCE_TYPE",
    "LINKED_ACCOUNT",
    "OPERATION",
    "PURCHASE_TYPE",
    "SERVICE",
    "USAGE_TYPE",
    "PLATFORM",
    "TENANCY",
    "RECORD_TYPE",
    "LEGAL_ENTITY_NAME",
    "INVOICING_ENTITY",
    "DEPLOYMENT_OPTION",
    "DATABASE_ENGINE",
    "CACHE_ENGINE",
    "INSTANCE_TYPE_FAMILY",
    "REGION",
    "BILLING_ENTITY",
    "RESERVATION_ID",
    "SAVINGS_PLANS_TYPE",
    "SAVINGS_PLAN_ARN",
    "OPERATING_SYSTEM",
)
"""The dimensions that results can be grouped by, in the order of AWS's error message for any other."""


def dimension_value(dimension: str, charge: Charge, account: str) -> str:
    """The value of a charge in one of `DIMENSIONS`; `NoRegion` and the like if it has none."""
    if dimension == "LINKED_ACCOUNT":
        return account
    if dimension == "RECORD_TYPE":
        return charge.kind
    function, missing_value = _METER_DIMENSIONS[dimension]
    return function(charge.meter) or missing_value


def tag_value(key: str, charge: Charge) -> str:
    """The value of a tag of the charged resource; "" if it does not have the tag."""
    return next((value for name, value in charge.tags if name == key), "")


def cached_by_kind(function: Callable[[Charge], Value]) -> Callable[[Charge], Value]:
    """The same function, computed once for charges that differ only in hour and amount."""
    values: dict[tuple[Meter, str, Tags], Value] = {}

    def cached(charge: Charge) -> Value:
        kind = charge.meter, charge.kind, charge.tags
        if kind not in values:
            values[kind] = function(charge)
        return values[kind]

    return cached
