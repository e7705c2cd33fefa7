"""Draw, plan, deploy, list and tear down a deployment."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from esaws.cli.common import YES_HELP, cli, confirm, say, show, somebody_confirms, with_cloud
from esaws.cloud import Cloud
from esaws.errors import EsawsError, UsageError
from esaws.pricelist import HOURS_A_MONTH


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
        from esaws.reference.seccom import SERVICES, seccom

        names = tuple(SERVICES) if services is None else tuple(filter(None, map(str.strip, services.split(","))))
        architecture = seccom(
            profile, services=names, instance_type=instance_type, images=images, warn_at_usd=warn_at_usd
        )
        return command(architecture=architecture, **options)

    return wrapped


def with_terms(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `until` and `at_most_usd`, the terms of a lease."""
    limit = click.FloatRange(min=0, min_open=True)
    end = "A date (to its end), a moment (2026-03-01T18:00Z, UTC) or a span (8h, 3d): until then it may stand."
    command = click.option("--at-most-usd", type=limit, help="What it may cost in all, from its first lease on.")(
        command
    )
    return click.option("--until", metavar="WHEN", help=end)(command)


@cli.command()
@with_cloud
@click.option("--profile", help="Which build: ha, budget, or as-drawn; with --live, what to compare with.")
@click.option("--live", is_flag=True, help="What is there in the account, ours or not, with health, ports and prices.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="F.svg or F.png")
def draw(cloud: Cloud, profile: str | None, live: bool, output: Path, as_json: bool) -> None:
    """Draw the architecture of a profile, of which nothing is asked of AWS; or with --live what is there."""
    from esaws.drawing import draw as drawn
    from esaws.drawing import draw_live
    from esaws.reference.seccom import as_drawn, seccom

    if not profile and not live:
        raise UsageError("say what to draw: --profile ha, budget or as-drawn, or --live")
    architecture = None
    if profile:
        architecture = as_drawn() if profile == "as-drawn" else seccom(profile)
    if live:
        drawing = draw_live(cloud, architecture)
    else:
        assert architecture
        drawing = drawn(architecture, region=cloud.region)
    drawing.save(output)
    answer = {"file": str(output), "nodes": drawing.nodes, "edges": drawing.edges}
    say(answer, f"{output}: {drawing.nodes} nodes, {drawing.edges} edges", as_json)


@cli.command()
@with_system
@with_cloud
@click.option("--prune", is_flag=True, help="Delete what is ours and not in this profile.")
def plan(cloud: Cloud, architecture: Any, prune: bool, as_json: bool) -> None:
    """Show what a deploy would do, with the monthly list price of each line. Changes nothing."""
    from esaws.deploy.plan import plan_deploy

    planned = plan_deploy(architecture, cloud, prune=prune)
    _say_if_parked(cloud)
    show_plan(planned, as_json)


@cli.command()
@with_system
@with_cloud
@click.option("--prune", is_flag=True, help="Delete what is ours and not in this profile.")
@with_terms
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
@click.option("--yes", is_flag=True, help=YES_HELP)
def deploy(
    cloud: Cloud,
    architecture: Any,
    prune: bool,
    until: str | None,
    at_most_usd: float | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Deploy a profile. It can be run again: what is there is kept, what failed is completed.

    With --until or --at-most-usd its lease is granted first, before anything that costs is created.
    """
    from esaws.deploy.plan import plan_deploy
    from esaws.leases.lease import plan_grant, recount

    somebody_confirms(yes or dry_run)
    planned = plan_deploy(architecture, cloud, prune=prune)
    granting = None
    if until is not None or at_most_usd is not None:
        usd = planned.monthly_cost.usd
        per_hour = None if usd is None else float(usd / HOURS_A_MONTH)
        granting = plan_grant(cloud, until=until, at_most_usd=at_most_usd, usd_per_hour=per_hour)
        click.echo(f"lease: {granting.steps[0].then}", err=True)
    _say_if_parked(cloud)
    if dry_run:
        show_plan(planned, as_json)
        return
    if not planned.blockers:
        confirm(planned, yes)
        if granting:
            granting.apply()
        elif planned.changing:
            recount(cloud)
    try:
        done = planned.apply(yes=True)
    finally:  # what stands there after half a deploy costs, too
        if planned.changing and not planned.blockers:
            recount(cloud)
    answer = {name: getattr(done, name) for name in ("created", "kept", "updated", "deleted", "calls")}
    text = f"{done!r}; {done.calls} API calls in {done.seconds:.1f} s; {planned.price()}"
    say(answer | {"seconds": round(done.seconds, 3)}, text, as_json)


@cli.command()
@with_cloud
@click.option(
    "--all-owned", is_flag=True, help="Also what AWS made below ours: instances, volumes, interfaces, alarms."
)
def inventory(cloud: Cloud, all_owned: bool, as_json: bool) -> None:
    """List what the deployment owns."""
    from esaws.deploy.inventory import inventory as listed
    from esaws.deploy.leftovers import made_by_aws

    cloud.check()
    lives = [*listed(cloud), *(made_by_aws(cloud) if all_owned else ())]
    rows = [{"kind": live.kind, "name": live.name, "id": live.id, "state": live.state} for live in lives]
    show(rows, f"{len(rows)} resources", as_json)


@cli.command()
@with_cloud
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
@click.option("--yes", is_flag=True, help=YES_HELP)
def teardown(cloud: Cloud, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Delete everything that the deployment owns, and prove that nothing is left."""
    from esaws.deploy.plan import plan_teardown

    somebody_confirms(yes or dry_run)
    tear_down(plan_teardown(cloud), dry_run, yes, as_json)


def tear_down(planned: Any, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Show a teardown, confirm and do it, and prove that nothing is left.

    Raises:
        EsawsError: something is left, or not known to be gone.
    """
    from esaws.deploy.leftovers import left

    cloud = planned.cloud
    if dry_run:
        show_plan(planned, as_json)
        return
    confirm(planned, yes)
    done = planned.apply(yes=True)
    leftovers = left(cloud)
    answer = {"deleted": done.deleted, "left": [leftover.to_dict() for leftover in leftovers]}
    text = f"{done.deleted} deleted, {len(leftovers)} left; {done.calls} API calls in {done.seconds:.1f} s"
    say(answer, "\n".join([text, *map(str, leftovers)]), as_json)
    if leftovers:
        raise EsawsError(f"{len(leftovers)} resources of {cloud.deployment} are left or not known to be gone")


def show_plan(planned: Any, as_json: bool) -> None:
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
    show(rows, repr(planned), as_json, shown=shown)


def _say_if_parked(cloud: Cloud) -> None:
    from esaws.leases.park import is_parked

    if is_parked(cloud):
        click.echo(f"{cloud.deployment} is parked: `esaws resume` brings it back as it was", err=True)
