"""Parse the parameters of a request, and refuse values of a wrong type as AWS does.

moto's parsers convert what they can, and fail with Python's errors where they can't.
"""

from __future__ import annotations

import json
from typing import Any

from moto.core.parse import PROTOCOL_PARSERS, UNDEFINED, RequestParserError

_TOKENS = {str: "STRING_VALUE", bool: "TRUE_VALUE", int: "NUMBER_VALUE", float: "NUMBER_VALUE", list: "START_ARRAY"}
_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "blob": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float, str),  # "NaN" is a string
    "double": (int, float, str),
    "timestamp": (int, float, str),
}
_SCALARS = ("string", "boolean", "integer", "long", "float", "double", "timestamp", "blob")
_FAILURES = (ValueError, TypeError, AttributeError, LookupError, OverflowError, RequestParserError)


class MalformedValue(Exception):
    """A value that can't be converted to the type of its parameter."""

    def __init__(self, message: str, *, name: str = "", value: object = None):
        super().__init__(message)
        self.name = name
        """The name in a Query request; empty where the protocol's error does not name the parameter."""
        self.value = value


class _StrictForm:
    """A Query request: each value is text, and an error names the parameter."""

    def _parse_shape(self, shape: Any, node: Any, prefix: str = "") -> Any:
        try:
            value = super()._parse_shape(shape, node, prefix)  # type: ignore[misc]
        except _FAILURES as error:
            text = node.get(prefix)
            raise MalformedValue(f"Invalid {shape.type_name} value: {text}", name=prefix, value=text) from error
        if shape.type_name == "boolean" and value is not UNDEFINED and prefix in node:
            text = node[prefix]
            if str(text).lower() not in ("true", "false"):
                raise MalformedValue(f"Invalid boolean value: {text}", name=prefix, value=text)
        return value


class _StrictJson:
    """A JSON body: a value has the type of its shape."""

    accepts_text = False
    """Whether a scalar may be text, since it may come from a header or the address."""

    def _parse_shape(self, shape: Any, node: Any) -> Any:
        type_name = shape.type_name
        if node is None or getattr(shape, "is_document_type", False):
            return node
        expected = _JSON_TYPES.get(type_name)
        is_text = self.accepts_text and type_name in _SCALARS and isinstance(node, str)
        wrong = expected and (not isinstance(node, expected) or (isinstance(node, bool) and bool not in expected))
        if wrong and not is_text:
            raise _not_convertible(node, type_name)
        try:
            return super()._parse_shape(shape, node)  # type: ignore[misc]
        except _FAILURES as error:
            raise _not_convertible(node, type_name) from error

    def _parse_body_as_json(self, body: bytes) -> Any:
        return json.loads(body) if body else {}  # moto takes another body for a message


class _StrictRest(_StrictJson):
    accepts_text = True


def _not_convertible(value: object, type_name: str) -> MalformedValue:
    article = "an" if type_name[0] in "aeiou" else "a"
    return MalformedValue(
        f"{_TOKENS.get(type(value), 'START_OBJECT')} can not be converted to {article} {type_name.capitalize()}"
    )


_STRICT: dict[str, type] = {
    "query": _StrictForm,
    "ec2": _StrictForm,
    "json": _StrictJson,
    "rest-json": _StrictRest,
}
_PARSERS: dict[str, Any] = {
    protocol: type(f"Strict{parser.__name__}", (_STRICT[protocol], parser), {}) if protocol in _STRICT else parser
    for protocol, parser in PROTOCOL_PARSERS.items()
}


def parse_parameters(
    protocol: str, operation_model: Any, request: Any, url_parameters: dict[str, Any]
) -> dict[str, Any]:
    """The parameters in boto3's shape.

    Raises:
        MalformedValue: the body can't be parsed, or a value has a type that its parameter does not accept.
    """
    try:
        parsed = _PARSERS[protocol](operation_model).parse(
            {
                "method": request.method,
                "values": request.values,
                "headers": request.headers,
                "body": request.data,
                "url_path": request.path,
                "url_params": url_parameters,
            }
        )
    except _FAILURES as error:
        raise MalformedValue(str(error) or type(error).__name__) from error
    return dict(parsed or {})
