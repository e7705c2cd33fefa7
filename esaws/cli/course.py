"""`esaws course …`."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from esaws.cli.common import JSON_HELP, cloud_options, print_json, print_result, print_table
from esaws.cli.root import cli

if TYPE_CHECKING:
    from esaws.cloud import Cloud


@cli.group()
def course() -> None:
    """Create, run or check the course."""


def folder_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `folder`, where the course is."""
    return click.option(
        "--folder",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="Folder of the course.  [default: the working directory, or the course that comes with esaws]",
    )(command)


@course.command("new")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help=JSON_HELP)
def new_command(folder: Path, as_json: bool) -> None:
    """Copy the notebooks of the course into a new folder."""
    from esaws.course.folder import create_course

    created = create_course(folder)
    print_result(created.to_dict(), str(created), as_json)


@course.command("run")
@cloud_options
@click.argument("names", nargs=-1)
@folder_option
def run_command(cloud: "Cloud", names: Sequence[str], folder: Path | None, as_json: bool) -> None:
    """Run all notebooks of the course in order, or those whose names start with NAMES."""
    from esaws.course.run import run_course

    cloud.on_start = lambda url: None  # it is the run's own and ends with it
    result = run_course(cloud, names, folder=folder, report=None if as_json else click.echo)
    print_result(result.to_dict(), str(result), as_json)
    if not result.ok:
        sys.exit(1)


@course.command("status")
@cloud_options
@folder_option
def status_command(cloud: "Cloud", folder: Path | None, as_json: bool) -> None:
    """Show the result of each notebook's last run."""
    from esaws.course.run import course_status

    status = course_status(folder)
    if as_json:
        print_json(status)
        return
    print_table(status["notebooks"], f"{status['failed']} failed, {status['left']} resources left", as_json=False)
