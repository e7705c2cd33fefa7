"""Save what the inspectors need of an account as a folder of answers, without secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any

from botocore.exceptions import ClientError

from esaws.cloud import Cloud
from esaws.errors import Refused
from esaws.inspect.calls import CloudCalls, Raw
from esaws.inspect.fetch import fetch_all
from esaws.inspect.snapshots.files import SNAPSHOT_FILE
from esaws.inspect.snapshots.operations import OPERATIONS, Operation
from esaws.inspect.snapshots.secrets import without_secrets


@dataclass(frozen=True)
class SavedSnapshot:
    """What was written: the names of the files, and the reason for each key that could not be fetched."""

    folder: Path
    account: str
    region: str
    files: tuple[str, ...]
    missing: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Return folder, account, region, files (their number) and missing (key → reason)."""
        return {
            "folder": str(self.folder),
            "account": self.account,
            "region": self.region,
            "files": len(self.files),
            "missing": dict(sorted(self.missing.items())),
        }

    def __str__(self) -> str:
        lines = [f"{self.folder}: {len(self.files)} answers of account {self.account} in {self.region}"]
        lines += [f"{key} are unknown: {reason}" for key, reason in sorted(self.missing.items())]
        return "\n".join(lines)


def save_snapshot(cloud: Cloud, folder: str | Path) -> SavedSnapshot:
    """Save the answers of all describe calls that the inspectors need, one file a call, without secrets.

    The files are as the AWS CLI prints them; `snapshot(folder)` reads them. The same account gives the same bytes. An
    earlier snapshot in the folder is replaced; its other files stay. A call that AWS denies is saved with its error.

    Raises:
        Refused: the folder has files, and is not a snapshot.
        LocalNotRunning: the target is the local AWS and none runs.
        WrongAccount: the credentials belong to another account.
        OSError: the folder can't be written.
    """
    folder = Path(folder)
    earlier = _files_of_earlier(folder)
    account = cloud.check()
    calls = RecordedCalls(cloud)
    fetcher = fetch_all(calls)
    contents = {name: _to_json(without_secrets(answer)) for name, answer in calls.answers.items()}
    names = sorted(contents)
    folder.mkdir(parents=True, exist_ok=True)
    for name in earlier:
        (folder / name).unlink(missing_ok=True)
    for name in names:
        (folder / name).write_text(contents[name], encoding="utf-8")
    about = {"account": account, "region": cloud.region, "files": names}
    (folder / SNAPSHOT_FILE).write_text(_to_json(about), encoding="utf-8")
    return SavedSnapshot(folder, account, cloud.region, tuple(names), fetcher.missing)


def _files_of_earlier(folder: Path) -> list[str]:
    """The files of a snapshot that is in the folder already. Raises Refused if other files are."""
    if not folder.exists() or not any(folder.iterdir()):
        return []
    try:
        about = json.loads((folder / SNAPSHOT_FILE).read_text(encoding="utf-8"))
        return [name for name in about["files"] if re.fullmatch(r"[\w.-]+\.json", name)]
    except (OSError, ValueError, KeyError, TypeError):
        raise Refused(
            f"{folder}: has files and is not a snapshot; nothing was written. Choose an empty folder"
        ) from None


def _to_json(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True, default=_to_text, ensure_ascii=False) + "\n"


def _to_text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


class RecordedCalls(CloudCalls):
    """Calls AWS, and records the answers by the names of their files."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.answers: dict[str, Raw] = {}
        self._lock = Lock()

    def pages(self, service: str, operation: str, result: str, **parameters: Any) -> Iterator[Any]:
        asked = OPERATIONS[f"{service} {operation}"]
        items = []
        try:
            items = list(super().pages(service, operation, result, **parameters))
        except ClientError as error:
            self._record(asked, parameters, {"Error": _error(error)})
            raise
        self._record(asked, parameters, {result: items})
        yield from items

    def call(self, service: str, operation: str, **parameters: Any) -> Raw:
        asked = OPERATIONS[f"{service} {operation}"]
        try:
            response = super().call(service, operation, **parameters)
        except ClientError as error:
            self._record(asked, parameters, {"Error": _error(error)})
            raise
        dropped = {"ResponseMetadata", "NextToken", "nextToken", "NextMarker", "Marker"}
        self._record(asked, parameters, {key: value for key, value in response.items() if key not in dropped})
        return response

    def _record(self, operation: Operation, parameters: Raw, answer: Raw) -> None:
        """Keep an answer, together with others of the same call and parent. Of list calls ECS's descriptions do."""
        answer = {key: _without_moving_times(value) for key, value in answer.items()}
        with self._lock:
            if operation.lists and "Error" not in answer:
                operation = OPERATIONS[operation.lists]
                answer = {operation.result: []}
            name = self._file(operation, parameters)
            known = self.answers.setdefault(name, {})
            for key, value in answer.items():
                if known.get(key) and isinstance(value, list):
                    known[key] = [*known[key], *(item for item in value if item not in known[key])]
                else:
                    known[key] = value

    def _file(self, operation: Operation, parameters: Raw) -> str:
        """The name of the file: service, operation, and the name of the parent where the call has one."""
        name = f"{operation.cli_service}-{operation.cli_name}"
        parent = str(parameters.get(operation.parent, "")) if operation.parent else ""
        if parent:
            name += f".{self._parent_name(operation, parent)}"
        return f"{name}.json"

    @staticmethod
    def _parent_name(operation: Operation, parent: str) -> str:
        parts = parent.split("/")
        if operation.parent == "TargetGroupArn":
            return parts[1]
        if operation.parent == "LoadBalancerArn":
            return parts[2]
        if operation.parent == "ListenerArn":
            return f"{parts[2]}.{parts[-1]}"
        return re.sub(r"[^\w.-]+", "-", parts[-1] if parent.startswith("arn:") else parent)


def _without_moving_times(value: Any) -> Any:
    """An answer without the members that change although nothing was changed."""
    if isinstance(value, dict):
        return {key: _without_moving_times(item) for key, item in value.items() if key != "LatestRestorableTime"}
    return [_without_moving_times(item) for item in value] if isinstance(value, list) else value


def _error(error: ClientError) -> dict[str, str]:
    return {"Code": error.response["Error"]["Code"], "Message": error.response["Error"].get("Message", "")}
