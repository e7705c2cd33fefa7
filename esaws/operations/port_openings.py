"""The ports of a deployment that are open to an address for a time: rules with an end in a tag."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, Self

from esaws.aws import tag_dict
from esaws.cloud import Cloud
from esaws.errors import NotDeployed, Refused, UsageError
from esaws.resource import Live
from esaws.resources.security_group import SecurityGroup
from esaws.resources.security_group_rule import SecurityGroupRule
from esaws.simulation import cloud_time
from esaws.timestamps import format_iso, format_utc, parse_timestamp

if TYPE_CHECKING:
    import pandas

OPENED_TAG = "esaws:opened"
OPEN_UNTIL_TAG = "esaws:open-until"


@dataclass(frozen=True)
class Opening:
    """A port of a security group that is open to an address; `until` is None where its tag can't be read."""

    group: str
    protocol: str
    port: int
    source: str
    opened: datetime | None
    until: datetime | None
    live: Live

    @property
    def name(self) -> str:
        return _rule_name(self.group, self.protocol, self.port, self.source)

    def is_over(self, now: datetime) -> bool:
        return self.until is not None and self.until <= now

    def to_dict(self) -> dict[str, Any]:
        """group, protocol, port, source, until (null where its tag can't be read)."""
        until = format_iso(self.until) if self.until else None
        return {
            "group": self.group,
            "protocol": self.protocol,
            "port": self.port,
            "source": self.source,
            "until": until,
        }


def open_ports(cloud: Cloud) -> pandas.DataFrame:
    """The ports of a deployment that are open for a time, the first to end first.

    Columns: group, protocol, port, source, until (text; `unknown` where its tag can't be read), over (bool).
    """
    import pandas

    now = cloud_time(cloud)
    rows = [
        (each.group, each.protocol, each.port, each.source, until_text(each), each.is_over(now))
        for each in list_openings(cloud)
    ]
    frame = pandas.DataFrame(rows, columns=["group", "protocol", "port", "source", "until", "over"])
    return frame.sort_values(["until", "group", "port", "source"], ignore_index=True)


def list_openings(cloud: Cloud) -> list[Opening]:
    """Return the rules that were opened for a time, from two describe calls."""
    groups = {live.id: live.name for live in SecurityGroup.list(cloud)}
    return [_opening(groups, live) for live in SecurityGroupRule.list(cloud) if OPEN_UNTIL_TAG in tags_of(live)]


@dataclass(frozen=True)
class Port:
    """The port of a group that is to be open to a source, or closed."""

    group: str
    group_id: str
    protocol: str
    port: int
    source: str

    @classmethod
    def find(cls, cloud: Cloud, group: str, protocol: str, port: int, source: str) -> Self:
        source = canonical_block(source)
        groups = {live.name: live.id for live in SecurityGroup.list(cloud)}
        if group not in groups:
            raise NotDeployed.among(f"security group {group} of {cloud.deployment} is not in {cloud.region}", groups)
        return cls(group, groups[group], protocol, port, source)

    @property
    def name(self) -> str:
        return _rule_name(self.group, self.protocol, self.port, self.source)

    def among(self, openings: Iterable[Opening]) -> Opening | None:
        return next((each for each in openings if each.name == self.name), None)

    def permanent_rule(self, cloud: Cloud) -> Live | None:
        """Return an inbound rule without an end that already opens the port to all of the source."""
        wanted: Any = ip_network(self.source)
        for live in SecurityGroupRule.list(cloud):
            fields, block = live.fields, live.raw.get("CidrIpv4") or live.raw.get("CidrIpv6")
            of_group = fields["group"] == self.group_id and fields["direction"] == "ingress"
            if not of_group or not block or OPEN_UNTIL_TAG in tags_of(live):
                continue
            allowed: Any = ip_network(block, strict=False)
            has_port = fields["protocol"] == self.protocol and fields["from_port"] <= self.port <= fields["to_port"]
            is_within = allowed.version == wanted.version and wanted.subnet_of(allowed)
            if is_within and (has_port or fields["protocol"] == "-1"):
                return live
        return None


def tags_of(live: Live) -> dict[str, str]:
    return tag_dict(live.raw.get("Tags"))


def _opening(groups: dict[str, str], live: Live) -> Opening:
    tags, fields = tags_of(live), live.fields
    return Opening(
        groups.get(fields["group"], fields["group"]),
        fields["protocol"],
        fields["from_port"],
        str(fields["peer"]),
        _timestamp(tags.get(OPENED_TAG)),
        _timestamp(tags.get(OPEN_UNTIL_TAG)),
        live,
    )


def _timestamp(text: str | None) -> datetime | None:
    try:
        return None if text is None else parse_timestamp(text)
    except ValueError:
        return None


def canonical_block(source: str) -> str:
    """Return the block as AWS stores it, without host bits."""
    try:
        network = ip_network(source, strict=False)
    except ValueError:
        raise UsageError(f"source {source!r} is not an address block; write it like 203.0.113.7/32") from None
    if network.prefixlen == 0:
        raise Refused(
            f"nothing was changed: {source} is everyone. Name the address that needs the port, such as 203.0.113.7/32; "
            "a port that is open to everyone belongs into the architecture"
        )
    return str(network)


def _rule_name(group: str, protocol: str, port: int, source: str) -> str:
    return f"{group} ingress {protocol} {port} {source}"


def until_text(opening: Opening) -> str:
    return format_utc(opening.until) if opening.until else "unknown"
