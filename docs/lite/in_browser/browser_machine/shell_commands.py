"""`!aws …` and `!esaws …` in a notebook: the commands are called in this interpreter."""

from __future__ import annotations

import io
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

_OPERATORS = {"|", "||", "&&", ";", "&", ">", ">>", "<", "2>", "2>&1"}
_NOT_FOUND = 127


def run(command: str) -> tuple[str, str, int]:
    """Run a command line: (standard output, standard error, exit code)."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        return "", f"{command}: {error}\n", 2
    if not words:
        return "", "", 0
    if found := _OPERATORS.intersection(words):
        return "", f"this page has no shell: {' '.join(sorted(found))} does not work here\n", 2
    call = _COMMANDS.get(words[0])
    if call is None:
        return "", f"{words[0]}: this page has only the commands {' and '.join(_COMMANDS)}\n", _NOT_FOUND
    return call(words[1:])


def _aws(arguments: Sequence[str]) -> tuple[str, str, int]:
    from awscli.clidriver import create_clidriver

    from esaws.environment import environment_variables
    from esaws.local_aws import process

    def main() -> int:
        return int(create_clidriver().main(list(arguments)) or 0)

    settings = process.environment() if process.status()["running"] else {}
    with environment_variables({**settings, **os.environ}):
        return _captured(main)


def _esaws(arguments: Sequence[str]) -> tuple[str, str, int]:
    from esaws.cli import main

    def call() -> int:
        main(list(arguments))
        return 0

    return _captured(call)


_COMMANDS: dict[str, Callable[[Sequence[str]], tuple[str, str, int]]] = {"aws": _aws, "esaws": _esaws}


def _captured(main: Callable[[], int]) -> tuple[str, str, int]:
    """What a function writes, as text or bytes, and returns or exits with."""
    out, err = io.BytesIO(), io.BytesIO()
    with (
        io.TextIOWrapper(out, "utf-8", write_through=True) as output,
        io.TextIOWrapper(err, "utf-8", write_through=True) as errors,
        redirect_stdout(output),
        redirect_stderr(errors),
    ):
        try:
            code = main()
        except SystemExit as exit_:
            code = exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
        return out.getvalue().decode(), err.getvalue().decode(), code


def install(shell: Any) -> None:
    """Let `!command` and `lines = !command` run in a shell of IPython."""
    from IPython.utils.text import SList

    def system(command: str) -> None:
        output, errors, code = run(shell.var_expand(command, depth=1))
        for text, stream in ((output, sys.stdout), (errors, sys.stderr)):
            if text:  # an empty one is a stripe in the notebook
                stream.write(text)
        shell.user_ns["_exit_code"] = code

    def getoutput(command: str, split: bool = True, depth: int = 0) -> Any:
        output, errors, code = run(shell.var_expand(command, depth=depth + 1))
        shell.user_ns["_exit_code"] = code
        text = (output + errors).removesuffix("\n")
        return SList(text.splitlines()) if split else text

    shell.system = system
    shell.getoutput = getoutput
