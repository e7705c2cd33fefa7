"""A cell that needs an absent package shows a sentence instead of an error, so that Run All goes on after it."""

from __future__ import annotations

import ast
from collections.abc import Callable
from types import TracebackType
from typing import Any

from browser_machine.stand_ins import ABSENT
from browser_machine.stand_ins.absent import NotInPage

TITLE = "Not in this page"
"""How each notice begins."""

Handler = Callable[..., Any]


def install(shell: Any) -> None:
    """Show notices in a shell of IPython, whatever other handlers of errors it gets later."""
    set_handler = shell.set_custom_exc
    unset: set[str] = set()
    source = ""

    def before_cell(cell: Any) -> None:
        nonlocal source
        source = cell.raw_cell

    def set_custom_exc(kinds: tuple[type[BaseException], ...], handler: Handler | None) -> None:
        def show(
            shell: Any,
            kind: type[BaseException],
            error: BaseException,
            traceback: TracebackType | None,
            tb_offset: int | None = None,
        ) -> Any:
            if text := notice(error, unset):
                unset.update(names_set(shell.transform_cell(source)))
                return _display(text)
            if handler is not None and isinstance(error, kinds):
                return handler(shell, kind, error, traceback, tb_offset=tb_offset)
            return shell.showtraceback((kind, error, traceback), tb_offset=tb_offset)

        set_handler((NotInPage, NameError, *kinds), show)

    shell.events.register("pre_run_cell", before_cell)
    shell.set_custom_exc = set_custom_exc
    set_custom_exc((), None)


def notice(error: BaseException, unset: set[str]) -> str | None:
    """The notice about an error, in Markdown; None for an error that is the cell's own.

    `unset` are the names that cells with a notice would have set.
    """
    if isinstance(error, NotInPage):
        lacking = f"{error.name} ({ABSENT[error.name]})" if error.name in ABSENT else error.name
        return f"> **{TITLE}:** {lacking}. The cell ended there; the cells after it run."
    if isinstance(error, NameError) and error.name in unset:
        return f"> **{TITLE}:** `{error.name}`, because an earlier cell ended before it. The cells after this one run."
    return None


def names_set(source: str) -> set[str]:
    """The names that a cell assigns or imports at its top level or in its blocks; none if it is not Python."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return set()
    nodes = list(ast.walk(tree))
    assigned = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    imports = [alias for node in nodes if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names]
    return assigned | {(alias.asname or alias.name).split(".")[0] for alias in imports}


def _display(text: str) -> list[str]:
    from IPython.display import Markdown, display

    display(Markdown(text))
    return []
