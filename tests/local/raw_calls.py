"""Calls to a local AWS in this process, as no client validates them: wrong types reach it, in every protocol."""

import json
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from types import TracebackType
from typing import Any
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

from botocore.exceptions import ParamValidationError
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.parsers import PROTOCOL_PARSERS
from botocore.serialize import SERIALIZERS
from moto.moto_api._internal import mock_random
from werkzeug.test import Client

from esaws.service_models import model_loader
from local_aws_server import call as call_module
from local_aws_server.clock.clock import CLOCK
from local_aws_server.control_token import HEADER
from local_aws_server.errors import AwsError
from local_aws_server.server import LocalAws

REGION, ACCOUNT = "eu-west-3", "123456789012"
_HOST = "http://localhost:5000"


@cache
def service_model(service: str) -> ServiceModel:
    """botocore's model of a service."""
    return ServiceModel(model_loader(None).load_service_model(service, "service-2"), service)


def protocols(service: str) -> list[str]:
    """The protocols in which the service can be called, CBOR last."""
    metadata = service_model(service).metadata
    names = [name for name in metadata.get("protocols", [metadata["protocol"]]) if name in SERIALIZERS]
    return sorted(names, key=lambda name: "cbor" in name)


def _type_of(value: Any) -> Shape:
    names = {bool: "boolean", int: "integer", float: "double", str: "string", bytes: "blob"}
    name = names.get(type(value), "string")
    return Shape(name, {"type": name})


@cache
def _lenient_serializer(protocol: str) -> Any:
    """botocore's serializer, except that a value of a wrong type is sent as it is."""
    base: Any = SERIALIZERS[protocol]

    class Lenient(base):  # type: ignore[misc, valid-type]
        def _serialize(self, *arguments: Any, **named: Any) -> None:
            try:
                super()._serialize(*arguments, **named)
            except (TypeError, AttributeError, ValueError, LookupError):
                if isinstance(arguments[2], ElementTree.Element):
                    ElementTree.SubElement(arguments[2], arguments[3]).text = str(arguments[1])
                    return
                container, value, _, *key = arguments
                name = [*key, named.get("prefix", named.get("key"))][0]
                container[name] = value if "json" in protocol else str(value)

        def _serialize_data_item(self, serialized: Any, value: Any, shape: Shape, key: str | None = None) -> None:
            before = len(serialized)
            try:
                super()._serialize_data_item(serialized, value, shape, key)
            except (TypeError, AttributeError, ValueError, LookupError):
                del serialized[before:]
                text = value if isinstance(value, bool | int | float | bytes) else str(value)
                if key is not None:
                    super()._serialize_data_item(serialized, key, _type_of(key))
                super()._serialize_data_item(serialized, text, _type_of(text))

        def _get_uri_and_query_string_value(self, value: Any, shape: Shape) -> Any:
            try:
                return super()._get_uri_and_query_string_value(value, shape)
            except (TypeError, AttributeError, ValueError):
                return str(value)

        def _convert_header_value(self, shape: Shape, value: Any) -> str:
            try:
                return str(super()._convert_header_value(shape, value))
            except (TypeError, AttributeError, ValueError):
                return str(value)

    return Lenient()


@dataclass(frozen=True)
class Request:
    """One call, with its parameters in boto3's shape."""

    service: str
    operation: str
    parameters: dict[str, Any]
    protocol: str

    @property
    def model(self) -> OperationModel:
        return service_model(self.service).operation_model(self.operation)

    def __str__(self) -> str:
        return f"{self.service} {self.operation} {self.parameters} ({self.protocol})"


@dataclass
class Answer:
    """What came back, and the exception behind it if the server failed."""

    status: int
    body: bytes
    headers: dict[str, str]
    problem: str = ""
    """The last line of the traceback and the place where it was raised; "" unless an exception led to a 5xx."""
    result: dict[str, Any] = field(default_factory=dict)
    """The parsed result; `Error` holds the error's `Code` and `Message`."""


class UnserializableRequest(Exception):
    """Even the lenient serializer cannot write this call, such as one without a member of its path."""


class InProcessAws:
    """A local AWS in this process, empty at first, on a fixed date, with a clock that moves only on demand."""

    def __init__(self, at: float = 1_800_000_000.0) -> None:
        CLOCK.still = True
        CLOCK.start(at)
        self._problem = ""
        call_module.Call.error_response = self._noting(call_module.Call.error_response)  # type: ignore[method-assign]
        self._application = LocalAws()
        self._client = Client(self._application)

    def reset(self, seed: int = 0) -> None:
        """Empty the accounts; ids repeat for the same seed."""
        self.control("reset")
        mock_random.seed(seed)

    def control(self, name: str, **body: Any) -> Any:
        """The response of a control route, such as `advance`. Raises RuntimeError unless its status is 200."""
        method = "GET" if name in ("status", "clock", "events") else "POST"
        data, token = json.dumps(body) if body else None, {HEADER: self._application.token.value}
        response = self._client.open(f"/_esaws/{name}", method=method, data=data, headers=token)
        if response.status_code != 200:
            raise RuntimeError(f"{name}: {response.status_code} {response.get_data(as_text=True)[:500]}")
        return response.json

    def send(self, request: Request) -> Answer:
        """Send a call. Raises UnserializableRequest if it cannot be written."""
        model = request.model
        try:
            written = _lenient_serializer(request.protocol).serialize_to_request(request.parameters, model)
        except (LookupError, TypeError, AttributeError, ValueError, ParamValidationError) as error:
            raise UnserializableRequest(str(request)) from error
        body = written["body"]
        if isinstance(body, dict):
            body = urlencode([(name, str(value)) for name, value in body.items()])
        query = [
            (name, str(each))
            for name, value in (written["query_string"] or {}).items()
            for each in (value if isinstance(value, list) else [value])
        ]
        metadata = service_model(request.service).metadata
        scope = f"{ACCOUNT}/20270115/{REGION}/{metadata.get('signingName') or metadata['endpointPrefix']}/aws4_request"
        headers = {
            **{name: quote(str(value), safe=" /:;,=+-_.()*'") for name, value in written["headers"].items()},
            "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
        }
        if "X-Amz-Target" in written["headers"]:
            headers["X-Amz-Target"] = written["headers"]["X-Amz-Target"]
        path = written["url_path"]
        if query:
            path += ("&" if "?" in path else "?") + urlencode(query)
        self._problem = ""
        content = body.encode() if isinstance(body, str) else bytes(body or b"")
        response = self._client.open(path, base_url=_HOST, method=written["method"], headers=headers, data=content)
        answer = Answer(response.status_code, response.get_data(), dict(response.headers), self._problem)
        if answer.status >= 500 and not answer.problem:
            answer.problem = "" if answer.status == 501 else answer.body[:200].decode(errors="replace")
        return answer

    def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """The result of a correct call. Raises RuntimeError for any error."""
        request = Request(service, operation, parameters, protocols(service)[0])
        answer = self.send(request)
        result = parse(request, answer)
        if answer.status >= 300:
            raise RuntimeError(f"{request}: {answer.status} {answer.body[:500]!r} {answer.problem}")
        return result

    def _noting(self, error_response: Callable[..., Any]) -> Callable[..., Any]:
        """The function that writes errors, which also notes the exception that led to a 500 or 501."""

        def noting(call: Any, error: AwsError) -> Any:
            if error.status in (500, 501) and (problem := _problem_of(sys.exc_info()[1])):
                self._problem = problem
            return error_response(call, error)

        return noting


def _problem_of(exception: BaseException | None) -> str:
    """The last line of a traceback with its place; "" where something is declared as not simulated."""
    if exception is None or isinstance(exception, AwsError):
        return ""
    frame = _last_frame(exception.__traceback__)
    place = f"{frame.filename.partition('site-packages/')[2] or frame.filename.partition('src/')[2]}:{frame.lineno}"
    if isinstance(exception, NotImplementedError) or "not been implemented" in str(exception):
        return ""
    last = traceback.format_exception_only(exception)[-1].strip()
    return f"{last}  at {place} {frame.name}"


def _last_frame(trace: TracebackType | None) -> traceback.FrameSummary:
    return traceback.extract_tb(trace)[-1]


def parse(request: Request, answer: Answer) -> dict[str, Any]:
    """The answer in boto3's shape; {} if it cannot be parsed."""
    parser = PROTOCOL_PARSERS[request.protocol]()
    parsed: dict[str, Any] = parser.parse(
        {"status_code": answer.status, "headers": _Headers(answer.headers), "body": answer.body},
        request.model.output_shape,
    )
    parsed.pop("ResponseMetadata", None)
    return parsed


class _Headers(dict[str, str]):
    """Headers by their names in any case."""

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__({name.lower(): value for name, value in headers.items()})

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)

    def __contains__(self, name: object) -> bool:
        return super().__contains__(str(name).lower())

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())


def all_operations(services: list[str]) -> Iterator[tuple[str, str]]:
    """(service, operation) of every operation in botocore's models."""
    for service in services:
        for operation in service_model(service).operation_names:
            yield service, operation
