"""The record of a run: one JSON file, rewritten after each step, that outlives the kernel."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import socket
import time
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from esaws.files import journal_folder, write_atomically
from esaws.masking import mask_json
from esaws.process_identity import start_of

SCHEMA = 1
"""The version of the keys; docs/run_records.md documents them."""

STATUSES = (
    "running",
    "done",
    "nothing_to_do",
    "planned",
    "awaiting_approval",
    "refused",
    "failed",
    "interrupted",
)
EXIT_CODES = {"done": 0, "nothing_to_do": 0, "planned": 0, "awaiting_approval": 3, "refused": 3, "interrupted": 143}


def new_record(id: str, runbook: str) -> dict[str, Any]:
    """Return the record of a run that begins: every key of the schema, with nothing done yet."""
    return {
        "schema": SCHEMA,
        "id": id,
        "runbook": runbook,
        "notebook": None,
        "output": None,
        "status": "running",
        "exit_code": None,
        "error": None,
        "operator": None,
        "ticket": None,
        "reason": None,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "process_start": start_of(),
        "started": None,
        "ended": None,
        "seconds": 0.0,
        "target": None,
        "account": None,
        "region": None,
        "deployment": None,
        "parameters": {},
        "steps": [],
        "found": {},
        "plans": [],
        "checks": [],
        "changed": [],
        "left": {},
        "counts": {"planned": 0, "done": 0, "checks_passed": 0, "checks_failed": 0},
        "usd": {"month_before": None, "month_after": None},
        "calls": 0,
        "changing_calls": 0,
        "actions": [],
        "notification": None,
    }


def run_id(name: str) -> str:
    """Return the id of a run that begins now: time, notebook and process, sortable by time."""
    return f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{name}-{os.getpid()}"


def record_path(id: str) -> Path:
    """Return the file of a record: the one that the runner chose, else one in the folder of the journals."""
    chosen = os.environ.get("ESAWS_RUN_RECORD")
    return Path(chosen) if chosen else journal_folder() / f"{id}.json"


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Write a record in one step, with registered secrets masked."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(mask_json(to_json(record)), indent=2, ensure_ascii=False) + "\n")


def to_json(value: Any) -> Any:
    """Return what a step found as JSON data: results by their `to_dict()`, frames as lists of rows."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if hasattr(value, "to_json") and hasattr(value, "columns"):  # a frame
        return json.loads(value.to_json(orient="records", date_format="iso"))
    if hasattr(value, "to_dict"):
        return to_json(value.to_dict())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_json(item) for item in value]
    return str(value)
