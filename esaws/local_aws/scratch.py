"""A local AWS for a while: a server of its own, with a state folder that is deleted afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any

from esaws.environment import environment_variables
from esaws.local_aws import process


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
