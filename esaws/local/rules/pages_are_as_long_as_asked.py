"""A list that is asked for in pages comes in pages of that size; moto gives all of these lists at once.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

from esaws.local.call import Call
from esaws.local.seam import after


@dataclass(frozen=True)
class Pages:
    """The names that a service gives to the size of a page and to the tokens."""

    size: str
    asks: str
    gives: str


_ECS = Pages("maxResults", "nextToken", "nextToken")
_ELB = Pages("PageSize", "Marker", "NextMarker")
_EC2 = Pages("MaxResults", "NextToken", "NextToken")

_LISTS: list[tuple[str, str, Pages, str, str]] = [
    ("ecs", "ListClusters", _ECS, "clusterArns", ""),
    ("ecs", "ListContainerInstances", _ECS, "containerInstanceArns", ""),
    ("ecs", "ListTaskDefinitionFamilies", _ECS, "families", ""),
    ("ecs", "ListTaskDefinitions", _ECS, "taskDefinitionArns", ""),
    ("ecs", "ListTasks", _ECS, "taskArns", ""),
    ("ecr", "DescribeRepositories", _ECS, "repositories", "repositoryArn"),
    ("elbv2", "DescribeListeners", _ELB, "Listeners", "ListenerArn"),
    ("elbv2", "DescribeTargetGroups", _ELB, "TargetGroups", "TargetGroupArn"),
    ("ec2", "DescribeInstanceStatus", _EC2, "InstanceStatuses", "InstanceId"),
    ("ec2", "DescribeInternetGateways", _EC2, "InternetGateways", "InternetGatewayId"),
    ("ec2", "DescribeNetworkInterfaces", _EC2, "NetworkInterfaces", "NetworkInterfaceId"),
    ("ec2", "DescribeRouteTables", _EC2, "RouteTables", "RouteTableId"),
    ("ec2", "DescribeSecurityGroupRules", _EC2, "SecurityGroupRules", "SecurityGroupRuleId"),
    ("ec2", "DescribeSecurityGroups", _EC2, "SecurityGroups", "GroupId"),
    ("ec2", "DescribeSubnets", _EC2, "Subnets", "SubnetId"),
    ("ec2", "DescribeVolumes", _EC2, "Volumes", "VolumeId"),
    ("ec2", "DescribeVpcs", _EC2, "Vpcs", "VpcId"),
]
"""Service, operation, the names around it, where the list stands in the answer, and what an entry is known by."""


def _page(call: Call, pages: Pages, key: str, known_by: str) -> None:
    if pages.size not in call.request.values and pages.size.encode() not in call.request.get_data():
        return
    size = call.params.get(pages.size)
    everything: list[Any] = call.result.get(key) or []
    if not size or call.result.get(pages.gives):
        return
    names = [entry[known_by] if known_by else entry for entry in everything]
    # A token is where the next page begins: the place, and the name of what stood there, as entries before it may go.
    place, _, name = str(call.params.get(pages.asks) or "0 ").partition(" ")
    begin = names.index(name) if name in names else int(place)
    end = begin + int(size)
    call.result[key] = everything[begin:end]
    if end < len(everything):
        call.result[pages.gives] = f"{end} {names[end]}"


for _service, _operation, _pages, _key, _known_by in _LISTS:
    after(_service, _operation)(partial(_page, pages=_pages, key=_key, known_by=_known_by))
