"""`esaws draw`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from esaws.cli.common import account_options, print_result
from esaws.cli.root import cli

if TYPE_CHECKING:
    from esaws.cloud import Cloud
    from esaws.inspect import Account


@cli.command()
@account_options
@click.option("--profile", help="Profile: ha, budget, fargate or as-drawn; with --live, the profile to compare with.")
@click.option("--live", is_flag=True, help="Draw all resources of the account, with health, ports and prices.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="A .svg or .png file; a .py file gets a program for the diagrams package.",
)
def draw(source: "Cloud | Account", profile: str | None, live: bool, output: Path, as_json: bool) -> None:
    """Draw a profile (no AWS calls), or with --live the deployed account.

    With --from, what the saved answers of an account describe is drawn.
    """
    from esaws.drawing import draw as draw_picture
    from esaws.errors import UsageError
    from esaws.inspect import Account
    from esaws.reference.seccom import seccom, seccom_as_drawn

    live = live or isinstance(source, Account)
    if not profile and not live:
        raise UsageError("choose what to draw: --profile ha, budget, fargate or as-drawn, or --live")
    architecture = None
    if profile:
        architecture = seccom_as_drawn() if profile == "as-drawn" else seccom(profile)
    if live:
        drawing = draw_picture(source, architecture)
    else:
        assert architecture
        drawing = draw_picture(architecture, region=source.region)
    drawing.save(output)
    total = drawing.scene.total
    result = {"file": str(output), "nodes": drawing.nodes, "edges": drawing.edges}
    text = f"{output}: {drawing.nodes} nodes, {drawing.edges} edges"
    print_result(result | (total.to_dict() if total else {}), f"{text}\n{total.text}" if total else text, as_json)
