"""Run notebooks of the page in a Chromium, cell by cell, as a learner would, and report what came."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import psutil

from tests.lite import devtools
from tests.lite.devtools import Tab

LAPTOP = {"width": 1366, "height": 768, "deviceScaleFactor": 1, "mobile": False}
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-pings")
"""Options of a Chromium that sends little of its own."""
OF_THE_BROWSER = {
    "accounts.google.com",
    "clients2.google.com",
    "content-autofill.googleapis.com",
    "optimizationguide-pa.googleapis.com",
    "update.googleapis.com",
}
"""Hosts that Chromium calls for itself, with an empty page, too."""
NOT_IN_PAGE = "> **Not in this page:**"
"""What a cell shows that needs a package which could not be had when the page was built."""

_OPEN = """async (path) => {
  const app = window.jupyterapp;
  await app.restored;
  const widget = await app.commands.execute("docmanager:open", { path, factory: "Notebook" });
  await widget.context.ready;
  await widget.context.sessionContext.ready;
  widget.content.activeCellIndex = 0;
  return widget.content.model.cells.length;
}"""
_RUN_NEXT = """async () => {
  const app = window.jupyterapp;
  const notebook = app.shell.currentWidget.content;
  const index = notebook.activeCellIndex;
  await app.commands.execute("notebook:run-cell-and-select-next");
  return notebook.model.cells.get(index).toJSON();
}"""
_SCROLL = """(index) => {
  const notebook = window.jupyterapp.shell.currentWidget.content;
  const last = notebook.widgets.length - 1;
  notebook.activeCellIndex = index < 0 ? last : Math.min(index, last);
  notebook.scrollToItem(notebook.activeCellIndex, "center");
}"""


@dataclass
class Run:
    """What came of one notebook."""

    name: str
    first_cell: float = 0.0
    """Seconds until the first cell of code had run, from the opening of the page on."""
    seconds: float = 0.0
    """Seconds that all cells took."""
    cells: int = 0
    not_in_page: list[str] = field(default_factory=list)
    """What cells show that need a package which the page lacks."""
    errors: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")
    megabytes: int = 0
    """The memory of the process that shows the page, JupyterLab included."""
    strangers: list[str] = field(default_factory=list)
    """Requests to other hosts."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on a free port of this machine. Yields its URL."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *values: Any) -> None:
            """Requests are counted by the browser."""

    Quiet.extensions_map |= {".mjs": "text/javascript", ".wasm": "application/wasm", ".whl": "application/zip"}
    with _listening(partial(Quiet, directory=str(folder))) as url:
        yield url


@contextmanager
def proxy_that_refuses() -> Iterator[tuple[str, list[str]]]:
    """Run a proxy that lets nothing through. Yields its URL, and a list of the URLs or hosts that clients asked for."""
    asked: list[str] = []

    class Refusing(BaseHTTPRequestHandler):
        def refuse(self) -> None:
            asked.append(self.path.split("?")[0].removeprefix("http://"))
            self.send_error(502)

        do_GET = do_POST = do_CONNECT = refuse

        def log_message(self, format: str, *values: Any) -> None:
            """They are in the list."""

    with _listening(Refusing) as url:
        yield url, asked


@contextmanager
def _listening(handler: Callable[..., BaseHTTPRequestHandler]) -> Iterator[str]:
    """Answer requests on a free port of this machine. Yields the URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def run_notebooks(folder: Path, chromium: str, names: list[str], screenshots: Path | None) -> Iterator[Run]:
    """Run the notebooks, each in a browser of its own with the same profile, so that the work is kept between them."""
    with served(folder) as url, proxy_that_refuses() as (proxy, asked), TemporaryDirectory() as profile:
        for name in names:
            asked.clear()
            with devtools.started(chromium, Path(profile), f"--proxy-server={proxy}", *QUIET) as (process, tab):
                run = _run_notebook(tab, url, name)
                run.megabytes = _settled(process)
                if screenshots is not None:
                    _take_pictures(tab, screenshots, name.removesuffix(".ipynb"))
            run.strangers = [each for each in asked if urlsplit(f"//{each}").hostname not in OF_THE_BROWSER]
            yield run


def _run_notebook(tab: Tab, url: str, name: str) -> Run:
    run = Run(name)
    tab.send("Emulation.setDeviceMetricsOverride", **LAPTOP)
    tab.send("Emulation.setFocusEmulationEnabled", enabled=True)  # JupyterLab runs cells of the focused notebook
    began = time.monotonic()
    # Without `reset`, JupyterLab opens the notebooks of the last time again, each with a kernel.
    tab.open(f"{url}/lab/index.html?reset", ready="window.jupyterapp")
    count = tab.evaluate(_OPEN, name)
    cells_began = time.monotonic()
    for _ in range(count):
        cell_began = time.monotonic()
        cell = tab.evaluate(_RUN_NEXT)
        if cell["cell_type"] != "code":
            continue
        run.cells += 1
        run.first_cell = run.first_cell or time.monotonic() - began
        seconds = time.monotonic() - cell_began
        if run.cells > 1:
            run.slowest = max(run.slowest, (seconds, "".join(cell["source"]).split("\n")[0]))
        for output in cell["outputs"]:
            if output["output_type"] == "error":
                run.errors.append(f"cell {run.cells}: {output['evalue']}")
            elif (text := "".join(output.get("data", {}).get("text/markdown", ""))).startswith(NOT_IN_PAGE):
                run.not_in_page.append(f"cell {run.cells}: {text.removeprefix(NOT_IN_PAGE).strip()}")
    run.seconds = time.monotonic() - cells_began
    time.sleep(3)  # the work is kept when no cell runs
    return run


def _take_pictures(tab: Tab, folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for place, index in (("top", 0), ("middle", 12), ("end", -1)):
        tab.evaluate(_SCROLL, index)
        time.sleep(1)
        tab.take_picture(folder / f"lite-{name}-{place}.png")


def _settled(browser: psutil.Process) -> int:
    """The memory of the page when it has not fallen for 20 seconds: the browser tidies up when nothing runs."""
    least, fell = _memory(browser), time.monotonic()
    while time.monotonic() - fell < 20:
        time.sleep(2)
        if (now := _memory(browser)) < least - 5:
            least, fell = now, time.monotonic()
    return least


def _memory(browser: psutil.Process) -> int:
    """The memory that the process of the page has for itself, in MB, without the browser's own program."""
    processes = browser.children(recursive=True)
    return max((process.memory_full_info().uss // 1_000_000 for process in processes), default=0)


def report(run: Run) -> str:
    """One line about a run, and one for each error."""
    slowest = f"{run.slowest[0]:.0f} s ({run.slowest[1][:50]})"
    lines = [
        f"{run.name}: {run.cells} cells in {run.seconds:.0f} s; first after {run.first_cell:.0f} s; slowest {slowest}; "
        f"{run.megabytes} MB; {len(run.errors)} errors; {len(run.not_in_page)} cells need what the page lacks; "
        f"{len(run.strangers)} requests to other hosts"
    ]
    return "\n".join([*lines, *(f"  {error}" for error in (*run.errors, *dict.fromkeys(run.strangers)))])


def to_json(runs: list[Run]) -> str:
    """The runs as JSON."""
    return json.dumps([vars(run) for run in runs], indent=2)
