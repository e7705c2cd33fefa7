"""What all commands share: the group, the options that each has, asking, and how an answer is printed."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any

import click

from esaws.cloud import Cloud
from esaws.errors import Refused

YES_HELP = "Don't ask."
JSON_HELP = "Print JSON with documented keys."


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="esaws")
def cli() -> None:
    """Draw, deploy, look at, price and tear down a containerised system, on a local AWS or on AWS.

    Where: ESAWS_TARGET (local, aws or a URL), ESAWS_REGION, ESAWS_DEPLOYMENT, and on aws ESAWS_ACCOUNT.
    """


def with_cloud(command: Callable[..., Any], *, reminding: bool = True) -> Callable[..., Any]:
    """Give a command `cloud` and `as_json`, from the options that every command has.

    Behind whatever it says, and however it ends, a deployment that is past its lease is told on stderr, if the command
    asked anything of an account.
    """

    @click.option(
        "--deployment", help="Which deployment: 1 to 8 letters and digits.  [default: ESAWS_DEPLOYMENT or seccom]"
    )
    @click.option("--region", help="Which region.  [default: ESAWS_REGION or eu-west-3]")
    @click.option("--json", "as_json", is_flag=True, help=JSON_HELP)
    @wraps(command)
    def wrapped(deployment: str | None, region: str | None, **options: Any) -> Any:
        cloud = Cloud.from_env(deployment=deployment, region=region)
        try:
            answer = command(cloud=cloud, **options)
        except (KeyboardInterrupt, click.Abort):
            raise
        except BaseException:  # SystemExit too: it is how a command says 1
            _remind(cloud, reminding)
            raise
        _remind(cloud, reminding)
        return answer

    return wrapped


def _remind(cloud: Cloud, reminding: bool) -> None:
    """Whose credentials there are is asked by commands that ask no more: that alone reaches no deployment."""
    if not reminding or not any(call.code == "OK" and call.service != "sts" for call in cloud.calls):
        return
    from esaws.leases.lease import reminder

    if line := reminder(cloud):
        click.echo(line, err=True)


def somebody_confirms(beforehand: bool) -> None:
    if not beforehand and not sys.stdin.isatty():
        raise Refused("nothing was changed: there is no terminal to ask in; add --yes if you mean it")


def confirm(planned: Any, yes: bool) -> None:
    """Show what is about to happen, where and for how much; ask unless told not to."""
    where = f"account {planned.cloud.account}, {planned.cloud.region}, {planned.cloud.target}"
    click.echo(f"{planned!r}  [{where}]", err=True)
    if yes or not planned.changing:
        return
    if planned.cloud.is_aws:
        typed = click.prompt("Type the account's number to go on", default="", show_default=False, err=True)
        agreed = typed.strip() == planned.cloud.account
    else:
        agreed = click.confirm("Go on?", err=True)
    if not agreed:
        raise Refused("nothing was changed: it was not confirmed")


def show(
    rows: Sequence[dict[str, Any]], last: str, as_json: bool, shown: Sequence[dict[str, Any]] | None = None
) -> None:
    """Rows as JSON, or as a table with a closing line; columns that are empty throughout are left out."""
    if as_json:
        print_json(rows)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = shown or rows
    table = Table(box=None, pad_edge=False, header_style="bold")
    columns = [name for name in (shown[0] if shown else {}) if any(row[name] not in ("", None) for row in shown)]
    for name in columns:
        numeric = name.startswith("usd") or isinstance(shown[0][name], int | float)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in shown:
        table.add_row(*(Text("" if row[name] is None else str(row[name])) for name in columns))
    console = Console(width=None if sys.stdout.isatty() else 500, highlight=False)  # a pipe has no width to fold at
    if columns:
        console.print(table)
    console.print(Text(last))


def say(answer: dict[str, Any], text: str, as_json: bool) -> None:
    if as_json:
        print_json(answer)
    else:
        click.echo(text)


def print_json(answer: dict[str, Any] | Iterable[dict[str, Any]]) -> None:
    click.echo(json.dumps(answer, indent=2, default=str))
