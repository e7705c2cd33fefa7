"""Look at an account, ours or not: nothing is changed, and a read-only policy is enough."""

import click

from esaws.cli.words import cli, print_json, show, with_cloud
from esaws.cloud import Cloud


@cli.command()
@with_cloud
@click.argument("source", metavar="FROM")
@click.argument("destination", metavar="TO")
@click.argument("port", type=int, required=False)
@click.option("--protocol", default="tcp", show_default=True, help="tcp, udp, icmp (PORT is the type) or a number.")
def reach(cloud: Cloud, source: str, destination: str, port: int | None, protocol: str, as_json: bool) -> None:
    """Say whether FROM reaches TO on PORT, why, and the smallest rule that would let it.

    FROM and TO: internet, a CIDR, an address, eni-…, i-…, service/NAME, alb/NAME, db/NAME, cache/NAME, broker/NAME,
    with or without the deployment in the name. Whatever the answer is, the exit code is 0. Works on any account, with
    the permissions of esaws/data/read_only_policy.json.
    """
    from esaws.inspect.account import look
    from esaws.inspect.network.named import reach_between
    from esaws.inspect.network.places import KEYS

    said = reach_between(look(cloud, *KEYS), source, destination, port, protocol)
    if as_json:
        print_json(said.to_dict())
        return
    click.echo("\n".join([repr(said), *(rule.cli() for rule in said.fix)]))


@cli.command("matrix")
@with_cloud
def matrix_command(cloud: Cloud, as_json: bool) -> None:
    """Show who reaches whom: the internet and every service, load balancer and store, port by port."""
    from esaws.inspect.account import look
    from esaws.inspect.network.overview import by_port, matrix_of
    from esaws.inspect.network.places import KEYS

    frame = matrix_of(look(cloud, *KEYS))
    if as_json:
        print_json(frame.to_dict("records"))
        return
    rows = by_port(frame)
    show(rows, f"{len(rows)} ports of {frame.destination.nunique()} places", as_json=False)
    for kind, why in frame.attrs["missing"].items():
        click.echo(f"nothing is known of any {kind}: {why}", err=True)
