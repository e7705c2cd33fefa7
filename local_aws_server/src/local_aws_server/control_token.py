"""The token that control requests carry: who can read its file, this user, may control the server."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from werkzeug.wrappers import Request, Response

from local_aws_server.snapshots import file as private_file

HEADER = "X-Esaws-Token"
VARIABLE = "ESAWS_CONTROL_TOKEN"
"""In the environment of the server: a token to use, which has no file. In that of a client: the token to send."""


def _new_value() -> str:
    return secrets.token_urlsafe(32)


@dataclass
class ControlToken:
    """The token of one server, and the file that holds it."""

    value: str = field(default_factory=_new_value)
    path: Path | None = None
    _folder: Path | None = None
    """The folder that was made for the file."""

    @classmethod
    def publish(cls, port: int, state: Path | None) -> ControlToken:
        """A new token in a file for this user alone: beside the file `state`, else in a new temporary folder.

        It begins with the port, so that a client can tell that a file is for the server that names it.
        """
        if given := os.environ.get(VARIABLE):
            return cls(given)
        folder = None
        if state is None:
            folder = Path(tempfile.mkdtemp(prefix="local-aws-server-"))
            state = folder / "control"
        path = state.absolute().with_name(f"{state.name}.token")
        token = cls(f"{port}-{_new_value()}", path, folder)
        private_file.write(path, f"{token.value}\n".encode())
        return token

    def delete(self) -> None:
        """Delete the file, when the server ends."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def refusal(self, request: Request) -> Response | None:
        """The response to a request without the token, which names its file; None to one with it."""
        given = request.headers.get(HEADER, "")
        if secrets.compare_digest(given.encode(), self.value.encode()):
            return None
        place = f"in the file {self.path}" if self.path else f"in the variable {VARIABLE} of its environment"
        error = f"{request.path} needs the token of this local AWS in the header {HEADER}. It is {place}."
        body = {"error": error, "token_file": str(self.path) if self.path else None}
        return Response(json.dumps(body), 401, {"WWW-Authenticate": HEADER}, content_type="application/json")
