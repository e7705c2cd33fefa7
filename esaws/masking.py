"""Secret values that this process has seen, and how to mask them in any text that is stored or printed."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

MASK = "***"
SHORTEST = 6
"""Shorter values are not masked: they would mask parts of ordinary words."""

_SECRET_VARIABLE = re.compile(r"PASSWORD|PASSWD|SECRET|TOKEN|CREDENTIAL|PRIVATE_KEY|API_?KEY|WEBHOOK", re.IGNORECASE)
_NOT_SECRET = frozenset({"local"})
"""The secret key of every client of the local AWS."""

_values: set[str] = set()


def register_secret(value: str | bytes) -> None:
    """Mask this value from now on, unless it is shorter than `SHORTEST` characters."""
    text = value.decode(errors="replace") if isinstance(value, bytes) else value
    if len(text) >= SHORTEST and text not in _NOT_SECRET:
        _values.add(text)
        _pattern.cache_clear()


def register_secrets_of_environment(environment: Mapping[str, str] | None = None) -> None:
    """Mask the values of environment variables whose names are those of secrets, such as DB_PASSWORD."""
    for name, value in (os.environ if environment is None else environment).items():
        if _SECRET_VARIABLE.search(name) and "/" not in value[:1]:  # a path, such as of a token file, is no secret
            register_secret(value)


def registered_secrets() -> list[str]:
    """Return the registered values in hexadecimal, so that a kernel which masks its output can pass them on."""
    return sorted(value.encode().hex() for value in _values)


def mask_secrets(text: str) -> str:
    """Return the text with each registered value replaced by `***`."""
    return _pattern().sub(MASK, text) if _values else text


def mask_json(value: Any) -> Any:
    """Return JSON data with the registered values masked in all texts, keys included."""
    if not _values:
        return value
    if isinstance(value, str):
        return mask_secrets(value)
    if isinstance(value, Mapping):
        return {mask_json(key): mask_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [mask_json(item) for item in value]
    return value


@lru_cache(maxsize=1)
def _pattern() -> re.Pattern[str]:
    """One pattern of all values, the longest first; also as JSON writes them, with quotes escaped."""
    spellings = {spelling for value in _values for spelling in (value, value.replace("\\", "\\\\").replace('"', '\\"'))}
    return re.compile("|".join(re.escape(value) for value in sorted(spellings, key=len, reverse=True)))
