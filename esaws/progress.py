"""Progress of long work: a bar in a terminal, one updated line in a notebook, nothing elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID


class Progress(Protocol):
    """Reports the steps of long work."""

    def step(self, description: str) -> None:
        """Report that one more step is done."""


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
            yield _TerminalBar(bars, bars.add_task(title, total=total, step=""))
    else:
        yield _NoProgress()


class _NoProgress:
    def step(self, description: str) -> None:
        """Show nothing."""


class _TerminalBar:
    def __init__(self, bars: "RichProgress", task: "TaskID") -> None:
        self._bars = bars
        self._task = task

    def step(self, description: str) -> None:
        self._bars.update(self._task, advance=1, step=description)


class _NotebookLine:
    """A line of standard output that overwrites itself, so that a finished notebook keeps only its last state."""

    def __init__(self, title: str, total: int) -> None:
        self._title, self._total, self._done, self._width = title, total, 0, 0
        self._show()

    def step(self, description: str) -> None:
        self._done += 1
        self._show(f" · {description}")

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
