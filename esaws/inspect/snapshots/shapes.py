"""Check saved answers against AWS's API models, and turn their texts of times into times."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape
from botocore.utils import parse_timestamp

from esaws.errors import UsageError
from esaws.inspect.snapshots.operations import Operation

_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "character": (str,),
    "blob": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
}
_NAMES = {str: "a text", bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}


class SavedObject(dict[str, Any]):
    """A JSON object of a saved answer. A member that is not there is an error that names the file."""

    def __init__(self, members: Mapping[str, Any], file: str) -> None:
        super().__init__(members)
        self.file = file

    def __missing__(self, key: str) -> Any:
        raise UsageError(f"{self.file}: {key} is missing where AWS always writes it. {AS_AWS_PRINTS_IT}")

    def __or__(self, other: Mapping[str, Any]) -> SavedObject:  # type: ignore[override]
        return SavedObject({**self, **other}, self.file)

    def __ror__(self, other: Mapping[str, Any]) -> SavedObject:  # type: ignore[override]
        return SavedObject({**other, **self}, self.file)


AS_AWS_PRINTS_IT = "Save the whole answer: `--output json`, without `--query` and `--filters`."


def convert(value: Any, operation: Operation, file: str) -> SavedObject:
    """Return the answer of an operation with times as `datetime`, as boto3 returns it.

    Members that the installed version of boto3 does not know are kept as they are; those that are null are left out.

    Raises:
        UsageError: a value is of another type than AWS returns; the message names the file and the place in it.
    """
    converted = _convert(value, _output_shape(operation.service, operation.name), "", file)
    assert isinstance(converted, SavedObject)
    return converted


@cache
def _service_model(service: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


@cache
def _output_shape(service: str, operation: str) -> Shape | None:
    model = _service_model(service)
    name = "".join(word.capitalize() for word in operation.split("_"))
    names = {known.lower(): known for known in model.operation_names}
    return model.operation_model(names[name.lower()]).output_shape


def _convert(value: Any, shape: Shape | None, place: str, file: str) -> Any:
    if isinstance(value, dict):
        if shape is not None and not isinstance(shape, StructureShape | MapShape):
            raise _wrong_type(value, shape, place, file)
        members = {
            name: _convert(item, _member_shape(shape, name), f"{place}.{name}".lstrip("."), file)
            for name, item in value.items()
            if item is not None
        }
        return SavedObject(members, file)
    if isinstance(value, list):
        if shape is not None and not isinstance(shape, ListShape):
            raise _wrong_type(value, shape, place, file)
        inner = shape.member if isinstance(shape, ListShape) else None
        return [_convert(item, inner, f"{place}[{number}]", file) for number, item in enumerate(value)]
    if shape is None:
        return value
    if shape.type_name == "timestamp":
        return _parse_time(value, shape, place, file)
    types = _TYPES.get(shape.type_name, ())
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        raise _wrong_type(value, shape, place, file)
    return value


def _member_shape(shape: Shape | None, name: str) -> Shape | None:
    if isinstance(shape, StructureShape):
        member: Shape | None = shape.members.get(name)
        return member
    return shape.value if isinstance(shape, MapShape) else None


def _parse_time(value: Any, shape: Shape, place: str, file: str) -> datetime:
    try:
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            parsed = parse_timestamp(value)
            return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        pass
    raise _wrong_type(value, shape, place, file)


def _wrong_type(value: Any, shape: Shape, place: str, file: str) -> UsageError:
    expected = {"structure": "an object", "map": "an object", "list": "a list", "timestamp": "a time"}
    types = _TYPES.get(shape.type_name, (str,))
    right = expected.get(shape.type_name) or _NAMES[types[0]]
    found = next((name for kind, name in _NAMES.items() if isinstance(value, kind)), "null")
    found = "true or false" if isinstance(value, bool) else found
    return UsageError(f"{file}: {place or 'the answer'} is {found}, and AWS returns {right}. {AS_AWS_PRINTS_IT}")
