"""What runs on this machine: the doctor, and the local AWS."""

import subprocess
import sys
from collections.abc import Sequence

import click

from esaws.cli.common import cli, show, with_cloud
from esaws.cloud import Cloud


@cli.command()
@with_cloud
def doctor(cloud: Cloud, as_json: bool) -> None:
    """Look at what esaws needs: Python, Graphviz, disk, process, port, endpoint, account."""
    from esaws.doctor import examine

    checks = examine(cloud)
    rows = [check.to_dict() for check in checks]
    wrong = [check for check in checks if not check.ok]
    shown = [row | {"ok": "yes" if row["ok"] else "NO", "fix": "" if row["ok"] else row["fix"]} for row in rows]
    show(rows, "all is well" if not wrong else f"{len(wrong)} to mend", as_json, shown=shown)
    if wrong:
        sys.exit(1)


@cli.command(add_help_option=False, context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def local(arguments: Sequence[str]) -> None:
    """Start, stop, look at or empty the local AWS: `esaws local --help` lists its commands."""
    sys.exit(subprocess.run([sys.executable, "-m", "esaws.local_aws", *arguments], check=False).returncode)
