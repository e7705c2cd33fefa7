"""TagResources and UntagResources over all services."""

from collections.abc import Callable, Iterable
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import replace
from local_aws_server.tag_index import tagged_resources

BEHAVIOURS = (
    Behaviour(
        service="Tags",
        statement="TagResources and UntagResources change the tags that each service shows; missing resources fail "
        "by ARN.",
        documentation=(
            "https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_TagResources.html",
            "https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_UntagResources.html",
        ),
    ),
)

_MAX_ARNS = 20

_TAGGERS = {
    "cloudwatch": ("cloudwatch", "tagger"),
    "ecr": ("ecr", "tagger"),
    "elasticache": ("elasticache", "tagging_service"),
    "elasticloadbalancing": ("elbv2", "tagging_service"),
    "mq": ("mq", "tagger"),
    "s3": ("s3", "tagger"),
    "servicediscovery": ("servicediscovery", "tagger"),
}
"""Service in an ARN → (moto's backend, its attribute with the tags of all ARNs)."""


@replace("resourcegroupstaggingapi", "TagResources")
def tag_resources(call: Call) -> dict[str, Any]:
    tags = call.params["Tags"]
    if any(key.lower().startswith("aws:") for key in tags):
        raise _invalid("aws: prefixed tag key names are not allowed for external use.")
    return _change_all(call, tags, ())


@replace("resourcegroupstaggingapi", "UntagResources")
def untag_resources(call: Call) -> dict[str, Any]:
    return _change_all(call, {}, call.params["TagKeys"])


def _change_all(call: Call, added: dict[str, str], removed: Iterable[str]) -> dict[str, Any]:
    arns = call.params["ResourceARNList"]
    if len(arns) > _MAX_ARNS:
        raise _invalid(f"ResourceARNList can have at most {_MAX_ARNS} ARNs")
    existing, failed = {arn for arn, _ in tagged_resources(call.backends)}, {}
    # GetResources does not list them
    existing |= {group.arn for group in call.backends.auto_scaling_groups}
    for arn in arns:
        if arn in existing:
            _change(call.backends, arn, added, list(removed))
        else:
            failed[arn] = {
                "StatusCode": 400,
                "ErrorCode": "InvalidParameterException",
                "ErrorMessage": f"The resource {arn} does not exist in {call.region}, or its tags can't be changed.",
            }
    return {"FailedResourcesMap": failed}


def _change(backends: Backends, arn: str, added: dict[str, str], removed: list[str]) -> None:
    service = arn.split(":")[2]
    if service in _TAGGERS:
        backend_name, attribute = _TAGGERS[service]
        tagger = getattr(backends.backend(backend_name), attribute)
        tagger.untag_resource_using_names(arn, removed)
        tagger.tag_resource(arn, _pairs(added))
    elif service in _CHANGE_FUNCTIONS:
        _CHANGE_FUNCTIONS[service](backends, arn, added, removed)
    else:
        backend = _owner(backends, arn)
        if removed:
            backend.untag_resource(arn, removed)
        if added:
            backend.tag_resource(arn, added)


def _owner(backends: Backends, arn: str) -> Any:
    """The backend that lists a resource: moto's name of its service may differ from the one in the ARN."""
    from moto.core.resource_tagging import iter_taggable_backends

    for backend in iter_taggable_backends(backends.account, backends.region):
        if any(each.arn == arn for each in backend.iter_tagged_resources()):
            return backend
    return backends.backend(arn.split(":")[2])


def _change_auto_scaling_group(backends: Backends, arn: str, added: dict[str, str], removed: list[str]) -> None:
    group = next(each for each in backends.auto_scaling_groups if each.arn == arn)
    kept = {tag["Key"]: tag for tag in group.tags if tag["Key"] not in removed}
    group.tags = [*({**kept.pop(key, {}), "Key": key, "Value": value} for key, value in added.items()), *kept.values()]


def _change_user_pool(backends: Backends, arn: str, added: dict[str, str], removed: list[str]) -> None:
    settings = backends.backend("cognito-idp").user_pools[arn.split("/")[-1]].extended_config
    settings["UserPoolTags"] = _merged(settings.get("UserPoolTags") or {}, added, removed)


def _change_scalable_target(backends: Backends, arn: str, added: dict[str, str], removed: list[str]) -> None:
    for targets in backends.backend("applicationautoscaling").targets.values():
        for target in targets.values():
            if target.arn == arn:
                data = sidecar(target)
                data["tags"] = _merged(data.get("tags", {}), added, removed)


def _change_parameter(backends: Backends, arn: str, added: dict[str, str], removed: list[str]) -> None:
    ssm, name = backends.backend("ssm"), arn.split(":parameter", 1)[1]
    # the ARN of a name without slashes has a slash before it
    name = name if ssm.get_parameter(name) else name[1:]
    ssm.remove_tags_from_resource("Parameter", name, removed)
    ssm.add_tags_to_resource("Parameter", name, added)


def _change_iam(backends: Backends, arn: str, added: dict[str, str], removed: list[str]) -> None:
    iam, name = backends.backend("iam"), arn.split("/")[-1]
    if ":policy/" in arn:
        iam.untag_policy(arn, removed)
        iam.tag_policy(arn, _pairs(added))
    else:
        iam.untag_instance_profile(name, removed)
        iam.tag_instance_profile(name, _pairs(added))


def _change_log_group(backends: Backends, arn: str, added: dict[str, str], removed: list[str]) -> None:
    logs = backends.backend("logs")
    group = next((each for each in logs.groups.values() if each.arn.removesuffix(":*") == arn), None)
    group_arn = arn if group is None else group.arn
    logs.untag_resource(group_arn, removed)
    logs.tag_resource(group_arn, added)


_CHANGE_FUNCTIONS: dict[str, Callable[[Backends, str, dict[str, str], list[str]], None]] = {
    "application-autoscaling": _change_scalable_target,
    "autoscaling": _change_auto_scaling_group,
    "cognito-idp": _change_user_pool,
    "iam": _change_iam,
    "logs": _change_log_group,
    "ssm": _change_parameter,
}


def _merged(tags: dict[str, str], added: dict[str, str], removed: list[str]) -> dict[str, str]:
    return {**{key: value for key, value in tags.items() if key not in removed}, **added}


def _pairs(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)
