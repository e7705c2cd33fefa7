"""What can be asked of the local AWS itself, under `/_esaws/`: each module of the simulation adds its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Answer = Callable[[Mapping[str, Any]], dict[str, Any]]
"""Takes what was asked, from the query and from a JSON body, and gives what is answered as JSON."""

CONTROL: dict[tuple[str, str], Answer] = {}
"""(HTTP method, name) → the answer; it runs while no call is under way, and all that is due has happened."""


class BadRequest(Exception):
    """What was asked makes no sense; the message says what would."""


def control(method: str, name: str) -> Callable[[Answer], Answer]:
    """Register an answer for `/_esaws/<name>`."""

    def register(answer: Answer) -> Answer:
        if (method, name) in CONTROL:
            raise ValueError(f"two answers for {method} /_esaws/{name}")
        CONTROL[method, name] = answer
        return answer

    return register
