"""Progress of long work: a bar in a terminal, one line that settles in a notebook, nothing where nobody looks."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """What long work tells about itself."""

    def step(self, what: str) -> None:
        """One more piece is done; `what` names it."""


@contextmanager
def progress(title: str, total: int) -> Iterator[Progress]:
    """Show how far `total` pieces of work have come, in the way that suits where the program runs."""
    if _in_notebook():
        line = _NotebookLine(title, total)
        yield line
        line.settle()
    elif sys.stderr.isatty():
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[what]}"),
        )
        from rich.console import Console

        with RichProgress(*columns, console=Console(stderr=True), transient=True) as bars:
            task = bars.add_task(title, total=total, what="")
            yield _TerminalBar(bars, task)
    else:
        yield _Silence()


class _Silence:
    def step(self, what: str) -> None:
        """Nobody looks."""


class _TerminalBar:
    def __init__(self, bars: "object", task: int) -> None:
        self._bars = bars
        self._task = task

    def step(self, what: str) -> None:
        self._bars.update(self._task, advance=1, what=what)  # type: ignore[attr-defined]


class _NotebookLine:
    """One line of standard output that is written over, so that a finished notebook holds its last state alone."""

    def __init__(self, title: str, total: int) -> None:
        self._title, self._total, self._done, self._width = title, total, 0, 0
        self._show()

    def step(self, what: str) -> None:
        self._done += 1
        self._show(f" · {what}")

    def settle(self) -> None:
        self._show()
        print(flush=True)

    def _show(self, more: str = "") -> None:
        text = f"{self._title}: {self._done} of {self._total}{more}"
        # A shorter text would leave the end of a longer one standing.
        print(f"\r{' ' * self._width}\r{text}", end="", flush=True)
        self._width = len(text)


def _in_notebook() -> bool:
    shell = sys.modules.get("IPython")
    return bool(shell and (running := shell.get_ipython()) and hasattr(running, "kernel"))
