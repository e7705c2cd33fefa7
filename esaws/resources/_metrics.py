"""CloudWatch's names for what it measures: its dimensions are pieces of ARNs."""

from esaws.cloud import Cloud


def dimension(arn: str) -> str:
    """The value of the dimension `LoadBalancer`, `TargetGroup` or `ClusterName` for the thing with this ARN."""
    piece = arn.split(":", 5)[5]
    return piece.removeprefix("loadbalancer/").removeprefix("cluster/")


def arn_of(cloud: Cloud, name: str, value: str) -> str:
    """The ARN in this account and region behind a dimension; the other way round."""
    service, prefix = {
        "LoadBalancer": ("elasticloadbalancing", "loadbalancer/"),
        "TargetGroup": ("elasticloadbalancing", ""),
        "ClusterName": ("ecs", "cluster/"),
    }[name]
    partition = cloud.client("cloudwatch").meta.partition
    return f"arn:{partition}:{service}:{cloud.region}:{cloud.account}:{prefix}{value}"
