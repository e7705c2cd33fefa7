"""TagResources and UntagResources change the tags that each service itself shows; what does not exist fails by ARN.

https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_TagResources.html
https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_UntagResources.html
"""

from collections.abc import Callable, Iterable
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import replace
from local_aws_server.tag_index import tagged_resources

BEHAVIOURS = (
    Behaviour(
        service="Tags",
        statement="TagResources and UntagResources change the tags that each service itself shows; what does not "
        "exist fails by ARN.",
        documentation=(
            "https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_TagResources.html",
            "https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_UntagResources.html",
        ),
    ),
)

_MOST = 20
"""ARNs in one call."""

_TAGGERS = {
    "cloudwatch": ("cloudwatch", "tagger"),
    "ecr": ("ecr", "tagger"),
    "elasticache": ("elasticache", "tagging_service"),
    "elasticloadbalancing": ("elbv2", "tagging_service"),
    "mq": ("mq", "tagger"),
    "s3": ("s3", "tagger"),
    "servicediscovery": ("servicediscovery", "tagger"),
}
"""The service in an ARN → moto's store of it, and the name of the part that keeps all its tags by ARN."""


@replace("resourcegroupstaggingapi", "TagResources")
def tag_resources(call: Call) -> dict[str, Any]:
    tags = call.params["Tags"]
    if any(key.lower().startswith("aws:") for key in tags):
        raise _invalid("aws: prefixed tag key names are not allowed for external use.")
    return _changed(call, tags, ())


@replace("resourcegroupstaggingapi", "UntagResources")
def untag_resources(call: Call) -> dict[str, Any]:
    return _changed(call, {}, call.params["TagKeys"])


def _changed(call: Call, added: dict[str, str], removed: Iterable[str]) -> dict[str, Any]:
    arns = call.params["ResourceARNList"]
    if len(arns) > _MOST:
        raise _invalid(f"ResourceARNList can have at most {_MOST} ARNs")
    known, failed = {arn for arn, _ in tagged_resources(call.backends)}, {}
    for arn in arns:
        if arn in known:
            _change(call.backends, arn, added, list(removed))
        else:
            failed[arn] = {
                "StatusCode": 400,
                "ErrorCode": "InvalidParameterException",
                "ErrorMessage": f"The resource {arn} does not exist in {call.region}, or its tags can't be changed.",
            }
    return {"FailedResourcesMap": failed}


def _change(world: Backends, arn: str, added: dict[str, str], removed: list[str]) -> None:
    service = arn.split(":")[2]
    if service in _TAGGERS:
        store, part = _TAGGERS[service]
        tagger = getattr(world.backend(store), part)
        tagger.untag_resource_using_names(arn, removed)
        tagger.tag_resource(arn, _pairs(added))
    elif service in _OWN:
        _OWN[service](world, arn, added, removed)
    else:
        backend = world.backend(service)
        if removed:
            backend.untag_resource(arn, removed)
        if added:
            backend.tag_resource(arn, added)


def _of_a_pool(world: Backends, arn: str, added: dict[str, str], removed: list[str]) -> None:
    settings = world.backend("cognito-idp").user_pools[arn.split("/")[-1]].extended_config
    settings["UserPoolTags"] = _merged(settings.get("UserPoolTags") or {}, added, removed)


def _of_a_scalable_target(world: Backends, arn: str, added: dict[str, str], removed: list[str]) -> None:
    for targets in world.backend("applicationautoscaling").targets.values():
        for target in targets.values():
            if target.arn == arn:
                kept = sidecar(target)
                kept["tags"] = _merged(kept.get("tags", {}), added, removed)


def _of_a_parameter(world: Backends, arn: str, added: dict[str, str], removed: list[str]) -> None:
    ssm, name = world.backend("ssm"), arn.split(":parameter", 1)[1]
    # the ARN of a plain name has a slash that the name has not
    name = name if ssm.get_parameter(name) else name[1:]
    ssm.remove_tags_from_resource("Parameter", name, removed)
    ssm.add_tags_to_resource("Parameter", name, added)


def _of_iam(world: Backends, arn: str, added: dict[str, str], removed: list[str]) -> None:
    iam, name = world.backend("iam"), arn.split("/")[-1]
    if ":policy/" in arn:
        iam.untag_policy(arn, removed)
        iam.tag_policy(arn, _pairs(added))
    else:
        iam.untag_instance_profile(name, removed)
        iam.tag_instance_profile(name, _pairs(added))


def _of_a_log_group(world: Backends, arn: str, added: dict[str, str], removed: list[str]) -> None:
    logs = world.backend("logs")
    group = next((each for each in logs.groups.values() if each.arn.removesuffix(":*") == arn), None)
    named = arn if group is None else group.arn
    logs.untag_resource(named, removed)
    logs.tag_resource(named, added)


_OWN: dict[str, Callable[[Backends, str, dict[str, str], list[str]], None]] = {
    "application-autoscaling": _of_a_scalable_target,
    "cognito-idp": _of_a_pool,
    "iam": _of_iam,
    "logs": _of_a_log_group,
    "ssm": _of_a_parameter,
}


def _merged(tags: dict[str, str], added: dict[str, str], removed: list[str]) -> dict[str, str]:
    return {**{key: value for key, value in tags.items() if key not in removed}, **added}


def _pairs(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)
