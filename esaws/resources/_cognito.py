"""Updates in Cognito: an update resets every setting that it omits, so it has to repeat them all."""

from typing import Any

from esaws.cloud import Cloud


def update_parameters(cloud: Cloud, operation: str, described: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of an update `operation`, such as `UpdateUserPool`, with their described values."""
    model = cloud.client("cognito-idp").meta.service_model.operation_model(operation)
    return {name: described[name] for name in model.input_shape.members if name in described}
