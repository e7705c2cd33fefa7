"""Which target group and which target receive a request: weights, stickiness, the algorithm, slow start."""

from __future__ import annotations

import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from esaws.data_plane.load_balancer import stickiness
from esaws.data_plane.load_balancer.configuration import Configuration, Target, TargetGroup
from esaws.data_plane.load_balancer.stickiness import Sealer
from esaws.data_plane.load_balancer.turns import Turns
from esaws.inspect.routing.actions import forward_weights
from esaws.inspect.routing.rules import RoutingRule
from esaws.inspect.routing.targets import TargetKey, in_slow_start

_ALGORITHM = "load_balancing.algorithm.type"
_LEAST_WEIGHT = 0.01
"""The share of a target at the start of its slow start: it grows from almost nothing."""


@dataclass(frozen=True)
class Choice:
    """Where a request is sent. Without a group or a target the load balancer answers 503."""

    group: TargetGroup | None
    target: Target | None
    cookies: tuple[str, ...] = ()
    """Set-Cookie headers that keep the client at the target group."""


class TargetChooser:
    """Chooses targets; what it remembers of earlier choices survives a new configuration."""

    def __init__(self, sealer: Sealer, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.sealer = sealer
        self.seconds = seconds
        self.open: Counter[tuple[str, TargetKey]] = Counter()
        """The requests that each target has not answered yet."""
        self._clock = clock
        self._groups: defaultdict[str, Turns[str]] = defaultdict(Turns)
        self._targets: defaultdict[tuple[str, str], Turns[TargetKey]] = defaultdict(Turns)
        self._warm: dict[str, set[TargetKey]] = {}
        self._started: dict[str, dict[TargetKey, float]] = {}

    def choose(
        self, configuration: Configuration, rule: RoutingRule, zone: str, cookies: Mapping[str, str], *, secure: bool
    ) -> Choice:
        """Return where a forward action sends a request that a node in a zone received."""
        group, set_cookies = self._group(configuration, rule, cookies, secure=secure)
        if group is None:
            return Choice(None, None)
        return Choice(group, self._target(group, zone, cookies), set_cookies)

    def follow(self, configuration: Configuration) -> None:
        """Note which targets begin or end their slow start.

        A target that joins a group begins it when it is first healthy, unless no other target of the group is warm.

        https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html#slow-start-mode
        """
        now = self._clock()
        for arn, group in configuration.groups.items():
            registered = {key for key, target in group.targets.items() if target.state in ("healthy", "unhealthy")}
            healthy = [key for key in registered if group.targets[key].state == "healthy"]
            if arn not in self._warm:
                self._warm[arn], self._started[arn] = set(registered), {}
                continue
            duration = self._slow_start(group)
            started = {key: at for key, at in self._started[arn].items() if key in registered and now < at + duration}
            warm = (self._warm[arn] | self._started[arn].keys() - started.keys()) & registered
            new = [key for key in healthy if key not in warm and key not in started]
            slow = new if in_slow_start(int(duration > 0), map(str, warm & set(healthy)), map(str, new)) else []
            self._started[arn] = started | dict.fromkeys(slow, now)
            self._warm[arn] = warm | set(new) - set(slow)

    def _group(
        self, configuration: Configuration, rule: RoutingRule, cookies: Mapping[str, str], *, secure: bool
    ) -> tuple[TargetGroup | None, tuple[str, ...]]:
        action = rule.actions[-1]
        weights = {arn: weight for arn, weight in forward_weights(action).items() if arn in configuration.groups}
        sticky = _group_stickiness(action)
        arn = stickiness.sticky_group(self.sealer, cookies) if sticky else None
        if arn not in weights:
            if not any(weights.values()):
                return None, ()
            arn = next(iter(weights)) if len(weights) == 1 else self._groups[rule.arn].next(weights)
        group = configuration.groups[arn]
        if not sticky:
            return group, ()
        duration = float(sticky["DurationSeconds"]) * self.seconds
        return group, tuple(stickiness.group_cookies(self.sealer, group, duration, secure=secure))

    def _target(self, group: TargetGroup, zone: str, cookies: Mapping[str, str]) -> Target | None:
        targets = group.eligible(zone)
        if not targets:
            return None
        if cookies and (sticky := stickiness.sticky_target(self.sealer, group, cookies)):
            for target in targets:
                if stickiness.sticky_value(group, target) == sticky:
                    return target
        match group.setting(_ALGORITHM, "round_robin"):
            case "least_outstanding_requests":
                least = min(self.open[group.arn, target.key] for target in targets)
                candidates = {target.key: 1.0 for target in targets if self.open[group.arn, target.key] == least}
            case "weighted_random":
                return random.choice(targets)
            case _:
                candidates = {target.key: self._share(group, target.key) for target in targets}
        return group.targets[self._targets[group.arn, zone].next(candidates)]

    def _share(self, group: TargetGroup, key: TargetKey) -> float:
        """Return the weight of a target: it grows linearly in its slow start."""
        begun = self._started.get(group.arn, {}).get(key)
        if begun is None:
            return 1.0
        duration = self._slow_start(group)
        return min(1.0, max(_LEAST_WEIGHT, (self._clock() - begun) / duration)) if duration else 1.0

    def _slow_start(self, group: TargetGroup) -> float:
        return float(group.setting("slow_start.duration_seconds", "0")) * self.seconds


def _group_stickiness(action: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the stickiness of a forward action; empty where it is off."""
    sticky: Mapping[str, Any] = (action.get("ForwardConfig") or {}).get("TargetGroupStickinessConfig") or {}
    return sticky if sticky.get("Enabled") else {}
