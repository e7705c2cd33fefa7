"""The HTTP client of the local AWS's control routes under `/_esaws/`."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from esaws.errors import EsawsError, UsageError

ADVANCE_TIMEOUT = 3600.0
"""Seconds that a call may take: the server plays every event of a year if it has to."""

_BAD_REQUEST = 400
_CONFLICT = 409


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
    parts = urlsplit(url)
    connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = connect(parts.netloc, timeout=timeout)
    try:
        connection.request(method, f"/_esaws/{name}", body=body, headers={"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = response.read()
    finally:
        connection.close()
    if response.status == http.client.OK:
        return answer
    if response.status == _BAD_REQUEST:
        raise UsageError(_message(answer))
    if response.status == _CONFLICT:
        raise EsawsError(_message(answer))
    raise EsawsError(
        f"{url}/_esaws/{name}: HTTP {response.status} ({answer[:300].decode(errors='replace')}). "
        "Check that a local AWS of this version runs there."
    )


def _message(answer: bytes) -> str:
    try:
        return str(json.loads(answer)["error"])
    except (ValueError, KeyError, TypeError):
        return answer[:300].decode(errors="replace")
