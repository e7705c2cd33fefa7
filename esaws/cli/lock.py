"""`esaws lock`."""

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from esaws.cli.common import YES_HELP, cloud_options, print_result, require_confirmation
from esaws.cli.root import cli
from esaws.timestamps import format_iso

if TYPE_CHECKING:
    from esaws.cloud import Cloud
    from esaws.deploy.lock_record import LockRecord

_STATES = {
    "held": "",
    "ended": "\nIts process has ended, so the next change takes the lock over.",
    "expired": "\nIt has expired, so the next change takes the lock over.",
}


@cli.command("lock")
@partial(cloud_options, remind=False)
@click.option("--break", "remove", is_flag=True, help="Remove the lock. End the process that holds it first.")
@click.option("--yes", is_flag=True, help=YES_HELP)
def lock_command(cloud: "Cloud", remove: bool, yes: bool, as_json: bool) -> None:
    """Show who changes the deployment now, or remove a lock that was left behind.

    Every command that changes a deployment holds its lock, which is an SSM parameter. A lock whose process has ended on
    this computer, or that was not renewed for ten minutes, is taken over without asking.
    """
    from esaws.deploy.lock import break_lock, parameter_name, read_lock
    from esaws.errors import Locked

    cloud.check()
    if remove:
        require_confirmation(yes)
    unreadable = False
    try:
        record = read_lock(cloud)
    except Locked:
        if not remove:
            raise
        record, unreadable = None, True
    shown = f"locked by {record}{_STATES[record.state]}" if record else f"{cloud.deployment} is not locked"
    shown = f"{parameter_name(cloud)} is not a lock of esaws" if unreadable else shown
    broken = remove and (unreadable or record is not None)
    if broken:
        click.echo(shown, err=True)
        if not yes:
            _confirm(cloud, record)
        break_lock(cloud)
        shown = "the lock is removed"
    print_result(_to_dict(record) | {"broken": broken}, shown, as_json)


def _confirm(cloud: "Cloud", record: "LockRecord | None") -> None:
    from esaws.errors import Refused

    warning = ""
    if record is not None and record.state == "held":
        warning = "If it still runs, two programs can now change the deployment at once. "
    if not click.confirm(f"{warning}Remove the lock of {cloud.deployment} in account {cloud.account}?", err=True):
        raise Refused("nothing was changed: it was not confirmed")


def _to_dict(record: "LockRecord | None") -> dict[str, Any]:
    names = ("state", "user", "host", "pid", "purpose", "since", "expires")
    if record is None:
        return {"locked": False} | dict.fromkeys(names)
    times = {"since": format_iso(record.since), "expires": format_iso(record.expires)}
    return {"locked": True} | {name: getattr(record, name) for name in names} | times
