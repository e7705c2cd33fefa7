"""Keep the history of alarms: what was put or deleted, which state followed, and which actions were called.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.history import History

_MEMBERS = ("AlarmName", "AlarmType", "HistoryItemType", "HistorySummary", "HistoryData")
_HISTORY_SECONDS = 30 * 86400.0


def alarm_history(backends: Backends) -> list[dict[str, Any]]:
    """Return the history of all alarms in the last 30 days, including deleted ones, the oldest first."""
    return [
        {"Timestamp": datetime.fromtimestamp(time, UTC), **dict(zip(_MEMBERS, values, strict=True))}
        for time, *values in _history(backends).since(CLOCK.now() - _HISTORY_SECONDS)
    ]


def _history(backends: Backends) -> History:
    """Return the history of all alarms; each record has the time and the other members of an item."""
    notes = sidecar(backends.backend("cloudwatch"))
    if "alarm_items" not in notes:
        notes["alarm_items"] = History(_HISTORY_SECONDS)
        _append(notes["alarm_items"], notes.pop("alarm_history", ()))  # of a file of an older version
    history: History = notes["alarm_items"]
    return history


def _append(history: History, items: Iterable[dict[str, Any]]) -> None:
    for item in items:
        history.append((item["Timestamp"].timestamp(), *(item[name] for name in _MEMBERS)))


def record_configuration(backends: Backends, alarm: Any, kind: str) -> None:
    """Add to the history that an alarm was put or deleted; `kind` is `Create`, `Update` or `Delete`."""
    summary = f'Alarm "{alarm.name}" {kind.lower().removesuffix("e")}ed'
    add_history_item(backends, alarm, "ConfigurationUpdate", summary, {"version": "1.0", "type": kind})


def add_history_item(backends: Backends, alarm: Any, kind: str, summary: str, data: dict[str, Any]) -> None:
    """Add to the history of an alarm: a ConfigurationUpdate, StateUpdate or Action."""
    item = {
        "AlarmName": alarm.name,
        "AlarmType": "CompositeAlarm" if alarm.rule else "MetricAlarm",
        "Timestamp": datetime.fromtimestamp(CLOCK.now(), UTC),
        "HistoryItemType": kind,
        "HistorySummary": summary,
        "HistoryData": json.dumps(data),
    }
    _append(_history(backends), [item])
