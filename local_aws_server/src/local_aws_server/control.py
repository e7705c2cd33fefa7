"""The registry of control routes: requests to the local AWS itself, under `/_esaws/`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Handler = Callable[[Mapping[str, Any]], dict[str, Any]]
"""Takes the parameters, from the query string and a JSON body, and returns the JSON response."""

CONTROL_ROUTES: dict[tuple[str, str], Handler] = {}
"""(HTTP method, name) → its handler, which runs after all due events and while no call is in progress."""


class BadRequest(Exception):
    """Invalid parameters (HTTP 400). The message says what is valid."""


def control_route(method: str, name: str) -> Callable[[Handler], Handler]:
    """Register the handler of `/_esaws/<name>`."""

    def register(handler: Handler) -> Handler:
        if (method, name) in CONTROL_ROUTES:
            raise ValueError(f"two handlers for {method} /_esaws/{name}")
        CONTROL_ROUTES[method, name] = handler
        return handler

    return register
