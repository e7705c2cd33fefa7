"""Responses as they come over the wire, compared with botocore's models.

boto3's parsers drop members that a model does not have, and accept most wrong types, so the bodies are parsed here.
"""

import base64
import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from xml.etree import ElementTree

Problem = tuple[str, str]
"""(path of a member, what is wrong with it)"""

_ISO_8601 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def problems(operation: Any, response: dict[str, Any]) -> list[Problem]:
    """What is wrong with a response: unknown members, wrong types, missing members, values outside an enum.

    `operation` is botocore's model of it. `response` is that of botocore's event `before-parse`: `body`, `headers` and
    `status_code`.
    """
    shape, body = operation.output_shape, response["body"]
    protocol = operation.service_model.resolved_protocol
    if shape is None or response["status_code"] >= 300:
        return []
    if payload := shape.serialization.get("payload"):
        member = shape.members[payload]
        if member.type_name == "blob" or member.serialization.get("streaming"):
            return []
        return [*_PARSERS[protocol](member, body)]
    in_headers = {name for name, member in shape.members.items() if "location" in member.serialization}
    if protocol.startswith("rest") and in_headers == shape.members.keys():
        return []
    return [found for found in _PARSERS[protocol](shape, body) if found[0].lstrip(".") not in in_headers]


# --- JSON


def _json(shape: Any, body: bytes) -> Iterator[Problem]:
    yield from _json_value(shape, json.loads(body or b"{}"), "")


def _json_value(shape: Any, value: Any, path: str) -> Iterator[Problem]:
    match shape.type_name:
        case "structure":
            if shape.is_document_type:
                return
            if not isinstance(value, dict):
                yield path, f"{value!r} is not a structure"
                return
            members = {member.serialization.get("name", name): (name, member) for name, member in shape.members.items()}
            yield from _names(shape, {members[key][0] for key in value if key in members}, path)
            for key, each in value.items():
                if key in members:
                    yield from _json_value(members[key][1], each, f"{path}.{key}")
                elif key != "__type":
                    yield f"{path}.{key}", "unknown"
        case "list":
            if not isinstance(value, list):
                yield path, f"{value!r} is not a list"
                return
            for each in value:
                yield from _json_value(shape.member, each, f"{path}[]")
        case "map":
            if not isinstance(value, dict):
                yield path, f"{value!r} is not a map"
                return
            for key, each in value.items():
                yield from _text(shape.key, key, f"{path}{{key}}")
                yield from _json_value(shape.value, each, f"{path}{{}}")
        case "string":
            yield from _text(shape, value, path)
        case "boolean" if not isinstance(value, bool):
            yield path, f"{value!r} is not a boolean"
        case "integer" | "long" if isinstance(value, bool) or not isinstance(value, int):
            yield path, f"{value!r} is not an integer"
        case "float" | "double" if isinstance(value, bool) or not isinstance(value, int | float):
            yield path, f"{value!r} is not a number"
        case "timestamp":
            is_iso = shape.serialization.get("timestampFormat") == "iso8601"
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not (isinstance(value, str) and _ISO_8601.fullmatch(value) if is_iso else is_number):
                yield path, f"{value!r} is not a timestamp"
        case "blob" if not isinstance(value, str) or not _is_base64(value):
            yield path, f"{value!r} is not base64"


# --- XML


def _query(shape: Any, body: bytes) -> Iterator[Problem]:
    root = ElementTree.fromstring(body)
    if wrapper := shape.serialization.get("resultWrapper"):
        results = [child for child in root if _name(child) == wrapper]
        yield from (
            (f"<{_name(child)}>", "unknown") for child in root if _name(child) not in (wrapper, "ResponseMetadata")
        )
        root = results[0] if results else ElementTree.Element(wrapper)
    yield from _xml_value(shape, root, "")


def _ec2(shape: Any, body: bytes) -> Iterator[Problem]:
    root = ElementTree.fromstring(body)
    for child in [child for child in root if _name(child) == "requestId"]:
        root.remove(child)
    yield from _xml_value(shape, root, "")


def _rest_xml(shape: Any, body: bytes) -> Iterator[Problem]:
    if body:
        yield from _xml_value(shape, ElementTree.fromstring(body), "")


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _xml_value(shape: Any, element: ElementTree.Element, path: str) -> Iterator[Problem]:
    text = element.text or ""
    match shape.type_name:
        case "structure":
            yield from _xml_structure(shape, element, path)
        case "list":
            member = shape.member.serialization.get("name", "member")
            yield from _xml_list(shape, [*element], member, path)
        case "map":
            yield from _xml_map(shape, [*element], path)
        case _ if len(element):
            yield path, f"has children, but is a {shape.type_name}"
        case "string":
            yield from _text(shape, text, path)
        case "boolean" if text not in ("true", "false"):
            yield path, f"{text!r} is not a boolean"
        case "integer" | "long" if not re.fullmatch(r"[+-]?\d+", text):
            yield path, f"{text!r} is not an integer"
        case "float" | "double" if not re.fullmatch(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", text):
            yield path, f"{text!r} is not a number"
        case "timestamp" if not _ISO_8601.fullmatch(text) or not datetime.fromisoformat(text):
            yield path, f"{text!r} is not a timestamp"
        case "blob" if not _is_base64(text):
            yield path, f"{text!r} is not base64"


def _xml_structure(shape: Any, element: ElementTree.Element, path: str) -> Iterator[Problem]:
    if (element.text or "").strip():
        yield path, f"{element.text!r} is not a structure"
    by_name: dict[str, list[ElementTree.Element]] = {}
    for child in element:
        by_name.setdefault(_name(child), []).append(child)
    present = set()
    for name, member in shape.members.items():
        if member.serialization.get("xmlAttribute"):
            present.add(name)
            continue
        flattened = member.serialization.get("flattened")
        tag = member.serialization.get("name", name)
        if flattened and member.type_name == "list":
            tag = member.member.serialization.get("name", tag)
        children = by_name.pop(tag, [])
        if not children:
            continue
        present.add(name)
        inner = f"{path}.{tag}"
        if flattened and member.type_name == "list":
            for child in children:
                yield from _xml_value(member.member, child, f"{inner}[]")
        elif flattened and member.type_name == "map":
            yield from _xml_entries(member, children, inner)
        else:
            if len(children) > 1:
                yield inner, f"is there {len(children)} times"
            yield from _xml_value(member, children[0], inner)
    yield from ((f"{path}.{name}", "unknown") for name in by_name)
    yield from _names(shape, present, path)


def _xml_list(shape: Any, children: list[ElementTree.Element], member: str, path: str) -> Iterator[Problem]:
    for child in children:
        if _name(child) != member:
            yield f"{path}.{_name(child)}", f"unknown in a list of {member}"
        else:
            yield from _xml_value(shape.member, child, f"{path}[]")


def _xml_map(shape: Any, entries: list[ElementTree.Element], path: str) -> Iterator[Problem]:
    yield from ((f"{path}.{_name(child)}", "unknown in a map") for child in entries if _name(child) != "entry")
    yield from _xml_entries(shape, [child for child in entries if _name(child) == "entry"], path)


def _xml_entries(shape: Any, entries: list[ElementTree.Element], path: str) -> Iterator[Problem]:
    names = {shape.key.serialization.get("name", "key"): shape.key}
    names[shape.value.serialization.get("name", "value")] = shape.value
    for child in (child for entry in entries for child in entry):
        if _name(child) not in names:
            yield f"{path}{{}}.{_name(child)}", "unknown"
        else:
            yield from _xml_value(names[_name(child)], child, f"{path}{{}}")


# --- both


def _text(shape: Any, value: Any, path: str) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield path, f"{value!r} is not a string"
    elif shape.enum and value not in shape.enum:
        yield path, f"{value!r} is not in the enum {shape.name}"


def _names(shape: Any, present: set[str], path: str) -> Iterator[Problem]:
    yield from ((f"{path}.{name}", "missing") for name in shape.required_members if name not in present)


def _is_base64(text: str) -> bool:
    try:
        return base64.b64decode(text, validate=False) is not None
    except ValueError:
        return False


_PARSERS: dict[str, Callable[[Any, bytes], Iterator[Problem]]] = {
    "json": _json,
    "rest-json": _json,
    "query": _query,
    "ec2": _ec2,
    "rest-xml": _rest_xml,
}


# --- all responses of a test


MODEL_IS_WRONG = {
    # "For an internet gateway, the state is `available` when attached to a VPC"
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InternetGatewayAttachment.html
    "ec2 DescribeInternetGateways.internetGatewaySet[].attachmentSet[].state: "
    "'available' is not in the enum AttachmentStatus",
    # "This value is set to `windows` for Windows AMIs; otherwise, it is blank"
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Image.html
    "ec2 DescribeImages.imagesSet[].platform: 'windows' is not in the enum PlatformValues",
    # AWS's own example: https://docs.aws.amazon.com/cli/latest/reference/ec2/create-vpc-endpoint.html
    "ec2 CreateVpcEndpoint.vpcEndpoint.state: 'available' is not in the enum State",
    # AWS's own example: https://docs.aws.amazon.com/cli/latest/reference/servicediscovery/list-namespaces.html
    "servicediscovery ListNamespaces.Namespaces[].Properties.DnsProperties.SOA.TTL: missing",
    # AWS's answer, in https://github.com/turbot/steampipe-plugin-aws/pull/2020
    *(
        f"mq {operation}.{path}: 'simple' is not in the enum AuthenticationStrategy"
        for operation, path in (
            ("CreateConfiguration", "authenticationStrategy"),
            ("DescribeBroker", "authenticationStrategy"),
            ("DescribeConfiguration", "authenticationStrategy"),
            ("ListConfigurations", "configurations[].authenticationStrategy"),
        )
    ),
}
"""AWS's documentation has another value than its model."""


class Watched:
    """The problems of the responses that clients get while they are watched."""

    def __init__(self) -> None:
        self.is_on = False
        self.problems: set[str] = set()

    def watch(self, client: Any, service: str) -> None:
        """Compare the responses of a client from now on."""

        def look(operation_model: Any, response_dict: dict[str, Any], **_: Any) -> None:
            if self.is_on:
                for path, what in problems(operation_model, response_dict):
                    self.problems.add(f"{service} {operation_model.name}{path}: {what}")

        client.meta.events.register("before-parse", look)

    def take(self) -> set[str]:
        """Return the problems since the last time, without those of the models."""
        found, self.problems = self.problems - MODEL_IS_WRONG, set()
        return found


WATCHED = Watched()
