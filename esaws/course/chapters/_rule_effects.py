"""What the rules of a load balancer do with a request, as points of chapter 15."""

from __future__ import annotations

import re

from esaws.cloud import Cloud
from esaws.course.exercises import Point
from esaws.inspect.account import snapshot
from esaws.inspect.load_balancers import KEYS, LiveLoadBalancer, find_load_balancer
from esaws.inspect.routing.effects import describe_effect
from esaws.inspect.routing.request import Request
from esaws.inspect.routing.trace import RuleTrace, trace_rules

SITES, INTRUSION = "/sites-management-api", "/intrusion-management-api"
SITES_GROUP, INTRUSION_GROUP, WEB_GROUP = "sites-management-api-tg", "intrusion-api-tg", "client-web-ui-tg"
VISITOR = "192.0.2.77"
"""The address of a client that is not in the team's office."""


def find_balancer(cloud: Cloud) -> LiveLoadBalancer:
    return find_load_balancer(snapshot(cloud, *KEYS), cloud.aws_name("alb"))


def trace_path(load_balancer: LiveLoadBalancer, path: str, client: str = VISITOR) -> RuleTrace:
    """Trace a request to a path through the rules of the listener on port 80."""
    listener = load_balancer.listener(80)
    rules = load_balancer.rules(listener) if listener else []
    return trace_rules(rules, Request.for_url(f"http://seccom{path}", source_ip=client))


def effect_of(load_balancer: LiveLoadBalancer, path: str, client: str = VISITOR) -> str:
    """What a request gets: `forward to …`, `answer 503` (without its text), `unknown`."""
    found = trace_path(load_balancer, path, client)
    effect = describe_effect(found.rule) if found.rule else found.outcome
    return re.sub(r"^(answer \d+).*", r"\1", effect, flags=re.DOTALL)


class Effects:
    """Points about what requests get from the rules of a cloud."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.load_balancer = find_balancer(cloud)

    def forwarded(self, path: str, group: str, client: str = VISITOR, *, is_needed: bool = False) -> Point:
        """Whether a request goes to a target group."""
        return self._point(path, f"forward to {self.cloud.aws_name(group)}", client, is_needed)

    def answered(self, path: str, status: int, *, is_needed: bool = False) -> Point:
        """Whether the load balancer itself answers."""
        return self._point(path, f"answer {status}", VISITOR, is_needed)

    def _point(self, path: str, expected: str, client: str, is_needed: bool) -> Point:
        found = effect_of(self.load_balancer, path, client)
        short = {text: text.replace(f"{self.cloud.deployment}-", "") for text in (expected, found)}
        return Point(
            f"{path} from {client}: {short[expected]}",
            found == expected,
            f"{path} from {client}: {short[found]}",
            f'inspect.trace(cloud, "http://seccom{path}", source_ip="{client}")',
            is_needed=is_needed,
        )
