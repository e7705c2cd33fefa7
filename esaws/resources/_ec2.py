"""EC2: tags in the create call, and lists of owned resources by tag."""

from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from esaws.aws import error_code, pages, tag_dict, tag_list
from esaws.cloud import DEPLOYMENT_TAG, Cloud
from esaws.errors import EsawsError, describe_error

_IN_USE = "DependencyViolation"


def tag_specifications(cloud: Cloud, resource_type: str, name: str) -> list[dict[str, Any]]:
    """Return the `TagSpecifications` of a create call; `resource_type` is EC2's word, such as `vpc`."""
    return [{"ResourceType": resource_type, "Tags": tag_list(cloud.tags(name))}]


def list_owned(cloud: Cloud, operation: str, result: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield reference name and description of every owned resource that `operation` lists."""
    filters = [{"Name": f"tag:{DEPLOYMENT_TAG}", "Values": [cloud.deployment]}]
    for raw in pages(cloud, "ec2", operation, result, Filters=filters):
        if name := cloud.owned_name(tag_dict(raw.get("Tags"))):
            yield name, raw


def delete_after_interfaces(cloud: Cloud, delete: Callable[[], Any], filter: str, id: str) -> None:
    """Call `delete` until no interface is in its way; `filter` of DescribeNetworkInterfaces selects those by `id`.

    The interfaces of load balancers and stopped containers, with their addresses and groups, stay for minutes after
    them. A teardown that was interrupted meanwhile finds no load balancer to wait for.

    Raises:
        EsawsError: something is still in its way after ten minutes.
    """
    interfaces: list[dict[str, Any]] = []

    def attempt() -> None:
        try:
            delete()
        except ClientError as error:
            if error_code(error) == _IN_USE:
                filters = [{"Name": filter, "Values": [id]}]
                described = pages(cloud, "ec2", "describe_network_interfaces", "NetworkInterfaces", Filters=filters)
                interfaces[:] = described
            raise

    try:
        cloud.retry(attempt, _IN_USE)
    except ClientError as error:
        if error_code(error) != _IN_USE or not interfaces:
            raise
        users = ", ".join(f"{raw['NetworkInterfaceId']} ({raw.get('Description', '')})" for raw in interfaces)
        raise EsawsError(f"{describe_error(error)}: {users}") from error
