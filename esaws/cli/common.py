"""What all commands share: lazy groups, common options, confirmation, and printing as a table or as JSON."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from esaws.cloud import Cloud
    from esaws.inspect import Account

YES_HELP = "Do not ask for confirmation."
JSON_HELP = "Print JSON with documented keys."


def suggest(*values: str) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """Return the `shell_complete` of an option whose values are checked later."""
    return lambda ctx, param, incomplete: [value for value in values if value.startswith(incomplete)]


class Command(click.Command):
    """A command whose help ends with its examples."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from esaws.cli.examples import EXAMPLES

        with formatter.section("Examples"):
            for line in EXAMPLES.get(ctx.command_path.partition(" ")[2], ()):
                formatter.write(f"{' ' * formatter.current_indent}{line}\n")


class LazyGroup(click.Group):
    """A group of commands whose modules are imported when a command is used.

    `commands` maps each command to its module and its help on one line, so that the list of commands needs no import.
    The module registers the command with `@group.command()` or `@group.group()`.
    """

    command_class = Command
    group_class = type

    def __init__(self, *args: Any, lazy_commands: Mapping[str, tuple[str, str]] | None = None, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.lazy_commands = lazy_commands or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*self.commands, *self.lazy_commands})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.commands and cmd_name in self.lazy_commands:
            import_module(self.lazy_commands[cmd_name][0])
        return self.commands.get(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.command_help(name)) for name in self.list_commands(ctx)])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        items = [CompletionItem(name, help=self.command_help(name)) for name in names]
        return items + click.Command.shell_complete(self, ctx, incomplete)

    def command_help(self, name: str) -> str:
        """The help of a command on one line."""
        if name in self.lazy_commands:
            return self.lazy_commands[name][1]
        return self.commands[name].get_short_help_str()


def cloud_options(command: Callable[..., Any], *, remind: bool = True) -> Callable[..., Any]:
    """Give a command `cloud` and `as_json`, from the options that every command has.

    If the command called an account, a deployment past its lease is reported on stderr afterwards, however it ends.
    """

    @_options_of_every_command
    @wraps(command)
    def wrapped(deployment: str | None, region: str | None, **options: Any) -> Any:
        return _run_in_cloud(lambda cloud: command(cloud=cloud, **options), deployment, region, remind)

    return wrapped


def account_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give an inspector `source` and `as_json`, from the options that every command has and from `--from`.

    `source` is a cloud, or with `--from` the account that a folder of saved answers describes: then no server is
    started, nothing is called, and no credentials are needed.
    """

    @_options_of_every_command
    @click.option(
        "--from",
        "folder",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Inspect saved answers of describe calls: of `esaws snapshot`, or of the AWS CLI, one JSON file a call.",
    )
    @wraps(command)
    def wrapped(deployment: str | None, region: str | None, folder: Path | None, **options: Any) -> Any:
        if folder is None:
            return _run_in_cloud(lambda cloud: command(source=cloud, **options), deployment, region, remind=True)
        from esaws.errors import UsageError
        from esaws.inspect import snapshot

        if deployment:
            raise UsageError("--deployment selects resources of a live account; leave it out with --from")
        account = snapshot(folder, region=region)
        for note in account.notes:
            click.echo(f"esaws: {folder}: {note}", err=True)
        return command(source=account, **options)

    return wrapped


def require_cloud(source: Cloud | Account, what: str) -> Cloud:
    """Return a cloud as it is. Raises UsageError for an account from files; `what` is the option that needs calls."""
    from esaws.cloud import Cloud
    from esaws.errors import UsageError

    if not isinstance(source, Cloud):
        raise UsageError(f"{what} calls AWS, which --from does not; leave one of them out")
    return source


def _options_of_every_command(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--json", "as_json", is_flag=True, help=JSON_HELP),
        click.option("--region", help="AWS region.  [default: ESAWS_REGION or eu-west-3]"),
        click.option(
            "--deployment", help="Deployment name, 1 to 8 letters and digits.  [default: ESAWS_DEPLOYMENT or seccom]"
        ),
    ):
        command = option(command)
    return command


def _run_in_cloud(command: Callable[[Cloud], Any], deployment: str | None, region: str | None, remind: bool) -> Any:
    from esaws.cloud import Cloud
    from esaws.progress import reporting

    cloud = Cloud.from_env(deployment=deployment, region=region)
    cloud.on_start = _print_start
    path = click.get_current_context().command_path
    try:
        with reporting(lambda: f"{path}: {len(cloud.calls)} API calls"):
            result = command(cloud)
    except (KeyboardInterrupt, click.Abort):
        raise
    except BaseException:  # SystemExit too: a command exits 1 with it
        _print_gaps(cloud)
        _print_reminder(cloud, remind)
        raise
    _print_gaps(cloud)
    _print_reminder(cloud, remind)
    return result


def _print_gaps(cloud: Cloud) -> None:
    """Print what another emulator does not do, if it showed."""
    from esaws.progress import list_names

    if cloud.gaps:
        click.echo(f"{cloud.target} is an emulator with gaps of its own, which the local AWS does not have:", err=True)
    by_reason: dict[str, list[str]] = {}
    for what, reason in sorted(cloud.gaps.items()):
        by_reason.setdefault(reason, []).append(what)
    for reason, names in by_reason.items():
        click.echo(f"  {list_names(names)}: {reason}", err=True)


def _print_start(url: str) -> None:
    click.echo(f"esaws: started the local AWS at {url}; `esaws local stop` stops it", err=True)


def _print_reminder(cloud: Cloud, remind: bool) -> None:
    """Print the reminder of a lease that is over, unless the command made no call but to STS."""
    if not remind or not any(call.code == "OK" and call.service != "sts" for call in cloud.calls):
        return
    from esaws.leases.lease import reminder

    if line := reminder(cloud):
        click.echo(line, err=True)


def require_confirmation(yes: bool) -> None:
    """Refuse to change anything if the user can't be asked. Raises Refused."""
    if not yes and not sys.stdin.isatty():
        from esaws.errors import Refused

        raise Refused("nothing was changed: there is no terminal to confirm in; add --yes to confirm")


def confirm(plan: Any, yes: bool) -> None:
    """Show the plan with its account and region, and ask the user to confirm it unless `yes`.

    Raises:
        Refused: the user does not confirm.
    """
    click.echo(f"{plan!r}  [account {plan.cloud.account}, {plan.cloud.region}, {plan.cloud.target}]", err=True)
    if yes or not plan.changing:
        return
    if plan.cloud.is_aws:
        from esaws.deploy.plan import ask_for_confirmation

        ask_for_confirmation(plan.cloud, repr(plan), ask=_prompt)
    elif not click.confirm("Continue?", err=True):
        from esaws.errors import Refused

        raise Refused("nothing was changed: it was not confirmed")


def _prompt(text: str) -> str:
    return str(click.prompt(text, default="", show_default=False, prompt_suffix="", err=True))


def print_table(
    rows: Sequence[dict[str, Any]],
    summary: str,
    as_json: bool,
    table_rows: Sequence[dict[str, Any]] | None = None,
    right: Collection[str] = (),
) -> None:
    """Print rows as JSON, or as a table with a summary below.

    The table shows `table_rows` instead, if given. Columns that are empty in every row are left out. Numbers, and the
    columns of `right`, are aligned to the right.
    """
    if as_json:
        print_json(rows)
        return
    from esaws.cli.table import format_table

    shown = table_rows or rows
    names = [name for name in (shown[0] if shown else {}) if any(row[name] not in ("", None) for row in shown)]
    is_right = {
        name for name in names if name in right or name.startswith("usd") or isinstance(shown[0][name], int | float)
    }
    cells = [{name: "" if row[name] is None else str(row[name]) for name in names} for row in shown]
    # A pipe has no width to wrap at.
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    if names:
        click.echo(format_table(names, cells, is_right, width, bold=sys.stdout.isatty()))
    click.echo(summary)


def print_result(result: dict[str, Any], text: str, as_json: bool) -> None:
    """Print a result as JSON, or as text."""
    if as_json:
        print_json(result)
    elif text:
        click.echo(text)


def print_json(result: dict[str, Any] | Iterable[dict[str, Any]]) -> None:
    """Print JSON."""
    click.echo(json.dumps(result, indent=2, default=str))
