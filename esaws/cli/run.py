"""`esaws run` and `esaws runbooks`."""

import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from esaws.cli.common import JSON_HELP, print_json, print_table, suggest
from esaws.cli.root import cli

if TYPE_CHECKING:
    from esaws.notebooks.execution import CellEvent
    from esaws.progress import Progress
    from esaws.runbooks.fleet import RowResult
    from esaws.runbooks.rehearsal import Rehearsal
    from esaws.runbooks.runner import RunbookRun


def _parse_duration(context: click.Context, parameter: click.Parameter, text: str | None) -> timedelta | None:
    from esaws.durations import parse_duration

    try:
        return None if text is None else parse_duration(text)
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(str(error)) from None


def _complete_name(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    from esaws.runbooks.catalogue import runbook_names

    return [name for name in runbook_names() if name.startswith(incomplete)]


@cli.command("run")
@click.argument("name", shell_complete=_complete_name)
@click.option(
    "-p",
    "--parameter",
    "given",
    type=(str, str),
    multiple=True,
    metavar="NAME VALUE",
    help="A parameter; 007 stays text. Lists as a,b.",
)
@click.option(
    "-f",
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="YAML",
    help="Parameters in a file; -p goes before it.",
)
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    help="File (.ipynb), folder or s3://BUCKET/… of the executed notebook; its record, a JSON file, is beside it. "
    "Nothing is overwritten: a taken name gets a number.  [default: ESAWS_RUNS or runs/]",
)
@click.option(
    "--from",
    "from_step",
    metavar="STEP",
    shell_complete=suggest("look", "plan", "act", "verify", "left", "result"),
    help="Skip the steps before this one that no later step needs. The account is checked all the same.",
)
@click.option(
    "--timeout",
    metavar="TIME",
    callback=_parse_duration,
    help="How long a cell may take that does not set its own time.  [default: no limit]",
)
@click.option(
    "--grace",
    metavar="TIME",
    default="30s",
    show_default=True,
    callback=_parse_duration,
    help="How long an interrupted step may take to end.",
)
@click.option(
    "--rehearse", is_flag=True, help="Run it on a local AWS that is made like the target. Writes nothing to it."
)
@click.option(
    "--profile",
    shell_complete=suggest("ha", "budget", "fargate"),
    help="With --rehearse: the profile of the deployment.  [default: the nearest]",
)
@click.option(
    "--over",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="CSV",
    help="Run it for each row: columns are parameters, `target` or `aws_profile`. A second run does only what failed.",
)
@click.option("--workers", metavar="ADDRESS", help="With --over: a Dask scheduler.  [default: processes here]")
@click.option(
    "--max-errors", type=click.IntRange(min=1), help="With --over: start no more rows after so many failures."
)
@click.option("--keep-kernel", is_flag=True, help="Leave the kernel of a failed run, to attach to.")
@click.option("--json", "as_json", is_flag=True, help=JSON_HELP)
def run_command(
    name: str,
    given: Sequence[tuple[str, str]],
    file: Path | None,
    output: str | None,
    from_step: str | None,
    timeout: timedelta | None,
    grace: timedelta,
    rehearse: bool,
    profile: str | None,
    over: Path | None,
    workers: str | None,
    max_errors: int | None,
    keep_kernel: bool,
    as_json: bool,
) -> None:
    """Run a runbook, or any notebook, with parameters.

    NAME is one that `esaws runbooks` lists, or the path of a notebook. Exit code: 0 done, 1 failed, 2 usage, 3 refused
    or waiting for approval, 143 ended by SIGTERM. Run a failed one again with the same line.
    """
    from esaws.progress import progress
    from esaws.runbooks.catalogue import find_runbook
    from esaws.runbooks.runner import run_runbook
    from esaws.runbooks.values import read_values

    path = find_runbook(name)
    if over:
        _run_over(path, over, given, output, workers, max_errors, timeout, as_json)
        return
    values = read_values(path, given, file)
    if rehearse:
        _rehearse(path, values, profile, output, as_json)
        return
    with progress(f"run {path.stem}", 1) as shown:
        run = run_runbook(
            path,
            values,
            output=output,
            from_step=from_step,
            timeout=None if timeout is None else timeout.total_seconds(),
            grace=grace.total_seconds(),
            keep_kernel=keep_kernel,
            on_cell=_StepLines(shown),
        )
    _print_run(run, as_json)
    if run.exit_code:
        sys.exit(run.exit_code)


def _run_over(
    path: Path,
    over: Path,
    given: Sequence[tuple[str, str]],
    output: str | None,
    workers: str | None,
    max_errors: int | None,
    timeout: timedelta | None,
    as_json: bool,
) -> None:
    """Run a row at a time on each worker, and print a table. Exits 1 if a row failed or was not run."""
    from esaws.errors import UsageError
    from esaws.files import journal_folder
    from esaws.progress import progress
    from esaws.runbooks.fleet import read_rows, run_fleet

    if output and (output.startswith("s3://") or output.endswith(".ipynb")):
        raise UsageError(f"{output}: with --over the output is a folder on this machine")
    folder = Path(output).absolute() if output else journal_folder() / f"{path.stem}-{over.stem}"
    rows = read_rows(over, path, given)
    with progress(f"run {path.stem}", len(rows)) as shown:

        def report(result: "RowResult") -> None:
            shown.step(result.row.name)
            shown.say(f"{result.status:<10} {result.seconds:6.1f} s  {result.row.name}")

        seconds = None if timeout is None else timeout.total_seconds()
        settings: dict[str, Any] = {"scheduler": workers, "max_errors": max_errors, "timeout": seconds}
        results = run_fleet(path, rows, folder, report=report, **settings)
    failed = sum(result.is_failed for result in results)
    table = [result.to_dict() for result in results]
    print_table(table, f"{len(rows)} rows, {failed} of them failed or not run; results are in {folder}", as_json)
    if failed:
        sys.exit(1)


def _rehearse(path: Path, values: dict[str, Any], profile: str | None, output: str | None, as_json: bool) -> None:
    """Print what the run changed in the copy. Exits with the code that the run had there."""
    from esaws.cloud import Cloud
    from esaws.progress import progress
    from esaws.runbooks.rehearsal import rehearse

    cloud = Cloud.from_env(region=values.get("region") or None, deployment=values.get("deployment") or None)
    with progress(f"rehearse {path.stem}", 1) as shown:
        rehearsal = rehearse(path, values, cloud, profile=profile, output=output, on_cell=_StepLines(shown))
    _print_run(rehearsal.run, as_json, rehearsal)
    if rehearsal.run.exit_code:
        sys.exit(rehearsal.run.exit_code)


class _StepLines:
    """Print a line for each step that ends: its name, its seconds, and those so far."""

    def __init__(self, shown: "Progress") -> None:
        self._shown, self._seconds = shown, 0.0

    def __call__(self, event: "CellEvent") -> None:
        name = event.step or f"cell {event.number}"
        if event.seconds is None:
            self._shown.set_total(event.total)
            self._shown.wait_for([name])
            return
        self._seconds += event.seconds
        self._shown.step(name)
        if event.step or event.failed:
            failed = "  failed" if event.failed else ""
            self._shown.say(f"{name:<10} {event.seconds:6.1f} s  {self._seconds:6.1f} s so far{failed}")


def _print_run(run: "RunbookRun", as_json: bool, rehearsal: "Rehearsal | None" = None) -> None:
    record = run.record
    if error := record["error"]:
        place = f"step {error['step']}: " if error["step"] != "cell" else ""
        click.echo(f"esaws: {place}{error['resource']}: {error['cause'] or error['code']}", err=True)
        click.echo(f"Next step: {error['next_step']}", err=True)
    if run.kernel is not None:
        click.echo(f"The kernel runs on: jupyter console --existing {run.kernel}", err=True)
    if as_json:
        print_json(rehearsal.to_dict() if rehearsal else record)
        return
    if rehearsal:
        click.echo(str(rehearsal))
    calls = f"; {record['calls']} API calls, {record['changing_calls']} of them changes" if record["steps"] else ""
    click.echo(f"{record['runbook']}: {record['status'].replace('_', ' ')} in {record['seconds']:.1f} s{calls}")
    click.echo(f"notebook: {record['output']}")
    click.echo(f"record:   {run.destination.shown_record}")


@cli.command("runbooks")
@click.option("--json", "as_json", is_flag=True, help=JSON_HELP)
def runbooks_command(as_json: bool) -> None:
    """List the runbooks, with their parameters."""
    from esaws.runbooks.catalogue import list_runbooks

    runbooks = [runbook.to_dict() for runbook in list_runbooks()]
    rows: list[dict[str, Any]] = [
        {
            "name": runbook["name"],
            "changes": "yes" if runbook["changes"] else "no",
            "what it does": runbook["summary"],
            "parameters": ", ".join(parameter["name"] for parameter in runbook["parameters"]),
        }
        for runbook in runbooks
    ]
    print_table(runbooks, f"{len(runbooks)} runbooks", as_json, table_rows=rows)
