"""The command line as a whole: its help, completion, and exit codes."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from esaws.cli import main
from esaws.cli.common import LazyGroup
from esaws.cli.examples import EXAMPLES
from esaws.cli.root import cli


def groups() -> Iterator[tuple[str, LazyGroup]]:
    yield "", cli
    for name in cli.lazy_commands:
        command = cli.get_command(click.Context(cli), name)
        if isinstance(command, LazyGroup):
            yield name, command


def commands(group: click.Group, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command of a group and of the groups in it, by its words."""
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        yield f"{prefix}{name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix}{name} ")


def test_the_listed_help_is_the_first_sentence_of_each_command() -> None:
    for name, group in groups():
        for command_name, (_, text) in group.lazy_commands.items():
            command = group.get_command(click.Context(group), command_name)
            assert command is not None, f"esaws {name} {command_name}"
            assert text == command.get_short_help_str(limit=200), f"esaws {name} {command_name}"


def test_every_command_and_option_has_plain_help() -> None:
    banned = {"told", "whoever", "somebody", "nobody", "stands"}
    for name, command in commands(cli):
        assert command.help, name
        texts = [command.help, *(param.help or "" for param in command.params if isinstance(param, click.Option))]
        assert all(texts), f"esaws {name} has an option without help"
        assert not banned & set(" ".join(texts).lower().replace(".", " ").split()), name


def test_every_command_has_a_json_option() -> None:
    for name, command in commands(cli):
        if not isinstance(command, click.Group):
            assert "as_json" in {param.name for param in command.params}, name


def leaves() -> dict[str, click.Command]:
    return {name: command for name, command in commands(cli) if not isinstance(command, click.Group)}


def test_every_command_shows_examples_that_it_accepts() -> None:
    assert EXAMPLES.keys() == leaves().keys()
    for name, lines in EXAMPLES.items():
        for line in lines:
            words = shlex.split(line.removeprefix('eval "$(').removesuffix(')"'), comments=True)
            words = words[words.index("esaws") + 1 :]
            assert words[: len(name.split())] == name.split(), line
            command = leaves()[name]
            context = click.Context(command, info_name=name)
            for param in command.params:  # its files need not exist
                if isinstance(param.type, click.Path):
                    param.type.exists = False
            command.parse_args(context, words[len(name.split()) :])


def test_the_help_of_a_command_ends_with_its_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("local", "advance", "--help") == 0
    lines = capsys.readouterr().out.rstrip().split("\n")
    assert lines[-3:] == ["Examples:", *(f"  {line}" for line in EXAMPLES["local advance"])]


def test_help_lists_commands_without_importing_them() -> None:
    code = (
        "import sys\nfrom esaws.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print([name for name in sys.modules if name.startswith('esaws.')], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (
        done.stderr.strip() == "['esaws._lazy', 'esaws.cli.common', 'esaws.cli.root', 'esaws.cli.streams', "
        "'esaws.interrupts', 'esaws.progress', 'esaws.cli']"
    )
    assert "teardown" in done.stdout and "Delete everything" in done.stdout


@pytest.mark.parametrize(
    ("words", "completions"),
    [
        ("esaws tear", ["teardown"]),
        ("esaws cost fo", ["focus", "forecast"]),
        ("esaws local sta", ["start", "status"]),
        ("esaws local fail zo", ["zone"]),
        ("esaws local start --re", ["--regime"]),
        ("esaws local start --regime cr", ["credits"]),
        ("esaws local fault thr", ["throttle"]),
        ("esaws local traffic --shape sp", ["spike"]),
        ("esaws plan --profile b", ["budget"]),
        ("esaws findings --severity h", ["high"]),
        ("esaws reach --pro", ["--protocol"]),
    ],
)
def test_shells_complete_commands_and_options(
    words: str, completions: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_ESAWS_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))
    assert exit_code() == 0
    assert [line.removeprefix("plain,") for line in capsys.readouterr().out.split()] == completions


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["unknown"], 2, "No such command 'unknown'"),
        (["cost"], 2, "Usage: esaws cost"),
        (["plan", "--profile", "tiny"], 2, "tiny"),
        (["deploy", "--profile", "budget"], 3, "there is no terminal to confirm in; add --yes to confirm"),
        (["draw", "-o", "x.svg"], 2, "choose what to draw"),
        (["local", "advance"], 2, "give a duration like 3d"),
    ],
)
def test_errors_are_printed_with_their_exit_code(
    arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with open(os.devnull) as nothing:  # noqa: PTH123
        monkeypatch.setattr(sys, "stdin", nothing)
        assert exit_code(*arguments) == code
    assert message in capsys.readouterr().err


def test_an_unexpected_error_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("esaws.local_aws.process.status", fail)
    with pytest.raises(ZeroDivisionError):
        main(["local", "status"])


def exit_code(*arguments: str) -> int:
    """Run `esaws …` in this process and return its exit code."""
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    return int(exit_.value.code or 0)


def test_a_broken_connection_has_its_name_and_the_next_step(capsys: pytest.CaptureFixture[str]) -> None:
    from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

    from esaws.cli import _print_error

    for kind in (ConnectTimeoutError, ReadTimeoutError):
        assert _print_error(kind(endpoint_url="http://127.0.0.1:1")) == 1
        error = capsys.readouterr().err
        assert kind.__name__ in error and "check the network with `esaws doctor`" in error
