"""Run the code cells of a notebook in a kernel, each within its time, and stop early when asked to."""

from __future__ import annotations

import ast
import asyncio
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esaws.durations import parse_duration
from esaws.errors import EsawsError, UsageError
from esaws.notebooks.jupyter import import_without_iri_grammar
from esaws.notebooks.kernel import kernel_manager
from esaws.notebooks.steps import step_of

if TYPE_CHECKING:
    from nbclient import NotebookClient
    from nbformat import NotebookNode

GRACE = 30.0
"""Seconds that an interrupted cell has to end by itself before its kernel is killed."""

_EXIT = "(lambda run, end: (run(), end(0)))(__import__('atexit')._run_exitfuncs, __import__('os')._exit)"
"""Exit handlers run (IPython's empties the namespace), but Python is not torn down: after pandas that takes 0.5 s."""
_SECONDS_TO_EXIT = 5.0


@dataclass(frozen=True)
class CellEvent:
    """A code cell starts (`seconds` is None) or has ended. `number` counts from 1 to `total`; `index` is its place."""

    number: int
    total: int
    index: int
    step: str
    seconds: float | None = None
    failed: bool = False


@dataclass(frozen=True)
class CellFailure:
    """The cell that ended a run: its place, the [number] it shows, its step, and the exception."""

    index: int
    number: int
    step: str
    name: str
    message: str

    def __str__(self) -> str:
        return f"cell [{self.number}]: {self.name}" + (f": {self.message}" if self.message else "")


@dataclass
class Execution:
    """One run of a notebook's code cells in a kernel of its own.

    The kernel process starts at once with `start`, so that the caller can import and read while it does. `run` executes
    the cells of a notebook; `close` ends the kernel, or with `keep_kernel` leaves that of a failed run.
    """

    cwd: Path
    env: Mapping[str, str]
    timeout: float | None = None
    grace: float = GRACE
    keep_kernel: bool = False
    on_cell: Callable[[CellEvent], None] | None = None
    skipped: Collection[int] = ()
    """Indices of cells that are not run."""
    received: signal.Signals | None = field(default=None, init=False)
    """The signal that stopped the run."""
    connection_file: Path | None = field(default=None, init=False)
    """The file by which to attach to a kernel that was kept."""

    def __post_init__(self) -> None:
        self._folder = tempfile.mkdtemp(prefix="esaws-ipython-")
        self._manager: Any = None
        self._client: NotebookClient | None = None
        self._interrupted_for = ""
        self._cell_ended = threading.Event()
        self._cell_ended.set()

    # -- the kernel

    def start(self) -> None:
        """Start the kernel process, without waiting until it is ready."""
        from jupyter_core.utils import run_sync

        # In a fresh IPython folder, because startup files and settings of the user would change what cells print.
        env = {**self.env, "IPYTHONDIR": self._folder}
        # It would print how to attach to it, although most runs do not fail.
        kept = {"independent": True, "stdout": subprocess.DEVNULL} if self.keep_kernel else {}
        self._manager = kernel_manager(self._folder)
        run_sync(self._manager.start_kernel)(cwd=str(self.cwd), env=env, **kept)

    def close(self, *, failed: bool = False) -> None:
        """End the kernel and remove its folder; keep both if the run failed and `keep_kernel` is set."""
        if failed and self.keep_kernel and self._manager is not None and self._client is not None:
            self.connection_file = Path(self._folder, "connection.json")  # the manager removes its own
            shutil.copyfile(self._manager.connection_file, self.connection_file)
            return
        try:
            self._shut_down()
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _shut_down(self) -> None:
        from jupyter_core.utils import run_sync

        if self._client is not None and self._client.kc is not None:
            self._end_kernel(self._client.kc)
            self._client._cleanup_kernel()
        elif self._manager is not None and self._manager.has_kernel:
            run_sync(self._manager.shutdown_kernel)(now=True)

    def _end_kernel(self, kc: Any) -> None:
        """Let the kernel end by itself, within some seconds."""
        end, asked = time.monotonic() + _SECONDS_TO_EXIT, 0.0
        while self._is_alive() and time.monotonic() < end:
            if time.monotonic() - asked > 1:  # a kernel drops what it receives while it ends an interrupted cell
                kc.execute(_EXIT, silent=True, store_history=False)
                asked = time.monotonic()
            time.sleep(0.01)

    # -- the cells

    def run(self, nb: NotebookNode) -> CellFailure | None:
        """Run the cells and set their outputs. Returns None, or the cell that failed.

        `sys.exit(0)` ends a notebook early and is not a failure. A cell that is interrupted, by its time-out or by
        `stop`, gets the seconds of `grace` to end; after them its kernel is killed.

        Raises:
            EsawsError: the kernel did not start.
        """
        import_without_iri_grammar()
        from nbclient import NotebookClient

        self._client = client = NotebookClient(
            nb,
            km=self._manager,
            timeout=None,
            record_timing=False,
            store_widget_state=False,
            shutdown_kernel="immediate",
            raise_on_iopub_timeout=True,
        )
        for cell in nb.cells:
            _clear(cell)
        code = [index for index, cell in enumerate(nb.cells) if cell.cell_type == "code"]
        code = [index for index in code if index not in self.skipped]
        try:
            client.start_new_kernel_client()
        except (RuntimeError, TimeoutError) as error:
            raise EsawsError(
                f"the kernel did not start: {error}. Run `esaws doctor`, and look at free memory."
            ) from error
        for number, index in enumerate(code, start=1):
            event = CellEvent(number, len(code), index, step_of(nb.cells[index]))
            if self.received:
                return CellFailure(index, number, event.step, *self._stopped())
            self._report(event)
            start = time.monotonic()
            failure, is_end = self._run_cell(client, nb.cells[index], event)
            self._report(
                CellEvent(number, len(code), index, event.step, time.monotonic() - start, failed=failure is not None)
            )
            if failure or is_end:
                return failure
        return None

    def _run_cell(
        self, client: NotebookClient, cell: NotebookNode, event: CellEvent
    ) -> tuple[CellFailure | None, bool]:
        """Run a cell. Returns its failure, and whether it ended the notebook with `sys.exit(0)`."""
        from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

        seconds = _own_timeout(cell) or self.timeout
        timer = threading.Timer(seconds, self._interrupt, ["timeout"]) if seconds else None
        self._cell_ended.clear()
        self._interrupted_for = ""
        name, message = "", ""
        if timer:
            timer.daemon = True
            timer.start()
        try:
            client.execute_cell(cell, event.index, execution_count=client.code_cells_executed + 1)
        except CellExecutionError as error:
            if error.ename == "SystemExit" and error.evalue in {"", "0"}:
                return None, True
            name, message = error.ename, error.evalue
        except CellTimeoutError as error:  # of the outputs, after the cell has ended
            name, message = type(error).__name__, str(error)
        except DeadKernelError as error:
            name, message = type(error).__name__, f"the process of the kernel ended{self._exit_status()}"
        finally:
            self._cell_ended.set()
            if timer:
                timer.cancel()
        if not name:
            return None, False
        if self._interrupted_for == "timeout":
            name, message = "CellTimeoutError", f"the cell took more than {seconds:g} s"
        elif self.received:
            name, message = self._stopped()
        _add_error(cell, name, message, client.code_cells_executed)
        return CellFailure(event.index, cell.execution_count or event.number, event.step, name, message), False

    def _exit_status(self) -> str:
        """How the kernel's process ended, if that is known."""
        process = getattr(self._manager.provisioner, "process", None)
        code = process.poll() if process else None
        if code is None:
            return ""
        return f", with {signal.Signals(-code).name}" if code < 0 else f", with exit code {code}"

    def _report(self, event: CellEvent) -> None:
        if self.on_cell is not None:
            self.on_cell(event)

    def evaluate(self, expression: str) -> Any:
        """Return the value of a Python expression in the kernel, a literal; None if the kernel can't answer."""
        client = self._client
        if client is None or client.kc is None or not self._is_alive():
            return None
        from nbclient.exceptions import DeadKernelError

        for _ in range(20):
            message = client.kc.execute("", silent=True, store_history=False, user_expressions={"value": expression})
            try:
                content = (client.wait_for_reply(message) or {"content": {}})["content"]
            except DeadKernelError:
                return None
            if content.get("status") != "aborted":
                break
            time.sleep(0.05)  # a kernel drops what it receives while it ends a failed cell
        answer = content.get("user_expressions", {}).get("value", {})
        return ast.literal_eval(answer["data"]["text/plain"]) if answer.get("status") == "ok" else None

    def _is_alive(self) -> bool:
        from jupyter_core.utils import run_sync

        return bool(self._manager.has_kernel and run_sync(self._manager.is_alive)())

    # -- stopping

    def stop(self, number: int) -> None:
        """Stop the run because of a signal: interrupt the running cell, and start no other. Safe in a signal handler.

        The second signal kills the kernel at once.
        """
        if self.received is None:
            self.received = signal.Signals(number)
            self._interrupt("signal")
        else:
            threading.Thread(target=self._kill, daemon=True).start()

    def _stopped(self) -> tuple[str, str]:
        assert self.received is not None
        return "Interrupted", f"{self.received.name} arrived"

    def _interrupt(self, reason: str) -> None:
        if not self._interrupted_for and not self._cell_ended.is_set():
            self._interrupted_for = reason
            threading.Thread(target=self._interrupt_then_kill, daemon=True).start()

    def _interrupt_then_kill(self) -> None:
        asyncio.run(self._manager.interrupt_kernel())
        if not self._cell_ended.wait(self.grace):
            self._kill()

    def _kill(self) -> None:
        if self._manager is not None and self._manager.has_kernel:
            asyncio.run(self._manager.signal_kernel(getattr(signal, "SIGKILL", signal.SIGTERM)))


def _own_timeout(cell: NotebookNode) -> float | None:
    """The seconds that the metadata of a cell allows it: `{"esaws": {"timeout": "20m"}}`, or a number."""
    value = (cell.metadata.get("esaws") or {}).get("timeout")
    if value is None or isinstance(value, int | float):
        return value
    try:
        return parse_duration(str(value)).total_seconds()
    except ValueError as error:
        raise UsageError(f"the time-out of a cell: {error}") from error


def _clear(cell: NotebookNode) -> None:
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None
    for name in ("collapsed", "scrolled"):
        cell.metadata.pop(name, None)


def _add_error(cell: NotebookNode, name: str, message: str, number: int) -> None:
    """Add the error to the cell's outputs unless it is there, as a dead kernel or a time-out can't do it itself."""
    import nbformat

    cell.execution_count = cell.execution_count or number
    if not any(output.output_type == "error" and output.ename == name for output in cell.outputs):
        cell.outputs.append(
            nbformat.v4.new_output("error", ename=name, evalue=message, traceback=[f"{name}: {message}"])
        )
