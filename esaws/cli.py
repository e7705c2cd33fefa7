"""The command line: each command reads its options, calls one function, and prints a table or JSON."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

import click

from esaws.cloud import Cloud
from esaws.errors import EsawsError, Refused, told

YES_HELP = "Don't ask."
JSON_HELP = "Print JSON with documented keys."


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="esaws")
def cli() -> None:
    """Draw, deploy, look at, price and tear down a containerised system, on a local AWS or on AWS.

    Where: ESAWS_TARGET (local, aws or a URL), ESAWS_REGION, ESAWS_DEPLOYMENT, and on aws ESAWS_ACCOUNT.
    """


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line; errors become one message and the exit code of their kind."""
    try:
        code = cli(args=argv, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except click.exceptions.Exit as leave:
        code = leave.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("esaws: interrupted", err=True)
        code = 1
    except EsawsError as error:
        click.echo(f"esaws: {error}", err=True)
        code = error.exit_code
    except Exception as error:
        if not type(error).__module__.startswith(("botocore", "boto3")):
            raise
        click.echo(f"esaws: {told(error)}", err=True)
        code = 1
    sys.exit(code if isinstance(code, int) else 0)


def with_cloud(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `cloud` and `as_json`, from the options that every command has."""

    @click.option(
        "--deployment", help="Which deployment: 1 to 8 letters and digits.  [default: ESAWS_DEPLOYMENT or seccom]"
    )
    @click.option("--region", help="Which region.  [default: ESAWS_REGION or eu-west-3]")
    @click.option("--json", "as_json", is_flag=True, help=JSON_HELP)
    @wraps(command)
    def wrapped(deployment: str | None, region: str | None, **options: Any) -> Any:
        return command(cloud=Cloud.from_env(deployment=deployment, region=region), **options)

    return wrapped


def with_system(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `architecture`, from the options that describe one."""

    @click.option("--profile", required=True, help="Which build: ha or budget.")
    @click.option("--services", help="Only these, comma-separated.")
    @click.option("--instance-type", default="t2.micro", show_default=True, help="What the clusters run on.")
    @click.option("--images", default="public", show_default=True, help="public (an nginx that answers alike) or ecr.")
    @click.option("--warn-at-usd", type=click.FloatRange(min=0, min_open=True), help="Add a monthly budget and alarms.")
    @wraps(command)
    def wrapped(
        profile: str, services: str | None, instance_type: str, images: str, warn_at_usd: float | None, **options: Any
    ) -> Any:
        from esaws.seccom import SERVICES, seccom

        names = tuple(SERVICES) if services is None else tuple(filter(None, map(str.strip, services.split(","))))
        architecture = seccom(
            profile, services=names, instance_type=instance_type, images=images, warn_at_usd=warn_at_usd
        )
        return command(architecture=architecture, **options)

    return wrapped


# -- the system ----------------------------------------------------------------------------------------------------


@cli.command()
@with_cloud
@click.option("--profile", required=True, help="Which build: ha, budget, or as-drawn.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="F.svg or F.png")
def draw(cloud: Cloud, profile: str, output: Path, as_json: bool) -> None:
    """Draw the architecture of a profile. Nothing is asked of AWS."""
    from esaws.drawing import draw as drawn
    from esaws.seccom import as_drawn, seccom

    drawing = drawn(as_drawn() if profile == "as-drawn" else seccom(profile), region=cloud.region)
    drawing.save(output)
    answer = {"file": str(output), "nodes": drawing.nodes, "edges": drawing.edges}
    _say(answer, f"{output}: {drawing.nodes} nodes, {drawing.edges} edges", as_json)


@cli.command()
@with_system
@with_cloud
@click.option("--prune", is_flag=True, help="Delete what is ours and not in this profile.")
def plan(cloud: Cloud, architecture: Any, prune: bool, as_json: bool) -> None:
    """Show what a deploy would do, with the monthly list price of each line. Changes nothing."""
    from esaws.plan import plan_deploy

    _show_plan(plan_deploy(architecture, cloud, prune=prune), as_json)


@cli.command()
@with_system
@with_cloud
@click.option("--prune", is_flag=True, help="Delete what is ours and not in this profile.")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
@click.option("--yes", is_flag=True, help=YES_HELP)
def deploy(cloud: Cloud, architecture: Any, prune: bool, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Deploy a profile. It can be run again: what is there is kept, what failed is completed."""
    from esaws.plan import plan_deploy

    _somebody_confirms(yes or dry_run)
    planned = plan_deploy(architecture, cloud, prune=prune)
    if dry_run:
        _show_plan(planned, as_json)
        return
    if not planned.blockers:
        _confirm(planned, yes)
    done = planned.apply(yes=True)
    answer = {name: getattr(done, name) for name in ("created", "kept", "updated", "deleted", "calls")}
    text = f"{done!r}; {done.calls} API calls in {done.seconds:.1f} s; {planned.price()}"
    _say(answer | {"seconds": round(done.seconds, 3)}, text, as_json)


@cli.command()
@with_cloud
@click.option(
    "--all-owned", is_flag=True, help="Also what AWS made below ours: instances, volumes, interfaces, alarms."
)
def inventory(cloud: Cloud, all_owned: bool, as_json: bool) -> None:
    """List what the deployment owns."""
    from esaws.inventory import inventory as listed
    from esaws.leftovers import made_by_aws

    cloud.check()
    lives = [*listed(cloud), *(made_by_aws(cloud) if all_owned else ())]
    rows = [{"kind": live.kind, "name": live.name, "id": live.id, "state": live.state} for live in lives]
    _show(rows, f"{len(rows)} resources", as_json)


@cli.command()
@with_cloud
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
@click.option("--yes", is_flag=True, help=YES_HELP)
def teardown(cloud: Cloud, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Delete everything that the deployment owns, and prove that nothing is left."""
    from esaws.leftovers import left
    from esaws.plan import plan_teardown

    _somebody_confirms(yes or dry_run)
    planned = plan_teardown(cloud)
    if dry_run:
        _show_plan(planned, as_json)
        return
    _confirm(planned, yes)
    done = planned.apply(yes=True)
    leftovers = left(cloud)
    answer = {"deleted": done.deleted, "left": [leftover.to_dict() for leftover in leftovers]}
    text = f"{done.deleted} deleted, {len(leftovers)} left; {done.calls} API calls in {done.seconds:.1f} s"
    _say(answer, "\n".join([text, *map(str, leftovers)]), as_json)
    if leftovers:
        raise EsawsError(f"{len(leftovers)} resources of {cloud.deployment} are left or not known to be gone")


# -- the machine ---------------------------------------------------------------------------------------------------


@cli.command()
@with_cloud
def doctor(cloud: Cloud, as_json: bool) -> None:
    """Look at what esaws needs: Python, Graphviz, disk, process, port, endpoint, account."""
    from esaws.doctor import examine

    checks = examine(cloud)
    rows = [check.to_dict() for check in checks]
    wrong = [check for check in checks if not check.ok]
    shown = [row | {"ok": "yes" if row["ok"] else "NO", "fix": "" if row["ok"] else row["fix"]} for row in rows]
    _show(rows, "all is well" if not wrong else f"{len(wrong)} to mend", as_json, shown=shown)
    if wrong:
        sys.exit(1)


@cli.command(add_help_option=False, context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def local(arguments: Sequence[str]) -> None:
    """Start, stop, look at or empty the local AWS: `esaws local --help` lists its commands."""
    sys.exit(subprocess.run([sys.executable, "-m", "esaws.local", *arguments], check=False).returncode)


# -- the course ----------------------------------------------------------------------------------------------------


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
    _say(summary.to_dict(), str(summary), as_json)
    if not summary.ok:
        sys.exit(1)


@course.command("status")
@with_cloud
def course_status(cloud: Cloud, as_json: bool) -> None:
    """Show each notebook with the outcome of its last run."""
    from esaws.course.run import status

    answer = status()
    if as_json:
        _print_json(answer)
        return
    _show(answer["notebooks"], f"{answer['failed']} failed, {answer['left']} resources left", as_json=False)


# -- words ---------------------------------------------------------------------------------------------------------


def _somebody_confirms(beforehand: bool) -> None:
    if not beforehand and not sys.stdin.isatty():
        raise Refused("nothing was changed: there is no terminal to ask in; add --yes if you mean it")


def _confirm(planned: Any, yes: bool) -> None:
    """Show what is about to happen, where and for how much; ask unless told not to."""
    where = f"account {planned.cloud.account}, {planned.cloud.region}, {planned.cloud.target}"
    click.echo(f"{planned!r}  [{where}]", err=True)
    if yes or not planned.changing:
        return
    if planned.cloud.is_aws:
        typed = click.prompt("Type the account's number to go on", default="", show_default=False, err=True)
        agreed = typed.strip() == planned.cloud.account
    else:
        agreed = click.confirm("Go on?", err=True)
    if not agreed:
        raise Refused("nothing was changed: it was not confirmed")


def _show_plan(planned: Any, as_json: bool) -> None:
    rows = planned.to_dicts()
    shown = [
        {
            "action": row["action"],
            "kind": row["kind"],
            "name": row["name"],
            "usd_month": "" if row["usd_month"] is None else f"{row['usd_month']:.2f}{'' if row['verified'] else ' ~'}",
            "drift": ", ".join(f"{field}: {actual} → {declared}" for field, (declared, actual) in row["drift"].items()),
        }
        for row in rows
    ]
    _show(rows, repr(planned), as_json, shown=shown)


def _show(
    rows: Sequence[dict[str, Any]], last: str, as_json: bool, shown: Sequence[dict[str, Any]] | None = None
) -> None:
    """Rows as JSON, or as a table with a closing line; columns that are empty throughout are left out."""
    if as_json:
        _print_json(rows)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = shown or rows
    table = Table(box=None, pad_edge=False, header_style="bold")
    columns = [name for name in (shown[0] if shown else {}) if any(row[name] not in ("", None) for row in shown)]
    for name in columns:
        numeric = name in ("usd_month", "seconds")
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in shown:
        table.add_row(*(Text("" if row[name] is None else str(row[name])) for name in columns))
    console = Console(width=None if sys.stdout.isatty() else 500, highlight=False)  # a pipe has no width to fold at
    if columns:
        console.print(table)
    console.print(Text(last))


def _say(answer: dict[str, Any], text: str, as_json: bool) -> None:
    if as_json:
        _print_json(answer)
    else:
        click.echo(text)


def _print_json(answer: dict[str, Any] | Iterable[dict[str, Any]]) -> None:
    click.echo(json.dumps(answer, indent=2, default=str))


if __name__ == "__main__":
    main()
