"""A product of AWS's price list: its SKU, its family and attributes, and the codes of its rates.

SKUs and rate codes look like AWS's and are always the same for the same product, but they are not AWS's own.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from string import ascii_uppercase, digits
from typing import NamedTuple

from esaws.pricelist import Price, billed_as
from local_aws_server.billing.charge import Charge
from local_aws_server.billing.products import product_name

ON_DEMAND_TERM = "JRTCKXETXF"
FREE_TIER_TERM = "A429C66SYZ"
"""The offer terms of all services: in rate codes, SKU.TERM.RATE."""

_FIRST_RATE = "6YS6EN2CT7"
_LETTERS = ascii_uppercase + digits

_LOCATIONS = {
    "us-east-1": "US East (N. Virginia)",
    "us-east-2": "US East (Ohio)",
    "us-west-1": "US West (N. California)",
    "us-west-2": "US West (Oregon)",
    "ca-central-1": "Canada (Central)",
    "ca-west-1": "Canada West (Calgary)",
    "mx-central-1": "Mexico (Central)",
    "sa-east-1": "South America (Sao Paulo)",
    "eu-west-1": "EU (Ireland)",
    "eu-west-2": "EU (London)",
    "eu-west-3": "EU (Paris)",
    "eu-central-1": "EU (Frankfurt)",
    "eu-central-2": "Europe (Zurich)",
    "eu-north-1": "EU (Stockholm)",
    "eu-south-1": "EU (Milan)",
    "eu-south-2": "Europe (Spain)",
    "ap-northeast-1": "Asia Pacific (Tokyo)",
    "ap-northeast-2": "Asia Pacific (Seoul)",
    "ap-northeast-3": "Asia Pacific (Osaka)",
    "ap-southeast-1": "Asia Pacific (Singapore)",
    "ap-southeast-2": "Asia Pacific (Sydney)",
    "ap-southeast-3": "Asia Pacific (Jakarta)",
    "ap-southeast-4": "Asia Pacific (Melbourne)",
    "ap-southeast-5": "Asia Pacific (Malaysia)",
    "ap-south-1": "Asia Pacific (Mumbai)",
    "ap-south-2": "Asia Pacific (Hyderabad)",
    "ap-east-1": "Asia Pacific (Hong Kong)",
    "af-south-1": "Africa (Cape Town)",
    "me-south-1": "Middle East (Bahrain)",
    "me-central-1": "Middle East (UAE)",
    "il-central-1": "Israel (Tel Aviv)",
}
"""Region → its name in the price list, which is not always the console's."""

_ENGINES = {
    "CreateDBInstance:0002": "MySQL",
    "CreateDBInstance:0014": "PostgreSQL",
    "CreateDBInstance:0018": "MariaDB",
    "CreateCacheCluster:0001": "Memcached",
    "CreateCacheCluster:0002": "Redis",
    "CreateCacheCluster:Valkey": "Valkey",
}

_SIZES = {
    "t2.micro": ("1", "1 GiB"),
    "t2.small": ("1", "2 GiB"),
    "t2.medium": ("2", "4 GiB"),
    "t3.micro": ("2", "1 GiB"),
    "t3.small": ("2", "2 GiB"),
    "t3.medium": ("2", "4 GiB"),
    "t4g.micro": ("2", "1 GiB"),
    "t4g.small": ("2", "2 GiB"),
    "c7i-flex.large": ("2", "4 GiB"),
    "m5.large": ("2", "8 GiB"),
}
"""(vCPUs, memory) of instance types of EC2 and RDS."""


class _Kind(NamedTuple):
    """What products have in common whose usage types begin alike."""

    service: str
    usage_type: str
    family: str
    attributes: dict[str, str]


_LINUX = {
    "operatingSystem": "Linux",
    "tenancy": "Shared",
    "preInstalledSw": "NA",
    "capacitystatus": "Used",
    "marketoption": "OnDemand",
    "licenseModel": "No License required",
}
_GENERAL_PURPOSE = {"volumeType": "General Purpose", "storageMedia": "SSD-backed"}
_OUTBOUND = {"toLocation": "External", "toLocationType": "Other", "transferType": "AWS Outbound"}
_INBOUND = {"toLocationType": "AWS Region", "transferType": "AWS Inbound"}
_REGIONAL = {"toLocationType": "AWS Region", "transferType": "IntraRegion"}

_KINDS = (
    _Kind("AmazonEC2", "BoxUsage:", "Compute Instance", _LINUX),
    _Kind("AmazonEC2", "EBS:VolumeUsage.gp2", "Storage", {"volumeApiName": "gp2", **_GENERAL_PURPOSE}),
    _Kind("AmazonEC2", "EBS:VolumeUsage.gp3", "Storage", {"volumeApiName": "gp3", **_GENERAL_PURPOSE}),
    _Kind("AmazonEC2", "EBS:VolumeUsage", "Storage", {}),
    _Kind("AmazonEC2", "EBS:SnapshotUsage", "Storage Snapshot", {"storageMedia": "Amazon S3"}),
    _Kind("AmazonEC2", "NatGateway-", "NAT Gateway", {"group": "NGW:NatGateway"}),
    _Kind("AmazonEC2", "ElasticIP:", "IP Address", {"group": "ElasticIP:Address"}),
    _Kind("AmazonEC2", "CPUCredits:", "CPU Credits", {}),
    _Kind("AmazonVPC", "PublicIPv4:", "", {"group": "VPCPublicIPv4Address"}),
    _Kind("AWSELB", "LoadBalancerUsage", "Load Balancer", {"group": "ELB:Balancer"}),
    _Kind("AWSELB", "LCUUsage", "Load Balancer", {"group": "ELB:Balancing"}),
    _Kind("AmazonRDS", "InstanceUsage:", "Database Instance", {"deploymentOption": "Single-AZ"}),
    _Kind("AmazonRDS", "Multi-AZUsage:", "Database Instance", {"deploymentOption": "Multi-AZ"}),
    _Kind("AmazonRDS", "RDS:GP2-Storage", "Database Storage", {"volumeType": "General Purpose"}),
    _Kind("AmazonRDS", "RDS:GP3-Storage", "Database Storage", {"volumeType": "General Purpose-GP3"}),
    _Kind("AmazonRDS", "RDS:ChargedBackupUsage", "Storage Snapshot", {}),
    _Kind("AmazonElastiCache", "NodeUsage:", "Cache Instance", {}),
    _Kind("AmazonMQ", "RabbitMQ-InstanceUsage:", "Broker Instances", {"brokerEngine": "RabbitMQ"}),
    _Kind("AmazonMQ", "TimedStorage-RabbitMQ-", "Storage", {"brokerEngine": "RabbitMQ"}),
    _Kind("AmazonS3", "TimedStorage-ByteHrs", "Storage", {"storageClass": "General Purpose", "volumeType": "Standard"}),
    _Kind("AmazonS3", "Requests-Tier1", "API Request", {"group": "S3-API-Tier1"}),
    _Kind("AmazonS3", "Requests-Tier2", "API Request", {"group": "S3-API-Tier2"}),
    _Kind("AmazonECR", "TimedStorage-ByteHrs", "EC2 Container Registry", {}),
    _Kind("AmazonCloudWatch", "DataProcessing-Bytes", "Data Payload", {"group": "Ingested Logs"}),
    _Kind("AmazonCloudWatch", "TimedStorage-ByteHrs", "Storage Snapshot", {}),
    _Kind("AmazonCloudWatch", "CW:AlarmMonitorUsage", "Alarm", {"alarmType": "Standard"}),
    _Kind("AmazonCloudWatch", "CW:MetricMonitorUsage", "Metric", {"group": "Metric"}),
    _Kind("AWSDataTransfer", "DataTransfer-Out-Bytes", "Data Transfer", _OUTBOUND),
    _Kind("AWSDataTransfer", "DataTransfer-In-Bytes", "Data Transfer", _INBOUND),
    _Kind("AWSDataTransfer", "DataTransfer-Regional-Bytes", "Data Transfer", _REGIONAL),
    _Kind("AWSDataTransfer", "", "Data Transfer", {"transferType": "InterRegion Outbound"}),
)
_UNKNOWN = _Kind("", "", "", {})


@dataclass(frozen=True)
class Product:
    """What has a price of its own: a usage type of a service in a region, by one operation."""

    region: str
    service: str
    usage_type: str
    """Without the region's prefix."""
    operation: str

    @classmethod
    def of(cls, charge: Charge) -> Product:
        """What was charged for; where the price list does not tell operations apart, it is one product for all."""
        meter = charge.meter
        operation = (charge.price.operation or "") if charge.price else meter.operation
        return cls(meter.region, meter.price_service, meter.usage_type, operation)

    @property
    def sku(self) -> str:
        """16 letters and digits."""
        return _code(f"{self.region} {self.service} {self.usage_type} {self.operation}", 16)

    @property
    def location(self) -> str:
        """The name of its region, as the price list has it."""
        return location(self.region)

    @property
    def family(self) -> str:
        """Its `productFamily`, as `Load Balancer-Application`; empty where it has none."""
        _, _, balancer = self.operation.partition("LoadBalancing:")
        return f"{self._kind.family}-{balancer}" if balancer else self._kind.family

    @property
    def instance_type(self) -> str:
        """As `t2.micro` or `db.t3.micro`; empty unless it is one."""
        kind, _, instance_type = self.usage_type.partition(":")
        return instance_type if kind.endswith("Usage") else ""

    @property
    def engine(self) -> str:
        """The engine of a database or a cache; empty for anything else."""
        return _ENGINES.get(self.operation, "")

    @property
    def attributes(self) -> dict[str, str]:
        """What the price list says of it, as it spells it; only what is known."""
        said = {
            "servicecode": self.service,
            "servicename": product_name(self.service),
            **self._place,
            "regionCode": self.region,
            "usagetype": billed_as(self.usage_type, self.region),
            "operation": "" if "/" in self.operation else self.operation,
            **self._kind.attributes,
            **self._instance,
        }
        if self.engine:
            said["cacheEngine" if self.service == "AmazonElastiCache" else "databaseEngine"] = self.engine
        return said

    @property
    def _place(self) -> dict[str, str]:
        if self.service != "AWSDataTransfer":
            return {"location": self.location, "locationType": "AWS Region"}
        here = {"fromLocation": self.location, "fromLocationType": "AWS Region", "fromRegionCode": self.region}
        if self._kind.attributes is _INBOUND:
            here = {"fromLocation": "External", "fromLocationType": "Other"}
        if self._kind.attributes in (_INBOUND, _REGIONAL):
            here |= {"toLocation": self.location, "toRegionCode": self.region}
        return here

    @property
    def _instance(self) -> dict[str, str]:
        instance_type = self.instance_type
        if not instance_type:
            return {}
        said = {"instanceType": instance_type}
        if size := _SIZES.get(instance_type.removeprefix("db.")):
            said |= {"vcpu": size[0], "memory": size[1]}
        if instance_type.split(".")[-2].startswith("t"):
            said["instanceFamily"] = "Standard" if self.service == "AmazonElastiCache" else "General purpose"
        return said

    @property
    def _kind(self) -> _Kind:
        for kind in _KINDS:
            if kind.service == self.service and self.usage_type.startswith(kind.usage_type):
                return kind
        return _UNKNOWN

    def rate_code(self, price: Price | None, *, free: bool = False) -> str:
        """SKU.TERM.RATE of a tier of its price, or of what is free."""
        if free:
            return f"{self.sku}.{FREE_TIER_TERM}.{_code(self.sku, 10)}"
        begins = price.begins if price else 0
        rate = _code(f"{self.sku} {begins}", 10) if begins else _FIRST_RATE
        return f"{self.sku}.{ON_DEMAND_TERM}.{rate}"

    @property
    def rate_id(self) -> str:
        """Ten digits."""
        return _code(f"rate of {self.sku}", 10, digits)


def location(region: str) -> str:
    """The name of a region in the price list, as `EU (Paris)`; its code where the table has none."""
    return _LOCATIONS.get(region, region)


def price_text(price: Price) -> str:
    """What a bill says of a unit's price: `$0.0132 per On Demand Linux t2.micro Instance Hour`."""
    text = price.description
    if text.startswith(("$", "USD ")):
        return text
    usd = f"${price.usd.normalize():f}"
    if text.startswith("per "):
        return f"{usd} {text}"
    return f"{usd} per {text}" if price.unit == "Hrs" else f"{usd} per {price.unit} - {text}"


def _code(text: str, length: int, letters: str = _LETTERS) -> str:
    """Some letters that are always the same for the same text."""
    number = int.from_bytes(hashlib.sha256(text.encode()).digest())
    found = []
    for _ in range(length):
        number, at = divmod(number, len(letters))
        found.append(letters[at])
    return "".join(found)
