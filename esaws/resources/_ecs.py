"""ECS: lower-case tags, descriptions in batches, and errors by message."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from esaws.aws import pages, tag_dict, tag_list
from esaws.cloud import Cloud
from esaws.documented import Text
from esaws.errors import EsawsError

ECS_NAME = Text(1, 255, r"[A-Za-z0-9_-]*", "letters, digits, underscores and hyphens")
"""What the names of ECS take."""

NO_CLUSTER = "ClusterNotFoundException"

_BATCH = {"clusters": 100, "services": 10, "tasks": 100, "containerInstances": 100}
_ARNS = {"services": "serviceArns", "tasks": "taskArns"}


def ecs_tags(cloud: Cloud, name: str) -> list[dict[str, str]]:
    """Return the ownership tags with the lower-case keys of ECS."""
    return tag_list(cloud.tags(name), "key", "value")


def ecs_name(cloud: Cloud, raw: dict[str, Any]) -> str | None:
    """Return the reference name in the tags of an ECS description, or None if it is not owned."""
    return cloud.owned_name(tag_dict(raw.get("tags"), "key", "value"))


def resource_name(arn: str) -> str:
    """Return the name at the end of an ARN."""
    return arn.rsplit("/", 1)[-1]


def service_of(task: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the ARN of the cluster and the name of the service that started a task, or None if none did."""
    kind, _, name = task.get("group", "").partition(":")
    return (task.get("clusterArn", ""), name) if kind == "service" else None


def describe(
    cloud: Cloud, collection: str, arns: Iterable[str], *, include: Iterable[str] = ("TAGS",), **parameters: Any
) -> Iterator[dict[str, Any]]:
    """Yield the descriptions of the existing resources of `arns`; `collection` is ECS's word, such as `services`.

    Raises:
        EsawsError: ECS did not describe one, for another reason than that it is missing.
    """
    operation = {"containerInstances": "describe_container_instances"}.get(collection, f"describe_{collection}")
    listed = list(arns)
    for start in range(0, len(listed), _BATCH[collection]):
        batch = {collection: listed[start : start + _BATCH[collection]], "include": list(include), **parameters}
        page = getattr(cloud.client("ecs"), operation)(**batch)
        for failure in page["failures"]:
            # Missing and forbidden resources are both failures of a successful call.
            if failure["reason"] != "MISSING":
                raise EsawsError(
                    f"{failure.get('arn', collection)}: ECS did not describe it in {cloud.region} ({failure['reason']})"
                )
        yield from page[collection]


def list_in_cluster(
    cloud: Cloud, cluster: str, operation: str, collection: str, **parameters: Any
) -> list[dict[str, Any]]:
    """Return the descriptions of everything that `operation` lists in a cluster; empty if the cluster is gone."""
    try:
        arns = list(pages(cloud, "ecs", operation, _ARNS[collection], cluster=cluster, **parameters))
        return list(describe(cloud, collection, arns, cluster=cluster))
    except ClientError as error:
        if error.response["Error"]["Code"] != NO_CLUSTER:
            raise
        return []


def message_contains(error: ClientError, *phrases: str) -> bool:
    """Whether the message of an error contains one of the phrases. ECS uses one code for many errors."""
    message = error.response["Error"].get("Message", "").lower()
    return any(phrase.lower() in message for phrase in phrases)


def retry_until_ecs_has_its_role(cloud: Cloud, call: Callable[[], Any]) -> Any:
    """Return `call()`, repeated until ECS can use its service-linked role, minutes after it was created."""
    results = []

    def done() -> bool:
        try:
            results.append(call())
        except ClientError as error:
            if not message_contains(error, "service linked role", "service-linked role"):
                raise
        return bool(results)

    cloud.wait_until("ECS can use its service-linked role", done, minutes=2)
    return results[0]
