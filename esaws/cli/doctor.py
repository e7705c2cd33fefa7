"""`esaws doctor`."""

import sys
from typing import TYPE_CHECKING

from esaws.cli.common import cloud_options, print_table
from esaws.cli.root import cli

if TYPE_CHECKING:
    from esaws.cloud import Cloud


@cli.command()
@cloud_options
def doctor(cloud: "Cloud", as_json: bool) -> None:
    """Check this machine: Python, drawing, disk, local AWS, account."""
    from esaws.doctor import run_checks

    checks = run_checks(cloud)
    rows = checks.to_dict()
    table = [row | {"ok": "yes" if row["ok"] else "NO", "fix": "" if row["ok"] else row["fix"]} for row in rows]
    print_table(rows, str(checks), as_json, table_rows=table)
    if checks.failed:
        sys.exit(1)
