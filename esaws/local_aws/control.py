"""The HTTP client of the local AWS's control routes under `/_esaws/`.

Requests carry the token of the server: that of ESAWS_CONTROL_TOKEN, else that of the file which the server names.
"""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from esaws.errors import EsawsError, UsageError
from esaws.local_aws.control_token import HEADER, VARIABLE, read_token

ADVANCE_TIMEOUT = 3600.0
"""Seconds that a call may take: the server plays every event of a year if it has to."""

_PROBE_TIMEOUT = 10.0

_OK = 200
_BAD_REQUEST = 400
_UNAUTHORIZED = 401
_CONFLICT = 409

_tokens: dict[str, str] = {}
"""URL of a server → its token, as found last."""


def call(
    url: str, method: str, name: str, params: Mapping[str, Any] | None = None, *, timeout: float = ADVANCE_TIMEOUT
) -> dict[str, Any]:
    """Call `/_esaws/<name>` at `url` with `params` as JSON, and return the JSON object it answers.

    Raises:
        UsageError: the server rejects the parameters.
        EsawsError: the server can't do it, or the answer is not a JSON object.
        OSError, http.client.HTTPException: no server answers.
    """
    text = exchange(url, method, name, json.dumps(params).encode() if params else None, timeout=timeout)
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise EsawsError(f"{url}/_esaws/{name}: not a JSON object. Check that a local AWS runs there.")
    return answer


def exchange(url: str, method: str, name: str, body: bytes | None = None, *, timeout: float = ADVANCE_TIMEOUT) -> bytes:
    """Send `body` to `/_esaws/<name>` and return the body of the answer. Raises the errors of `call`.

    Proxy settings of the environment are ignored.
    """
    status, answer = _send(url, method, name, body, timeout)
    if status == _UNAUTHORIZED and _find_token(url, answer):
        status, answer = _send(url, method, name, body, timeout)
    if status == _OK:
        return answer
    if status == _BAD_REQUEST:
        raise UsageError(_message(answer))
    if status in (_CONFLICT, _UNAUTHORIZED):
        raise EsawsError(_message(answer))
    raise EsawsError(
        f"{url}/_esaws/{name}: HTTP {status} ({answer[:300].decode(errors='replace')}). "
        "Check that a local AWS of this version runs there."
    )


def is_local_aws(url: str) -> bool:
    """Whether a local AWS answers at `url`, and no other program.

    Raises OSError and http.client.HTTPException: nothing answers.
    """
    status, answer = _send(url, "GET", "status", None, _PROBE_TIMEOUT)
    try:
        described = json.loads(answer)
    except ValueError:
        return False
    key = {_OK: "time", _UNAUTHORIZED: "token_file"}.get(status)
    return isinstance(described, dict) and key in described


def headers(url: str) -> dict[str, str]:
    """Return the headers that a control request to `url` needs, for a program that sends it itself.

    Raises OSError and http.client.HTTPException: no server answers.
    """
    status, answer = _send(url, "GET", "status", None, ADVANCE_TIMEOUT)
    if status == _UNAUTHORIZED:
        _find_token(url, answer)
    return _headers(url)


def _headers(url: str) -> dict[str, str]:
    token = _tokens.get(url) or os.environ.get(VARIABLE)
    return {HEADER: token} if token else {}


def _find_token(url: str, answer: bytes) -> bool:
    """Whether the refusal of a server names a file with its token, which later requests carry."""
    try:
        file = json.loads(answer)["token_file"]
    except (ValueError, KeyError, TypeError):
        return False
    token = read_token(file, urlsplit(url).port) if isinstance(file, str) else None
    if token is None:
        return False
    _tokens[url] = token
    return True


def _send(url: str, method: str, name: str, body: bytes | None, timeout: float) -> tuple[int, bytes]:
    parts = urlsplit(url)
    connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = connect(parts.netloc, timeout=timeout)
    try:
        sent = {"Content-Type": "application/json", **_headers(url)}
        connection.request(method, f"/_esaws/{name}", body=body, headers=sent)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def _message(answer: bytes) -> str:
    try:
        return str(json.loads(answer)["error"])
    except (ValueError, KeyError, TypeError):
        return answer[:300].decode(errors="replace")
