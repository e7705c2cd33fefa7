"""Requests in Smithy's RPC v2 CBOR, which newer SDKs send: translated to another protocol of their service and back.

https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
"""

from __future__ import annotations

import gzip
import io
import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlencode

from botocore.exceptions import ParamValidationError, UnknownServiceError
from botocore.parsers import ResponseParserError
from botocore.serialize import create_serializer
from flask import Response
from moto.core.model import OperationModel
from moto.core.responses import boto3_service_name
from moto.core.utils import get_service_model, service_name_from_moto_package_name
from werkzeug.test import run_wsgi_app
from werkzeug.wsgi import get_input_stream

from local_aws_server.errors import AwsError
from local_aws_server.response_parsing import response_parser

PROTOCOL = "smithy-rpc-v2-cbor"
_HEADER = "HTTP_SMITHY_PROTOCOL"
_PATH = re.compile(r"/service/(?P<service>[^/]+)/operation/(?P<operation>[^/]+)/?")
_TRANSLATED_TO = ("json", "query", "rest-json", "ec2")
_MAP_OF_TWO = bytes([0b101_00010])

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]


def is_smithy(environ: Environ) -> bool:
    """Whether a request is in one of Smithy's RPC v2 protocols."""
    return _HEADER in environ


def respond(environ: Environ, moto_service: Callable[[Environ], str], application: Application) -> Response:
    """Return the response, in CBOR, to a request that the application answers in another protocol.

    `moto_service` returns moto's name of the service that a request is signed for.
    """
    try:
        operation = _operation(environ, moto_service)
        protocol = _other_protocol(operation)
        parameters = _decode(operation, get_input_stream(environ).read(), environ)
        body, status, headers = run_wsgi_app(application, _translated(environ, operation, protocol, parameters))
        return _translated_response(operation, protocol, b"".join(body), int(status.split(" ")[0]), dict(headers))
    except AwsError as error:
        return _error_response(error.code, error.message, error.status or 400, {})


# --- the request


def _operation(environ: Environ, moto_service: Callable[[Environ], str]) -> OperationModel:
    path = environ.get("PATH_INFO", "")
    match = _PATH.fullmatch(path)
    if environ[_HEADER] != "rpc-v2-cbor" or match is None:
        what = f"{environ['REQUEST_METHOD']} {path} in the protocol {environ[_HEADER]}"
        raise AwsError("NotSimulated", f"the local AWS does not simulate {what}", 501)
    name = match["operation"]
    try:
        moto_name = moto_service(environ)
        service = get_service_model(boto3_service_name.get(moto_name) or service_name_from_moto_package_name(moto_name))
    except (UnknownServiceError, NotImplementedError):
        raise AwsError("NotSimulated", f"the local AWS does not simulate {match['service']} {name}", 501) from None
    if name not in service.operation_names:
        raise AwsError("UnknownOperationException", f"{match['service']} has no operation {name}", 404)
    return service.operation_model(name)


def _other_protocol(operation: OperationModel) -> str:
    metadata = operation.service_model.metadata
    known = metadata.get("protocols", [metadata["protocol"]])
    protocol = next((protocol for protocol in _TRANSLATED_TO if protocol in known), None)
    if protocol is None:
        raise AwsError("NotSimulated", f"the local AWS does not simulate {operation.name} in CBOR", 501)
    return protocol


def _decode(operation: OperationModel, body: bytes, environ: Environ) -> dict[str, Any]:
    """Return the parameters in boto3's shape."""
    if operation.input_shape is None or not body:
        return {}
    if environ.get("HTTP_CONTENT_ENCODING") == "gzip":
        body = gzip.decompress(body)
    parser = response_parser(PROTOCOL)
    try:
        decoded = parser.parse_data_item(parser.get_peekable_stream_from_bytes(body))
        parameters: dict[str, Any] = parser._parse_shape(operation.input_shape, decoded)
    except (ResponseParserError, ValueError, TypeError, AttributeError) as error:
        raise AwsError("SerializationException", f"the body is not valid CBOR: {error}") from None
    return parameters


def _translated(environ: Environ, operation: OperationModel, protocol: str, parameters: dict[str, Any]) -> Environ:
    """Return the environment of the same request in another protocol."""
    serializer = create_serializer(protocol, include_validation=False)
    try:
        request = serializer.serialize_to_request(parameters, operation)
    except (ValueError, TypeError, AttributeError, KeyError, ParamValidationError) as error:
        raise AwsError("SerializationException", f"a member of the request has a wrong type: {error}") from None
    body = request["body"]
    if isinstance(body, dict):
        body = urlencode(body).encode()
    path = request["url_path"]
    dropped = (_HEADER, "HTTP_ACCEPT", "HTTP_CONTENT_ENCODING", "HTTP_TRANSFER_ENCODING", "wsgi.input_terminated")
    headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request["headers"].items()}
    return {
        **{key: value for key, value in environ.items() if key not in dropped},
        **headers,
        "REQUEST_METHOD": request["method"],
        "PATH_INFO": path,
        "RAW_URI": path,
        "REQUEST_URI": path,
        "QUERY_STRING": "",
        "CONTENT_TYPE": headers.get("HTTP_CONTENT_TYPE", ""),
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }


# --- the response


def _translated_response(
    operation: OperationModel, protocol: str, body: bytes, status: int, headers: dict[str, str]
) -> Response:
    lower = {name.lower(): value for name, value in headers.items()}
    kept = {"x-amzn-requestid": lower["x-amzn-requestid"]} if "x-amzn-requestid" in lower else {}
    response = {"status_code": status, "headers": lower, "body": body}
    parsed: dict[str, Any] = response_parser(protocol).parse(response, operation.output_shape)
    parsed.pop("ResponseMetadata", None)
    if status >= 300:
        error = parsed.get("Error", {})
        code = error.get("Code", str(status))
        codes = {shape.name: shape.metadata.get("error", {}).get("code") for shape in operation.error_shapes}
        shape = next((name for name, known in codes.items() if code in (name, known)), code)
        if "awsQueryCompatible" in operation.service_model.metadata:
            kept["x-amzn-query-error"] = f"{code};{'Receiver' if status >= 500 else 'Sender'}"
        return _error_response(shape, error.get("Message", ""), status, kept)
    encoded = bytearray()
    if operation.output_shape is not None:
        _serializer()._serialize_data_item(encoded, parsed, operation.output_shape)
    return _response(bytes(encoded), status, kept)


def _error_response(code: str, message: str, status: int, headers: dict[str, str]) -> Response:
    encoded, serializer = bytearray(_MAP_OF_TWO), _serializer()
    for text in ("__type", code, "message", message):
        serializer._serialize_type_string(encoded, text, None, None)
    return _response(bytes(encoded), status, headers)


def _serializer() -> Any:
    return create_serializer(PROTOCOL, include_validation=False)


def _response(body: bytes, status: int, headers: dict[str, str]) -> Response:
    return Response(body, status, {"smithy-protocol": "rpc-v2-cbor", **headers}, content_type="application/cbor")
