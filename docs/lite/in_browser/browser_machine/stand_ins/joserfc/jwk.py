"""Keys: they can be read and written, so user pools can be created and saved."""

from __future__ import annotations

import json
from typing import Any


class RSAKey:
    """An RSA key in the form of JSON Web Key."""

    def __init__(self, members: dict[str, Any]) -> None:
        self._members = members

    @classmethod
    def import_key(cls, value: str | bytes | dict[str, Any]) -> RSAKey:
        """The key of a JSON text, or of its members."""
        return cls(dict(value) if isinstance(value, dict) else json.loads(value))

    def as_dict(self, private: bool = False) -> dict[str, Any]:
        """All members; no one needs the public ones alone."""
        return dict(self._members)


RSAKey.__module__ = "joserfc.jwk"  # saved states know it by this name
