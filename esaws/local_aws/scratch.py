"""A local AWS for a while: a server of its own, with a state folder that is deleted afterwards."""

from __future__ import annotations

import atexit
import http.client
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from tempfile import TemporaryDirectory
from typing import Any

from esaws.environment import environment_variables
from esaws.errors import EsawsError
from esaws.local_aws import control, process

_idle_servers: defaultdict[int, list[str]] = defaultdict(list)
"""Process id → URLs of its servers that no block uses. A fork has no part in those of its parent."""


@contextmanager
def scratch_server(**settings: Any) -> Iterator[str]:
    """Start a server beside the user's, and stop it at the end of the block. Yields its URL.

    `settings` are those of `process.start`, such as `at` or `regime`.

    Raises:
        EsawsError: it did not start.
    """
    with TemporaryDirectory(prefix="esaws-scratch-") as state:
        variables = {"ESAWS_STATE": state, "ESAWS_PORT": "0"}
        with environment_variables(variables):
            url = str(process.start(**settings)["url"])
        try:
            yield url
        finally:
            with environment_variables(variables):
                process.stop(discard=True)


@contextmanager
def scratch_target(variables: Mapping[str, str]) -> Iterator[None]:
    """Let the target `local` be a new server inside the block, with these environment variables."""
    with (
        TemporaryDirectory(prefix="esaws-scratch-") as state,
        environment_variables({"ESAWS_STATE": state, "ESAWS_PORT": "0", **variables}),
    ):
        try:
            yield
        finally:
            process.stop(discard=True)


@contextmanager
def reused_server() -> Iterator[str]:
    """Yield the URL of an empty server whose clock stands still. It runs on for later blocks, until this process ends.

    Raises:
        EsawsError: it did not start.
    """
    url = _take_idle_server() or _start_reused_server()
    try:
        yield url
    finally:
        _idle_servers[os.getpid()].append(url)


def _take_idle_server() -> str | None:
    """A server that answers, emptied; None if there is none."""
    idle = _idle_servers[os.getpid()]
    while idle:
        url = idle.pop()
        try:
            control.call(url, "POST", "reset")
        except (OSError, http.client.HTTPException, EsawsError):
            continue
        return url
    return None


def _start_reused_server() -> str:
    started, pid = ExitStack(), os.getpid()
    with environment_variables({"ESAWS_STILL": "1"}):
        url = started.enter_context(scratch_server(owner=pid))
    atexit.register(lambda: started.close() if os.getpid() == pid else None)
    return url
