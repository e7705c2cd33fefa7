"""Secrets that are deleted at the end of their recovery window."""

from __future__ import annotations

from functools import partial
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import NOT_SIMULATED, Behaviour
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import record_event
from local_aws_server.clock.isolation import each
from local_aws_server.hooks import reconciler

BEHAVIOURS = (
    Behaviour(
        service="Secrets Manager",
        statement="A secret is deleted when its recovery window of 7 to 30 days is over.",
        documentation=("https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html",),
    ),
    Behaviour(
        service="Secrets Manager",
        fidelity=NOT_SIMULATED,
        statement="Rotation on a schedule: no secret is rotated as time passes.",
        documentation=("https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotating-secrets.html",),
    ),
)


@reconciler("secretsmanager", order=1)
def delete_after_recovery_window(backends: Backends) -> float | None:
    """Delete the secrets whose recovery window is over; return when the next one ends."""
    secrets = backends.backend("secretsmanager").secrets.values()
    return each(backends, "secret", secrets, lambda one: one.name, partial(_delete_if_due, backends))


def _delete_if_due(backends: Backends, secret: Any) -> float | None:
    if not secret.is_deleted():
        return None
    deleted = float(secret.deleted_date)
    if deleted > CLOCK.now():
        return deleted
    backends.backend("secretsmanager").secrets.pop(secret.name)
    record_event(backends, secret.name, "secret deleted", "its recovery window is over")
    return None
