"""The call log: every request to AWS with its secrets masked, as a frame and as AWS CLI commands."""

from __future__ import annotations

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

from esaws._display import html_table, rich_table
from esaws.masking import MASK, register_secret

if TYPE_CHECKING:
    import pandas
    from rich.console import RenderableType

# botocore marks most secrets as sensitive, but not those of RDS, MQ and older models of SSM.
_SECRET_NAME = re.compile(r"password|secret|authtoken|authorizationtoken", re.IGNORECASE)

_SECRET_VALUE = re.compile(r"(password|secretstring|secretbinary|authtoken|secretaccesskey)$", re.IGNORECASE)
"""Members that hold a secret itself, not the name or the ARN of one."""

_CLI_COMMAND = {"s3": "s3api"}
READ_VERBS = ("Describe", "List", "Get", "Head", "Lookup", "BatchGet", "BatchCheck", "Simulate", "View")
"""How the names of operations and IAM actions begin that change nothing."""


@dataclass(frozen=True)
class Call:
    """One request: its masked parameters, its duration in seconds, and `OK` or AWS's error code."""

    service: str
    operation: str
    parameters: dict[str, Any]
    seconds: float
    code: str

    @property
    def changes(self) -> bool:
        """Whether the operation may change resources, judged by the verb in its name."""
        return not self.operation.startswith(READ_VERBS)

    def cli(self) -> str:
        """Return the request as an AWS CLI command. Secrets stay masked."""
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


class CallLog:
    """Every call made through one cloud, in the order of their responses."""

    def __init__(self) -> None:
        self._calls: list[Call] = []

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[Call]:
        return iter(list(self._calls))

    def __getitem__(self, index: slice) -> list[Call]:
        return self._calls[index]

    def clear(self) -> None:
        """Forget the calls, in a program that runs for days."""
        self._calls.clear()

    def to_frame(self) -> pandas.DataFrame:
        """Return one row per call: service, operation, parameters (dict), seconds, code."""
        import pandas

        columns = ["service", "operation", "parameters", "seconds", "code"]
        return pandas.DataFrame([[getattr(call, column) for column in columns] for call in self], columns=columns)

    def changes(self) -> pandas.DataFrame:
        """Return one row per changing operation: service, operation, calls; sorted by name."""
        calls = self.to_frame()
        calls = calls[[call.changes for call in self]]
        return calls.groupby(["service", "operation"]).size().rename("calls").reset_index()

    def __repr__(self) -> str:
        return f"{len(self)} calls, {sum(call.changes for call in self)} of them changes"

    def _repr_html_(self) -> str:
        return html_table(repr(self), self._counts())

    def __rich__(self) -> RenderableType:
        return rich_table(repr(self), self._counts())

    def _counts(self) -> pandas.DataFrame:
        """Return one row per operation and code: service, operation, code, calls; the most frequent first."""
        counts = self.to_frame().groupby(["service", "operation", "code"]).size().rename("calls").reset_index()
        return counts.sort_values("calls", ascending=False, kind="stable")

    def cli(self) -> list[str]:
        """Return the calls that may change resources, as AWS CLI commands."""
        return [call.cli() for call in self if call.changes]

    def attach(self, session: Session) -> None:
        """Log the calls of all clients of `session` from now on."""
        session.register("before-parameter-build", self._before_call)
        session.register("after-call", self._after_call)
        session.register("after-call-error", self._after_error)

    def _before_call(self, params: dict[str, Any], model: OperationModel, context: dict[str, Any], **_: Any) -> None:
        if params.get("Type") == "SecureString" and isinstance(params.get("Value"), str):
            register_secret(params["Value"])
        context["esaws"] = (model, _mask(params, model.input_shape), time.perf_counter())

    def _after_call(self, parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        _register_secrets(context["esaws"][0], parsed)
        self._record(context, parsed.get("Error", {}).get("Code") or "OK")

    def _after_error(self, exception: Exception, context: dict[str, Any], **_: Any) -> None:
        self._record(context, type(exception).__name__)

    def _record(self, context: dict[str, Any], code: str) -> None:
        model, parameters, started = context["esaws"]
        service = _client_name(model)
        self._calls.append(Call(service, model.name, parameters, time.perf_counter() - started, code))


def _client_name(model: OperationModel) -> str:
    """Return the service name of boto3 and the AWS CLI: `elbv2`, not `elasticloadbalancing`."""
    return model.service_model.service_name


def _register_secrets(model: OperationModel, response: dict[str, Any]) -> None:
    """Register the secrets that a response contains, so that they are masked in records and outputs."""
    if model.service_model.service_name == "ssm" and model.name.startswith("GetParameter"):
        for parameter in [response.get("Parameter") or {}, *response.get("Parameters", ())]:
            if parameter.get("Type") == "SecureString":
                register_secret(parameter.get("Value", ""))
    elif model.name == "GetSecretValue":
        register_secret(response.get("SecretString", response.get("SecretBinary", "")))


def _mask(value: Any, shape: Shape | None, name: str = "") -> Any:
    is_secret = _SECRET_NAME.search(name) is not None or bool(shape is not None and shape.metadata.get("sensitive"))
    if is_secret and isinstance(value, str | bytes):
        if _SECRET_VALUE.search(name):
            register_secret(value)
        return MASK
    if isinstance(value, dict) and isinstance(shape, StructureShape):
        return {key: _mask(item, shape.members.get(key), key) for key, item in value.items()}
    if isinstance(value, dict) and isinstance(shape, MapShape):
        return {key: _mask(item, shape.value, key) for key, item in value.items()}
    if isinstance(value, list | tuple) and isinstance(shape, ListShape):
        return [_mask(item, shape.member, name) for item in value]
    if isinstance(value, bytes):
        return f"({len(value)} bytes)"
    return value
