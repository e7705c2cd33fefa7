"""The list of what AWS charges for and the local AWS does not, each with the reason; it is part of docs/fidelity.md."""

from __future__ import annotations

from dataclasses import dataclass

_NO_PRICE = "it is shown with a cost of 0, because the price list has no price for it"
_NOT_COUNTED = "the price list has no price for it"
_NOT_SIMULATED = "it is not simulated"
_NO_WORK = "simulated resources do no work that would use it"


@dataclass(frozen=True)
class Unmetered:
    """Usage that costs nothing on the local AWS."""

    service: str
    """As in the table of behaviours."""
    item: str
    """Without a full stop."""
    reason: str


UNMETERED: tuple[Unmetered, ...] = (
    # Metered without a price.
    Unmetered("Amazon MQ", "ActiveMQ brokers, and RabbitMQ instance types missing in the price list", _NO_PRICE),
    Unmetered("CloudWatch", "alarms with a period of less than a minute", _NO_PRICE),
    Unmetered(
        "EC2 and VPC", "instance types missing in the price list; volume types other than gp2 and gp3", _NO_PRICE
    ),
    Unmetered("ElastiCache", "node types missing in the price list", _NO_PRICE),
    Unmetered("RDS", "instance classes missing in the price list; storage types other than gp2 and gp3", _NO_PRICE),
    Unmetered("RDS", "backup storage outside eu-west-3 and us-east-1", _NO_PRICE),
    Unmetered("S3", "storage classes other than STANDARD", _NO_PRICE),
    # Not metered.
    Unmetered("Amazon MQ", "storage of ActiveMQ brokers, which is charged as it fills", _NO_WORK),
    Unmetered("Cloud Map", "the Route 53 hosted zone of a DNS namespace, and its queries", _NOT_COUNTED),
    Unmetered("CloudWatch", "dashboards and API requests", _NOT_COUNTED),
    Unmetered("CloudWatch", "Container Insights, and detailed monitoring of instances", _NOT_COUNTED),
    Unmetered("CloudWatch Logs", "Logs Insights queries", _NOT_COUNTED),
    Unmetered("CloudWatch Logs", "events written by flow logs, databases, brokers and tasks", _NOT_SIMULATED),
    Unmetered("Cognito", "monthly active users", _NOT_SIMULATED),
    Unmetered("Cost Explorer", "API requests at 0.01 USD each", _NOT_COUNTED),
    Unmetered("EC2 and VPC", "surplus CPU credits of T3 and T4g instances", _NOT_SIMULATED),
    Unmetered("EC2 and VPC", "snapshots of volumes, and provisioned IOPS and throughput", _NOT_COUNTED),
    Unmetered("EC2 and VPC", "data processed by NAT gateways", _NOT_SIMULATED),
    Unmetered("EC2 and VPC", "traffic between Availability Zones and between regions", _NOT_SIMULATED),
    Unmetered("EC2 and VPC", "VPC endpoints", _NOT_COUNTED),
    Unmetered("ECS", "Fargate tasks on Spot, on ARM or on Windows, and their storage above 20 GB", _NOT_COUNTED),
    Unmetered("ElastiCache", "backups and serverless caches", _NOT_COUNTED),
    Unmetered("KMS", "keys and requests", _NOT_COUNTED),
    Unmetered("Lambda", "requests and run time of functions", _NOT_COUNTED),
    Unmetered("RDS", "Aurora, Oracle, SQL Server and Db2, and Multi-AZ DB clusters", _NOT_COUNTED),
    Unmetered("RDS", "provisioned IOPS, Performance Insights and proxies", _NOT_COUNTED),
    Unmetered(
        "S3",
        "requests that fail, and requests for no bucket, such as ListBuckets",
        "reading an empty account should cost nothing",
    ),
    Unmetered(
        "S3", "retrieval from colder storage classes, lifecycle transitions, and tags of objects", _NOT_SIMULATED
    ),
    Unmetered("S3", "traffic out of buckets", _NOT_SIMULATED),
    Unmetered("SNS", "notifications", _NOT_COUNTED),
    Unmetered("Secrets Manager", "secrets and API requests", _NOT_COUNTED),
    Unmetered("Systems Manager", "advanced parameters", _NOT_COUNTED),
    Unmetered("taxes", "VAT and other taxes", "prices are those of the price list"),
)
