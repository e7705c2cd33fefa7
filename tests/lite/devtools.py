"""A tab of a Chromium, driven by its DevTools protocol.

Drivers for tests let the browser keep each response, 60 MB of this page, which its users don't have:
https://chromedevtools.github.io/devtools-protocol/tot/Network/#method-enable
"""

from __future__ import annotations

import base64
import itertools
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import DEVNULL
from typing import Any
from urllib.request import urlopen

import psutil
import websocket

TIMEOUT = 900
"""Seconds that a script may take; the start of a kernel takes up to 60 when other programs run."""


class ScriptFailed(Exception):
    """A script in the page raised an error."""


class Tab:
    """The tab that a browser opens first."""

    def __init__(self, connection: websocket.WebSocket) -> None:
        self._connection = connection
        self._numbers = itertools.count(1)

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol. Returns its result. Raises RuntimeError if the browser refuses it."""
        number = next(self._numbers)
        self._connection.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:  # events have no id
            answer = json.loads(self._connection.recv())
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return dict(answer["result"])

    def evaluate(self, function: str, *values: Any) -> Any:
        """Call a function of JavaScript, and await what it returns. Raises ScriptFailed."""
        expression = f"({function})(...{json.dumps(values)})"
        result = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise ScriptFailed(details.get("exception", {}).get("description") or details["text"])
        return result["result"].get("value")

    def open(self, url: str, ready: str) -> None:
        """Open a page, and wait until an expression is true in it. Raises TimeoutError."""
        self.send("Page.navigate", url=url)
        until = time.monotonic() + TIMEOUT
        while not self.evaluate(f"() => Boolean({ready})"):
            if time.monotonic() > until:
                raise TimeoutError(f"{url}: {ready} is not true after {TIMEOUT} s")
            time.sleep(0.2)

    def take_picture(self, path: Path) -> None:
        """Write what is seen into a PNG."""
        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot")["data"]))


@contextmanager
def started(chromium: str, profile: Path, *options: str) -> Iterator[tuple[psutil.Process, Tab]]:
    """Start a browser with options of its command line. Yields its process and its tab.

    Raises:
        RuntimeError: the browser ended, or did not start within a minute.
    """
    port = profile / "DevToolsActivePort"
    port.unlink(missing_ok=True)
    command = [chromium, "--headless=new", "--no-sandbox", "--no-first-run", f"--user-data-dir={profile}"]
    command += ["--remote-debugging-port=0", *options, "about:blank"]
    with psutil.Popen(command, stdout=DEVNULL, stderr=DEVNULL) as process:
        try:
            until = time.monotonic() + 60
            while not port.exists() or not port.read_text():
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"{chromium} did not start; run it with --headless=new to see why")
                time.sleep(0.1)
            address = f"http://127.0.0.1:{port.read_text().split()[0]}/json/list"
            with urlopen(address, timeout=60) as answer:
                page = next(each for each in json.load(answer) if each["type"] == "page")
            url = page["webSocketDebuggerUrl"]
            yield process, Tab(websocket.create_connection(url, timeout=TIMEOUT, suppress_origin=True))
        finally:
            process.terminate()
            process.wait()
