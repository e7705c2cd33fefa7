"""Products of AWS's price list: SKU, family, attributes and rate codes.

SKUs and rate codes have AWS's form and are the same in each run, but they are not AWS's own.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from string import ascii_uppercase, digits
from typing import NamedTuple

from esaws.pricelist import Price, with_prefix
from local_aws_server.billing.charge import Charge
from local_aws_server.billing.engines import CACHE_ENGINES, DATABASE_ENGINES
from local_aws_server.billing.service_names import product_name

ON_DEMAND_TERM = "JRTCKXETXF"
FREE_TIER_TERM = "A429C66SYZ"
"""Offer term codes, which are the same for all services; a rate code is SKU.TERM.RATE."""

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
"""Region → its name in the price list, which may differ from the console's."""

_INSTANCE_SIZES = {
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
"""Instance type of EC2 or RDS → (vCPUs, memory)."""


class _ProductKind(NamedTuple):
    """The attributes of all products of a service whose usage types begin with `usage_type`."""

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

_PRODUCT_KINDS = (
    _ProductKind("AmazonEC2", "BoxUsage:", "Compute Instance", _LINUX),
    _ProductKind("AmazonEC2", "EBS:VolumeUsage.gp2", "Storage", {"volumeApiName": "gp2", **_GENERAL_PURPOSE}),
    _ProductKind("AmazonEC2", "EBS:VolumeUsage.gp3", "Storage", {"volumeApiName": "gp3", **_GENERAL_PURPOSE}),
    _ProductKind("AmazonEC2", "EBS:VolumeUsage", "Storage", {}),
    _ProductKind("AmazonEC2", "EBS:SnapshotUsage", "Storage Snapshot", {"storageMedia": "Amazon S3"}),
    _ProductKind("AmazonEC2", "NatGateway-", "NAT Gateway", {"group": "NGW:NatGateway"}),
    _ProductKind("AmazonEC2", "ElasticIP:", "IP Address", {"group": "ElasticIP:Address"}),
    _ProductKind("AmazonEC2", "CPUCredits:", "CPU Credits", {}),
    _ProductKind("AmazonVPC", "PublicIPv4:", "", {"group": "VPCPublicIPv4Address"}),
    _ProductKind("AWSELB", "LoadBalancerUsage", "Load Balancer", {"group": "ELB:Balancer"}),
    _ProductKind("AWSELB", "LCUUsage", "Load Balancer", {"group": "ELB:Balancing"}),
    _ProductKind("AmazonECS", "Fargate-vCPU-Hours:", "Compute", {"cputype": "perCPU", "tenancy": "Shared"}),
    _ProductKind("AmazonECS", "Fargate-GB-Hours", "Compute", {"memorytype": "perGB", "tenancy": "Shared"}),
    _ProductKind("AmazonRDS", "InstanceUsage:", "Database Instance", {"deploymentOption": "Single-AZ"}),
    _ProductKind("AmazonRDS", "Multi-AZUsage:", "Database Instance", {"deploymentOption": "Multi-AZ"}),
    _ProductKind("AmazonRDS", "RDS:GP2-Storage", "Database Storage", {"volumeType": "General Purpose"}),
    _ProductKind("AmazonRDS", "RDS:GP3-Storage", "Database Storage", {"volumeType": "General Purpose-GP3"}),
    _ProductKind("AmazonRDS", "RDS:ChargedBackupUsage", "Storage Snapshot", {}),
    _ProductKind("AmazonElastiCache", "NodeUsage:", "Cache Instance", {}),
    _ProductKind("AmazonMQ", "RabbitMQ-InstanceUsage:", "Broker Instances", {"brokerEngine": "RabbitMQ"}),
    _ProductKind("AmazonMQ", "TimedStorage-RabbitMQ-", "Storage", {"brokerEngine": "RabbitMQ"}),
    _ProductKind(
        "AmazonS3", "TimedStorage-ByteHrs", "Storage", {"storageClass": "General Purpose", "volumeType": "Standard"}
    ),
    _ProductKind("AmazonS3", "Requests-Tier1", "API Request", {"group": "S3-API-Tier1"}),
    _ProductKind("AmazonS3", "Requests-Tier2", "API Request", {"group": "S3-API-Tier2"}),
    _ProductKind("AmazonECR", "TimedStorage-ByteHrs", "EC2 Container Registry", {}),
    _ProductKind("AmazonCloudWatch", "DataProcessing-Bytes", "Data Payload", {"group": "Ingested Logs"}),
    _ProductKind("AmazonCloudWatch", "TimedStorage-ByteHrs", "Storage Snapshot", {}),
    _ProductKind("AmazonCloudWatch", "CW:AlarmMonitorUsage", "Alarm", {"alarmType": "Standard"}),
    _ProductKind("AmazonCloudWatch", "CW:MetricMonitorUsage", "Metric", {"group": "Metric"}),
    _ProductKind("AWSDataTransfer", "DataTransfer-Out-Bytes", "Data Transfer", _OUTBOUND),
    _ProductKind("AWSDataTransfer", "DataTransfer-In-Bytes", "Data Transfer", _INBOUND),
    _ProductKind("AWSDataTransfer", "DataTransfer-Regional-Bytes", "Data Transfer", _REGIONAL),
    _ProductKind("AWSDataTransfer", "", "Data Transfer", {"transferType": "InterRegion Outbound"}),
)
_UNKNOWN = _ProductKind("", "", "", {})


@dataclass(frozen=True)
class Product:
    """A product of the price list: a usage type of a service in a region, by operation."""

    region: str
    service: str
    usage_type: str
    """Without the region's prefix."""
    operation: str

    @classmethod
    def from_charge(cls, charge: Charge) -> Product:
        """The product of a charge; operations that have one price are one product."""
        meter = charge.meter
        operation = (charge.price.operation or "") if charge.price else meter.operation
        return cls(meter.region, meter.price_service, meter.usage_type, operation)

    @property
    def sku(self) -> str:
        """16 letters and digits."""
        return _stable_code(f"{self.region} {self.service} {self.usage_type} {self.operation}", 16)

    @property
    def location(self) -> str:
        """The name of its region in the price list."""
        return location_name(self.region)

    @property
    def family(self) -> str:
        """Its `productFamily`, such as `Load Balancer-Application`; "" if it has none."""
        _, _, balancer = self.operation.partition("LoadBalancing:")
        return f"{self._kind.family}-{balancer}" if balancer else self._kind.family

    @property
    def instance_type(self) -> str:
        """`t2.micro`, `db.t3.micro`; "" for other products."""
        kind, _, instance_type = self.usage_type.partition(":")
        return instance_type if kind.endswith("Usage") else ""

    @property
    def engine(self) -> str:
        """The engine of a database or a cache; "" for other products."""
        return DATABASE_ENGINES.get(self.operation) or CACHE_ENGINES.get(self.operation, "")

    @property
    def attributes(self) -> dict[str, str]:
        """Its attributes in the price list's spelling, as far as they are known."""
        attributes = {
            "servicecode": self.service,
            "servicename": product_name(self.service),
            **self._location_attributes,
            "regionCode": self.region,
            "usagetype": with_prefix(self.usage_type, self.region),
            "operation": "" if "/" in self.operation else self.operation,
            **self._kind.attributes,
            **self._instance_attributes,
        }
        if self.engine:
            attributes["cacheEngine" if self.service == "AmazonElastiCache" else "databaseEngine"] = self.engine
        return attributes

    @property
    def _location_attributes(self) -> dict[str, str]:
        if self.service != "AWSDataTransfer":
            return {"location": self.location, "locationType": "AWS Region"}
        attributes = {"fromLocation": self.location, "fromLocationType": "AWS Region", "fromRegionCode": self.region}
        if self._kind.attributes is _INBOUND:
            attributes = {"fromLocation": "External", "fromLocationType": "Other"}
        if self._kind.attributes in (_INBOUND, _REGIONAL):
            attributes |= {"toLocation": self.location, "toRegionCode": self.region}
        return attributes

    @property
    def _instance_attributes(self) -> dict[str, str]:
        instance_type = self.instance_type
        if not instance_type:
            return {}
        attributes = {"instanceType": instance_type}
        if size := _INSTANCE_SIZES.get(instance_type.removeprefix("db.")):
            attributes |= {"vcpu": size[0], "memory": size[1]}
        if instance_type.split(".")[-2].startswith("t"):
            is_cache = self.service == "AmazonElastiCache"
            attributes["instanceFamily"] = "Standard" if is_cache else "General purpose"
        return attributes

    @property
    def _kind(self) -> _ProductKind:
        for kind in _PRODUCT_KINDS:
            if kind.service == self.service and self.usage_type.startswith(kind.usage_type):
                return kind
        return _UNKNOWN

    def rate_code(self, price: Price | None, *, free: bool = False) -> str:
        """SKU.TERM.RATE of a tier of its price, or of its free usage."""
        if free:
            return f"{self.sku}.{FREE_TIER_TERM}.{_stable_code(self.sku, 10)}"
        begins = price.begins if price else 0
        rate = _stable_code(f"{self.sku} {begins}", 10) if begins else _FIRST_RATE
        return f"{self.sku}.{ON_DEMAND_TERM}.{rate}"

    @property
    def rate_id(self) -> str:
        """Ten digits."""
        return _stable_code(f"rate of {self.sku}", 10, digits)


def location_name(region: str) -> str:
    """The name of a region in the price list, such as `EU (Paris)`; the region's code if the name is unknown."""
    return _LOCATIONS.get(region, region)


def price_description(price: Price) -> str:
    """A price in the words of a bill: `$0.0132 per On Demand Linux t2.micro Instance Hour`."""
    text = price.description
    if text.startswith(("$", "USD ")):
        return text
    usd = f"${price.usd.normalize():f}"
    if text.startswith("per "):
        return f"{usd} {text}"
    return f"{usd} per {text}" if price.unit == "Hrs" else f"{usd} per {price.unit} - {text}"


def _stable_code(text: str, length: int, letters: str = _LETTERS) -> str:
    """A code derived from a text, the same in each run."""
    number = int.from_bytes(hashlib.sha256(text.encode()).digest())
    code = []
    for _ in range(length):
        number, index = divmod(number, len(letters))
        code.append(letters[index])
    return "".join(code)
