"""Tag operations that moto lacks: of scalable targets, budgets, user pools and instance profiles."""

from collections.abc import Callable
from typing import Any

from local_aws_server.backends import sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, replace

BEHAVIOURS = (
    Behaviour(
        service="Tags",
        statement="Tags of scalable targets, budgets, user pools and instance profiles can be read and changed.",
        documentation=(
            "https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/supported-services.html",
        ),
    ),
)


def _tags(resource: Any) -> dict[str, str]:
    tags: dict[str, str] = sidecar(resource).setdefault("tags", {})
    return tags


def _pairs(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _from_pairs(pairs: list[dict[str, str]]) -> dict[str, str]:
    return {pair["Key"]: pair["Value"] for pair in pairs}


def _scalable_target(call: Call) -> Any:
    for targets in call.backends.backend("applicationautoscaling").targets.values():
        for target in targets.values():
            if target.arn == call.params["ResourceARN"]:
                return target
    raise AwsError("ResourceNotFoundException", f"Resource {call.params['ResourceARN']} doesn't exist")


@after("application-autoscaling", "RegisterScalableTarget")
def store_scalable_target_tags(call: Call) -> None:
    call.params["ResourceARN"] = call.result["ScalableTargetARN"]
    _tags(_scalable_target(call)).update(call.params.get("Tags", {}))


@replace("application-autoscaling", "ListTagsForResource")
def list_scalable_target_tags(call: Call) -> dict[str, Any]:
    return {"Tags": dict(_tags(_scalable_target(call)))}


@replace("application-autoscaling", "TagResource")
def tag_scalable_target(call: Call) -> dict[str, Any]:
    _tags(_scalable_target(call)).update(call.params["Tags"])
    return {}


@replace("application-autoscaling", "UntagResource")
def untag_scalable_target(call: Call) -> dict[str, Any]:
    return _untag(_tags(_scalable_target(call)), call.params["TagKeys"])


@after("application-autoscaling", "DescribeScalableTargets")
def complete_suspended_state(call: Call) -> None:
    not_suspended = dict.fromkeys(
        ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended"), False
    )
    for description in call.result.get("ScalableTargets", []):
        description["SuspendedState"] = {**not_suspended, **(description.get("SuspendedState") or {})}


def _budget(call: Call) -> Any:
    name = call.params["ResourceARN"].split("budget/")[-1]
    budget = call.backends.budget(name)
    if budget is None:
        raise AwsError("NotFoundException", f"Unable to get budget: {name} - the budget doesn't exist.")
    return budget


@after("budgets", "CreateBudget")
def store_budget_tags(call: Call) -> None:
    budget = call.backends.budget(call.params["Budget"]["BudgetName"])
    if budget is not None:
        _tags(budget).update(_from_pairs(call.params.get("ResourceTags", [])))


@replace("budgets", "ListTagsForResource")
def list_budget_tags(call: Call) -> dict[str, Any]:
    return {"ResourceTags": _pairs(_tags(_budget(call)))}


@replace("budgets", "TagResource")
def tag_budget(call: Call) -> dict[str, Any]:
    _tags(_budget(call)).update(_from_pairs(call.params["ResourceTags"]))
    return {}


@replace("budgets", "UntagResource")
def untag_budget(call: Call) -> dict[str, Any]:
    return _untag(_tags(_budget(call)), call.params["ResourceTagKeys"])


def _with_user_pool_tags(change: Callable[[dict[str, str], Call], Any]) -> Callable[[Call], dict[str, Any]]:
    def hook(call: Call) -> dict[str, Any]:
        pool = call.backends.backend("cognito-idp").user_pools.get(call.params["ResourceArn"].split("/")[-1])
        if pool is None:
            raise AwsError("ResourceNotFoundException", f"{call.params['ResourceArn']} does not exist.")
        tags = pool.extended_config.get("UserPoolTags") or {}
        pool.extended_config["UserPoolTags"] = tags
        return change(tags, call) or {}

    return hook


replace("cognito-idp", "ListTagsForResource")(_with_user_pool_tags(lambda tags, call: {"Tags": dict(tags)}))
replace("cognito-idp", "TagResource")(_with_user_pool_tags(lambda tags, call: tags.update(call.params["Tags"])))
replace("cognito-idp", "UntagResource")(_with_user_pool_tags(lambda tags, call: _untag(tags, call.params["TagKeys"])))


@replace("iam", "ListInstanceProfileTags")
def list_instance_profile_tags(call: Call) -> dict[str, Any]:
    name = call.params["InstanceProfileName"]
    profile = call.backends.instance_profile(name)
    if profile is None:
        raise AwsError("NoSuchEntity", f"Instance Profile {name} cannot be found.", 404)
    return {"Tags": profile.tags, "IsTruncated": False}


def _untag(tags: dict[str, str], keys: list[str]) -> dict[str, Any]:
    for key in keys:
        tags.pop(key, None)
    return {}
