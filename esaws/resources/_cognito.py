"""What the kinds of Cognito share: an update resets whatever it does not name, so it has to say everything again."""

from typing import Any

from esaws.cloud import Cloud


def settings_of(cloud: Cloud, operation: str, described: dict[str, Any]) -> dict[str, Any]:
    """The parameters of an update `operation`, such as `UpdateUserPool`, as they were last described."""
    model = cloud.client("cognito-idp").meta.service_model.operation_model(operation)
    return {name: described[name] for name in model.input_shape.members if name in described}
