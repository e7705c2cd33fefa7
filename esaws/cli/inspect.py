"""Look at an account, ours or not: nothing is changed, and a read-only policy is enough."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from esaws.cli.common import YES_HELP, cli, print_json, say, show, somebody_confirms, with_cloud
from esaws.cloud import Cloud
from esaws.errors import Refused, UsageError

if TYPE_CHECKING:
    from esaws.inspect.load_balancers import LiveLoadBalancer

_SHOWN = 5
"""How many lines that could not be read are shown."""


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
    from esaws.inspect.account import snapshot
    from esaws.inspect.network.endpoint_catalog import KEYS
    from esaws.inspect.network.reach_by_name import reach

    said = reach(snapshot(cloud, *KEYS), source, destination, port, protocol)
    if as_json:
        print_json(said.to_dict())
        return
    click.echo("\n".join([repr(said), *(rule.cli() for rule in said.fix)]))


@cli.command("matrix")
@with_cloud
def matrix_command(cloud: Cloud, as_json: bool) -> None:
    """Show who reaches whom: the internet and every service, load balancer and store, port by port."""
    from esaws.inspect.account import snapshot
    from esaws.inspect.network.endpoint_catalog import KEYS
    from esaws.inspect.network.matrix_frame import by_port, matrix

    frame = matrix(snapshot(cloud, *KEYS))
    if as_json:
        print_json(frame.to_dict("records"))
        return
    rows = by_port(frame)
    show(rows, f"{len(rows)} ports of {frame.destination.nunique()} places", as_json=False)
    for kind, why in frame.attrs["missing"].items():
        click.echo(f"nothing is known of any {kind}: {why}", err=True)


@cli.command("routes")
@with_cloud
@click.argument("alb", required=False)
@click.option(
    "--replay", "logs", multiple=True, metavar="LOGS", help="Access logs: a file, a folder or s3://bucket/prefix."
)
@click.option(
    "--proposed",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="With --replay: other rules, as a file of what `aws elbv2 describe-rules` prints.",
)
def routes_command(cloud: Cloud, alb: str | None, logs: Sequence[str], proposed: Path | None, as_json: bool) -> None:
    """Show the rules of a load balancer in the order in which they are asked, with the health behind each.

    With --replay: which rule took each request of access logs, which rules are dead, and with --proposed what other
    rules would change.
    """
    from esaws.inspect.account import snapshot
    from esaws.inspect.load_balancers import KEYS, find_load_balancer, rules_of_balancer

    if proposed and not logs:
        raise UsageError("--proposed needs access logs to try the rules on: name them with --replay")
    one = find_load_balancer(snapshot(cloud, *KEYS), alb)
    if logs:
        _replay(cloud, one, logs, proposed, as_json)
        return
    rows = json.loads(rules_of_balancer(one).to_json(orient="records"))
    show(rows, f"{one.name}: {len(rows)} ways in {len(one.listeners())} listeners", as_json)


def _replay(cloud: Cloud, one: "LiveLoadBalancer", logs: Sequence[str], proposed: Path | None, as_json: bool) -> None:
    from esaws.inspect.routing.access_log import local_log_files, s3_log_files, read_access_logs
    from esaws.inspect.routing.replay import replay

    contents = (
        content
        for source in logs
        for content in (s3_log_files(cloud, source) if source.startswith("s3://") else local_log_files([source]))
    )
    live = {
        int(each["Port"]): [rule for rule in one.account["Rules"] if rule["ListenerArn"] == each["ListenerArn"]]
        for each in one.listeners()
    }
    found = replay(read_access_logs(contents), live, _rules_of_file(proposed) if proposed else None)
    answer = found.to_dict()
    if as_json:
        print_json(answer)
        return
    show(answer["rules"], f"{answer['lines']} requests", as_json=False)
    if proposed:
        many = sum(each["requests"] for each in answer["changes"])
        show(answer["changes"], f"{many} request{'s' * (many != 1)} would go elsewhere", as_json=False)
    for line in found.malformed[:_SHOWN]:
        click.echo(f"not read: {line.source or 'a request'}: {line.reason}: {line.text[:200]}", err=True)
    if len(found.malformed) > _SHOWN:
        click.echo(f"not read: {len(found.malformed) - _SHOWN} lines more; --json has them all", err=True)


def _rules_of_file(path: Path) -> list[dict[str, Any]]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        found = told["Rules"] if isinstance(told, dict) else told
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise TypeError("it holds no list of rules")
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is not what `aws elbv2 describe-rules` prints: {error}") from None
    return found


@cli.command("trace")
@with_cloud
@click.argument("url")
@click.option("--alb", metavar="NAME", help="The load balancer, where the host of the URL does not name it.")
@click.option("--method", default="GET", show_default=True)
@click.option("--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="A header; as often as needed.")
@click.option("--source-ip", default="", metavar="ADDRESS", help="The client.  [default: anybody on the internet]")
def trace_command(
    cloud: Cloud, url: str, alb: str | None, method: str, headers: Sequence[str], source_ip: str, as_json: bool
) -> None:
    """Show the way of a request: which rules miss it, which one takes it, and on to the container."""
    from esaws.inspect.account import snapshot
    from esaws.inspect.request_path import KEYS, trace

    pairs = [_header(text) for text in headers]
    way = trace(snapshot(cloud, *KEYS), url, alb=alb, method=method, headers=pairs, source_ip=source_ip)
    say(way.to_dict(), str(way), as_json)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise UsageError(f"{text!r} is no header; say it like 'User-Agent: curl'")
    return name.strip(), value.strip()


@cli.command("health")
@with_cloud
def health_command(cloud: Cloud, as_json: bool) -> None:
    """Show every target of every load balancer: its state, the cause that was found by looking, and what to do."""
    from esaws.inspect.account import snapshot
    from esaws.inspect.target_health import KEYS, health

    rows = [each.to_dict() for each in health(snapshot(cloud, *KEYS))]
    columns = ("target_group", "resource", "state", "reason", "code", "detail", "fix")
    shown = [{name: row[name] for name in columns} for row in rows]
    well = sum(row["state"] == "healthy" for row in rows)
    show(rows, f"{well} of {len(rows)} targets are healthy", as_json, shown=shown)


@cli.command("findings")
@with_cloud
@click.option("--severity", help="Those of this severity or graver: critical, high, medium, low, info.")
@click.option("--code", "codes", multiple=True, metavar="CODE", help="Those of this code alone; as often as needed.")
@click.option("--declared", metavar="PROFILE", help="Hold it against this profile: ha, budget or as-drawn.")
@click.option("--fix", is_flag=True, help="Apply the fixes of what is shown; those that stop something only by --code.")
@click.option("--dry-run", is_flag=True, help="With --fix: show the calls, and make none.")
@click.option("--yes", is_flag=True, help=YES_HELP)
def findings_command(
    cloud: Cloud,
    severity: str | None,
    codes: Sequence[str],
    declared: str | None,
    fix: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Show what is wrong with the account, or odd: the evidence, and a fix. Findings are no failure: exit code 0."""
    from esaws.inspect.account import snapshot
    from esaws.inspect.checks.report import KEYS, findings
    from esaws.reference.seccom import seccom_as_drawn, seccom

    if fix and not dry_run:
        somebody_confirms(yes)
    architecture = None
    if declared:
        architecture = seccom_as_drawn() if declared == "as-drawn" else seccom(declared)
    found = findings(snapshot(cloud, *KEYS), architecture).select(*codes, severity=severity)
    rows = [each.to_dict() for each in found]
    shown = [{key: value for key, value in row.items() if key != "calls"} for row in rows]
    if not fix:
        show(rows, repr(found), as_json, shown=shown)
        return
    fixes = found.fixes(destructive=bool(codes))
    lines = [line for each in fixes for line in each.cli()]
    if not dry_run and not yes and not click.confirm("\n".join([*lines, "Go on?"]), err=True):
        raise Refused("nothing was changed: it was not confirmed")
    for each in fixes if not dry_run else ():
        each.apply(cloud)
    answer = {"fixes": [{"fix": each.description, "calls": each.cli()} for each in fixes], "applied": not dry_run}
    done = f"{len(fixes)} fixes, {len(lines)} calls" + (": none was made" if dry_run else " made")
    say(answer, "\n".join([*lines, done]), as_json)
