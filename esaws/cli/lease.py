"""`esaws park`, `resume` and `lease`."""

import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import click

from esaws.cli.common import (
    YES_HELP,
    cloud_options,
    confirm,
    print_json,
    print_result,
    print_table,
    require_confirmation,
)
from esaws.cli.deploy import lease_options, tear_down
from esaws.cli.root import cli

if TYPE_CHECKING:
    from esaws.cloud import Cloud
    from esaws.leases.terms import LeaseStatus


@cli.command("park")
@cloud_options
@click.option("--dry-run", is_flag=True, help="Show what would be stopped only.")
@click.option("--yes", is_flag=True, help=YES_HELP)
def park_command(cloud: "Cloud", dry_run: bool, yes: bool, as_json: bool) -> None:
    """Stop everything that runs; `esaws resume` starts it again.

    Nothing is deleted. Remaining costs are listed.
    """
    from esaws.leases.park import plan_park

    _apply(cloud, plan_park, dry_run, yes, as_json, after=lambda: _costs_as_rows(cloud))


@cli.command("resume")
@cloud_options
@click.option("--dry-run", is_flag=True, help="Show what would be started only.")
@click.option("--yes", is_flag=True, help=YES_HELP)
def resume_command(cloud: "Cloud", dry_run: bool, yes: bool, as_json: bool) -> None:
    """Start a parked deployment again."""
    from esaws.leases.park import plan_resume

    _apply(cloud, plan_resume, dry_run, yes, as_json)


@cli.command("lease")
@partial(cloud_options, remind=False)
@lease_options
@click.option("--end", is_flag=True, help="Remove the lease. Resources are not touched.")
@click.option(
    "--enforce", type=click.Choice(["park", "teardown"]), help="Park or tear down the deployment if its lease is over."
)
@click.option("--dry-run", is_flag=True, help="Show what would be changed only.")
@click.option("--yes", is_flag=True, help=YES_HELP)
def lease_command(
    cloud: "Cloud",
    until: str | None,
    at_most_usd: float | None,
    end: bool,
    enforce: Literal["park", "teardown"] | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Show, grant, remove or enforce the lease of the deployment.

    A lease limits how long a deployment exists and what it costs. Spending is estimated at list price.

    Exit code of the lease shown: 0 while it holds; 1 if it is over, unknown or missing. With --enforce: 0 if the lease
    holds or was enforced; 1 if enforcing failed or the state is unknown; 3 without --yes or a terminal.
    """
    from esaws.errors import UsageError
    from esaws.leases.lease import lease_status, plan_end, plan_lease

    grant = until is not None or at_most_usd is not None
    if grant + end + (enforce is not None) > 1:
        raise UsageError("choose one of --until/--at-most-usd, --end and --enforce")
    if enforce:
        _enforce(cloud, enforce, dry_run, yes, as_json)
    elif end:
        _apply(cloud, plan_end, dry_run, yes, as_json)
    elif grant:
        require_confirmation(yes or dry_run)
        plan = plan_lease(cloud, until=until, at_most_usd=at_most_usd)
        if dry_run:
            rows = [step.to_dict() for step in plan.steps]
            print_table(rows, repr(plan), as_json)
            return
        click.echo(f"lease: {plan.steps[0].after}", err=True)
        confirm(plan, yes)
        plan.apply()
        _print_lease(lease_status(cloud), as_json)
    else:
        status = lease_status(cloud)
        _print_lease(status, as_json)
        if status.state not in ("within", "ending"):
            sys.exit(1)


def _print_lease(status: "LeaseStatus", as_json: bool) -> None:
    source = status.spent.source if status.spent.usd is not None else ""
    print_result(status.to_dict(), "\n".join(filter(None, [repr(status), source])), as_json)


def _enforce(cloud: "Cloud", action: Literal["park", "teardown"], dry_run: bool, yes: bool, as_json: bool) -> None:
    from esaws.deploy.steps import StepPlan
    from esaws.leases.enforce import plan_enforce

    require_confirmation(yes or dry_run)
    plan = plan_enforce(cloud, action)
    if plan is None:
        print_result({"enforced": None}, f"nothing to enforce: {cloud.deployment} has no lease that is over", as_json)
    elif isinstance(plan, StepPlan):
        _apply(cloud, lambda _: plan, dry_run, yes, as_json, lambda: _costs_as_rows(cloud))
    else:
        tear_down(plan, dry_run, yes, as_json)


def _apply(
    cloud: "Cloud",
    make_plan: Callable[["Cloud"], Any],
    dry_run: bool,
    yes: bool,
    as_json: bool,
    after: Callable[[], list[dict[str, Any]]] | None = None,
) -> None:
    require_confirmation(yes or dry_run)
    plan = make_plan(cloud)
    rows = [step.to_dict() for step in plan.steps]
    if not as_json:
        print_table(rows, repr(plan) if dry_run else "", as_json=False)
    if not dry_run:
        confirm(plan, yes)
        plan.apply()
    costs = after() if after and not dry_run else []
    if as_json:
        print_json({"changed": [] if dry_run else rows, "planned": rows, "still_costs": costs, "remarks": plan.remarks})
        return
    if costs:
        click.echo()
        table = [row | {"usd_per_day": _format_usd(row["usd_per_day"])} for row in costs]
        print_table(costs, summarize_costs(costs), as_json=False, table_rows=table)
    for remark in plan.remarks:
        click.echo(remark)


def _costs_as_rows(cloud: "Cloud") -> list[dict[str, Any]]:
    """What still costs money: kind, name and usd_per_day, which is None where the price is not known."""
    from esaws.leases.park import remaining_costs

    rows = remaining_costs(cloud).to_dict("records")
    return [row | {"usd_per_day": None} if row["usd_per_day"] != row["usd_per_day"] else row for row in rows]


def _format_usd(amount: float | None) -> str:
    return "?" if amount is None else f"{amount:.2f}"


def summarize_costs(costs: list[dict[str, Any]]) -> str:
    """Return the sum of the known prices, and how many are unknown."""
    known = [row["usd_per_day"] for row in costs if row["usd_per_day"] is not None]
    if len(known) == len(costs):
        return f"{sum(known):.2f} USD a day remain, at list price"
    without = f"without {len(costs) - len(known)} of unknown price"
    return (
        f"at least {sum(known):.2f} USD a day remain, at list price, {without}"
        if known
        else "costs remain, of unknown price"
    )
