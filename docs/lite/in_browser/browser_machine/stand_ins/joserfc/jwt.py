"""Tokens: signing and verifying need cryptography."""

from __future__ import annotations

from typing import Any, NoReturn


def encode(*args: Any, **kwargs: Any) -> NoReturn:
    """Raise ModuleNotFoundError."""
    raise ModuleNotFoundError("cryptography is not in this page, so Cognito can't sign tokens", name="cryptography")


decode = encode
