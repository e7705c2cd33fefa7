"""Updates in Cognito: an update resets every setting that it omits, so it has to repeat them all."""

from typing import Any

from esaws.cloud import Cloud
from esaws.documented import Text

COGNITO_NAME = Text(1, 128, r"[\w +=,.@-]*", "letters, digits, spaces and any of _+=,.@-")
"""What the names of pools and clients take."""


def update_parameters(cloud: Cloud, operation: str, described: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of an update `operation`, such as `UpdateUserPool`, with their described values."""
    model = cloud.client("cognito-idp").meta.service_model.operation_model(operation)
    return {name: described[name] for name in model.input_shape.members if name in described}
