"""Show errors of esaws, botocore and missing names as one sentence with the next step; the traceback is folded."""

from __future__ import annotations

import os
import re
from html import escape
from types import TracebackType
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError

from esaws.course.learner import is_interactive
from esaws.errors import EsawsError, LocalNotRunning, describe_error

SHORTENED = (EsawsError, ClientError, BotoCoreError, NameError)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_UNREACHABLE = (ConnectionError, HTTPClientError)


def install_short_errors() -> None:
    """Shorten these errors in this kernel from now on. Does nothing outside IPython."""
    try:
        from IPython import get_ipython
    except ImportError:
        return
    if (shell := get_ipython()) is not None:
        shell.set_custom_exc(SHORTENED, _show)


def explain(error: BaseException) -> str:
    """Return what happened and the next step."""
    if _has_stopped(error):
        return (
            "The local AWS of this notebook is not running. "
            "Run the cell with `course.begin` or `course.lab` again: it continues with what existed."
        )
    if isinstance(error, NameError) and error.name:
        return (
            f"`{error.name}` does not exist yet. Run the cells of this section from its heading; "
            "after a restart of the kernel, run the cells above the first section, too."
        )
    return str(error) if isinstance(error, EsawsError) else describe_error(error)


def _has_stopped(error: BaseException | None) -> bool:
    """Return whether the local AWS does not run: the error says so, or what it was raised from."""
    is_local = (os.environ.get("ESAWS_TARGET") or "local") == "local"
    while error is not None:
        if isinstance(error, LocalNotRunning) or (is_local and isinstance(error, _UNREACHABLE)):
            return True
        error = error.__cause__
    return False


def _show(
    shell: Any,
    kind: type[BaseException],
    error: BaseException,
    traceback: TracebackType | None,
    tb_offset: int | None = None,
) -> list[str]:
    from IPython.display import HTML, display

    lines: list[str] = shell.InteractiveTB.structured_traceback(kind, error, traceback, tb_offset=tb_offset)
    text = explain(error)
    last = f"{kind.__name__}: {text}"
    if not is_interactive():  # a runner keeps the whole traceback with the error
        shell._showtraceback(kind, text, [*lines, last])
        return lines
    shell._showtraceback(kind, text, [last])
    plain = _COLOUR.sub("", shell.InteractiveTB.stb2text(lines))
    display(HTML(f"<details><summary>Traceback</summary><pre>{escape(plain)}</pre></details>"))
    return lines
