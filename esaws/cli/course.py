"""Run the course, or see how far it was run."""

import sys
from collections.abc import Sequence

import click

from esaws.cli.common import cli, print_json, say, show, with_cloud
from esaws.cloud import Cloud


@cli.group()
def course() -> None:
    """Run the course, or see how far it was run."""


@course.command("run")
@with_cloud
@click.argument("names", nargs=-1)
def course_run(cloud: Cloud, names: Sequence[str], as_json: bool) -> None:
    """Run all notebooks of the course in order, or those whose names begin with NAMES, and sum up what they did."""
    from esaws.course.run import run_course

    summary = run_course(cloud, names, say=None if as_json else click.echo)
    say(summary.to_dict(), str(summary), as_json)
    if not summary.ok:
        sys.exit(1)


@course.command("status")
@with_cloud
def course_status(cloud: Cloud, as_json: bool) -> None:
    """Show each notebook with the outcome of its last run."""
    from esaws.course.run import status

    answer = status()
    if as_json:
        print_json(answer)
        return
    show(answer["notebooks"], f"{answer['failed']} failed, {answer['left']} resources left", as_json=False)
