"""`esaws image`: push a folder that tasks run, and list the images."""

import getpass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from esaws.cli.common import YES_HELP, LazyGroup, cloud_options, print_result, print_table, require_confirmation
from esaws.cli.root import cli

if TYPE_CHECKING:
    from esaws.cloud import Cloud
    from esaws.operations.image_push import ImageFolder


@cli.group("image", cls=LazyGroup)
def image() -> None:
    """Push a folder as an image that runs on the local AWS, or list the images."""


@image.command("push")
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("name", metavar="NAME[:TAG]")
@partial(cloud_options, remind=False)
@click.option("--dry-run", is_flag=True, help="Check the folder only.")
@click.option("--yes", is_flag=True, help=YES_HELP)
def push(cloud: "Cloud", folder: Path, name: str, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Push FOLDER as image NAME:TAG to ECR of the local AWS.

    The folder has an app.py, or an image.toml with a line such as command = ["python", "web.py"]. NAME is a repository,
    such as sites-management-api, with or without the prefix of the deployment; it is created if it does not exist. TAG
    is latest by default.

    Tasks with this image run the folder's code as the user of the local AWS, with all rights of this user.
    """
    from esaws.errors import Refused, UsageError
    from esaws.operations.image_push import push_folder, read_folder

    if cloud.is_aws:
        raise UsageError("nothing was pushed: this is for the local AWS; on AWS build an image and `docker push` it")
    repository, _, tag = name.partition(":")
    contents = read_folder(folder)
    if not dry_run:
        require_confirmation(yes)
    click.echo(_warning(contents), err=True)
    if dry_run:
        print_result(
            {"repository": repository, "tag": tag or "latest", "digest": None, "uri": None}
            | {"command": list(contents.command), "files": contents.files, "bytes": contents.bytes, "is_new": None},
            "nothing was pushed: it was a dry run",
            as_json,
        )
        return
    if not yes and not click.confirm("Push it?", err=True):
        raise Refused("nothing was pushed: it was not confirmed")
    pushed = push_folder(cloud, contents, repository, tag or "latest")
    change = "pushed" if pushed.is_new else "nothing has changed since the last push of"
    print_result(pushed.to_dict(), f"{change} {pushed.uri}\ndigest {pushed.digest}", as_json)


def _warning(folder: "ImageFolder") -> str:
    size = f"{folder.files} file{'s' if folder.files != 1 else ''}, {folder.bytes / 1000:,.0f} kB"
    return (
        f"{folder.path}: {size}; its command is `{' '.join(folder.command)}`.\n"
        f"Tasks with this image run this code as {getpass.getuser()} on this machine, and nothing isolates them."
    )


@image.command("list")
@click.argument("name", required=False)
@partial(cloud_options, remind=False)
def list_command(cloud: "Cloud", name: str | None, as_json: bool) -> None:
    """List the images in ECR, and what a task with each runs on this machine.

    NAME is a repository, with or without the prefix of the deployment; by default all are listed.
    """
    from esaws.operations.image_push import list_images
    from esaws.timestamps import format_iso

    rows = [row | {"pushed": format_iso(row["pushed"])} for row in list_images(cloud, name)]
    shown = [
        {"repository": row["repository"], "tag": row["tag"], "digest": row["digest"][7:19], "runs": row["runs"]}
        for row in rows
    ]
    print_table(rows, f"{len(rows)} image{'s' if len(rows) != 1 else ''}", as_json, shown)
