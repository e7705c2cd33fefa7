"""Run notebooks of the page in a Chromium, cell by cell, as a learner would, and report what came."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
from playwright.sync_api import BrowserContext, Page, Request, ViewportSize, sync_playwright

LAPTOP: ViewportSize = {"width": 1366, "height": 768}
NOT_IN_PAGE = "NotInPage"
"""The error of a cell that needs a package which could not be had when the page was built."""

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
    """Errors of cells that need a package which the page lacks, or a name that such a cell would have set."""
    errors: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")
    megabytes: int = 0
    """The memory of the process that shows the page, JupyterLab and what the test watches included."""
    strangers: list[str] = field(default_factory=list)
    """Requests to other hosts."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on a free port of this machine. Yields its URL."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *values: Any) -> None:
            """Requests are counted by the browser."""

    Quiet.extensions_map |= {".mjs": "text/javascript", ".wasm": "application/wasm", ".whl": "application/zip"}
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def run_notebooks(folder: Path, chromium: str, names: list[str], screenshots: Path | None) -> Iterator[Run]:
    """Run the notebooks, each in a browser of its own with the same profile, so that the work is kept between them."""
    arguments = ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    with served(folder) as url, sync_playwright() as playwright, TemporaryDirectory() as profile:
        for name in names:
            context = playwright.chromium.launch_persistent_context(
                profile, executable_path=chromium, args=arguments, viewport=LAPTOP, reduced_motion="reduce"
            )
            yield _run_notebook(context, url, name, screenshots)
            context.close()


def _run_notebook(context: BrowserContext, url: str, name: str, screenshots: Path | None) -> Run:
    run, page = Run(name), context.new_page()
    page.set_default_timeout(600_000)

    def requested(request: Request) -> None:
        if not request.url.startswith((url, "data:", "blob:")):
            run.strangers.append(request.url)

    context.on("request", requested)
    began = time.monotonic()
    page.goto(f"{url}/lab/index.html")
    page.wait_for_function("window.jupyterapp !== undefined")
    count = page.evaluate(_OPEN, name)
    cells_began = time.monotonic()
    for _ in range(count):
        cell_began = time.monotonic()
        cell = page.evaluate(_RUN_NEXT)
        if cell["cell_type"] != "code":
            continue
        run.cells += 1
        run.first_cell = run.first_cell or time.monotonic() - began
        seconds = time.monotonic() - cell_began
        if run.cells > 1:
            run.slowest = max(run.slowest, (seconds, "".join(cell["source"]).split("\n")[0]))
        for output in cell["outputs"]:
            if output["output_type"] == "error":
                # A name that such a cell would have set is missing in those after it.
                follows = bool(run.not_in_page) and "NameError" in output["ename"]
                kind = run.not_in_page if NOT_IN_PAGE in output["ename"] or follows else run.errors
                kind.append(f"cell {run.cells}: {output['evalue']}")
    run.seconds = time.monotonic() - cells_began
    run.megabytes = _memory()
    if screenshots is not None:
        _take_pictures(page, screenshots, name.removesuffix(".ipynb"))
    page.wait_for_timeout(3000)  # the work is kept when no cell runs
    return run


def _take_pictures(page: Page, folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for place, index in (("top", 0), ("middle", 12), ("end", -1)):
        script = "(index) => { const n = window.jupyterapp.shell.currentWidget.content; "
        script += "n.activeCellIndex = index < 0 ? n.widgets.length - 1 : Math.min(index, n.widgets.length - 1); "
        page.evaluate(f"{script} n.scrollToItem(n.activeCellIndex, 'center'); }}", index)
        page.wait_for_timeout(1000)
        page.screenshot(path=folder / f"lite-{name}-{place}.png")


def _memory() -> int:
    """The memory that the process of the page has for itself, in MB, without the browser's own program."""
    processes = psutil.Process().children(recursive=True)
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
