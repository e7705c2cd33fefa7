"""The server side of JupyterLab: whether it is ready, its files and its kernels."""

import json
import socket
import subprocess
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

SECONDS_TO_START = 120
TOKEN = "learner"


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class JupyterServer:
    """A running server, the folder that it serves, and that of the state of its local AWS."""

    def __init__(self, url: str, folder: Path, state: Path) -> None:
        self.url = url
        self.folder = folder
        self.state = state

    def wait_until_ready(self, process: "subprocess.Popen[bytes]") -> None:
        """Return when it answers. Raises TimeoutError."""
        end = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < end and process.poll() is None:
            with suppress(OSError):
                self.call("GET", "/api/status")
                return
            time.sleep(0.2)
        raise TimeoutError("JupyterLab did not start")

    def call(self, method: str, path: str) -> Any:
        """Call its REST API, and return the answer."""
        request = urllib.request.Request(self.url + path, method=method, headers={"Authorization": f"token {TOKEN}"})
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.loads(response.read() or b"null")

    def shut_down_kernels(self) -> None:
        """End every kernel."""
        for session in self.call("GET", "/api/sessions"):
            self.call("DELETE", f"/api/sessions/{session['id']}")
