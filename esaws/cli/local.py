"""`esaws local …`: start, stop and control the local AWS."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from esaws.cli.common import JSON_HELP, print_json, print_result, print_table, suggest
from esaws.cli.root import cli
from esaws.errors import EsawsError, Refused, UsageError
from esaws.local_aws import process, supervision
from esaws.pricelist import PLANS, REGIMES

Command = TypeVar("Command", bound=Callable[..., Any])

_FAULTS = (
    "throttle",
    "internal-error",
    "unavailable",
    "expired-token",
    "access-denied",
    "quota-exceeded",
    "insufficient-capacity",
    "not-found-after-create",
    "lost-response",
    "slow",
)
_TRACE_COLUMNS = ("at", "path", "requests_per_second")


@cli.group()
def local() -> None:
    """Start, stop and control the local AWS.

    It simulates AWS on this machine: no account, no Docker.
    """


def json_option(command: Command) -> Command:
    """Give a command `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help=JSON_HELP)(command)


def account_option(command: Command) -> Command:
    """Give a command `account`."""
    return click.option(
        "--account",
        default=lambda: os.environ.get("ESAWS_ACCOUNT") or process.DEFAULT_ACCOUNT,
        metavar="ID",
        help=f"Account id.  [default: ESAWS_ACCOUNT or {process.DEFAULT_ACCOUNT}]",
    )(command)


def account_options(command: Command) -> Command:
    """Give a command `account` and `region`."""
    return click.option(
        "--region",
        default=lambda: os.environ.get("ESAWS_REGION") or process.DEFAULT_REGION,
        metavar="NAME",
        help=f"AWS region.  [default: ESAWS_REGION or {process.DEFAULT_REGION}]",
    )(account_option(command))


# --- the server


@local.command()
@click.option("--port", type=int, help="0 for any free port.  [default: ESAWS_PORT or 4747]")
@click.option("--at", metavar="TIME", help="Start of its clock, like 2026-01-01T00:00Z.  [default: ESAWS_AT or now]")
@click.option("--provisioning", type=float, metavar="X", help="Provision in this fraction of AWS's time, like 0.01.")
@click.option(
    "--regime",
    metavar="NAME",
    shell_complete=suggest(*REGIMES),
    help="Free tier of its accounts: legacy (the default), credits or none.",
)
@click.option(
    "--plan",
    metavar="NAME",
    shell_complete=suggest(*PLANS),
    help="With credits: free closes the account when they are spent; default paid.",
)
@click.option("--fresh", is_flag=True, help="Delete the saved state first.")
@click.option("--run", is_flag=True, help="Run tasks, load balancers and stores as processes, not as a simulation.")
@click.option(
    "--intervals",
    type=float,
    metavar="X",
    help="With --run: let health checks and deregistration delays take this fraction of their time, like 0.1.",
)
@json_option
def start(
    port: int | None,
    at: str | None,
    provisioning: float | None,
    regime: str | None,
    plan: str | None,
    fresh: bool,
    run: bool,
    intervals: float | None,
    as_json: bool,
) -> None:
    """Start the local AWS unless it runs, and restore its saved state and clock."""
    status = process.start(port, at, provisioning, regime, plan, fresh, run=run, intervals=intervals)
    print_result(status, status["url"], as_json)
    if status["warning"]:
        click.echo(f"esaws: {status['warning']}", err=True)


@local.command()
@click.option("--discard", is_flag=True, help="Do not save, and delete the saved state.")
@json_option
def stop(discard: bool, as_json: bool) -> None:
    """Save the state and stop the local AWS; `start` restores it."""
    result = process.stop(discard)
    saved = f"saved its state of {result['saved']}" if result["saved"] else "not saved"
    print_result({"running": False, **result}, f"stopped; {saved}" if result["stopped"] else "", as_json)
    _print_gaps(result)
    if result["stopped"] and not result["saved"] and not discard:
        click.echo("esaws: it did not answer; changes since the last save are lost", err=True)


@local.command()
@json_option
def status(as_json: bool) -> None:
    """Show whether the local AWS runs, its URL, its clock and its accounts."""
    current = process.status()
    text = "not running"
    if current["running"]:
        text = f"running at {current['url']}, clock {current['time']}, accounts {', '.join(current['accounts'])}"
    if current["runs"]:
        text += f"\n{_describe_runs(current['runs'])}"
    print_result(current, text, as_json)
    _print_not_simulated(current["not_simulated"] or [])


@local.command()
@click.option("--curl", is_flag=True, help="Print curl commands for the load balancers instead.")
@json_option
def hosts(curl: bool, as_json: bool) -> None:
    """Print where load balancers, databases and caches run, as lines for a hosts file."""
    found = supervision.hosts()
    if as_json:
        print_json(found)
    elif curl:
        for host in (each for each in found if ".elb." in (each["name"] or "")):
            scheme = "https" if host["aws_port"] == 443 else "http"
            place = f"{host['name']}:{host['aws_port']}:{host['address']}:{host['port']}"
            insecure = "-k " if scheme == "https" else ""
            click.echo(f"curl {insecure}--connect-to {place} {scheme}://{host['name']}:{host['aws_port']}/")
    else:
        for host in found:
            other = f"  # port {host['port']} stands for {host['aws_port']}" * (host["port"] != host["aws_port"])
            click.echo(f"{host['address']}\t{host['name']}{other}")


def _describe_runs(runs: dict[str, Any]) -> str:
    """What runs as processes, and which stores do not, and why."""
    accounts = runs["accounts"]
    all_stores = [store for account in accounts for store in account.get("stores", ())]
    stores = [store for store in all_stores if store["state"] == "running"]
    balancers = {each["name"] for account in accounts for each in account.get("load_balancers", ())}
    programs = [f"{store['id']} ({store['runs']} for {store['declared']})" for store in stores]
    containers = sum(account["containers"] for account in accounts)
    counts = [f"containers: {containers}", f"load balancers: {len(balancers)}", f"stores: {', '.join(programs) or 0}"]
    failed = [f"\ndoes not run: {each['id']}: {each['reason']}" for each in all_stores if each["state"] == "failed"]
    return f"runs as processes: {'; '.join(counts)}; see `esaws local hosts`{''.join(failed)}"


@local.command()
@json_option
def env(as_json: bool) -> None:
    """Print `export` lines that point a shell at the local AWS."""
    variables = process.environment()
    lines = [f"export {name}={value}" for name, value in variables.items()]
    print_result(variables, "\n".join([*lines, "unset AWS_SESSION_TOKEN AWS_PROFILE"]), as_json)


@local.command()
@json_option
def reset(as_json: bool) -> None:
    """Empty every account, and set the clock back to its start."""
    print_result(process.call("POST", "reset"), "every account is empty", as_json)


@local.command()
@click.option("--markdown", is_flag=True, help="Print Markdown, as in docs/fidelity.md.")
@json_option
def fidelity(markdown: bool, as_json: bool) -> None:
    """List what is real, what is simulated, and what is not simulated."""
    process.require_installed()
    command = [sys.executable, "-m", "local_aws_server", "fidelity", "--markdown" if markdown else "--json"]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    if done.returncode:
        raise EsawsError(f"the table can't be printed: {done.stderr.strip()[-500:]}")
    if markdown:
        click.echo(done.stdout, nl=False)
        return
    rows = json.loads(done.stdout)
    table = [{name: text for name, text in row.items() if name != "documentation"} for row in rows]
    print_table(rows, f"{len(rows)} behaviours", as_json, table_rows=table)


@local.command()
@click.option("--target", metavar="NAME", help="local, aws or a URL.  [default: ESAWS_TARGET or local]")
@click.option("--free-only", is_flag=True, help="Confirm on aws: every probe costs nothing.")
@click.option("--region", metavar="NAME", help="AWS region.  [default: ESAWS_REGION or eu-west-3]")
@json_option
def conformance(target: str | None, free_only: bool, region: str | None, as_json: bool) -> None:
    """Compare an account's answers with what AWS documents.

    Every probe is a call that AWS refuses, or creates free resources and removes them. On aws, where ESAWS_ACCOUNT
    must name the account, a difference is an error in what the local AWS follows.
    """
    from esaws.cloud import DEFAULT_REGION, Cloud
    from esaws.local_aws.conformance import compare

    cloud = Cloud(
        target or os.environ.get("ESAWS_TARGET") or "local",
        account=os.environ.get("ESAWS_ACCOUNT") or None,
        region=region or os.environ.get("ESAWS_REGION") or DEFAULT_REGION,
    )
    if cloud.is_aws and not free_only:
        raise Refused("nothing was sent to AWS: add --free-only to confirm; the probes create and remove resources")
    cloud.check()
    rows = [answer.to_dict() for answer in compare(cloud.client)]
    differ = sum(not row["agrees"] for row in rows)
    words = [{"": "agree" if row["agrees"] else "differ", **row} for row in rows]
    table = [{name: each[name] for name in ("", "probe", "came", "expected")} for each in words]
    print_table(rows, f"{len(rows) - differ} agree, {differ} differ", as_json, table_rows=table)
    if differ:
        sys.exit(1)


# --- saved states


@local.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--account", metavar="ID", help="Save this account only.  [default: all]")
@json_option
def save(file: Path, account: str | None, as_json: bool) -> None:
    """Save the state and the clock to a file.

    The file contains the passwords and keys of the accounts.
    """
    result = process.save(file, account)
    text = f"{file}: {_accounts(result)}, clock {result['time']}, {result['bytes'] / 1e6:.1f} MB"
    print_result(result, text, as_json)
    _print_gaps(result)


@local.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
def load(file: Path, as_json: bool) -> None:
    """Restore a state saved with `save`, including the clock.

    A file of all accounts replaces everything. A file of one account replaces that account; the clock of the others
    advances to the file's time, and the file is refused if they are already past it. Loading runs no code of the file.
    """
    result = process.load(file)
    print_result(result, f"{_accounts(result)}, clock {result['time']}", as_json)
    _print_gaps(result)


def _accounts(result: dict[str, Any]) -> str:
    return f"account {', '.join(result['accounts'])}" if result["accounts"] else "no account"


def _print_not_simulated(defects: list[dict[str, str]]) -> None:
    for defect in defects:
        what = f"{defect['kind']} {defect['name']} of account {defect['account']}"
        click.echo(f"esaws: not simulated since {defect['time']}: {what}: {defect['reason']}", err=True)


def _print_gaps(result: dict[str, Any]) -> None:
    for gap in result["left_out"]:
        click.echo(f"esaws: not saved: {gap}", err=True)


# --- time and events


@local.command()
@click.argument("by", required=False, metavar="[DURATION]")
@click.option("--to", metavar="TIME", help="Advance to this time, like 2026-01-01T00:00Z.")
@json_option
def advance(by: str | None, to: str | None, as_json: bool) -> None:
    """Advance the clock by 90s, 20m, 6h or 3d, and play all events of that time."""
    if (by is None) == (to is None):
        raise UsageError("give a duration like 3d, or a time like --to 2026-01-01T00:00Z")
    result = process.call("POST", "advance", **({"to": to} if to else {"by": by}))
    print_result(result, f"clock {result['time']}", as_json)
    _print_not_simulated(result["not_simulated"])


@local.command()
@click.option("--since", metavar="TIME", help="Only events from this time on.")
@account_options
@json_option
def events(since: str | None, account: str, region: str, as_json: bool) -> None:
    """List the events of an account, with their causes."""
    from esaws.local_aws.event_text import format_events

    params = {"since": since} if since else {}
    result = process.call("GET", "events", account=account, **params)["events"]
    in_region = [event for event in result if event["region"] in ("", region)]
    if as_json:
        print_json(in_region)
    else:
        click.echo("".join(f"{line}\n" for line in format_events(in_region)), nl=False)


@local.command()
@click.argument("trace", required=False, type=click.Path(exists=True, dir_okay=False))
@click.option("--shape", type=click.Choice(["steady", "daily", "spike"]), help="Send this shape instead of a file.")
@click.option("--path", default="/", show_default=True, help="Path of the requests.")
@click.option("--rate", type=float, default=5.0, show_default=True, help="Requests per second; for daily, at 20:00.")
@click.option("--peak", type=float, default=5.0, show_default=True, help="Spike: multiple of the rate.")
@click.option("--after", type=float, default=10.0, show_default=True, help="Spike: minutes until it starts.")
@click.option("--minutes", type=float, default=30.0, show_default=True, help="Spike: how long it lasts.")
@click.option("--end", is_flag=True, help="Stop the traffic.")
@click.option("--load-balancer", metavar="NAME", help="Load balancer, if the account has several.")
@account_options
@json_option
def traffic(
    trace: str | None, shape: str | None, load_balancer: str | None, end: bool, as_json: bool, **settings: Any
) -> None:
    """Send traffic to a load balancer, or show what it gets.

    TRACE is a CSV file with the columns at, path, requests_per_second.
    """
    target = {name: settings.pop(name) for name in ("account", "region")}
    if load_balancer:
        target["load_balancer"] = load_balancer
    if end:
        result = process.call("DELETE", "traffic", **target)
    elif trace:
        result = process.call("POST", "traffic", trace={"rows": _trace_rows(trace)}, **target)
    elif shape:
        settings["requests_per_second"] = settings.pop("rate")
        result = process.call("POST", "traffic", trace={"shape": shape, **settings}, **target)
    else:
        result = process.call("GET", "traffic", **target)
    rates = [f"{path} {rate:g} requests/s" for path, rate in result["requests_per_second"].items()]
    until = f", until {result['changes']}" if result["changes"] else ""
    print_result(result, f"{result['load_balancer']}: {'; '.join(rates) or 'no traffic'}{until}", as_json)


def _trace_rows(path: str) -> list[dict[str, Any]]:
    """Read a trace. Raises UsageError naming the line that can't be read."""
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if missing := [column for column in _TRACE_COLUMNS if column not in (reader.fieldnames or ())]:
            raise UsageError(f"{path}: no column {missing[0]!r}. A trace has the columns {', '.join(_TRACE_COLUMNS)}.")
        rows = []
        for row in reader:
            try:
                rate, at = float(row["requests_per_second"]), float(row["at"])
            except (TypeError, ValueError):
                raise UsageError(f"{path}, line {reader.line_num}: at and requests_per_second are numbers") from None
            rows.append({"at": at, "path": row["path"], "requests_per_second": rate})
    return rows


# --- failures


@local.command()
@click.argument("what", type=click.Choice(["instance", "zone", "task", "image"]))
@click.argument("id", metavar="ID")
@click.option("--for", "duration", metavar="DURATION", help="Recover after 20m, 6h, …")
@account_options
@json_option
def fail(what: str, id: str, duration: str | None, account: str, region: str, as_json: bool) -> None:
    """Make an instance, a zone, a task or an image fail. Containers of a failed image respond 500."""
    params = {"for": duration} if duration else {}
    result = process.call("POST", "fail", what=what, id=id, account=account, region=region, **params)
    print_result(result, f"{what} {result['failed']} failed", as_json)


@local.command()
@click.argument("what", type=click.Choice(["instance", "zone", "image"]))
@click.argument("id", metavar="ID")
@account_options
@json_option
def mend(what: str, id: str, account: str, region: str, as_json: bool) -> None:
    """Make a failed instance, zone or image work again."""
    result = process.call("POST", "mend", what=what, id=id, account=account, region=region)
    print_result(result, f"{what} {result['mended']} works again", as_json)


@local.command()
@click.argument("kind", required=False, shell_complete=suggest(*_FAULTS))
@click.option("--service", metavar="NAME", help="Service, like ec2 or ecs.  [default: all]")
@click.option("--operation", metavar="NAME", help="Operation, like RunInstances.  [default: all]")
@click.option("--count", type=int, help="How many calls fail.  [default: 1]")
@click.option("--probability", type=float, help="Probability that a call fails, instead of a count.")
@click.option("--seed", type=int, help="Seed of the probability, for the same failures each time.")
@click.option("--seconds", type=float, help="Delay of slow; how long not-found-after-create lasts.")
@click.option("--zone", metavar="NAME", help="Zone without capacity.")
@click.option("--clear", is_flag=True, help="End all faults.")
@account_options
@json_option
def fault(kind: str | None, clear: bool, account: str, region: str, as_json: bool, **settings: Any) -> None:
    """Make API calls fail, or list the active faults.

    KIND is throttle, internal-error, unavailable, expired-token, insufficient-capacity, not-found-after-create,
    lost-response or slow.
    """
    if clear:
        result = process.call("DELETE", "faults", account=account)
        print_result(result, f"{result['cleared']} faults ended", as_json)
    elif kind:
        given = {name: value for name, value in settings.items() if value is not None}
        result = process.call("POST", "faults", kind=kind, account=account, region=region, **given)
        print_result(result, f"fault {result['id']}: {kind}", as_json)
    else:
        faults = process.call("GET", "faults", account=account)["faults"]
        if as_json:
            print_json(faults)
        else:
            click.echo("\n".join(map(_describe_fault, faults)) or "no faults")


def _describe_fault(fault: dict[str, Any]) -> str:
    calls = f"{fault['service']} {fault['operation']}" if fault["service"] != "*" else "every call"
    return f"{fault['id']}: {fault['kind']} of {calls}, {fault['struck']} calls failed"


# --- costs


@local.command()
@account_option
@json_option
def cost(account: str, as_json: bool) -> None:
    """Show what an account costs per hour and this month, by usage."""
    from esaws.local_aws.cost_text import format_costs

    costs = process.call("GET", "cost", account=account)
    print_result(costs, "" if as_json else format_costs(costs), as_json)
