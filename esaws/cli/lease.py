"""Park a deployment, bring it back, and say until when it may stand and what it may cost."""

import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import click

from esaws.cli.common import YES_HELP, cli, confirm, print_json, say, show, somebody_confirms, with_cloud
from esaws.cli.deploy import tear_down, with_terms
from esaws.cloud import Cloud
from esaws.errors import UsageError

if TYPE_CHECKING:
    from esaws.leases.terms import Judgement


@cli.command("park")
@with_cloud
@click.option("--dry-run", is_flag=True, help="Show what would be stopped, and stop nothing.")
@click.option("--yes", is_flag=True, help=YES_HELP)
def park_command(cloud: Cloud, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Stop all that runs of the deployment, keep all of it, and list what still costs; `esaws resume` undoes it."""
    from esaws.leases.park import plan_park, still_costs

    _change(cloud, plan_park, dry_run, yes, as_json, after=lambda: still_costs(cloud).to_dict("records"))


@cli.command("resume")
@with_cloud
@click.option("--dry-run", is_flag=True, help="Show what would be started, and start nothing.")
@click.option("--yes", is_flag=True, help=YES_HELP)
def resume_command(cloud: Cloud, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Bring a parked deployment back as it was."""
    from esaws.leases.park import plan_resume

    _change(cloud, plan_resume, dry_run, yes, as_json)


@cli.command("lease")
@partial(with_cloud, reminding=False)
@with_terms
@click.option("--end", is_flag=True, help="Take the lease away; what stands there goes on standing.")
@click.option("--enforce", type=click.Choice(["park", "teardown"]), help="If it is past its lease, do that.")
@click.option("--dry-run", is_flag=True, help="Show what would be changed, and change nothing.")
@click.option("--yes", is_flag=True, help=YES_HELP)
def lease_command(
    cloud: Cloud,
    until: str | None,
    at_most_usd: float | None,
    end: bool,
    enforce: Literal["park", "teardown"] | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Show until when the deployment may stand and what it may cost; grant or extend that, end it, or enforce it.

    Shown, the exit code is 0 while it holds, and 1 when it is past, unknown, or there is none. Enforced, it is 0 while
    it holds or when it was done, 1 where that failed or is not known, and 3 without --yes or a terminal.
    What was spent is an estimate, at list price.
    """
    from esaws.leases.lease import lease_of, plan_end, plan_grant

    granting = until is not None or at_most_usd is not None
    if granting + end + (enforce is not None) > 1:
        raise UsageError("grant a lease (--until, --at-most-usd), --end or --enforce it: one of them")
    if enforce:
        _enforce(cloud, enforce, dry_run, yes, as_json)
    elif end:
        _change(cloud, plan_end, dry_run, yes, as_json)
    elif granting:
        somebody_confirms(yes or dry_run)
        planned = plan_grant(cloud, until=until, at_most_usd=at_most_usd)
        if dry_run:
            rows = [step.to_dict() for step in planned.steps]
            show(rows, repr(planned), as_json)
            return
        click.echo(f"lease: {planned.steps[0].then}", err=True)
        confirm(planned, yes)
        planned.apply()
        _tell(lease_of(cloud), as_json)
    else:
        judged = lease_of(cloud)
        _tell(judged, as_json)
        if judged.state not in ("within", "ending"):
            sys.exit(1)


def _tell(judged: "Judgement", as_json: bool) -> None:
    how = judged.spent.how if judged.spent.usd is not None else ""
    say(judged.to_dict(), "\n".join(filter(None, [repr(judged), how])), as_json)


def _enforce(cloud: Cloud, by: Literal["park", "teardown"], dry_run: bool, yes: bool, as_json: bool) -> None:
    from esaws.leases.lease import plan_enforce
    from esaws.leases.park import Parking, still_costs

    somebody_confirms(yes or dry_run)
    planned = plan_enforce(cloud, by)
    if planned is None:
        say({"enforced": None}, f"nothing to enforce: {cloud.deployment} is not past a lease", as_json)
    elif isinstance(planned, Parking):
        _change(cloud, lambda _: planned, dry_run, yes, as_json, lambda: still_costs(cloud).to_dict("records"))
    else:
        tear_down(planned, dry_run, yes, as_json)


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
