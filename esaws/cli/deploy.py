"""`esaws plan`, `deploy`, `inventory`, `leftovers` and `teardown`."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from esaws.cli.common import (
    YES_HELP,
    cloud_options,
    confirm,
    print_result,
    print_table,
    require_confirmation,
    suggest,
)
from esaws.cli.root import cli

if TYPE_CHECKING:
    from esaws.cloud import Cloud


def profile_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `architecture`, from the options that describe one."""

    @click.option(
        "--profile",
        required=True,
        shell_complete=suggest("ha", "budget", "fargate"),
        help="Profile: ha, budget or fargate.",
    )
    @click.option("--services", help="Only these services, comma-separated.")
    @click.option(
        "--instance-type",
        help="Instance type of the clusters.  [default: that of the account's free tier: t2.micro or t3.micro]",
    )
    @click.option(
        "--availability-zones",
        metavar="A,B",
        help="Letters of two zones, such as a,c.  [default: the first two that have the instance type]",
    )
    @click.option(
        "--images",
        default="public",
        show_default=True,
        help="public (a stand-in nginx) or ecr (those that run with `esaws local start --run`).",
    )
    @click.option(
        "--warn-at-usd", type=click.FloatRange(min=0, min_open=True), help="Add a monthly budget in USD, with alarms."
    )
    @wraps(command)
    def wrapped(
        profile: str,
        services: str | None,
        instance_type: str | None,
        availability_zones: str | None,
        images: str,
        warn_at_usd: float | None,
        **options: Any,
    ) -> Any:
        from esaws.reference.seccom import SERVICES, seccom

        architecture = seccom(
            profile,
            services=tuple(SERVICES) if services is None else _split(services),
            instance_type=instance_type,
            zones=None if availability_zones is None else _split(availability_zones),
            images=images,
            warn_at_usd=warn_at_usd,
        )
        return command(architecture=architecture, **options)

    return wrapped


def _split(names: str) -> tuple[str, ...]:
    return tuple(filter(None, map(str.strip, names.split(","))))


def lease_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `until` and `at_most_usd`, the terms of a lease."""
    limit = click.FloatRange(min=0, min_open=True)
    command = click.option("--at-most-usd", type=limit, help="Spending limit in USD, counted since the first lease.")(
        command
    )
    until = "Expiry: a date, a UTC timestamp, or a duration such as 8h or 3d."
    return click.option("--until", metavar="WHEN", help=until)(command)


def _parse_timeout(context: click.Context, parameter: click.Parameter, text: str) -> timedelta:
    from esaws.durations import parse_duration

    try:
        return parse_duration(text)
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(str(error)) from None


@cli.command("plan")
@profile_options
@cloud_options
@click.option("--prune", is_flag=True, help="Delete owned resources that are not in this profile.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 if the account differs from the profile.")
def plan_command(cloud: "Cloud", architecture: Any, prune: bool, detailed_exitcode: bool, as_json: bool) -> None:
    """Show what a deploy would change, with monthly list prices.

    What the account lacks for it is printed on standard error: quotas, instance types, zones, permissions.
    With --detailed-exitcode, 0 means that nothing differs, 1 that the plan failed, and 2 that something differs.
    """
    from esaws.deploy.plan import plan_deploy

    plan = plan_deploy(architecture, cloud, prune=prune)
    _warn_if_parked(cloud)
    show_warnings(plan.warnings)
    show_plan(plan, as_json)
    show_preflight(plan.preflight())
    if detailed_exitcode and (plan.blockers or plan.changing):
        raise SystemExit(2)


@cli.command()
@profile_options
@cloud_options
@click.option("--prune", is_flag=True, help="Delete owned resources that are not in this profile.")
@lease_options
@click.option(
    "--timeout",
    metavar="TIME",
    default="15m",
    show_default=True,
    callback=_parse_timeout,
    help="How long to wait until everything serves.",
)
@click.option("--no-wait", is_flag=True, help="Do not wait until services are stable and targets healthy.")
@click.option("--dry-run", is_flag=True, help="Show the plan only.")
@click.option("--yes", is_flag=True, help=YES_HELP)
def deploy(
    cloud: "Cloud",
    architecture: Any,
    prune: bool,
    timeout: timedelta,
    no_wait: bool,
    until: str | None,
    at_most_usd: float | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Deploy a profile, or complete a deployment.

    Existing resources are kept. Nothing is created if the account lacks what the deploy needs: a quota, an instance
    type, a zone or a permission. With --until or --at-most-usd a lease is granted before anything is created.

    It ends when the services are stable and the targets healthy, and exits with 1 and AWS's reasons where they are not
    in time.
    """
    from esaws.deploy.plan import plan_deploy
    from esaws.deploy.serving import wait_until_serving
    from esaws.durations import humanize
    from esaws.errors import EsawsError
    from esaws.leases.lease import plan_lease
    from esaws.pricelist import HOURS_PER_MONTH

    require_confirmation(yes or dry_run)
    plan = plan_deploy(architecture, cloud, prune=prune)
    grant = None
    if until is not None or at_most_usd is not None:
        usd = plan.monthly_cost.usd
        per_hour = None if usd is None else float(usd / HOURS_PER_MONTH)
        grant = plan_lease(cloud, until=until, at_most_usd=at_most_usd, usd_per_hour=per_hour)
        click.echo(f"lease: {grant.steps[0].after}", err=True)
    _warn_if_parked(cloud)
    show_warnings(plan.warnings)
    preflight = plan.preflight()
    if dry_run:
        show_plan(plan, as_json)
        show_preflight(preflight)
        return
    if not plan.blockers:
        preflight.require_passed()
        show_preflight(preflight)
        confirm(plan, yes)
    applied = _apply(plan, grant)
    unstable = None if no_wait else wait_until_serving(cloud, minutes=timeout.total_seconds() / 60)
    result = {name: getattr(applied, name) for name in ("created", "kept", "updated", "deleted", "calls")}
    result |= {"seconds": round(applied.seconds, 3)}
    result |= {"unstable": None if unstable is None else [item.to_dict() for item in unstable]}
    if unstable and cloud.is_other_emulator:
        cloud.gaps |= {f"{item.kind} {item.name}": f"it does not serve: {item.reason}" for item in unstable}
    result |= _gaps(cloud)
    text = f"{applied!r}; {applied.calls} API calls in {applied.seconds:.1f} s; {plan.price()}"
    print_result(result, "\n".join([text, *map(str, unstable or ())]), as_json)
    if unstable and not cloud.is_other_emulator:
        names = ", ".join(f"{item.kind} {item.name}" for item in unstable)
        raise EsawsError(
            f"everything is made, but not all of it serves within {humanize(timeout)}: {names}. "
            "Run `esaws health` and `esaws findings`, then the same deploy again."
        )


def _gaps(cloud: "Cloud") -> dict[str, list[dict[str, str]]]:
    """What another emulator does not do, for JSON; nothing elsewhere."""
    if not cloud.is_other_emulator:
        return {}
    return {"gaps": [{"what": what, "reason": reason} for what, reason in sorted(cloud.gaps.items())]}


def _apply(plan: Any, grant: Any) -> Any:
    """Grant the lease and apply the plan under one lock, and count what was spent before and after."""
    from esaws.deploy.lock import deployment_lock
    from esaws.leases.lease import recount

    if plan.blockers or not plan.changing:
        if grant and not plan.blockers:
            grant.apply()
        return plan.apply(yes=True)
    with deployment_lock(plan.cloud, plan.purpose):
        if grant:
            grant.apply()
        else:
            recount(plan.cloud)
        try:
            return plan.apply(yes=True)
        finally:  # a half-finished deployment costs, too
            recount(plan.cloud)


@cli.command()
@cloud_options
@click.option(
    "--all-owned", is_flag=True, help="Also what AWS created for them: instances, volumes, interfaces, alarms."
)
def inventory(cloud: "Cloud", all_owned: bool, as_json: bool) -> None:
    """List the resources that the deployment owns."""
    from esaws.deploy.inventory import inventory as list_owned
    from esaws.deploy.leftovers import aws_managed_children
    from esaws.resource import unlisted_text

    cloud.check()
    owned = list_owned(cloud)
    show_warnings(unlisted_text(kind, error) for kind, error in sorted(owned.unlisted.items()))
    resources = [*owned, *(aws_managed_children(cloud) if all_owned else ())]
    rows = [{"kind": live.kind, "name": live.name, "id": live.id, "state": live.state} for live in resources]
    print_table(rows, f"{len(rows)} resources", as_json)


@cli.command("leftovers")
@cloud_options
@click.option(
    "--looks",
    type=click.IntRange(min=1),
    help="How often in a row nothing must be found.  [default: 3 on AWS, else 1]",
)
def leftovers_command(cloud: "Cloud", looks: int | None, as_json: bool) -> None:
    """List what is left of a deployment, with its price a month. Exits with 1 if there is anything.

    It reads the account in two ways, by tags and by listing each kind, and needs no profile and no plan, so it checks a
    teardown at any time afterwards, also one of another version. What neither way can confirm is unknown, and counts
    as left.
    """
    from esaws.deploy.leftovers import leftovers
    from esaws.errors import EsawsError
    from esaws.inspect.leftover_costs import price_leftovers, total

    costs = price_leftovers(cloud, leftovers(cloud, looks=looks))
    usd, unpriced = total(costs)
    price = f"{usd:.2f} USD a month at list price"
    if unpriced:
        price = f"at least {price}; the price of {unpriced} depends on use or is not known"
    rows = [each.to_dict() for each in costs]
    table = [
        {name: "?" if row[name] is None else row[name] for name in ("kind", "name", "state", "usd_month", "reason")}
        for row in rows
    ]
    print_table(rows, f"{len(rows)} left: {price}" if rows else "nothing is left", as_json, table_rows=table)
    if rows:
        raise EsawsError(
            f"{len(rows)} resources of {cloud.deployment} are left in {cloud.region}, or it is unknown whether they "
            f"are gone; delete them with `esaws teardown --deployment {cloud.deployment}`"
        )


@cli.command()
@cloud_options
@click.option("--dry-run", is_flag=True, help="Show the plan only.")
@click.option("--yes", is_flag=True, help=YES_HELP)
def teardown(cloud: "Cloud", dry_run: bool, yes: bool, as_json: bool) -> None:
    """Delete everything the deployment owns, and verify it."""
    from esaws.deploy.plan import plan_teardown

    require_confirmation(yes or dry_run)
    tear_down(plan_teardown(cloud), dry_run, yes, as_json)


def tear_down(plan: Any, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Confirm and apply a teardown, and verify that nothing is left.

    Raises:
        EsawsError: a resource is left, or it is unknown whether it is gone.
    """
    from esaws.deploy.leftovers import leftovers
    from esaws.errors import EsawsError

    cloud = plan.cloud
    show_warnings(plan.warnings)
    if dry_run:
        show_plan(plan, as_json)
        return
    confirm(plan, yes)
    applied = plan.apply(yes=True)
    remaining = leftovers(cloud)
    result = {"deleted": applied.deleted, "left": remaining.to_dict(), **_gaps(cloud)}
    text = f"{applied.deleted} deleted, {len(remaining)} left; {applied.calls} API calls in {applied.seconds:.1f} s"
    print_result(result, "\n".join([text, *map(str, remaining)]), as_json)
    if remaining:
        raise EsawsError(
            f"{len(remaining)} resources of {cloud.deployment} are left, or it is unknown whether they are gone. "
            "Run `esaws teardown` again; `esaws leftovers` shows what they cost."
        )


def show_plan(plan: Any, as_json: bool) -> None:
    rows = plan.to_dict()
    table = [
        {
            "action": row["action"],
            "kind": row["kind"],
            "name": row["name"],
            "usd_month": _format_price(row, change),
            "drift": ", ".join(f"{field}: {actual} → {declared}" for field, (declared, actual) in row["drift"].items()),
        }
        for row, change in zip(rows, plan, strict=True)
    ]
    print_table(rows, repr(plan), as_json, table_rows=table)


def _format_price(row: dict[str, Any], change: Any) -> str:
    """The monthly price of a line of a plan: empty if nothing is declared, `?` if the price is not known."""
    if row["usd_month"] is None:
        return "?" if change.cost else ""
    return f"{row['usd_month']:.2f}{'' if row['verified'] else ' ~'}"


def show_warnings(warnings: Iterable[str]) -> None:
    """Print warnings on standard error."""
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)


def show_preflight(report: Any) -> None:
    """Print the checks that did not pass, and their sum, on standard error."""
    for check in (*report.failed, *report.unknown):
        click.echo(str(check), err=True)
    if report:
        click.echo(f"account: {report}", err=True)


def _warn_if_parked(cloud: "Cloud") -> None:
    from esaws.leases.parked import is_parked

    if is_parked(cloud):
        click.echo(f"{cloud.deployment} is parked; `esaws resume` starts it again", err=True)
