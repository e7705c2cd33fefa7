"""EC2: tags in the create call, and lists of owned resources by tag."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from esaws.aws import CALL_ERRORS, error_code, pages, tag_dict, tag_list
from esaws.cloud import DEPLOYMENT_TAG, Cloud
from esaws.documented import ANY_TAG, Always, Parameter, Unchecked, tags
from esaws.errors import EsawsError, describe_error

_IN_USE = "DependencyViolation"


def documented_tags(resource_type: str) -> dict[str, Parameter]:
    """Return what AWS documents about the `TagSpecifications` of a create call."""
    return {
        "TagSpecifications[].ResourceType": Always(resource_type, Unchecked("a type of resource that EC2 tags")),
        **tags("TagSpecifications[].Tags", ANY_TAG),
    }


def tag_specifications(cloud: Cloud, resource_type: str, name: str) -> list[dict[str, Any]]:
    """Return the `TagSpecifications` of a create call; `resource_type` is EC2's word, such as `vpc`."""
    return [{"ResourceType": resource_type, "Tags": tag_list(cloud.tags(name))}]


def list_owned(cloud: Cloud, operation: str, result: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield reference name and description of every owned resource that `operation` lists."""
    filters = [{"Name": f"tag:{DEPLOYMENT_TAG}", "Values": [cloud.deployment]}]
    for raw in pages(cloud, "ec2", operation, result, Filters=filters):
        if name := cloud.owned_name(tag_dict(raw.get("Tags"))):
            yield name, raw


def delete_after_users(cloud: Cloud, delete: Callable[[], Any], users: Callable[[], Iterable[str]]) -> None:
    """Call `delete` until nothing is in its way.

    The interfaces of load balancers and stopped containers, with their addresses and groups, stay for minutes after
    them. A teardown that was interrupted meanwhile finds no load balancer to wait for.

    Raises:
        EsawsError: something is still in its way after ten minutes; the message has what `users` lists then.
    """
    named: list[str] = []

    def attempt() -> None:
        try:
            delete()
        except ClientError as error:
            if error_code(error) == _IN_USE:
                with suppress(*CALL_ERRORS):
                    named[:] = users()  # a look at each attempt: the clock of the local AWS moves with looks alone
            raise

    try:
        cloud.retry(attempt, _IN_USE)
    except ClientError as error:
        if error_code(error) != _IN_USE or not named:
            raise
        raise EsawsError(f"{describe_error(error)}: {', '.join(named)}") from error


def interfaces_in(cloud: Cloud, filter: str, id: str) -> Iterator[str]:
    """Yield the interfaces that a filter selects, each with its instance or its description."""
    for raw in _described(cloud, "describe_network_interfaces", "NetworkInterfaces", **{filter: id}):
        user = raw.get("Attachment", {}).get("InstanceId") or raw.get("Description")
        yield raw["NetworkInterfaceId"] + (f" ({user})" if user else "")


def users_of_group(cloud: Cloud, group_id: str) -> Iterator[str]:
    """Yield the interfaces with a security group, and the other groups whose rules refer to it."""
    yield from interfaces_in(cloud, "group-id", group_id)
    for filter in ("ip-permission.group-id", "egress.ip-permission.group-id"):
        for raw in _described(cloud, "describe_security_groups", "SecurityGroups", **{filter: group_id}):
            if raw["GroupId"] != group_id:
                yield f"{raw['GroupId']} ({raw['GroupName']}, whose rule refers to it)"


def users_of_vpc(cloud: Cloud, vpc_id: str) -> Iterator[str]:
    """Yield what is inside a VPC and keeps it from being deleted."""
    yield from interfaces_in(cloud, "vpc-id", vpc_id)
    for raw in _described(cloud, "describe_subnets", "Subnets", **{"vpc-id": vpc_id}):
        yield raw["SubnetId"]
    for raw in _described(cloud, "describe_security_groups", "SecurityGroups", **{"vpc-id": vpc_id}):
        if raw["GroupName"] != "default":
            yield f"{raw['GroupId']} ({raw['GroupName']})"
    for raw in _described(cloud, "describe_internet_gateways", "InternetGateways", **{"attachment.vpc-id": vpc_id}):
        yield raw["InternetGatewayId"]
    for raw in _described(cloud, "describe_route_tables", "RouteTables", **{"vpc-id": vpc_id}):
        if not any(association.get("Main") for association in raw["Associations"]):
            yield raw["RouteTableId"]


def _described(cloud: Cloud, operation: str, result: str, **filters: str) -> Iterator[Any]:
    parameters = [{"Name": name, "Values": [value]} for name, value in filters.items()]
    yield from pages(cloud, "ec2", operation, result, Filters=parameters)
