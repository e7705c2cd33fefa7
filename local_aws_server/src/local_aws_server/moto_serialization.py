"""A patch that makes moto write results faster: the names that a member may have in an object are found once.

A member `DBInstanceIdentifier` may be the key of a dict or the attribute `db_instance_identifier` or `identifier` of an
object. moto tries them all for each member of each object in a response.
"""

from __future__ import annotations

from typing import Any

from moto.core.serialize import (
    DEFAULT_ALIAS_PROVIDERS,
    AttributePickerContext,
    ResponseSerializer,
    XFormedAttributePicker,
)
from moto.core.utils import MISSING
from moto.core.utils import get_value as value_at

from local_aws_server.hooks import patch

_stock_get_value = ResponseSerializer.get_value


@patch("moto.core.serialize", "ResponseSerializer.get_value")
def get_value(self: Any, value: Any, key: str, shape: Any) -> Any:
    """The value of a member in a result, or in an object or dict that is a part of it; None if it has none."""
    picker = self._value_picker
    if type(picker) is not XFormedAttributePicker or picker.alias_providers is not DEFAULT_ALIAS_PROVIDERS:
        return _stock_get_value(self, value, key, shape)
    found = _find(value, _names(picker, value, key, shape))
    if picker.response_transformers and (paths := _paths(picker, key)):
        key_path = ".".join([*self.path, key])
        for path in paths:
            if key_path.endswith(path):
                return picker.response_transformers[path](found)
    return found


_PATHS: dict[tuple[int, int], tuple[dict[str, Any], dict[str, list[str]]]] = {}
"""The transformers of a service, which stay, and the ends of their paths by member. moto adds to some, so by length."""


def _paths(picker: XFormedAttributePicker, key: str) -> list[str]:
    """The ends of paths, of those whose values moto transforms, that paths to this member can have."""
    transformers = picker.response_transformers
    _, by_key = _PATHS.setdefault((id(transformers), len(transformers)), (transformers, {}))
    paths = by_key.get(key)
    if paths is None:
        paths = [path for path in transformers if path.endswith(key) or key.endswith(path)]
        by_key[key] = paths
    return paths


def _names(picker: XFormedAttributePicker, value: Any, key: str, shape: Any) -> tuple[str, ...]:
    """The names to try, in moto's order. They depend on the member and the class, and are kept with the former."""
    by_class: dict[type, tuple[str, ...]] = vars(shape).setdefault("_esaws_names", {})
    names = by_class.get(value.__class__)
    if names is None:
        possible = picker.get_possible_keys(AttributePickerContext(value, key, shape))
        names = tuple(dict.fromkeys(possible))
        if hasattr(shape, "parent"):  # moto sets it later, and it gives more names
            by_class[value.__class__] = names
    return names


def _find(value: Any, names: tuple[str, ...]) -> Any:
    """The first value of these names, as moto's `get_value` looks them up."""
    look_up: Any = getattr
    if value.__class__ is dict:
        look_up = dict.get
    elif hasattr(value, "__getitem__"):
        look_up = value_at
    for name in names:
        if (found := (value_at if "." in name else look_up)(value, name, MISSING)) is not MISSING:
            return found
    return None
