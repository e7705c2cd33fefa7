"""`esaws doctor`."""

import sys
from typing import TYPE_CHECKING

import click

from esaws.cli.common import cloud_options, print_table, suggest
from esaws.cli.root import cli

if TYPE_CHECKING:
    from esaws.cloud import Cloud

_VERDICTS = {True: "yes", False: "NO", None: "unknown"}


@cli.command()
@cloud_options
@click.option(
    "--profile",
    default="budget",
    show_default=True,
    shell_complete=suggest("ha", "budget", "fargate"),
    help="Profile whose first deploy the account is checked for.",
)
def doctor(cloud: "Cloud", profile: str, as_json: bool) -> None:
    """Check this machine, and the account for a first deploy.

    Of the machine: Python, drawing, disk, local AWS. Of the account: quotas, zones, instance types, permissions.
    """
    from esaws.doctor import run_checks
    from esaws.reference.seccom import seccom

    checks = run_checks(cloud, seccom(profile))
    rows = checks.to_dict()
    table = [row | {"ok": _VERDICTS[row["ok"]], "fix": "" if row["ok"] else row["fix"]} for row in rows]
    print_table(rows, str(checks), as_json, table_rows=table)
    if checks.failed:
        sys.exit(1)
