"""`esaws lab …`."""

import sys
from typing import TYPE_CHECKING

import click

from esaws.cli.common import JSON_HELP, cloud_options, print_result, print_table
from esaws.cli.root import cli

if TYPE_CHECKING:
    from esaws.cloud import Cloud


@cli.group()
def lab() -> None:
    """Find and repair a fault in a running system, on the local AWS."""


@lab.command("list")
@click.option("--json", "as_json", is_flag=True, help=JSON_HELP)
def list_command(as_json: bool) -> None:
    """List the labs."""
    from esaws.course.labs.families import all_labs
    from esaws.course.labs.lab import LEVELS

    rows = [
        {"name": lab.name, "family": lab.family, "title": lab.title, "minutes": lab.minutes, "levels": [*LEVELS]}
        for lab in all_labs()
    ]
    shown = [{**row, "levels": ""} for row in rows]
    levels = "; ".join(f"{level}: {text}" for level, text in LEVELS.items())
    print_table(rows, f"{len(rows)} labs. Levels: {levels}", as_json, shown)


@lab.command("start")
@cloud_options
@click.argument("name", metavar="NAME|random")
@click.option("--level", type=click.IntRange(1, 3), default=1, show_default=True, help="What you may use.")
@click.option("--seed", help="What the values, and a random lab, are drawn from.  [default: the learner's id]")
@click.option("--family", help="Draw a random lab of this family.")
@click.option("--over", is_flag=True, help="Delete the lab that runs here.")
def start_command(
    cloud: "Cloud", name: str, level: int, seed: str | None, family: str | None, over: bool, as_json: bool
) -> None:
    """Deploy the system of a lab into an empty account of a local AWS, and break it."""
    from esaws.course.labs import session
    from esaws.course.learner import learner_id

    seed = seed or learner_id()
    lab = session.choose_lab(name, seed, family)
    record = session.start_lab(cloud, lab, level=level, seed=seed, over=over)
    report = str(session.describe_lab(record))
    next_steps = (
        "Next:\n"
        "  esaws lab diagnose CAUSE EVIDENCE   # before you change anything; without arguments it lists the causes\n"
        "  esaws local advance 10m             # the clock stands still where ESAWS_STILL=1\n"
        "  esaws lab check"
    )
    result = {"lab": lab.name, "family": lab.family, "level": level, "seed": seed, "minutes": lab.minutes}
    print_result({**result, "report": report}, f"{report}\n\n{next_steps}", as_json)


@lab.command("diagnose")
@cloud_options
@click.argument("cause", required=False)
@click.argument("evidence", nargs=-1)
def diagnose_command(cloud: "Cloud", cause: str | None, evidence: tuple[str, ...], as_json: bool) -> None:
    """Hand in a cause and one piece of evidence, before the repair. Without arguments, list the causes."""
    from esaws.course.labs import session
    from esaws.course.labs.causes import CAUSES

    if cause is None:
        rows = [{"cause": key, "what": text} for key, text in CAUSES.items()]
        print_table(rows, "Hand in one of them: esaws lab diagnose CAUSE EVIDENCE", as_json)
        return
    result = session.hand_in(cloud, cause, " ".join(evidence))
    print_result(result.to_dict(), str(result), as_json)
    if not result.ok:
        sys.exit(1)


@lab.command("check")
@cloud_options
def check_command(cloud: "Cloud", as_json: bool) -> None:
    """Check the repair on a copy of the account."""
    from esaws.course.labs import session

    result = session.check_lab(cloud)
    print_result(result.to_dict(), str(result), as_json)
    if not result.ok:
        sys.exit(1)


@lab.command("hint")
@cloud_options
def hint_command(cloud: "Cloud", as_json: bool) -> None:
    """Show the next hint."""
    from esaws.course.labs import session

    text = str(session.hint_lab(cloud))
    print_result({"hint": text}, text, as_json)


@lab.command("solution")
@cloud_options
def solution_command(cloud: "Cloud", as_json: bool) -> None:
    """Show the cause and the reference repair."""
    from esaws.course.labs import session

    text = str(session.solve_lab(cloud))
    print_result({"solution": text}, text, as_json)


@lab.command("end")
@cloud_options
def end_command(cloud: "Cloud", as_json: bool) -> None:
    """Delete the system of the lab."""
    from esaws.course.labs import session

    text = str(session.end_lab(cloud))
    print_result({"ended": True}, text, as_json)
