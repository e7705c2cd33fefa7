"""Open a port to an address for a time, and close it.

The end is kept in a tag of the rule, so that any later run closes what is over. Nothing closes it by itself.
A deploy shows such a rule as foreign and keeps it.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import partial
from ipaddress import ip_network
from typing import Literal

from esaws.aws import tag_list
from esaws.cloud import Cloud
from esaws.deploy.steps import Step, StepPlan
from esaws.durations import humanize
from esaws.errors import UsageError
from esaws.operations.checks import Check
from esaws.operations.port_openings import (
    OPEN_UNTIL_TAG,
    OPENED_TAG,
    Opening,
    Port,
    list_openings,
    until_text,
)
from esaws.resource import Live
from esaws.resources.security_group_rule import SecurityGroupRule
from esaws.simulation import cloud_time
from esaws.timestamps import format_iso, format_utc

PortAction = Literal["open", "close", "close_expired"]

LONGEST = timedelta(days=30)
"""A port that is needed for longer belongs into the architecture."""

CONNECTIONS_STAY = "connections that are open stay open until they end; new ones are refused"
"""https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html"""

_EXACT = (
    (timedelta(minutes=1), timedelta(hours=1)),
    (timedelta(hours=1), timedelta(days=2)),
    (timedelta(days=1), timedelta.max),
)
"""The unit and the limit of what `humanize` writes exactly."""
_NOT_IN_DESCRIPTIONS = re.compile(r"[^A-Za-z0-9 ._\-:/()#,@\[\]+=&;{}!$*]")
_DESCRIPTION_LIMIT = 255


def plan_port(
    cloud: Cloud,
    action: PortAction,
    group: str,
    port: int,
    source: str,
    duration: timedelta,
    *,
    protocol: str = "tcp",
    note: str = "",
) -> StepPlan:
    """Plan to open or close a port of a security group, and to close every port whose time is over.

    `group` is the group's reference name, `source` an address block, and `duration` counts from the opening: the same
    one again changes nothing, a longer one extends. `close_expired` closes only what is over. A port that a permanent
    rule opens to the source is not opened again, and a permanent rule is not removed.

    Raises:
        Refused: it would be open to everyone.
        NotDeployed: the deployment has no security group of that name.
        UsageError: the source is not an address block, or the duration is 0 or longer than 30 days.
        LocalNotRunning, WrongAccount: the local AWS does not run, or the account is another one.
    """
    cloud.check()
    now, openings = cloud_time(cloud), list_openings(cloud)
    closing = [each for each in openings if each.is_over(now)]
    opening: Step | None = None
    remarks: list[str] = []
    if action != "close_expired":
        wanted = Port.find(cloud, group, protocol, port, source)
        _require_short(duration)
        present = wanted.among(each for each in openings if each not in closing)
        permanent = wanted.permanent_rule(cloud)
        if permanent is not None:
            remarks.append(_permanent_text(permanent, wanted.source))
        if action == "close":
            closing += [present] if present else []
        elif present is not None:
            opening = _extend_step(cloud, present, duration, note)
        elif permanent is None:
            opening = _open_step(cloud, wanted, duration, note)
    if closing:
        remarks.append(CONNECTIONS_STAY)
    steps = [*(_close_step(cloud, each) for each in closing), *([opening] if opening else [])]
    return StepPlan(cloud, f"{action} port", tuple(steps), tuple(remarks))


def verify_port(
    cloud: Cloud, action: PortAction, group: str, port: int, source: str, *, protocol: str = "tcp"
) -> list[Check]:
    """Check that the port is open, or closed, and that no port is open longer than agreed."""
    now, openings = cloud_time(cloud), list_openings(cloud)
    checks = [_none_over(openings, now)]
    if action == "close_expired":
        return checks
    wanted = Port.find(cloud, group, protocol, port, source)
    present, permanent = wanted.among(openings), wanted.permanent_rule(cloud)
    by_others = _permanent_text(permanent, wanted.source) if permanent is not None else ""
    found = f"open until {until_text(present)}" if present else by_others or "no such rule"
    if action == "close":
        statement, holds = f"{wanted.name} is not open for a time", present is None
    else:
        statement, holds = f"{wanted.name} is open", present is not None or permanent is not None
    return [Check(statement, holds, found, "run the same again"), *checks]


def _none_over(openings: list[Opening], now: datetime) -> Check:
    statement = "no port is open longer than agreed"
    if over := [each.name for each in openings if each.is_over(now)]:
        return Check(statement, False, f"over: {', '.join(over)}", "run it with the action close_expired")
    if unreadable := [each.name for each in openings if each.until is None]:
        next_step = f"correct the tag {OPEN_UNTIL_TAG} of the rule, or delete the rule"
        return Check(statement, None, f"the end of {', '.join(unreadable)} can't be read", next_step)
    return Check(statement, True, f"{len(openings)} open for a time")


# -- steps -----------------------------------------------------------------------------------------------------------


def _close_step(cloud: Cloud, opening: Opening) -> Step:
    before = f"open until {until_text(opening)}"
    return Step(
        SecurityGroupRule.kind, opening.name, before, "closed", lambda: SecurityGroupRule.delete(cloud, opening.live)
    )


def _open_step(cloud: Cloud, wanted: Port, length: timedelta, note: str) -> Step:
    # The text has no time of day: a plan that is approved minutes later is still the same plan.
    act = partial(_open, cloud, wanted, length, note)
    return Step(SecurityGroupRule.kind, wanted.name, "closed", f"open for {_duration_text(length)}", act)


def _extend_step(cloud: Cloud, present: Opening, length: timedelta, note: str) -> Step | None:
    """Return the step that extends an opening, or None if it is not longer."""
    until = (present.opened or cloud_time(cloud)) + length
    if present.until is not None and until <= present.until:
        return None
    act = partial(_extend, cloud, present, until, note)
    return Step(
        SecurityGroupRule.kind,
        present.name,
        f"open until {until_text(present)}",
        f"open until {format_utc(until)}",
        act,
    )


def _open(cloud: Cloud, wanted: Port, length: timedelta, note: str) -> None:
    opened = cloud_time(cloud)
    until = opened + length
    family, block = ("IpRanges", "CidrIp") if ip_network(wanted.source).version == 4 else ("Ipv6Ranges", "CidrIpv6")
    tags = {OPENED_TAG: format_iso(opened), OPEN_UNTIL_TAG: format_iso(until), "Name": f"{cloud.deployment}: temporary"}
    permission = {
        "IpProtocol": wanted.protocol,
        "FromPort": wanted.port,
        "ToPort": wanted.port,
        family: [{block: wanted.source, "Description": _description(until, note)}],
    }
    cloud.client("ec2").authorize_security_group_ingress(
        GroupId=wanted.group_id,
        IpPermissions=[permission],
        TagSpecifications=[{"ResourceType": "security-group-rule", "Tags": tag_list(tags)}],
    )


def _extend(cloud: Cloud, present: Opening, until: datetime, note: str) -> None:
    """Change the description, then the tag: only the tag decides, so an interrupted change is made again."""
    ec2, raw = cloud.client("ec2"), present.live.raw
    peer = {key: raw[key] for key in ("CidrIpv4", "CidrIpv6") if raw.get(key)}
    rule = {"IpProtocol": present.protocol, "FromPort": present.port, "ToPort": present.port, **peer}
    rule["Description"] = _description(until, note)
    ec2.modify_security_group_rules(
        GroupId=raw["GroupId"],
        SecurityGroupRules=[{"SecurityGroupRuleId": present.live.id, "SecurityGroupRule": rule}],
    )
    tags = {OPENED_TAG: format_iso(present.opened or cloud_time(cloud)), OPEN_UNTIL_TAG: format_iso(until)}
    ec2.create_tags(Resources=[present.live.id], Tags=tag_list(tags))


# -- text ------------------------------------------------------------------------------------------------------------


def _permanent_text(live: Live, source: str) -> str:
    return f"a rule without an end opens it to {source} already: {live.name}"


def _require_short(length: timedelta) -> None:
    if not timedelta(0) < length <= LONGEST:
        raise UsageError(
            f"a port can't be opened for {_duration_text(length)}: choose more than 0 and at most 30 days; "
            "a port that is needed for longer belongs into the architecture"
        )


def _duration_text(length: timedelta) -> str:
    """The duration in words where `humanize` is exact, else as days and h:mm:ss."""
    is_exact = any(not length % unit and length < limit for unit, limit in _EXACT)
    return humanize(length) if is_exact else str(length)


def _description(until: datetime, note: str) -> str:
    text = f"open until {format_utc(until)}" + (f", {note}" if note else "")
    return _NOT_IN_DESCRIPTIONS.sub("-", text)[:_DESCRIPTION_LIMIT]
