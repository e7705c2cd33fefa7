"""Progress of long work: a bar in a terminal, one updated line in a notebook, a line every ten seconds elsewhere."""

import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

SECONDS = 10.0
"""How often a line is printed where there is neither a terminal nor a notebook."""

_NAMED = 3


class Progress(Protocol):
    """Reports the steps of long work."""

    def set_total(self, total: int) -> None:
        """Report how many steps there are, once that is known."""

    def step(self, description: str) -> None:
        """Report that one more step is done."""

    def wait_for(self, names: Collection[str]) -> None:
        """Report what the work waits for now."""

    def say(self, text: str) -> None:
        """Print a line that stays."""


@contextmanager
def progress(title: str, total: int) -> Iterator[Progress]:
    """Show the progress of `total` steps where the program runs: notebook, terminal or neither."""
    if _in_notebook():
        line = _NotebookLine(title, total)
        yield line
        line.finish()
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[step]}"),
        )
        with RichProgress(*columns, console=Console(stderr=True), transient=True) as bars:
            bar = _TerminalBar(bars, title, total)
            with reporting(bar.text):
                yield bar
    else:
        lines = _Lines(title, total)
        with reporting(lines.text):
            yield lines


def list_names(names: Collection[str]) -> str:
    """Return names as text, the first three of many: `Broker broker, DBInstance database`, `a, b, c and 4 more`."""
    listed = sorted(names)
    more = len(listed) - _NAMED
    return ", ".join(listed[:_NAMED]) + (f" and {more} more" if more > 0 else "")


# -- without a terminal ----------------------------------------------------------------------------------------------

_reports: list[tuple[Callable[[], str], float]] = []
"""What is in progress, the innermost last: its description, and when it began."""


@contextmanager
def reporting(describe: Callable[[], str]) -> Iterator[None]:
    """Print `describe()` with the seconds so far on standard error, every ten seconds, unless it is a terminal.

    Of nested calls the innermost is printed. Ctrl-C carries it as a note.
    """
    outermost = not _reports
    _reports.append((describe, time.monotonic()))
    ended = threading.Event()
    if outermost and not (sys.stderr.isatty() or _in_notebook()):
        threading.Thread(target=_print_reports, args=(ended,), daemon=True).start()
    try:
        yield
    except KeyboardInterrupt as interrupt:
        if not hasattr(interrupt, "__notes__"):  # of nested ones the innermost
            interrupt.add_note(describe())
        raise
    finally:
        ended.set()
        _reports.pop()


def _print_reports(ended: threading.Event) -> None:
    while not ended.wait(SECONDS):
        for describe, began in _reports[-1:]:
            print(f"{describe()}; {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


class _Lines:
    def __init__(self, title: str, total: int) -> None:
        self._title, self._total, self._done, self._names = title, total, 0, ""

    def text(self) -> str:
        return f"{self._title}: {self._done} of {self._total}" + (f", waiting for {self._names}" if self._names else "")

    def set_total(self, total: int) -> None:
        self._total = total

    def step(self, description: str) -> None:
        self._done += 1

    def wait_for(self, names: Collection[str]) -> None:
        self._names = list_names(names)

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)


# -- in a terminal ---------------------------------------------------------------------------------------------------


class _TerminalBar(_Lines):
    def __init__(self, bars: "RichProgress", title: str, total: int) -> None:
        super().__init__(title, total)
        self._bars = bars
        self._task: TaskID = bars.add_task(title, total=total, step="")

    def set_total(self, total: int) -> None:
        super().set_total(total)
        self._bars.update(self._task, total=total)

    def step(self, description: str) -> None:
        super().step(description)
        self._bars.update(self._task, advance=1, step=description)

    def wait_for(self, names: Collection[str]) -> None:
        super().wait_for(names)
        self._bars.update(self._task, step=self._names)

    def say(self, text: str) -> None:
        self._bars.console.print(text, markup=False, highlight=False)


# -- in a notebook ---------------------------------------------------------------------------------------------------


class _NotebookLine:
    """A line of standard output that overwrites itself, so that a finished notebook keeps only its last state."""

    def __init__(self, title: str, total: int) -> None:
        self._title, self._total, self._done, self._width = title, total, 0, 0
        self._show()

    def set_total(self, total: int) -> None:
        self._total = total

    def step(self, description: str) -> None:
        self._done += 1
        self._show(f" · {description}")

    def wait_for(self, names: Collection[str]) -> None:
        self._show(f" · {list_names(names)}")

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def finish(self) -> None:
        self._show()
        print(flush=True)

    def _show(self, suffix: str = "") -> None:
        text = f"{self._title}: {self._done} of {self._total}{suffix}"
        # Blanks first: a shorter text would leave the end of a longer one visible.
        print(f"\r{' ' * self._width}\r{text}", end="", flush=True)
        self._width = len(text)


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    return bool(ipython and (shell := ipython.get_ipython()) and hasattr(shell, "kernel"))
