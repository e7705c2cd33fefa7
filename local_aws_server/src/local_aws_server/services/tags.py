"""Tags of scalable targets, budgets, user pools and instance profiles can be read and changed.

https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/supported-services.html
"""

from collections.abc import Callable
from typing import Any

from local_aws_server.backends import sidecar
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.fidelity import Behaviour
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


def _tags(thing: Any) -> dict[str, str]:
    kept: dict[str, str] = sidecar(thing).setdefault("tags", {})
    return kept


def _pairs(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _of_pairs(pairs: list[dict[str, str]]) -> dict[str, str]:
    return {pair["Key"]: pair["Value"] for pair in pairs}


def _scalable_target(call: Call) -> Any:
    for target in call.backends.backend("applicationautoscaling").targets.values():
        for each in target.values():
            if each.arn == call.params["ResourceARN"]:
                return each
    raise AwsError("ResourceNotFoundException", f"Resource {call.params['ResourceARN']} doesn't exist")


@after("application-autoscaling", "RegisterScalableTarget")
def scalable_target_has_tags(call: Call) -> None:
    call.params["ResourceARN"] = call.result["ScalableTargetARN"]
    _tags(_scalable_target(call)).update(call.params.get("Tags", {}))


@replace("application-autoscaling", "ListTagsForResource")
def tags_of_a_scalable_target(call: Call) -> dict[str, Any]:
    return {"Tags": dict(_tags(_scalable_target(call)))}


@replace("application-autoscaling", "TagResource")
def tag_a_scalable_target(call: Call) -> dict[str, Any]:
    _tags(_scalable_target(call)).update(call.params["Tags"])
    return {}


@replace("application-autoscaling", "UntagResource")
def untag_a_scalable_target(call: Call) -> dict[str, Any]:
    return _untag(_tags(_scalable_target(call)), call.params["TagKeys"])


@after("application-autoscaling", "DescribeScalableTargets")
def scalable_targets_in_full(call: Call) -> None:
    nothing = dict.fromkeys(
        ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended"), False
    )
    for described in call.result.get("ScalableTargets", []):
        described["SuspendedState"] = {**nothing, **(described.get("SuspendedState") or {})}


def _budget(call: Call) -> Any:
    name = call.params["ResourceARN"].split("budget/")[-1]
    budget = call.backends.budget(name)
    if budget is None:
        raise AwsError("NotFoundException", f"Unable to get budget: {name} - the budget doesn't exist.")
    return budget


@after("budgets", "CreateBudget")
def budget_has_tags(call: Call) -> None:
    budget = call.backends.budget(call.params["Budget"]["BudgetName"])
    if budget is not None:
        _tags(budget).update(_of_pairs(call.params.get("ResourceTags", [])))


@replace("budgets", "ListTagsForResource")
def tags_of_a_budget(call: Call) -> dict[str, Any]:
    return {"ResourceTags": _pairs(_tags(_budget(call)))}


@replace("budgets", "TagResource")
def tag_a_budget(call: Call) -> dict[str, Any]:
    _tags(_budget(call)).update(_of_pairs(call.params["ResourceTags"]))
    return {}


@replace("budgets", "UntagResource")
def untag_a_budget(call: Call) -> dict[str, Any]:
    return _untag(_tags(_budget(call)), call.params["ResourceTagKeys"])


def _on_user_pool(change: Callable[[dict[str, str], Call], Any]) -> Callable[[Call], dict[str, Any]]:
    def answer(call: Call) -> dict[str, Any]:
        pool = call.backends.backend("cognito-idp").user_pools.get(call.params["ResourceArn"].split("/")[-1])
        if pool is None:
            raise AwsError("ResourceNotFoundException", f"{call.params['ResourceArn']} does not exist.")
        tags = pool.extended_config.get("UserPoolTags") or {}
        pool.extended_config["UserPoolTags"] = tags
        return change(tags, call) or {}

    return answer


replace("cognito-idp", "ListTagsForResource")(_on_user_pool(lambda tags, call: {"Tags": dict(tags)}))
replace("cognito-idp", "TagResource")(_on_user_pool(lambda tags, call: tags.update(call.params["Tags"])))
replace("cognito-idp", "UntagResource")(_on_user_pool(lambda tags, call: _untag(tags, call.params["TagKeys"])))


@replace("iam", "ListInstanceProfileTags")
def tags_of_an_instance_profile(call: Call) -> dict[str, Any]:
    name = call.params["InstanceProfileName"]
    profile = call.backends.instance_profile(name)
    if profile is None:
        raise AwsError("NoSuchEntity", f"Instance Profile {name} cannot be found.", 404)
    return {"Tags": profile.tags, "IsTruncated": False}


def _untag(tags: dict[str, str], keys: list[str]) -> dict[str, Any]:
    for key in keys:
        tags.pop(key, None)
    return {}
