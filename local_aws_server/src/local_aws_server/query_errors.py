"""Errors of the query protocol as AWS writes them: type, code and message, once each."""

from __future__ import annotations

from typing import Any

from local_aws_server.hooks import patch


@patch("moto.core.serialize", "BaseXMLSerializer._serialize_error_metadata")
def serialize_error_metadata(self: Any, serialized: dict[str, Any], error: Exception, shape: Any) -> None:
    """Replaces moto's function, which writes the message again under the name that it has in the service's model."""
    serialized["Type"] = "Sender" if shape.is_sender_fault else "Receiver"
    serialized["Code"] = shape.error_code
    message = shape.query_compatible_error_message or getattr(error, "message", None)
    if message is not None:
        serialized["Message"] = message
    self._serialize(serialized, error, shape, "")
    serialized.pop("message", None)
