"""A listener rule: the paths that a listener forwards to another target group."""

from dataclasses import dataclass
from typing import Any, Self

from esaws.aws import ignore_codes, pages, tag_list
from esaws.cloud import Cloud
from esaws.documented import ID, ITSELF, TAG, Always, Between, Call, Each, Field, Made, OneOf, Parameter, Text, tags
from esaws.resource import Live, Lives, Ref, Resource
from esaws.resources._elbv2 import (
    NO_LISTENER,
    NO_RULE,
    describe_forward,
    documented_forward,
    forward,
    target_groups_of,
    with_tags,
)
from esaws.resources.listener import Listener
from esaws.resources.target_group import TargetGroup

_MAX_PATHS, _MAX_WILDCARDS = 5, 6
"""Condition values and wildcards of one rule. One page says five wildcards, the one of the quotas six.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
"""

_PATH = Text(1, 128, r"[A-Za-z0-9_.$/~\"'@:+&*?-]*", "letters, digits, any of _-.$/~\"'@:+& and the wildcards * and ?")
_SETTINGS: dict[str, Parameter] = {
    "Conditions[].Field": Always(
        "path-pattern",
        OneOf("host-header", "http-header", "http-request-method", "path-pattern", "query-string", "source-ip"),
    ),
    "Conditions[].PathPatternConfig.Values[]": Field("paths", Each(_PATH, 1, _MAX_PATHS)),
    **documented_forward("Actions", "target_group"),
}


@dataclass(frozen=True, kw_only=True)
class ListenerRule(Resource):
    """Forwards requests whose path matches one of `paths`. Of several matching rules, the lowest priority wins.

    `*` matches any characters, including `/`, and `?` matches one.
    """

    listener: Listener
    priority: int
    paths: tuple[str, ...]
    target_group: TargetGroup

    in_place = frozenset({"priority", "paths", "target_group"})
    icon = "aws.network.ElasticLoadBalancing"
    free = "AWS charges for the load balancer, not for its rules"
    permissions = (
        "elasticloadbalancing:AddTags",
        "elasticloadbalancing:CreateRule",
        "elasticloadbalancing:DeleteRule",
        "elasticloadbalancing:DescribeListeners",
        "elasticloadbalancing:DescribeLoadBalancers",
        "elasticloadbalancing:DescribeRules",
        "elasticloadbalancing:DescribeTags",
        "elasticloadbalancing:ModifyRule",
        "elasticloadbalancing:SetRulePriorities",
    )
    documented = (
        Call(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateRule.html",
            {
                "ListenerArn": Field("listener"),
                "Priority": Field("priority", Between(1, 50_000)),
                **_SETTINGS,
                **tags("Tags", TAG),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyRule.html",
            {"RuleArn": ITSELF, **_SETTINGS},
        ),
        Call(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_SetRulePriorities.html",
            {"RulePriorities[].RuleArn": Made(ID), "RulePriorities[].Priority": Field("priority", Between(1, 50_000))},
        ),
        Call(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeleteRule.html",
            {"RuleArn": ITSELF},
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if sum(path.count("*") + path.count("?") for path in self.paths) > _MAX_WILDCARDS:
            raise self.refusal(
                f"a rule takes at most {_MAX_WILDCARDS} wildcards. Use fewer * and ?.",
                "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html",
            )

    def default_name(self) -> str:
        return f"{self.listener.name} rule {self.priority}"

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        """Return the rules of our load balancers, without the default ones, which are a field of the listener."""
        lives = []
        for listener in Listener.listed(cloud):
            with ignore_codes(NO_LISTENER):
                described = pages(cloud, "elbv2", "describe_rules", "Rules", ListenerArn=listener.id)
                listed = (raw for raw in described if not raw["IsDefault"])
                for tags, raw in with_tags(cloud, listed, "RuleArn"):
                    lives.append(cls._live(cloud, listener, tags, raw))
        return lives

    @classmethod
    def _live(cls, cloud: Cloud, listener: Live, tags: dict[str, str], raw: dict[str, Any]) -> Live:
        name = cloud.owned_name(tags)
        groups = {Ref("TargetGroup", arn) for arn in target_groups_of(raw["Actions"])}
        return Live(
            cls.kind,
            name or f"{listener.name} rule {raw['Priority']}",
            raw["RuleArn"],
            parents=frozenset({listener.ref} | groups),
            fields={
                "listener": listener.id,
                "priority": int(raw["Priority"]),
                "paths": frozenset(_paths(raw["Conditions"])),
                "target_group": describe_forward(raw["Actions"]),
            },
            raw=raw,
            foreign=name is None,
        )

    def desired(self) -> dict[str, Any]:
        return super().desired() | {"paths": frozenset(self.paths)}

    def create(self, cloud: Cloud) -> None:
        created = cloud.client("elbv2").create_rule(
            ListenerArn=self.listener.id_in(cloud),
            Priority=self.priority,
            Tags=tag_list(cloud.tags(self.name)),
            **self._settings(cloud),
        )
        self.remember_id(cloud, created["Rules"][0]["RuleArn"])

    def update(self, cloud: Cloud, live: Live) -> None:
        cloud.client("elbv2").modify_rule(RuleArn=live.id, **self._settings(cloud))
        if live.fields["priority"] != self.priority:
            self._set_priority(cloud, live)

    def _settings(self, cloud: Cloud) -> dict[str, Any]:
        conditions = [{"Field": "path-pattern", "PathPatternConfig": {"Values": list(self.paths)}}]
        return {"Conditions": conditions, "Actions": forward(self.target_group.id_in(cloud))}

    def _set_priority(self, cloud: Cloud, live: Live) -> None:
        """Set the priority. In the same call, another rule of ours with that priority gets this one's."""
        rules = [rule for rule in self.list(cloud) if rule.fields["listener"] == live.fields["listener"]]
        now = next((rule.fields["priority"] for rule in rules if rule.id == live.id), live.fields["priority"])
        priorities = {live.id: self.priority}
        for rule in rules:
            if rule.fields["priority"] == self.priority and not rule.foreign and rule.id != live.id:
                priorities[rule.id] = now
        cloud.client("elbv2").set_rule_priorities(
            RulePriorities=[{"RuleArn": arn, "Priority": priority} for arn, priority in priorities.items()]
        )

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        with ignore_codes(NO_RULE, NO_LISTENER):
            cloud.client("elbv2").delete_rule(RuleArn=live.id)

    @classmethod
    def example(cls) -> Self:
        return cls(listener=Listener.example(), priority=1, paths=("/api*",), target_group=TargetGroup.example())


def _paths(conditions: list[dict[str, Any]]) -> list[str]:
    """Return the paths that a rule matches, and the names of its other conditions."""
    paths = []
    for condition in conditions:
        config = condition.get("PathPatternConfig", {})
        if condition["Field"] == "path-pattern" and not config.get("RegexValues"):
            paths += config.get("Values") or condition.get("Values", [])
        else:
            paths.append(f"and {condition['Field']}")
    return paths
