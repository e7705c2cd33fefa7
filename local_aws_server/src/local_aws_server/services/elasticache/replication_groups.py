"""The places of a replication group's nodes."""

from __future__ import annotations

from typing import Any

from local_aws_server.call import Call
from local_aws_server.hooks import after
from local_aws_server.services.elasticache.lifecycle import GROUPS

_MOTO_REGION, _MOTO_ABBREVIATION = "us-east-1", "use1"


@after("elasticache", *GROUPS.result_members)
def correct_places(call: Call) -> None:
    """Replace the region that moto writes into zones and addresses."""
    area, direction, number = call.region.rsplit("-", 2)
    abbreviation = area.replace("-", "") + direction[0] + number
    groups = call.result[GROUPS.result_members[call.operation]]
    for group in groups if isinstance(groups, list) else [groups]:
        _replace(group, f".{_MOTO_ABBREVIATION}.", f".{abbreviation}.")
        _replace(group, _MOTO_REGION, call.region)
        if group.get("SnapshotWindow") == "05:00-6:00":
            group["SnapshotWindow"] = "05:00-06:00"


def _replace(value: Any, old: str, new: str) -> None:
    """Replace text in all strings of a description but its ARNs."""
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    for key, entry in list(entries):
        if isinstance(entry, dict | list):
            _replace(entry, old, new)
        elif isinstance(entry, str) and key != "ARN":
            value[key] = entry.replace(old, new)
