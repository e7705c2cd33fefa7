"""Proposed rules are compared by what they do with each request, listener by listener."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from esaws.errors import UsageError
from esaws.inspect.account import Account
from esaws.inspect.routing.access_log import local_log_files, read_access_logs
from esaws.inspect.routing.replay import ReplayResult, replay, replay_rules
from tests.inspect.access_logs import line
from tests.inspect.routing_worlds import Raw

CASES = Path(__file__).parent / "cases"
IDENTICAL: list[Raw] = json.loads((CASES / "proposed_443_identical.json").read_text())["Rules"]
OTHER_ACTION: list[Raw] = json.loads((CASES / "proposed_same_priority_other_action.json").read_text())["Rules"]
LOAD_BALANCER = "arn:aws:elasticloadbalancing:eu-west-3:123456789012:loadbalancer/app/web/46ed7429a97ba052"
HTTPS = "arn:aws:elasticloadbalancing:eu-west-3:123456789012:listener/app/web/46ed7429a97ba052/761d19816cbcbf95"
HTTP = "arn:aws:elasticloadbalancing:eu-west-3:123456789012:listener/app/web/46ed7429a97ba052/0000000000000080"


def account(*ports: int) -> Account:
    listeners = {80: HTTP, 443: HTTPS}
    redirect = {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}}
    rules = {
        80: [{"RuleArn": f"{HTTP}/1", "Priority": "default", "IsDefault": True, "Actions": [redirect]}],
        443: IDENTICAL,
    }
    descriptions = {
        "LoadBalancers": [{"LoadBalancerArn": LOAD_BALANCER, "LoadBalancerName": "web", "Type": "application"}],
        "Listeners": [
            {"ListenerArn": listeners[port], "LoadBalancerArn": LOAD_BALANCER, "Port": port} for port in ports
        ],
        "Rules": [{**rule, "ListenerArn": listeners[port]} for port in ports for rule in rules[port]],
    }
    return Account("123456789012", "eu-west-3", descriptions)


def replayed(log: str, proposed: Any, *ports: int, **options: Any) -> ReplayResult:
    return replay(account(*ports), read_access_logs(local_log_files([CASES / log])), proposed, **options)


def count(result: ReplayResult) -> int:
    return int(result.changes["requests"].sum())


def test_a_rule_of_the_same_priority_with_another_action_is_a_change() -> None:
    result = replayed("only443.log", OTHER_ACTION, 443)
    assert count(result) == 5
    (change,) = result.to_dict()["changes"]
    assert (change["live"], change["proposed"], change["certain"]) == ("10", "10", True)
    assert (change["live_action"], change["proposed_action"]) == ("forward to shop", "answer 410 'gone'")


def test_proposed_rules_of_one_listener_leave_the_others_as_they_are() -> None:
    assert count(replayed("two_listeners.log", IDENTICAL, 80, 443)) == 0
    result = replayed("two_listeners.log", OTHER_ACTION, 80, 443)
    assert set(result.changes["port"]) == {443}
    by_port = replayed("two_listeners.log", {443: OTHER_ACTION}, 80, 443)
    assert by_port.changes.equals(result.changes)


def test_a_listener_that_the_file_does_not_name_must_be_chosen() -> None:
    without_arns = [{key: value for key, value in rule.items() if key != "RuleArn"} for rule in OTHER_ACTION]
    with pytest.raises(UsageError, match=r"neither RuleArn nor ListenerArn.*--listener PORT"):
        replayed("two_listeners.log", without_arns, 80, 443)
    other = [{**rule, "RuleArn": rule["RuleArn"].replace("app/web/", "app/staging/")} for rule in OTHER_ACTION]
    with pytest.raises(UsageError, match=r"no rule is proposed\. .*--listener PORT"):
        replayed("only443.log", [], 80, 443)
    assert count(replayed("only443.log", [], 80, 443, port=443)) > 0
    with pytest.raises(UsageError, match="app/staging"):
        replayed("two_listeners.log", other, 80, 443)
    for rules in (without_arns, other):
        chosen = replayed("two_listeners.log", rules, 80, 443, port=443)
        assert set(chosen.changes["port"]) == {443}
        assert count(replayed("only443.log", rules, 443)) == 5, "the only listener needs no name"
    with pytest.raises(UsageError, match=r"no listener on port 8443\. It listens on 80, 443"):
        replayed("only443.log", OTHER_ACTION, 80, 443, port=8443)
    new = [*IDENTICAL, without_arns[0] | {"Priority": "5"}]
    assert count(replayed("only443.log", new, 80, 443)) == 5, "a rule without an ARN is for the listener of the others"
    with pytest.raises(UsageError, match="two proposed rules have the priority 10"):
        replayed("only443.log", [*IDENTICAL, without_arns[0]], 443)


def test_a_default_rule_that_is_not_given_stays() -> None:
    result = replayed("only443.log", IDENTICAL[:1], 443)
    assert count(result) == 0 and "default" in set(result.rules["priority"])


A, B = (f"arn:aws:elasticloadbalancing:eu-west-3:1:targetgroup/{name}/1" for name in ("a", "b"))


def forward(weights: dict[str, int], sticky: int | None = None) -> Raw:
    groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights.items()]
    config: Raw = {"TargetGroups": groups, "TargetGroupStickinessConfig": {"Enabled": bool(sticky)}}
    if sticky:
        config["TargetGroupStickinessConfig"]["DurationSeconds"] = sticky
    return {"Type": "forward", "ForwardConfig": config}


def redirect(**config: str) -> Raw:
    return {"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301"} | config}


def fixed(status: str, body: str = "") -> Raw:
    return {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": status, "MessageBody": body}}


def oidc(**config: Any) -> Raw:
    return {
        "Type": "authenticate-oidc",
        "Order": 1,
        "AuthenticateOidcConfig": {"Issuer": "https://id.example", **config},
    }


def rewrite(pattern: str, replacement: str) -> Raw:
    rewrites = [{"Regex": pattern, "Replace": replacement}]
    return {"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": rewrites}}


TO_A = {"Type": "forward", "TargetGroupArn": A}
PAIRS: dict[str, tuple[Any, Any, str]] = {
    "another target group": (TO_A, forward({B: 1}), "yes"),
    "the same group in the longer form": (TO_A, forward({A: 1}), "no"),
    "the same shares": (forward({A: 1, B: 1}), forward({A: 50, B: 50}), "no"),
    "other shares": (forward({A: 1, B: 1}), forward({A: 9, B: 1}), "yes"),
    "a group with weight 0": (TO_A, forward({A: 1, B: 0}), "no"),
    "stickiness among groups": (forward({A: 1, B: 1}), forward({A: 1, B: 1}, 60), "yes"),
    "stickiness of one group": (TO_A, forward({A: 1}, 60), "no"),
    "another status": (fixed("503"), fixed("404"), "yes"),
    "another body": (fixed("200", "old"), fixed("200", "new"), "yes"),
    "a redirect instead": (TO_A, redirect(Host="new.example.com"), "yes"),
    "another status of a redirect": (redirect(Host="x.com"), redirect(Host="x.com", StatusCode="HTTP_302"), "yes"),
    "the default of a redirect spelled out": (redirect(Host="x.com"), redirect(Host="x.com", Path="/#{path}"), "no"),
    "a redirect to the same place by other means": (
        redirect(Host="x.com", Path="/a"),
        redirect(Host="x.com", Path="/#{path}"),
        "no",
    ),
    "a redirect to another place": (redirect(Host="x.com", Path="/b"), redirect(Host="x.com", Path="/#{path}"), "yes"),
    "a redirect to HTTPS on an HTTPS listener": (
        redirect(Protocol="HTTPS", Host="x.com"),
        redirect(Protocol="#{protocol}", Host="x.com"),
        "no",
    ),
    "authentication before it": (TO_A, [oidc(), TO_A | {"Order": 2}], "yes"),
    "a default of authentication spelled out": (
        [oidc(), TO_A | {"Order": 2}],
        [oidc(OnUnauthenticatedRequest="authenticate", SessionTimeout="604800"), TO_A | {"Order": 2}],
        "no",
    ),
    "unauthenticated requests allowed": (
        [oidc(), TO_A | {"Order": 2}],
        [oidc(OnUnauthenticatedRequest="allow"), TO_A | {"Order": 2}],
        "yes",
    ),
    "an action that is new to esaws": (TO_A, {"Type": "mirror"}, "unknown"),
    "the same new action": ({"Type": "mirror"}, {"Type": "mirror"}, "no"),
}


def ruleset(actions: Any, priority: str = "7", transforms: tuple[Raw, ...] = ()) -> list[Raw]:
    condition = {"Field": "path-pattern", "Values": ["/a*"]}
    listed = copy.deepcopy(actions if isinstance(actions, list) else [actions])
    first = {"Priority": priority, "IsDefault": False, "Conditions": [condition], "Actions": listed}
    default = {"Priority": "default", "IsDefault": True, "Conditions": [], "Actions": [fixed("404")]}
    return [first | {"Transforms": list(transforms)}, default]


def changed(live: list[Raw], proposed: list[Raw], **request: Any) -> str:
    text = line({"path": "/a", **request}, port=443, scheme="https")
    return str(replay_rules(read_access_logs([("log", text.encode())]), live, proposed).requests["changed"][0])


@pytest.mark.parametrize("what", PAIRS)
def test_rules_are_compared_by_what_they_do(what: str) -> None:
    live, proposed, expected = PAIRS[what]
    assert changed(ruleset(live), ruleset(proposed, "9")) == expected
    assert changed(ruleset(proposed, "9"), ruleset(live)) == expected


def test_transforms_are_compared_by_what_reaches_the_target() -> None:
    to_b, same = rewrite("^/a", "/b"), rewrite("^/(a)", "/b")
    assert changed(ruleset(TO_A), ruleset(TO_A, transforms=(to_b,))) == "yes"
    assert changed(ruleset(TO_A, transforms=(same,)), ruleset(TO_A, transforms=(to_b,))) == "no"
    assert changed(ruleset(TO_A), ruleset(TO_A, transforms=(rewrite("^/z", "/b"),))) == "no", "it does not match"
    assert changed(ruleset(TO_A), ruleset(TO_A, transforms=(rewrite("(?<=a)", "b"),))) == "unknown"


def test_an_unknown_rule_is_a_change_only_where_the_possible_rules_do_something_else() -> None:
    beta = {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Beta", "Values": ["1"]}}

    def listener(of_beta: Raw, otherwise: Raw, priority: str = "1") -> list[Raw]:
        first = {"Priority": priority, "IsDefault": False, "Conditions": [beta], "Actions": [of_beta]}
        return [first, *ruleset(otherwise)]

    assert changed(listener(TO_A, forward({B: 1})), listener(forward({A: 3}), forward({B: 1}), "2")) == "no"
    assert changed(listener(TO_A, TO_A), ruleset(TO_A)) == "no", "whatever the header, it is the same target group"
    assert changed(listener(TO_A, TO_A), ruleset(forward({B: 1}))) == "yes"
    assert changed(listener(TO_A, forward({B: 1})), ruleset(TO_A)) == "unknown"
    text = line({"path": "/a"}, port=443, scheme="https")
    log = read_access_logs([("log", text.encode())])
    (change,) = replay_rules(log, listener(TO_A, forward({B: 1})), ruleset(TO_A)).to_dict()["changes"]
    assert (change["live"], change["live_action"], change["certain"]) == ("unknown", "", False)
