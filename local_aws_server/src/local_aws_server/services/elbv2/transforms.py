"""Keep the transforms of listener rules, and apply a rewrite of the URL to the path that a target gets."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping
from typing import Any

from local_aws_server.backends import sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before, patch
from local_aws_server.services.elbv2.lookup import find_rule, find_rules
from local_aws_server.services.elbv2.rule_regexes import check_regex, compile_regex, rewrite

BEHAVIOURS = (
    Behaviour(
        service="Elastic Load Balancing",
        statement="A rule keeps its transforms, one of each type; a rewrite of the URL changes the path that targets "
        "get.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-transforms.html",
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RuleTransform.html",
        ),
    ),
)

_CONFIG_OF_TYPE = {"host-header-rewrite": "HostHeaderRewriteConfig", "url-rewrite": "UrlRewriteConfig"}
_MAX_LENGTH = 1024

Transform = dict[str, Any]


@before("elbv2", "CreateRule", "ModifyRule")
def validate_transforms(call: Call) -> None:
    transforms: list[Transform] = call.params.get("Transforms") or []
    if transforms and call.params.get("ResetTransforms"):
        raise _invalid("You cannot specify both transforms and reset transforms")
    for type_, count in Counter(transform["Type"] for transform in transforms).items():
        if count > 1:
            raise _invalid(f"A rule can only have one '{type_}' transform")
    for transform in transforms:
        type_ = transform["Type"]
        for other, config in _CONFIG_OF_TYPE.items():
            if other != type_ and config in transform:
                raise _invalid(f"The '{config}' field is not compatible with '{type_}'")
        rewrites = (transform.get(_CONFIG_OF_TYPE[type_]) or {}).get("Rewrites") or []
        if len(rewrites) != 1:
            raise _invalid(f"A '{_CONFIG_OF_TYPE[type_]}' must have one rewrite")
        for each in rewrites:
            _validate_rewrite(each)


@before("elbv2", "ModifyRule")
def require_a_change(call: Call) -> None:
    if not any(call.params.get(name) for name in ("Conditions", "Actions", "Transforms", "ResetTransforms")):
        raise _invalid("Either conditions, actions or transforms must be specified")


@patch("moto.elbv2.models", "ELBv2Backend.modify_rule")
def modify_rule(self: Any, rule_arn: str, conditions: list[Any], actions: list[Any]) -> Any:
    """Modify a rule; moto refuses a call that changes only its transforms."""
    from moto.elbv2.models import FakeAction

    rule = self.describe_rules(listener_arn=None, rule_arns=[rule_arn])[0]
    new_actions = [FakeAction(action) for action in actions]
    self._validate_actions(new_actions)
    rule.conditions = conditions or rule.conditions
    rule.actions = new_actions or rule.actions
    return rule


@after("elbv2", "CreateRule", "ModifyRule")
def keep_transforms(call: Call) -> None:
    rule = find_rule(call.backends, call.result["Rules"][0]["RuleArn"])
    if rule is None:
        return
    if call.params.get("ResetTransforms"):
        sidecar(rule).pop("transforms", None)
    elif transforms := call.params.get("Transforms"):
        sidecar(rule)["transforms"] = copy.deepcopy(transforms)


@after("elbv2", "CreateRule", "DescribeRules", "ModifyRule", "SetRulePriorities")
def show_transforms(call: Call) -> None:
    rules = find_rules(call.backends)
    for described in call.result.get("Rules", []):
        if transforms := transforms_of(rules.get(described["RuleArn"])):
            described["Transforms"] = copy.deepcopy(transforms)


def transforms_of(rule: Any) -> list[Transform]:
    """Return the transforms of one of moto's rules."""
    transforms: list[Transform] = vars(rule).get("_esaws", {}).get("transforms", []) if rule is not None else []
    return transforms


def path_at_target(rule: Any, path: str) -> str:
    """Return the path that targets get of a request that matches a rule."""
    for transform in transforms_of(rule):
        if transform["Type"] == "url-rewrite":
            return rewrite(path, transform["UrlRewriteConfig"]["Rewrites"])
    return path


def _validate_rewrite(each: Mapping[str, str]) -> None:
    check_regex(each["Regex"], _MAX_LENGTH)
    if len(each["Replace"]) > _MAX_LENGTH:
        raise _invalid(f"The replacement is too long; the limit is '{_MAX_LENGTH}'")
    groups = compile_regex(each["Regex"]).groups
    for number in (text[0] for text in each["Replace"].split("$")[1:] if text[:1].isdecimal()):
        if int(number) > groups:
            raise _invalid(f"The replacement names group '${number}', but the regex has {groups}")


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message)
