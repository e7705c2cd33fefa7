"""How much resources were used in the last days, from CloudWatch."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from esaws.cloud import Cloud
from esaws.inspect.account import Account
from esaws.inspect.fetch import Raw
from esaws.inspect.metrics import MetricQuery, read_metrics

Use = dict[tuple[str, str], float | None]
"""Kind and id of a resource → its use in the time; None where CloudWatch has no data."""

_DAY_S = 86400
_LOAD_BALANCERS = {"application": ("AWS/ApplicationELB", "RequestCount"), "network": ("AWS/NetworkELB", "NewFlowCount")}


def activity(cloud: Cloud, account: Account, now: datetime, days: int) -> Use:
    """Return the use of what was created before the time: requests, bytes, connections, or percent of CPU at most.

    What is younger is left out, as its use says nothing yet. A load balancer without data had no request:
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html

    Raises:
        ClientError: AWS refused the call.
    """
    start = now - timedelta(days=days)
    queries = {
        (kind, id): query for kind, id, created, query in _queries(account) if created is not None and created <= start
    }
    points = read_metrics(cloud, queries, start=start, end=now, seconds=_DAY_S)
    use: Use = {}
    for key, found in points.items():
        add = sum if queries[key].statistic == "Sum" else max
        without_data = 0.0 if key[0] == "load balancer" else None
        use[key] = float(add(found.values)) if found else without_data
    return use


def _queries(account: Account) -> Iterator[tuple[str, str, datetime | None, MetricQuery]]:
    """Yield (kind, id, time of creation, metric) of each resource; kinds as in `recurring_costs`."""
    for raw in account.get("LoadBalancers") or ():
        namespace, name = _LOAD_BALANCERS.get(raw.get("Type", "application"), ("", ""))
        if namespace:
            dimensions = {"LoadBalancer": raw["LoadBalancerArn"].split(":loadbalancer/")[-1]}
            query = MetricQuery(namespace, name, dimensions, "Sum")
            yield "load balancer", raw["LoadBalancerArn"], raw.get("CreatedTime"), query
    for raw in account.get("NatGateways") or ():
        query = MetricQuery("AWS/NATGateway", "BytesOutToDestination", {"NatGatewayId": raw["NatGatewayId"]}, "Sum")
        yield "NAT gateway", raw["NatGatewayId"], raw.get("CreateTime"), query
    for raw in account.get("VpcEndpoints") or ():
        if raw.get("VpcEndpointType") == "Interface":
            yield "VPC endpoint", raw["VpcEndpointId"], raw.get("CreationTimestamp"), _of_endpoint(raw)
    for raw in account.get("DBInstances") or ():
        id = raw["DBInstanceIdentifier"]
        query = MetricQuery("AWS/RDS", "DatabaseConnections", {"DBInstanceIdentifier": id}, "Maximum")
        yield "database", id, raw.get("InstanceCreateTime"), query
    for raw in account.get("Instances") or ():
        query = MetricQuery("AWS/EC2", "CPUUtilization", {"InstanceId": raw["InstanceId"]}, "Maximum")
        yield "instance", raw["InstanceId"], raw.get("LaunchTime"), query


def _of_endpoint(raw: Raw) -> MetricQuery:
    """https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-cloudwatch-metrics.html"""
    dimensions = {
        "Endpoint Type": raw["VpcEndpointType"],
        "Service Name": raw["ServiceName"],
        "VPC Endpoint Id": raw["VpcEndpointId"],
        "VPC Id": raw["VpcId"],
    }
    return MetricQuery("AWS/PrivateLinkEndpoints", "BytesProcessed", dimensions, "Sum")
