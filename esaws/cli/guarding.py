"""Park a deployment, and bring it back."""

from collections.abc import Callable
from typing import Any

import click

from esaws.cli.words import YES_HELP, cli, confirm, print_json, show, somebody_confirms, with_cloud
from esaws.cloud import Cloud


@cli.command("park")
@with_cloud
@click.option("--dry-run", is_flag=True, help="Show what would be stopped, and stop nothing.")
@click.option("--yes", is_flag=True, help=YES_HELP)
def park_command(cloud: Cloud, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Stop all that runs of the deployment, keep all of it, and list what still costs; `esaws resume` undoes it."""
    from esaws.guards.park import plan_park, still_costs

    _change(cloud, plan_park, dry_run, yes, as_json, after=lambda: still_costs(cloud).to_dict("records"))


@cli.command("resume")
@with_cloud
@click.option("--dry-run", is_flag=True, help="Show what would be started, and start nothing.")
@click.option("--yes", is_flag=True, help=YES_HELP)
def resume_command(cloud: Cloud, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Bring a parked deployment back as it was."""
    from esaws.guards.park import plan_resume

    _change(cloud, plan_resume, dry_run, yes, as_json)


def _change(
    cloud: Cloud,
    plan: Callable[[Cloud], Any],
    dry_run: bool,
    yes: bool,
    as_json: bool,
    after: Callable[[], list[dict[str, Any]]] | None = None,
) -> None:
    somebody_confirms(yes or dry_run)
    planned = plan(cloud)
    rows = [step.to_dict() for step in planned.steps]
    if not as_json:
        show(rows, repr(planned) if dry_run else "", as_json=False)
    if not dry_run:
        confirm(planned, yes)
        planned.apply()
    costs = after() if after and not dry_run else []
    if as_json:
        print_json(
            {"changed": [] if dry_run else rows, "planned": rows, "still_costs": costs, "remarks": planned.remarks}
        )
        return
    if costs:
        click.echo()
        usd = sum(row["usd_per_day"] for row in costs if row["usd_per_day"] == row["usd_per_day"])
        shown = [row | {"usd_per_day": f"{row['usd_per_day']:.2f}"} for row in costs]
        show(costs, f"{usd:.2f} USD a day still, at list price", as_json=False, shown=shown)
    for remark in planned.remarks:
        click.echo(remark)
