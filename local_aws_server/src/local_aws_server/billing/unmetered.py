"""What AWS charges for and the local AWS does not, each with the reason."""

from __future__ import annotations

from dataclasses import dataclass

_NO_PRICE = "it is shown with a cost of 0: the price list has no price for it"
_NO_PRICE_SO_NOT_COUNTED = "the price list has no price for it"
_NOT_SIMULATED = "it is not simulated"
_NO_WORK = "what is simulated does nothing that would need it"


@dataclass(frozen=True)
class Unmetered:
    """Something that costs nothing here."""

    service: str
    """As in the table of what is simulated."""
    what: str
    why: str
    usage_types: tuple[str, ...] = ()
    """Of what is counted without a price: how its usage types begin, without the region's prefix."""

    def covers(self, usage_type: str) -> bool:
        """Whether this is why a usage type, given without the region's prefix, has no price."""
        return bool(self.usage_types) and usage_type.startswith(self.usage_types)


UNMETERED: tuple[Unmetered, ...] = (
    # --- counted, without a price
    Unmetered(
        "Amazon MQ",
        "ActiveMQ brokers, and sizes of RabbitMQ's that the price list does not have.",
        _NO_PRICE,
        ("ActiveMQ-InstanceUsage:", "RabbitMQ-InstanceUsage:"),
    ),
    Unmetered(
        "CloudWatch",
        "Alarms on periods of less than a minute.",
        _NO_PRICE,
        ("CW:HighResAlarmMonitorUsage",),
    ),
    Unmetered(
        "EC2 and VPC",
        "Instance types that the price list does not have; volumes that are not gp2 or gp3.",
        _NO_PRICE,
        ("BoxUsage:", "EBS:VolumeUsage"),
    ),
    Unmetered(
        "ElastiCache",
        "Node types that the price list does not have.",
        _NO_PRICE,
        ("NodeUsage:",),
    ),
    Unmetered(
        "RDS",
        "Classes that the price list does not have; storage that is not gp2 or gp3.",
        _NO_PRICE,
        ("InstanceUsage:", "Multi-AZUsage:", "RDS:Multi-AZ-", "RDS:PIOPS-Storage", "RDS:StorageUsage"),
    ),
    Unmetered("RDS", "Backup storage outside eu-west-3 and us-east-1.", _NO_PRICE, ("RDS:ChargedBackupUsage",)),
    Unmetered(
        "S3",
        "Storage classes other than STANDARD.",
        _NO_PRICE,
        (
            "TimedStorage-SIA-",
            "TimedStorage-ZIA-",
            "TimedStorage-INT-",
            "TimedStorage-RRS-",
            "TimedStorage-GIR-",
            "TimedStorage-Glacier",
            "TimedStorage-GDA-",
        ),
    ),
    # --- not counted
    Unmetered("Amazon MQ", "The storage of ActiveMQ brokers, which is charged for as it is filled.", _NO_WORK),
    Unmetered("Cloud Map", "The Route 53 hosted zone of a DNS namespace, and its queries.", _NO_PRICE_SO_NOT_COUNTED),
    Unmetered("CloudWatch", "Dashboards and API requests.", _NO_PRICE_SO_NOT_COUNTED),
    Unmetered("CloudWatch", "Container Insights and the detailed monitoring of instances.", _NO_PRICE_SO_NOT_COUNTED),
    Unmetered("CloudWatch Logs", "Logs Insights queries.", _NO_PRICE_SO_NOT_COUNTED),
    Unmetered("CloudWatch Logs", "What flow logs, databases, brokers and tasks write.", _NOT_SIMULATED),
    Unmetered("Cognito", "Monthly active users.", _NOT_SIMULATED),
    Unmetered("Cost Explorer", "API requests, 0.01 USD each.", _NO_PRICE_SO_NOT_COUNTED),
    Unmetered("EC2 and VPC", "CPU credits that T3 and T4g instances use beyond what they earn.", _NOT_SIMULATED),
    Unmetered(
        "EC2 and VPC", "Snapshots of volumes, and IOPS and throughput that are provisioned.", _NO_PRICE_SO_NOT_COUNTED
    ),
    Unmetered("EC2 and VPC", "The gigabytes that flow through NAT gateways.", _NOT_SIMULATED),
    Unmetered("EC2 and VPC", "Traffic between Availability Zones and between regions.", _NOT_SIMULATED),
    Unmetered("EC2 and VPC", "VPC endpoints.", _NO_PRICE_SO_NOT_COUNTED),
    Unmetered("ECS", "Fargate: tasks run, and their vCPUs and memory are free.", _NO_PRICE_SO_NOT_COUNTED),
    Unmetered("ElastiCache", "Backups and serverless caches.", _NO_PRICE_SO_NOT_COUNTED),
    Unmetered("KMS", "Keys and requests.", _NO_PRICE_SO_NOT_COUNTED),
    Unmetered("Lambda", "Requests and the time that functions run.", _NO_PRICE_SO_NOT_COUNTED),
    Unmetered("RDS", "Aurora, Oracle, SQL Server and Db2, and Multi-AZ DB clusters.", _NO_PRICE_SO_NOT_COUNTED),
    Unmetered("RDS", "IOPS that are provisioned, Performance Insights and proxies.", _NO_PRICE_SO_NOT_COUNTED),
    Unmetered(
        "S3",
        "Requests that fail, and those for no bucket, as ListBuckets.",
        "looking at an empty account costs nothing",
    ),
    Unmetered(
        "S3", "Retrieval from colder storage classes, lifecycle transitions, and tags of objects.", _NOT_SIMULATED
    ),
    Unmetered("S3", "Traffic out of buckets.", _NOT_SIMULATED),
    Unmetered("SNS", "Notifications.", _NO_PRICE_SO_NOT_COUNTED),
    Unmetered("Secrets Manager", "Secrets and API requests.", _NO_PRICE_SO_NOT_COUNTED),
    Unmetered("Systems Manager", "Advanced parameters.", _NO_PRICE_SO_NOT_COUNTED),
    Unmetered("taxes", "VAT and other taxes.", "prices are those of the price list"),
)
