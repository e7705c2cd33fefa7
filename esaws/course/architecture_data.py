"""Architectures as JSON data: the fields of each resource, with the resources that they refer to by number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from esaws.architecture import Architecture
from esaws.resource import AddressOf, Resource
from esaws.resources import load_all

_SCALARS = (bool, int, float, str, type(None))


def architecture_to_data(architecture: Architecture) -> dict[str, Any]:
    """Return an architecture as JSON data: name and resources, each after those that it refers to.

    What it leaves to the account, such as zones, is written as declared.

    Raises:
        TypeError: a field has a value of another kind than the resource kinds declare.
    """
    resources = architecture.in_order()
    numbers = {resource.key: number for number, resource in enumerate(resources)}
    written = [
        {
            "kind": resource.kind,
            "fields": {item.name: _write(getattr(resource, item.name), numbers) for item in fields(resource)},
        }
        for resource in resources
    ]
    return {"name": architecture.name, "resources": written}


def architecture_from_data(data: Mapping[str, Any]) -> Architecture:
    """Return the architecture that `architecture_to_data` wrote. Only kinds of resources are created.

    Raises:
        InvalidResource: a resource has a name that AWS rejects, or two share one.
        KeyError, TypeError, ValueError: it is not such data.
    """
    resources: list[Resource] = []
    kinds = load_all()
    for each in data["resources"]:
        values = {name: _read(value, resources) for name, value in each["fields"].items()}
        resources.append(kinds[each["kind"]](**values))
    return Architecture(str(data["name"]), resources)


def _write(value: Any, numbers: Mapping[tuple[str, str], int]) -> Any:
    if isinstance(value, _SCALARS):
        return value
    if isinstance(value, Resource):
        return {"resource": numbers[value.key]}
    if isinstance(value, AddressOf):
        return {"address_of": numbers[value.resource.key], "text": value.text}
    if isinstance(value, list | tuple):
        return [_write(item, numbers) for item in value]
    raise TypeError(f"a field has a value of the type {type(value).__name__}")


def _read(written: Any, resources: Sequence[Resource]) -> Any:
    if isinstance(written, _SCALARS):
        return written
    if isinstance(written, list):
        return tuple(_read(item, resources) for item in written)
    if "address_of" in written:
        return AddressOf(_resource(written["address_of"], resources), str(written["text"]))
    return _resource(written["resource"], resources)


def _resource(number: int, resources: Sequence[Resource]) -> Resource:
    """The resource of a number, which comes before the one that refers to it."""
    if not 0 <= number < len(resources):
        raise ValueError(f"there is no resource {number} before the one that refers to it")
    return resources[number]
