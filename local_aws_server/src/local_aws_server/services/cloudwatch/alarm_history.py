"""Keep the history of alarms: what was put or deleted, which state followed, and which actions were called.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.clock.clock import CLOCK

_HISTORY_SECONDS = 30 * 86400.0


def alarm_history(backends: Backends) -> list[dict[str, Any]]:
    """Return the history of all alarms in the last 30 days, including deleted ones, the oldest first."""
    history: list[dict[str, Any]] = sidecar(backends.backend("cloudwatch")).setdefault("alarm_history", [])
    return history


def record_configuration(backends: Backends, alarm: Any, kind: str) -> None:
    """Add to the history that an alarm was put or deleted; `kind` is `Create`, `Update` or `Delete`."""
    summary = f'Alarm "{alarm.name}" {kind.lower().removesuffix("e")}ed'
    add_history_item(backends, alarm, "ConfigurationUpdate", summary, {"version": "1.0", "type": kind})


def add_history_item(backends: Backends, alarm: Any, kind: str, summary: str, data: dict[str, Any]) -> None:
    """Add to the history of an alarm: a ConfigurationUpdate, StateUpdate or Action."""
    now, history = CLOCK.now(), alarm_history(backends)
    history.append(
        {
            "AlarmName": alarm.name,
            "AlarmType": "CompositeAlarm" if alarm.rule else "MetricAlarm",
            "Timestamp": datetime.fromtimestamp(now, UTC),
            "HistoryItemType": kind,
            "HistorySummary": summary,
            "HistoryData": json.dumps(data),
        }
    )
    oldest = datetime.fromtimestamp(now - _HISTORY_SECONDS, UTC)
    while history[0]["Timestamp"] < oldest:
        history.pop(0)
