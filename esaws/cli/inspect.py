"""`esaws reach`, `matrix`, `routes`, `trace`, `health` and `findings`: inspect any account, read-only."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from esaws.cli.common import (
    YES_HELP,
    account_options,
    print_json,
    print_result,
    print_table,
    require_cloud,
    require_confirmation,
    suggest,
)
from esaws.cli.root import cli
from esaws.errors import EsawsError, Refused, UsageError

if TYPE_CHECKING:
    from esaws.cloud import Cloud
    from esaws.inspect import Account
    from esaws.inspect.fixes import AppliedFix
    from esaws.inspect.load_balancers import LiveLoadBalancer

_SEVERITIES = ("critical", "high", "medium", "low", "info")
_UNKNOWN = ("NOT_LOOKED_AT",)
"""Codes of rows that say that something is unknown."""
_MAX_MALFORMED = 5
"""How many unreadable lines of an access log are printed."""


@cli.command("reach")
@account_options
@click.argument("start", metavar="FROM")
@click.argument("destination", metavar="TO")
@click.argument("port", type=int, required=False)
@click.option("--protocol", default="tcp", show_default=True, help="tcp, udp, icmp (PORT is the type) or a number.")
def reach_command(
    source: "Cloud | Account", start: str, destination: str, port: int | None, protocol: str, as_json: bool
) -> None:
    """Check whether FROM reaches TO on PORT, and why.

    If not, the smallest missing rule is shown. FROM and TO are internet, a CIDR, an address, eni-…, i-…, service/NAME,
    alb/NAME, db/NAME, cache/NAME or broker/NAME, with or without the deployment in the name. The exit code is 0 for
    every answer. Works on any account with the permissions of esaws/data/read_only_policy.json.
    """
    from esaws import inspect

    result = inspect.reach(source, start, destination, port, protocol)
    if as_json:
        print_json(result.to_dict())
        return
    click.echo("\n".join([str(result), *(rule.cli() for rule in result.fix)]))


@cli.command("matrix")
@account_options
def matrix_command(source: "Cloud | Account", as_json: bool) -> None:
    """Show which services, load balancers, stores and instances reach each other.

    What has no rows is counted on standard error.
    """
    from esaws import inspect

    matrix = inspect.matrix(source)
    if as_json:
        print_json(matrix.to_dict())
    else:
        rows = matrix.by_port()
        destinations = matrix.to_frame().destination.nunique()
        print_table(rows, f"{len(rows)} ports of {destinations} destinations", as_json=False)
    for note in matrix.notes():
        click.echo(note, err=True)


@cli.command("routes")
@account_options
@click.argument("alb", required=False)
@click.option(
    "--replay", "logs", multiple=True, metavar="LOGS", help="Access logs: a file, a folder or s3://bucket/prefix."
)
@click.option(
    "--proposed",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="With --replay: other rules to compare, as output of `aws elbv2 describe-rules`.",
)
@click.option("--listener", type=int, metavar="PORT", help="With --proposed: the listener, if the rules name none.")
def routes_command(
    source: "Cloud | Account",
    alb: str | None,
    logs: Sequence[str],
    proposed: Path | None,
    listener: int | None,
    as_json: bool,
) -> None:
    """Show the rules of a load balancer in order of evaluation.

    The health of the targets of each rule is included. With --replay: count the requests of access logs per rule and
    list the rules that match none; with --proposed, also the requests that would be routed differently. Rules are
    compared by what they do, for the listener that their RuleArn names; other listeners stay as they are.
    """
    from esaws.inspect.account import account_of
    from esaws.inspect.load_balancers import KEYS, ListenerRules, find_load_balancer

    if proposed and not logs:
        raise UsageError("--proposed needs access logs; add --replay LOGS")
    load_balancer = find_load_balancer(account_of(source, *KEYS), alb)
    if logs:
        _replay(source, load_balancer, logs, proposed, listener, as_json)
        return
    rows = ListenerRules(load_balancer).to_dict()
    print_table(
        rows, f"{load_balancer.name}: {len(rows)} routes in {len(load_balancer.listeners())} listeners", as_json
    )


def _replay(
    source: "Cloud | Account",
    load_balancer: "LiveLoadBalancer",
    logs: Sequence[str],
    proposed: Path | None,
    listener: int | None,
    as_json: bool,
) -> None:
    from esaws.inspect.routing.access_log import local_log_files, read_access_logs, s3_log_files
    from esaws.inspect.routing.replay import replay

    contents = (
        content
        for place in logs
        for content in (
            s3_log_files(require_cloud(source, f"--replay {place}"), place)
            if place.startswith("s3://")
            else local_log_files([place])
        )
    )
    rules = _read_rules(proposed) if proposed else None
    log = read_access_logs(contents)
    result = replay(load_balancer.account, log, rules, alb=load_balancer.name, port=listener)
    answer = result.to_dict()
    if as_json:
        print_json(answer)
        return
    print_table(answer["rules"], f"{answer['lines']} requests", as_json=False)
    if proposed:
        moved, unknown = (
            sum(change["requests"] for change in answer["changes"] if change["certain"] is certain)
            for certain in (True, False)
        )
        summary = f"{moved} request{'s' * (moved != 1)} would be routed differently"
        print_table(answer["changes"], summary + (f", {unknown} perhaps" if unknown else ""), as_json=False)
    for line in result.malformed[:_MAX_MALFORMED]:
        click.echo(f"not read: {line.source or 'a request'}: {line.reason}: {line.text[:200]}", err=True)
    if len(result.malformed) > _MAX_MALFORMED:
        click.echo(f"not read: {len(result.malformed) - _MAX_MALFORMED} more lines; --json lists all", err=True)


def _read_rules(path: Path) -> list[dict[str, Any]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        rules = content["Rules"] if isinstance(content, dict) else content
        if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
            raise TypeError("no list of rules")
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path}: not the output of `aws elbv2 describe-rules` ({error})") from None
    return rules


@cli.command("trace")
@account_options
@click.argument("url")
@click.option("--alb", metavar="NAME", help="Load balancer, if the host of the URL is not its DNS name.")
@click.option("--method", default="GET", show_default=True, help="HTTP method.")
@click.option("--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="Request header; may be repeated.")
@click.option("--source-ip", default="", metavar="ADDRESS", help="Client address.  [default: any on the internet]")
def trace_command(
    source: "Cloud | Account",
    url: str,
    alb: str | None,
    method: str,
    headers: Sequence[str],
    source_ip: str,
    as_json: bool,
) -> None:
    """Trace a request from the load balancer to the container."""
    from esaws import inspect

    path = inspect.trace(source, url, alb=alb, method=method, headers=headers, source_ip=source_ip)
    print_result(path.to_dict(), str(path), as_json)


def fail_on_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `fail_on`, the lowest severity with which it fails."""
    return click.option(
        "--fail-on",
        type=click.Choice(_SEVERITIES),
        metavar="SEVERITY",
        help="Exit with 1 at this severity or above, or if something could not be looked at.",
    )(command)


def exit_on(lowest: str | None, rows: Sequence[Mapping[str, Any]]) -> None:
    """Exit with 1 if a row is at least as severe as `lowest`, or says that something could not be looked at."""
    if lowest is None:
        return
    failing = _SEVERITIES[: _SEVERITIES.index(lowest) + 1]
    severe = sum(row["severity"] in failing for row in rows)
    unknown = sum(row["code"] in _UNKNOWN for row in rows)
    if severe or unknown:
        click.echo(f"esaws: {severe} of severity {lowest} or above, {unknown} not looked at", err=True)
        raise SystemExit(1)


@cli.command("health")
@account_options
@fail_on_option
def health_command(source: "Cloud | Account", fail_on: str | None, as_json: bool) -> None:
    """Show every target of every load balancer, with the cause of its state."""
    from esaws import inspect

    rows = inspect.health(source).to_dict()
    columns = ("target_group", "resource", "state", "reason", "code", "detail", "fix")
    table = [{name: row[name] for name in columns} for row in rows]
    healthy = sum(row["state"] == "healthy" for row in rows)
    print_table(rows, f"{healthy} of {len(rows)} targets are healthy", as_json, table_rows=table)
    exit_on(fail_on, rows)


@cli.command("findings")
@account_options
@click.option(
    "--severity",
    shell_complete=suggest(*_SEVERITIES),
    help="Lowest severity to list: critical, high, medium, low or info.",
)
@click.option("--code", "codes", multiple=True, metavar="CODE", help="Only findings of this code; may be repeated.")
@click.option(
    "--declared",
    metavar="PROFILE",
    shell_complete=suggest("ha", "budget", "fargate", "as-drawn"),
    help="Compare with this profile: ha, budget, fargate or as-drawn.",
)
@fail_on_option
@click.option("--fix", is_flag=True, help="Apply fixes that are proven harmless, and with --code those of the code.")
@click.option("--dry-run", is_flag=True, help="With --fix: show the API calls only.")
@click.option("--yes", is_flag=True, help=YES_HELP)
def findings_command(
    source: "Cloud | Account",
    severity: str | None,
    codes: Sequence[str],
    declared: str | None,
    fail_on: str | None,
    fix: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """List problems of the account, each with its evidence and a fix.

    The exit code is 0 with findings, too, unless --fail-on is given.
    """
    from esaws import inspect
    from esaws.inspect.fixes import AppliedFix, apply_fixes
    from esaws.reference.seccom import seccom, seccom_as_drawn

    if fix:
        require_cloud(source, "--fix")
    if fix and not dry_run:
        require_confirmation(yes)
    architecture = None
    if declared:
        architecture = seccom_as_drawn() if declared == "as-drawn" else seccom(declared)
    found = inspect.findings(source, architecture)
    selected = found.select(*codes, severity=severity)
    if hidden := [finding for finding in found.select("NOT_LOOKED_AT") if finding not in selected]:
        click.echo(f"{len(hidden)} checks could not run; --code NOT_LOOKED_AT lists them with the reasons", err=True)
    rows = [finding.to_dict() for finding in selected]
    table = [{key: value for key, value in row.items() if key != "calls"} for row in rows]
    if not fix:
        print_table(rows, repr(selected), as_json, table_rows=table)
        exit_on(fail_on, rows)
        return
    fixes = selected.fixes()
    unproven = {} if codes else {item.code: None for item in selected if item.fix.calls and not item.automatic}
    lines = [line for item in fixes for line in item.cli()]
    if fixes and not dry_run and not yes and not click.confirm("\n".join([*lines, "Continue?"]), err=True):
        raise Refused("nothing was changed: it was not confirmed")
    applied = (
        [AppliedFix(item, ()) for item in fixes] if dry_run else apply_fixes(require_cloud(source, "--fix"), fixes)
    )
    is_applied = not dry_run and all(item.is_applied for item in applied)
    result = {"fixes": [item.to_dict() for item in applied], "applied": is_applied, "needs_code": [*unproven]}
    print_result(result, "\n".join(_describe_fixes(applied, [*unproven], dry_run)), as_json)
    if refused := next((item for item in applied if item.error), None):
        done = sum(item.is_applied for item in applied)
        raise EsawsError(
            f"{done} of {len(applied)} fixes applied. AWS refused `{refused.not_made[0]}`: {refused.error}. "
            "Nothing more was made; run the command again when the cause is gone"
        )


def _describe_fixes(applied: Sequence["AppliedFix"], unproven: Sequence[str], dry_run: bool) -> Iterator[str]:
    """Yield the calls with what became of each, and a summary."""
    for item in applied:
        yield from item.made
        if item.error:
            yield f"failed: {item.not_made[0]}"
        yield from (line if dry_run else f"not made: {line}" for line in item.not_made[bool(item.error) :])
    calls = sum(len(item.fix.calls) for item in applied)
    made = sum(len(item.made) for item in applied)
    count = f"{made} of {calls} calls" if made < calls and not dry_run else f"{calls} calls"
    yield f"{len(applied)} fixes, {count}" + (": none made" if dry_run else " made")
    if unproven:
        yield f"not proven harmless, so they need --code: {', '.join(unproven)}"
