"""The error that AWS returns to the caller."""

from __future__ import annotations

from typing import Any


class AwsError(Exception):
    """An error as AWS returns it. A hook raises it; the server serializes it in the service's protocol."""

    def __init__(self, code: str, message: str, status: int | None = None, **members: Any):
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        """HTTP status; None for the protocol's default."""
        self.members = members
        """Further members of the error's shape."""
