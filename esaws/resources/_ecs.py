"""What the kinds of ECS share: tags in lower case, descriptions in batches, and words for "there is no such thing"."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from esaws.aws import pages, tag_dict, tag_list
from esaws.cloud import Cloud
from esaws.errors import EsawsError

NO_CLUSTER = "ClusterNotFoundException"

_AT_ONCE = {"clusters": 100, "services": 10, "tasks": 100, "containerInstances": 100}
_ARNS = {"services": "serviceArns", "tasks": "taskArns"}


def ecs_tags(cloud: Cloud, name: str) -> list[dict[str, str]]:
    """The tags that make something ours, as ECS spells them."""
    return tag_list(cloud.tags(name), "key", "value")


def ecs_name(cloud: Cloud, raw: dict[str, Any]) -> str | None:
    """The reference name of what ECS describes with its tags, or None where it is not ours."""
    return cloud.owned_name(tag_dict(raw.get("tags"), "key", "value"))


def last_part(arn: str) -> str:
    """The name at the end of an ARN."""
    return arn.rsplit("/", 1)[-1]


def described(
    cloud: Cloud, what: str, arns: Iterable[str], *, include: Iterable[str] = ("TAGS",), **parameters: Any
) -> Iterator[dict[str, Any]]:
    """What exists of `arns`: `what` is ECS's word, such as `services`. The missing are left out.

    Raises:
        EsawsError: ECS did not describe one, for another reason than that there is none.
    """
    operation = {"containerInstances": "describe_container_instances"}.get(what, f"describe_{what}")
    wanted = list(arns)
    for start in range(0, len(wanted), _AT_ONCE[what]):
        asked = {what: wanted[start : start + _AT_ONCE[what]], "include": list(include), **parameters}
        answer = getattr(cloud.client("ecs"), operation)(**asked)
        for failure in answer["failures"]:
            # The same call answers "missing" with 200, and "not allowed" as well.
            if failure["reason"] != "MISSING":
                raise EsawsError(
                    f"ECS does not describe {failure.get('arn', what)} in {cloud.region}: {failure['reason']}"
                )
        yield from answer[what]


def in_cluster(cloud: Cloud, cluster: str, operation: str, what: str, **parameters: Any) -> list[dict[str, Any]]:
    """Descriptions of everything that `operation` lists in a cluster; none where the cluster has just gone."""
    try:
        arns = list(pages(cloud, "ecs", operation, _ARNS[what], cluster=cluster, **parameters))
        return list(described(cloud, what, arns, cluster=cluster))
    except ClientError as error:
        if error.response["Error"]["Code"] != NO_CLUSTER:
            raise
        return []


def says(error: ClientError, *words: str) -> bool:
    """Whether AWS's message has one of `words`: ECS has few codes, and one of them for many things."""
    return any(word.lower() in error.response["Error"].get("Message", "").lower() for word in words)


def once_ecs_has_its_role(cloud: Cloud, call: Callable[[], Any]) -> Any:
    """What `call()` gives, once ECS may use its service-linked role: it can't in an account's first minutes with it."""
    answers = []

    def done() -> bool:
        try:
            answers.append(call())
        except ClientError as error:
            if not says(error, "service linked role", "service-linked role"):
                raise
        return bool(answers)

    cloud.wait_until("ECS may use its service-linked role", done, minutes=2)
    return answers[0]
