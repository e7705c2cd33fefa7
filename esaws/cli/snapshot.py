"""`esaws snapshot`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from esaws.cli.common import cloud_options, print_result
from esaws.cli.root import cli

if TYPE_CHECKING:
    from esaws.cloud import Cloud


@cli.command("snapshot")
@cloud_options
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, file_okay=False), required=True, help="An empty or new folder."
)
def snapshot_command(cloud: "Cloud", output: Path, as_json: bool) -> None:
    """Save what the inspectors read of an account as JSON files, without secrets.

    Every inspector reads the folder with --from DIR, without credentials and network. A snapshot in the folder is
    replaced; a folder with other files is refused. Calls that AWS denies are listed, and saved as unknown.
    """
    from esaws.inspect.snapshots.save import save_snapshot

    saved = save_snapshot(cloud, output)
    print_result(saved.to_dict(), str(saved), as_json)
