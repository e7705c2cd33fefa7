"""The ledger of calls: every request to AWS, with its secrets removed, as a frame and as AWS CLI lines."""

import json
import re
import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore import xform_name
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape
from botocore.session import Session

if TYPE_CHECKING:
    import pandas

SECRET = "***"

# botocore marks most secrets as sensitive; RDS, MQ and SSM of older models do not.
_SECRET_NAME = re.compile(r"password|secret|authtoken|authorizationtoken", re.IGNORECASE)

_CLI_COMMAND = {"s3": "s3api"}
_READS = ("Describe", "List", "Get", "Head", "BatchGet", "BatchCheck")


@dataclass(frozen=True)
class Call:
    """One request: what was asked, how long it took in seconds, and `OK` or AWS's error code."""

    service: str
    operation: str
    parameters: dict[str, Any]
    seconds: float
    code: str

    @property
    def changes(self) -> bool:
        """Whether the operation may change something, judged by the verb that AWS gave it."""
        return not self.operation.startswith(_READS)

    def cli(self) -> str:
        """The same request as a line of the AWS CLI; secrets stay masked."""
        words = ["aws", _CLI_COMMAND.get(self.service, self.service), xform_name(self.operation, "-")]
        for name, value in self.parameters.items():
            option = xform_name(name, "-")
            if isinstance(value, bool):
                words.append(f"--{option}" if value else f"--no-{option}")
            elif isinstance(value, list) and value and all(isinstance(item, str) for item in value):
                words += [f"--{option}", *map(shlex.quote, value)]
            elif isinstance(value, dict | list):
                words += [f"--{option}", shlex.quote(json.dumps(value, default=str))]
            else:
                words += [f"--{option}", shlex.quote(str(value))]
        return " ".join(words)


class Ledger:
    """Every call made through one cloud, in the order of their answers."""

    def __init__(self) -> None:
        self._calls: list[Call] = []

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[Call]:
        return iter(list(self._calls))

    def __getitem__(self, index: slice) -> list[Call]:
        return self._calls[index]

    def to_frame(self) -> "pandas.DataFrame":
        """One row a call: service, operation, parameters (dict), seconds, code."""
        import pandas

        columns = ["service", "operation", "parameters", "seconds", "code"]
        return pandas.DataFrame([[getattr(call, column) for column in columns] for call in self], columns=columns)

    def changes(self) -> "pandas.DataFrame":
        """How often each changing operation was called: service, operation, calls; sorted by name."""
        calls = self.to_frame()
        calls = calls[[call.changes for call in self]]
        return calls.groupby(["service", "operation"]).size().rename("calls").reset_index()

    def cli(self) -> list[str]:
        """The calls that change something, as lines of the AWS CLI."""
        return [call.cli() for call in self if call.changes]

    def watch(self, session: Session) -> None:
        """Record what every client of `session` asks from now on."""
        session.register("before-parameter-build", self._asked)
        session.register("after-call", self._answered)
        session.register("after-call-error", self._failed)

    def _asked(self, params: dict[str, Any], model: OperationModel, context: dict[str, Any], **_: Any) -> None:
        context["esaws"] = (model, _masked(params, model.input_shape), time.perf_counter())

    def _answered(self, parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        self._record(context, parsed.get("Error", {}).get("Code") or "OK")

    def _failed(self, exception: Exception, context: dict[str, Any], **_: Any) -> None:
        self._record(context, type(exception).__name__)

    def _record(self, context: dict[str, Any], code: str) -> None:
        model, parameters, started = context["esaws"]
        service = _client_name(model)
        self._calls.append(Call(service, model.name, parameters, time.perf_counter() - started, code))


def _client_name(model: OperationModel) -> str:
    """The name under which boto3 and the AWS CLI know the service: `elbv2`, not `elasticloadbalancing`."""
    return model.service_model.service_name


def _masked(value: Any, shape: Shape | None, name: str = "") -> Any:
    secret = _SECRET_NAME.search(name) is not None or bool(shape is not None and shape.metadata.get("sensitive"))
    if secret and isinstance(value, str | bytes):
        return SECRET
    if isinstance(value, dict) and isinstance(shape, StructureShape):
        return {key: _masked(item, shape.members.get(key), key) for key, item in value.items()}
    if isinstance(value, dict) and isinstance(shape, MapShape):
        return {key: _masked(item, shape.value, key) for key, item in value.items()}
    if isinstance(value, list | tuple) and isinstance(shape, ListShape):
        return [_masked(item, shape.member, name) for item in value]
    if isinstance(value, bytes):
        return f"({len(value)} bytes)"
    return value
