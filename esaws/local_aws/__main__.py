"""`python -m esaws.local_aws COMMAND`: the local AWS from a shell."""

import csv
import json
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from esaws.errors import EsawsError, UsageError
from esaws.local_aws import process
from local_aws_server import fidelity as fidelity_of
from local_aws_server.billing.cost_text import costs_as_text
from local_aws_server.clock.event_text import story

Command = TypeVar("Command", bound=Callable[..., Any])

_COLUMNS = ("at", "path", "requests_per_second")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def commands() -> None:
    """AWS on this machine: no account, no Docker."""


def as_json(command: Command) -> Command:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def of_account(command: Command) -> Command:
    """Whose world it is about, and where."""
    account = os.environ.get("ESAWS_ACCOUNT") or process.DEFAULT_ACCOUNT
    region = os.environ.get("ESAWS_REGION") or process.DEFAULT_REGION
    option = click.option("--account", default=account, show_default=True, metavar="ID", help="In which account.")
    command = option(command)
    return click.option("--region", default=region, show_default=True, metavar="NAME", help="In which region.")(command)


# --- the server


@commands.command()
@click.option("--port", type=int, help="0 is any free port; default ESAWS_PORT or 4747.")
@click.option("--at", metavar="TIME", help="When its clock starts, like 2026-01-01T00:00Z; default now.")
@click.option("--provisioning", type=float, metavar="X", help="Really wait for this fraction of AWS's time, like 0.01.")
@click.option("--regime", metavar="NAME", help="Its free tier: legacy (the default), credits or none.")
@click.option("--plan", metavar="NAME", help="With credits, free closes the account when they are spent; default paid.")
@click.option("--fresh", is_flag=True, help="Begin anew: forget what was saved.")
@as_json
def start(
    port: int | None,
    at: str | None,
    provisioning: float | None,
    regime: str | None,
    plan: str | None,
    fresh: bool,
    as_json: bool,
) -> None:
    """Start the local AWS, unless it runs: as it was when it stopped, with its clock where it stood then."""
    answer = process.start(port, at, provisioning, regime, plan, fresh)
    say(as_json, answer, answer["url"])
    if answer["warning"]:
        print(f"esaws: {answer['warning']}", file=sys.stderr)


@commands.command()
@click.option("--discard", is_flag=True, help="Save nothing, and forget what was saved.")
@as_json
def stop(discard: bool, as_json: bool) -> None:
    """Save it as it is, and stop it; `start` goes on from there."""
    answer = process.stop(discard)
    saved = f"saved at {answer['saved']} on its clock" if answer["saved"] else "not saved"
    say(as_json, {"running": False, **answer}, f"stopped; {saved}" if answer["stopped"] else "")
    _tell_gaps(answer)
    if answer["stopped"] and not answer["saved"] and not discard:
        lost = "it did not answer; what was done since it was last saved is lost"
        print(f"esaws: {lost}", file=sys.stderr)


@commands.command()
@as_json
def status(as_json: bool) -> None:
    """Whether it runs, where, at what time, and with which accounts."""
    answer = process.status()
    if answer["running"]:
        text = f"running at {answer['url']}, where it is {answer['time']}; accounts {', '.join(answer['accounts'])}"
    else:
        text = "not running"
    say(as_json, answer, text)


@commands.command()
@as_json
def env(as_json: bool) -> None:
    """The lines that point a shell at it, for eval."""
    variables = process.environment()
    lines = [f"export {name}={value}" for name, value in variables.items()]
    say(as_json, variables, "\n".join([*lines, "unset AWS_SESSION_TOKEN AWS_PROFILE"]))


@commands.command()
@as_json
def reset(as_json: bool) -> None:
    """Empty every account; the clock starts again where it started."""
    say(as_json, process.ask("POST", "reset"), "every account is empty")


@commands.command()
@click.option("--markdown", is_flag=True, help="Print it as the page docs/fidelity.md.")
@as_json
def fidelity(markdown: bool, as_json: bool) -> None:
    """What is real here, what is simulated, and what is not."""
    rows = fidelity_of.table()
    if markdown:
        text = fidelity_of.markdown().rstrip("\n")
    else:
        service = max(len(row.service) for row in rows)
        level = max(len(row.fidelity) for row in rows)
        text = "\n".join(f"{row.service:{service}}  {row.fidelity:{level}}  {row.statement}" for row in rows)
    say(as_json, [row.to_dict() for row in rows], text)


# --- its state in files


@commands.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--account", metavar="ID", help="This account alone; default all of them.")
@as_json
def save(file: Path, account: str | None, as_json: bool) -> None:
    """Save all that is in it, with the clock. The passwords and keys in it are in the file."""
    answer = process.save(file, account)
    say(as_json, answer, f"{file}: {_accounts(answer)} at {answer['time']}, {answer['bytes'] / 1e6:.1f} MB")
    _tell_gaps(answer)


@commands.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_json
def load(file: Path, as_json: bool) -> None:
    """Let it be as in a file of `save`, and the clock show what it showed then.

    A file of everything replaces everything. A file of one account replaces that account; others live on until the
    file's moment, and if they are past it, it is refused, as there is one clock. Nothing in a file can run, whoever it
    is from.
    """
    answer = process.load(file)
    say(as_json, answer, f"it is {answer['time']}; {_accounts(answer)}")
    _tell_gaps(answer)


def _accounts(answer: dict[str, Any]) -> str:
    return f"account {', '.join(answer['accounts'])}" if answer["accounts"] else "no account"


def _tell_gaps(answer: dict[str, Any]) -> None:
    for gap in answer["left_out"]:
        print(f"esaws: not saved: {gap}", file=sys.stderr)


# --- time, and what happens in it


@commands.command()
@click.argument("by", required=False, metavar="[TIME]")
@click.option("--to", metavar="TIME", help="Up to this moment, like 2026-01-01T00:00Z.")
@as_json
def advance(by: str | None, to: str | None, as_json: bool) -> None:
    """Let time pass, 90s, 20m, 6h or 3d, with all that happens in it."""
    if (by is None) == (to is None):
        raise UsageError("say how long, like 3d, or up to when, like --to 2026-01-01T00:00Z")
    answer = process.ask("POST", "advance", **({"to": to} if to else {"by": by}))
    say(as_json, answer, f"it is {answer['time']}")


@commands.command()
@click.option("--since", metavar="TIME", help="From this moment on.")
@of_account
@as_json
def events(since: str | None, account: str, region: str, as_json: bool) -> None:
    """What happened by itself, and why."""
    asked = {"since": since} if since else {}
    found = process.ask("GET", "events", account=account, **asked)["events"]
    here = [event for event in found if event["region"] in ("", region)]
    say(as_json, here, "\n".join(story(here)))


@commands.command()
@click.argument("trace", required=False, type=click.Path(exists=True, dir_okay=False))
@click.option("--shape", type=click.Choice(["steady", "daily", "spike"]), help="A shape, instead of a file.")
@click.option("--path", default="/", show_default=True, help="What is asked for.")
@click.option("--rate", type=float, default=5.0, show_default=True, help="Requests a second; of daily at 20:00.")
@click.option("--peak", type=float, default=5.0, show_default=True, help="Of a spike: how many times the rate.")
@click.option("--after", type=float, default=10.0, show_default=True, help="Of a spike: minutes until it begins.")
@click.option("--minutes", type=float, default=30.0, show_default=True, help="Of a spike: how long it lasts.")
@click.option("--end", is_flag=True, help="End the traffic.")
@click.option("--load-balancer", metavar="NAME", help="Which one, if there are several.")
@of_account
@as_json
def traffic(
    trace: str | None, shape: str | None, load_balancer: str | None, end: bool, as_json: bool, **asked: Any
) -> None:
    """Send traffic to a load balancer: a CSV file with the columns at, path, requests_per_second, or a shape.

    Without either, say what traffic there is.
    """
    where = {name: asked.pop(name) for name in ("account", "region")}
    if load_balancer:
        where["load_balancer"] = load_balancer
    if end:
        answer = process.ask("DELETE", "traffic", **where)
    elif trace:
        answer = process.ask("POST", "traffic", trace={"rows": _rows(trace)}, **where)
    elif shape:
        asked["requests_per_second"] = asked.pop("rate")
        answer = process.ask("POST", "traffic", trace={"shape": shape, **asked}, **where)
    else:
        answer = process.ask("GET", "traffic", **where)
    rates = [f"{path} {rate:g} requests a second" for path, rate in answer["requests_per_second"].items()]
    until = f", until {answer['changes']}" if answer["changes"] else ""
    say(as_json, answer, f"{answer['load_balancer']}: {'; '.join(rates) or 'no traffic'}{until}")


def _rows(path: str) -> list[dict[str, Any]]:
    """The rows of a trace. Raises UsageError naming the line that can't be read."""
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if missing := [column for column in _COLUMNS if column not in (reader.fieldnames or ())]:
            raise UsageError(f"{path} has no column {missing[0]!r}; a trace has the columns {', '.join(_COLUMNS)}")
        rows = []
        for row in reader:
            try:
                rate, at = float(row["requests_per_second"]), float(row["at"])
            except (TypeError, ValueError):
                raise UsageError(f"{path}, line {reader.line_num}: at and requests_per_second are numbers") from None
            rows.append({"at": at, "path": row["path"], "requests_per_second": rate})
    return rows


# --- what goes wrong


@commands.command()
@click.argument("what", type=click.Choice(["instance", "zone", "task"]))
@click.argument("id", metavar="ID")
@click.option("--for", "lasts", metavar="TIME", help="Mended by itself after 20m, 6h, …")
@of_account
@as_json
def fail(what: str, id: str, lasts: str | None, account: str, region: str, as_json: bool) -> None:
    """Let an instance, a zone or a task fail."""
    asked = {"for": lasts} if lasts else {}
    answer = process.ask("POST", "fail", what=what, id=id, account=account, region=region, **asked)
    say(as_json, answer, f"{what} {answer['failed']} has failed")


@commands.command()
@click.argument("what", type=click.Choice(["instance", "zone"]))
@click.argument("id", metavar="ID")
@of_account
@as_json
def mend(what: str, id: str, account: str, region: str, as_json: bool) -> None:
    """Let a failed instance or zone work again."""
    answer = process.ask("POST", "mend", what=what, id=id, account=account, region=region)
    say(as_json, answer, f"{what} {answer['mended']} works again")


@commands.command()
@click.argument("kind", required=False)
@click.option("--service", metavar="NAME", help="Of which service: ec2, ecs, …; default all.")
@click.option("--operation", metavar="NAME", help="Which of its calls, like RunInstances; default all.")
@click.option("--count", type=int, help="How often it strikes; default once.")
@click.option("--probability", type=float, help="Of each call, instead of a count.")
@click.option("--seed", type=int, help="The same seed strikes the same calls.")
@click.option("--seconds", type=float, help="How slow; how long what was made is not found.")
@click.option("--zone", metavar="NAME", help="Where there is no capacity.")
@click.option("--clear", is_flag=True, help="End all faults.")
@of_account
@as_json
def fault(kind: str | None, clear: bool, account: str, region: str, as_json: bool, **asked: Any) -> None:
    """Let API calls fail: throttle, internal-error, unavailable, expired-token, insufficient-capacity,
    not-found-after-create, lost-response, slow. Without a kind, say which faults there are."""
    if clear:
        answer = process.ask("DELETE", "faults", account=account)
        say(as_json, answer, f"{answer['cleared']} faults ended")
    elif kind:
        given = {name: value for name, value in asked.items() if value is not None}
        answer = process.ask("POST", "faults", kind=kind, account=account, region=region, **given)
        say(as_json, answer, f"fault {answer['id']}: {kind}")
    else:
        found = process.ask("GET", "faults", account=account)["faults"]
        say(as_json, found, "\n".join(_told(each) for each in found) or "no faults")


# --- what it costs


@commands.command()
@click.option("--account", default=lambda: os.environ.get("ESAWS_ACCOUNT") or process.DEFAULT_ACCOUNT, metavar="ID")
@as_json
def cost(account: str, as_json: bool) -> None:
    """What runs costs an hour, what this month has cost so far, and what is running it up."""
    told = process.ask("GET", "cost", account=account)
    say(as_json, told, costs_as_text(told))


def _told(each: dict[str, Any]) -> str:
    where = f"{each['service']} {each['operation']}" if each["service"] != "*" else "every call"
    return f"{each['id']}: {each['kind']} of {where}, struck {each['struck']} times"


def say(as_json: bool, answer: dict[str, Any] | Iterable[dict[str, Any]], text: str) -> None:
    if as_json:
        print(json.dumps(answer))
    elif text:
        print(text)


def main(argv: list[str] | None = None) -> int:
    try:
        commands.main(argv, prog_name="esaws local", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as help_wanted:
        print(help_wanted.format_message(), file=sys.stderr)
        return UsageError.exit_code
    except click.ClickException as problem:
        problem.show()
        return UsageError.exit_code
    except EsawsError as error:
        print(f"esaws: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
