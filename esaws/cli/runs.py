"""`esaws runs`: past runs, what differs between two of them, and a page of all."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from esaws.cli.common import JSON_HELP, LazyGroup, print_json, print_result, print_table, suggest
from esaws.cli.root import cli

if TYPE_CHECKING:
    from esaws.runbooks.history import Runs

_STATUSES = ("done", "nothing_to_do", "planned", "awaiting_approval", "refused", "failed", "interrupted", "killed")
_LONGEST_TEXT = 100


class _ListByDefault(LazyGroup):
    """A group whose command `list` runs where none is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or args[0] not in (*self.commands, "-h", "--help"):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@cli.group("runs", cls=_ListByDefault)
def runs() -> None:
    """List past runs, compare two, or write a page of all.

    Without a command it lists them. Runs are found by their records in ESAWS_RUNS or runs/, or in the named folders,
    which may be in S3, like s3://bucket/runs.
    """


def _since(context: click.Context, parameter: click.Parameter, text: str | None) -> datetime | None:
    from esaws.durations import is_duration, parse_duration
    from esaws.timestamps import parse_timestamp

    try:
        if text is None:
            return None
        return datetime.now(UTC) - parse_duration(text) if is_duration(text) else parse_timestamp(text)
    except (ValueError, OverflowError):
        raise click.BadParameter(f"{text!r} is not a duration (7d), a date (2026-11-01) or a timestamp") from None


def _folders(command: Any) -> Any:
    return click.argument("folders", nargs=-1, metavar="[FOLDER]…")(command)


@runs.command("list")
@_folders
@click.option("--runbook", metavar="NAME", help="Only runs of this runbook.")
@click.option("--status", shell_complete=suggest(*_STATUSES), help="Only runs that ended so, like failed.")
@click.option("--deployment", metavar="NAME", help="Only runs on this deployment.")
@click.option("--since", metavar="TIME", callback=_since, help="Only runs begun since, like 7d or 2026-11-01.")
@click.option("--last", type=click.IntRange(min=1), metavar="N", help="At most the latest N.")
@click.option("--json", "as_json", is_flag=True, help=JSON_HELP)
def list_command(
    folders: tuple[str, ...],
    runbook: str | None,
    status: str | None,
    deployment: str | None,
    since: datetime | None,
    last: int | None,
    as_json: bool,
) -> None:
    """List past runs, the latest first.

    A run that was killed is listed as killed if it ran on this machine, elsewhere as running.
    """
    from esaws.runbooks.history import list_runs

    found = list_runs(*folders)
    _report_unreadable(found)
    chosen = [*found.where(runbook=runbook, status=status, deployment=deployment, since=since)][:last]
    rows = [run.to_dict() for run in chosen]
    table = [
        {
            "id": row["id"],
            "status": row["status"].replace("_", " "),
            "s": row["seconds"],
            "deployment": row["deployment"],
            "who": row["operator"],
            "ticket": row["ticket"],
            "changed": row["changed"] or "",
            "why it failed": _shorten(row["error"]),
        }
        for row in rows
    ]
    print_table(rows, f"{len(rows)} of {len(found)} runs", as_json, table_rows=table)


@runs.command("diff")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option("--in", "folder", metavar="FOLDER", help="Where the records are.  [default: ESAWS_RUNS or runs/]")
@click.option("--json", "as_json", is_flag=True, help=JSON_HELP)
def diff_command(first: str, second: str, folder: str | None, as_json: bool) -> None:
    """Show what differs between two runs, besides their times.

    A and B are parts of run ids, files of records or executed notebooks, or `latest`.
    """
    from esaws.runbooks.difference import compare_runs
    from esaws.runbooks.history import open_run

    folders = [folder] if folder else []
    difference = compare_runs(open_run(first, folders), open_run(second, folders))
    if as_json:
        print_json(difference.to_dict())
        return
    rows = difference.to_frame().to_dict("records")
    print_table([{str(name): _shorten(value) for name, value in row.items()} for row in rows], repr(difference), False)


@runs.command("index")
@_folders
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The page.  [default: index.html in the folder]")
@click.option("--json", "as_json", is_flag=True, help=JSON_HELP)
def index_command(folders: tuple[str, ...], output: Path | None, as_json: bool) -> None:
    """Write an HTML page of all runs, with a search. It needs no network."""
    from esaws.files import journal_folder
    from esaws.runbooks.history import list_runs
    from esaws.runbooks.index_page import write_index

    found = list_runs(*folders)
    _report_unreadable(found)
    local = [Path(folder) for folder in folders if not folder.startswith("s3://")]
    written = write_index(found, output or (local[0] if local else journal_folder()) / "index.html")
    print_result({"file": str(written), "runs": len(found)}, f"{len(found)} runs in {written}", as_json)


def _report_unreadable(found: "Runs") -> None:
    for line in found.unreadable:
        click.echo(f"esaws: not read: {line}", err=True)


def _shorten(text: str | None) -> str:
    return "" if text is None else text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 1]}…"
