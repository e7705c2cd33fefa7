"""AWS's default quotas of the wrapped services, as its documentation lists them; most are not enforced here.

https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html
"""

from __future__ import annotations

from typing import NamedTuple


class DefaultQuota(NamedTuple):
    """A quota of a service, in each region unless it is global."""

    code: str
    name: str
    value: float
    is_global: bool = False


SERVICE_NAMES = {
    "autoscaling": "Amazon EC2 Auto Scaling",
    "ec2": "Amazon Elastic Compute Cloud (Amazon EC2)",
    "ecr": "Amazon Elastic Container Registry (Amazon ECR)",
    "ecs": "Amazon Elastic Container Service (Amazon ECS)",
    "elasticache": "Amazon ElastiCache",
    "elasticloadbalancing": "Elastic Load Balancing (ELB)",
    "fargate": "AWS Fargate",
    "iam": "AWS Identity and Access Management (IAM)",
    "rds": "Amazon Relational Database Service (Amazon RDS)",
    "s3": "Amazon Simple Storage Service (Amazon S3)",
    "vpc": "Amazon Virtual Private Cloud (Amazon VPC)",
}

DEFAULT_QUOTAS: dict[str, tuple[DefaultQuota, ...]] = {
    "autoscaling": (
        DefaultQuota("L-6B80B8FA", "Launch configurations per region", 200),
        DefaultQuota("L-CDE20ADC", "Auto Scaling groups per region", 500),
    ),
    "ec2": (
        DefaultQuota("L-34B43A08", "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests", 5),
        DefaultQuota("L-417A185B", "Running On-Demand P instances", 0),
        DefaultQuota("L-DB2E81BA", "Running On-Demand G and VT instances", 0),
    ),
    "ecr": (DefaultQuota("L-CFEB8E8D", "Registered repositories", 100_000),),
    "ecs": (
        DefaultQuota("L-21C621EB", "Clusters per account", 10_000),
        DefaultQuota("L-9EF96962", "Services per cluster", 5000),
    ),
    "elasticache": (DefaultQuota("L-DFE45DF3", "Nodes per Region", 300),),
    "elasticloadbalancing": (
        DefaultQuota("L-53DA6B97", "Application Load Balancers per Region", 50),
        DefaultQuota("L-69A177A2", "Network Load Balancers per Region", 50),
        DefaultQuota("L-B22855CB", "Target Groups per Region", 3000),
        DefaultQuota("L-B6DF7632", "Listeners per Application Load Balancer", 50),
        DefaultQuota("L-E9E9831D", "Classic Load Balancers per Region", 20),
    ),
    "fargate": (DefaultQuota("L-3032A538", "Fargate On-Demand vCPU resource count", 6),),
    "iam": (
        DefaultQuota("L-0DA4ABF3", "Managed policies per role", 10, is_global=True),
        DefaultQuota("L-858F3967", "Instance profiles per account", 1000, is_global=True),
        DefaultQuota("L-E95E4862", "Customer managed policies per account", 1500, is_global=True),
        DefaultQuota("L-F4A5425F", "Users per account", 5000, is_global=True),
        DefaultQuota("L-F55AF5E4", "Groups per account", 300, is_global=True),
        DefaultQuota("L-FE177D64", "Roles per account", 1000, is_global=True),
    ),
    "rds": (
        DefaultQuota("L-7B6409FD", "DB instances", 40),
        DefaultQuota("L-952B80B8", "DB clusters", 40),
    ),
    "s3": (DefaultQuota("L-DC2B2D3D", "General purpose buckets", 10_000, is_global=True),),
    "vpc": (),
}
"""Service code → quotas, besides those that are enforced, and moto's list for VPC."""
