"""The command line: each command reads its options, calls one function, and prints a table or JSON."""

import errno
import gc
import os
import sys
from collections.abc import Sequence
from itertools import takewhile

import click

from esaws.cli.root import cli
from esaws.cli.streams import flush_streams, repair_streams
from esaws.interrupts import EXIT_CODE, Terminated, terminable
from esaws.progress import reporting

EXTRAS = {
    "duckdb": "bills",
    "ibis": "bills",
    "matplotlib": "bills",
    "pyarrow": "bills",
    "diagrams": "draw",
    "jinja2": "notebooks",
    "resvg_py": "draw",
    "jupyter_client": "notebooks",
    "jupyter_core": "notebooks",
    "nbclient": "notebooks",
    "nbformat": "notebooks",
    "papermill": "notebooks",
    "pydantic": "notebooks",
    "yaml": "notebooks",
}
"""Optional package → the extra of esaws that installs it."""


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line. Errors are printed on stderr, and end with the exit code of their class.

    If the output can't be written, the exit code is 1; if only its reader has left (`esaws … | head`), nothing is
    printed about it.
    """
    gc.set_threshold(100_000, 20, 100)  # the objects of botocore's models live as long as the command
    repair_streams()
    code = _run(argv)
    if reason := flush_streams():
        click.echo(f"esaws: the output could not be written: {reason}", err=True)
        code = code or 1
    sys.exit(code)


def _run(argv: Sequence[str] | None) -> int:
    words = takewhile(lambda word: not word.startswith("-"), sys.argv[1:] if argv is None else argv)
    title = " ".join(["esaws", *words])
    try:
        with terminable(), reporting(lambda: title):
            code = cli(args=argv, prog_name="esaws", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except click.exceptions.Exit as error:
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt) as error:
        cause = error.__cause__ or error
        is_terminated = isinstance(cause, Terminated)
        where = "; ".join(getattr(cause, "__notes__", ()))
        what = "ended by SIGTERM" if is_terminated else "interrupted"
        click.echo(f"esaws: {what}{f' at {where}' if where else ''}", err=True)
        code = EXIT_CODE if is_terminated else 1
    except SystemExit as error:
        code = error.code
    except Exception as error:
        code = _print_error(error)
    return code if isinstance(code, int) else 0


def _print_error(error: Exception) -> int:
    """Print an expected error and return its exit code; raise any other again."""
    from esaws.errors import EsawsError, describe_error

    if isinstance(error, EsawsError):
        click.echo(f"esaws: {error}", err=True)
        return error.exit_code
    if type(error).__module__.startswith(("botocore", "boto3")):  # some of them are OSErrors, too
        click.echo(f"esaws: {describe_error(error)}", err=True)
        return 1
    if isinstance(error, OSError):
        place = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        click.echo(f"esaws: {place}{error.strerror or error}{_next_step(error)}", err=True)
        return 1
    if isinstance(error, ModuleNotFoundError) and (extra := EXTRAS.get((error.name or "").split(".")[0])):
        click.echo(f'esaws: {error.name} is not installed. Run pip install "esaws[{extra}]".', err=True)
        return 2
    raise error


def _next_step(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ". Free some space, or choose a folder on another disk."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR) and error.filename:
        return ". Choose another folder: ESAWS_STATE is that of the local AWS, ESAWS_RUNS that of the journals."
    return ""
