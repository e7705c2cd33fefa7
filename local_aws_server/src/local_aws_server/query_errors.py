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


_NAMES_IN_JSON = {
    "InvalidParameterValue": "InvalidParameterValueException",
    "MissingParameter": "MissingRequiredParameterException",
}
"""Code in the query protocol → name of the same error in JSON, for errors of SQS that are not in its model."""


@patch("moto.core.serialize", "BaseJSONSerializer._get_protocol_specific_error_code")
def name_of_error(self: Any, error: Any) -> str:
    """Replaces moto's method, which knows one name of an error of SQS."""
    metadata = self.operation_model.service_model.metadata
    name = _NAMES_IN_JSON.get(error.name, error.name) if metadata.get("serviceId") == "SQS" else error.name
    prefix = error.namespace or metadata.get("errorNamespace") or metadata.get("targetPrefix")
    return f"{prefix}#{name}" if prefix and metadata.get("jsonVersion") == "1.0" else str(name)
