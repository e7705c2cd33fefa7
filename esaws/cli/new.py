"""`esaws new`."""

from __future__ import annotations

from pathlib import Path

import click

from esaws.cli.common import JSON_HELP, print_result
from esaws.cli.root import cli


@cli.group("new")
def new() -> None:
    """Create a runbook, an exercise or a lab of one's own."""


@new.command("runbook")
@click.argument("name", metavar="NAME")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("runbooks"),
    show_default=True,
    help="Where to write it.",
)
@click.option("--looking", is_flag=True, help="Create a runbook that changes nothing.")
@click.option("--json", "as_json", is_flag=True, help=JSON_HELP)
def new_runbook(name: str, folder: Path, looking: bool, as_json: bool) -> None:
    """Create a runbook that runs, and its test.

    NAME is lower-case, such as drain_a_zone. The notebook scales a service, or with --looking shows one: replace its
    functions by yours. `esaws run NAME` finds it in runbooks/ of the working directory.
    """
    from esaws.runbooks.skeleton import create_runbook

    created = create_runbook(name, folder, changes=not looking)
    print_result(created.to_dict(), str(created), as_json)


@new.command("exercise")
@click.argument("name", metavar="NAME")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where to write it.  [default: the chapters of this checkout, where the course finds it]",
)
@click.option("--json", "as_json", is_flag=True, help=JSON_HELP)
def new_exercise(name: str, folder: Path | None, as_json: bool) -> None:
    """Create an exercise that works, for a chapter of the course.

    NAME is the number of the chapter and a short name, such as 04-retention. The tests of the course play it: unsolved,
    wrong, right in two ways, with another learner's values, and with its resources missing.
    """
    from esaws.course.skeleton import create_exercise

    created = create_exercise(name, folder)
    print_result(created.to_dict(), str(created), as_json)


@new.command("lab")
@click.argument("name", metavar="NAME")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where to write it.  [default: the labs of this checkout, where the course finds it]",
)
@click.option("--json", "as_json", is_flag=True, help=JSON_HELP)
def new_lab(name: str, folder: Path | None, as_json: bool) -> None:
    """Create a break-it lab that works.

    NAME is at least two words, such as late-answers, which do not give the cause away. `python docs/labs.py NAME`
    writes its notebook. The tests of the course play it: broken, diagnosed, repaired, and with tempting answers.
    """
    from esaws.course.skeleton import create_lab

    created = create_lab(name, folder)
    print_result(created.to_dict(), str(created), as_json)
