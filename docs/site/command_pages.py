"""The reference of the command line, from the help and the examples of each command."""

import inspect
from collections.abc import Iterator

import click

from docs.site.contents import COMMANDS, ROOT
from docs.site.links import anchors, slug
from docs.site.text import cell, escaped
from esaws.cli import cli
from esaws.cli.examples import EXAMPLES

HEAD = """\
# Commands

Every command has `--help`, and most have `--json`; [JSON output](json.md) lists the keys. Exit codes: 0 done, 1 failed,
2 usage error, 3 refused for safety. These pages are made from the help of the commands."""


def command_pages() -> dict[str, str]:
    """Return the pages by name: the list of all commands, and one for each with its subcommands."""
    top = click.Context(cli, info_name="esaws")
    names = cli.list_commands(top)
    rows = [f"| [esaws {name}](commands/{name}.md) | {cell(summary(command(cli, top, name)))} |" for name in names]
    pages = {COMMANDS: "\n".join([HEAD, "", escaped(cli.help or "").strip(), "", "| command | |", "|---|---|", *rows])}
    for name in names:
        parts = section(command(cli, top, name), click.Context(command(cli, top, name), parent=top, info_name=name), 1)
        pages[f"{COMMANDS}/{name}"] = "\n\n".join(parts)
    return pages


def command(group: click.Group, context: click.Context, name: str) -> click.Command:
    """Return a command of a group by its name."""
    found = group.get_command(context, name)
    if found is None:
        raise LookupError(f"esaws {name} is listed and does not exist")
    return found


def section(this: click.Command, context: click.Context, level: int) -> Iterator[str]:
    """Yield the text of a command and of all commands below it: usage, help, options, examples, keys."""
    path = context.command_path
    yield f"{'#' * level} {path}"
    yield help_text(this)
    usage = " ".join([path, *this.collect_usage_pieces(context)])
    yield f"```text\n{usage}\n```"
    if rows := list(options(this, context)):
        yield "\n".join(["| option | |", "|---|---|", *rows])
    if examples := EXAMPLES.get(path.partition(" ")[2]):
        lines = "\n".join(f"$ {line}" for line in examples)
        yield f"```console\n{lines}\n```"
    if slug(path) in json_sections():
        yield f"Keys of `--json`: [{path}](../json.md#{slug(path)})."
    if isinstance(this, click.Group):
        for name in this.list_commands(context):
            below = command(this, context, name)
            yield from section(below, click.Context(below, parent=context, info_name=name), level + 1)


def options(this: click.Command, context: click.Context) -> Iterator[str]:
    """Yield a row for each option, and for each argument that has help."""
    for parameter in this.get_params(context):
        if (record := parameter.get_help_record(context)) and record[1]:
            yield row(record)


def row(record: tuple[str, str]) -> str:
    """Return a row of a table of options."""
    names = record[0].replace("|", "\\|")
    return f"| `{names}` | {cell(record[1])} |"


def summary(this: click.Command) -> str:
    """Return the first sentence of the help."""
    return " ".join(inspect.cleandoc(this.help or "").split("\n\n")[0].split())


def help_text(this: click.Command) -> str:
    r"""Return the help as Markdown; paragraphs after `\b` keep their lines."""
    paragraphs: list[str] = []
    for paragraph in inspect.cleandoc(this.help or "").replace("\f", "").split("\n\n"):
        if paragraph.startswith("\b"):
            paragraphs.append("```text\n" + paragraph.lstrip("\b\n") + "\n```")
        else:
            paragraphs.append(escaped(" ".join(paragraph.split())))
    return "\n\n".join(paragraphs)


def json_sections() -> set[str]:
    """Return the anchors of the page about JSON keys."""
    return anchors((ROOT / "docs" / "json.md").read_text(encoding="utf-8"))
