"""Dimensions of CloudWatch metrics, which are parts of ARNs."""

from esaws.cloud import Cloud


def dimension_value(arn: str) -> str:
    """Return the value of the dimension `LoadBalancer`, `TargetGroup` or `ClusterName` for an ARN."""
    resource = arn.split(":", 5)[5]
    return resource.removeprefix("loadbalancer/").removeprefix("cluster/")


def arn_from_dimension(cloud: Cloud, name: str, value: str) -> str:
    """Return the ARN in this account and region for the name and value of a dimension."""
    service, prefix = {
        "LoadBalancer": ("elasticloadbalancing", "loadbalancer/"),
        "TargetGroup": ("elasticloadbalancing", ""),
        "ClusterName": ("ecs", "cluster/"),
    }[name]
    partition = cloud.client("cloudwatch").meta.partition
    return f"arn:{partition}:{service}:{cloud.region}:{cloud.account}:{prefix}{value}"
