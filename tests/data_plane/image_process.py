"""Run the application of an image as a process on loopback, as a container of a task does."""

import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from esaws.data_plane.image_store import IMAGES

HOST = "127.0.0.1"


class ImageProcess:
    """The process of an application. It chooses a free port."""

    def __init__(self, name: str, prefix: str = "", **environment: str) -> None:
        self.name = name
        self.prefix = prefix
        self.process = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=IMAGES / name,
            env={
                "PATH": os.defpath,
                "PYTHONPATH": str(IMAGES / "base"),
                "PYTHONUNBUFFERED": "1",
                "PYTHONDONTWRITEBYTECODE": "1",
                "HOST": HOST,
                "PORT": "0",
                "ALB_PREFIX": prefix,
                "ESAWS_TASK": f"task-of-{name}",
                "ESAWS_ZONE": "eu-west-3a",
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.first_line = self.read_line()
        self.port = int(self.first_line.partition(f"{HOST}:")[2].partition(",")[0] or 0)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def read_line(self) -> str:
        """Return the next line of its log."""
        assert self.process.stdout
        return self.process.stdout.readline().rstrip("\n")

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(HOST, self.port, timeout=60)

    def request(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Return status, headers and body of a response."""
        connection = self.connect()
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def stop(self) -> tuple[int, str]:
        """Send SIGTERM; returns exit code and the rest of its log."""
        self.process.send_signal(signal.SIGTERM)
        with self.process:
            try:
                log, _ = self.process.communicate(timeout=60)
            finally:
                self.process.kill()
        return self.process.returncode, log
