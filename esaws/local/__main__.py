"""`python -m esaws.local start|stop|status|env|reset|fidelity`: the local AWS from a shell."""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from esaws.errors import EsawsError
from esaws.local import fidelity as fidelity_of
from esaws.local import process


def start(arguments: argparse.Namespace) -> None:
    answer = process.start(arguments.port)
    _say(arguments, answer, answer["url"])


def stop(arguments: argparse.Namespace) -> None:
    stopped = process.stop()
    _say(arguments, {"running": False, "stopped": stopped}, "stopped" if stopped else "")


def status(arguments: argparse.Namespace) -> None:
    answer = process.status()
    if answer["running"]:
        text = f"running at {answer['url']}, where it is {answer['time']}; accounts {', '.join(answer['accounts'])}"
    else:
        text = "not running"
    _say(arguments, answer, text)


def env(arguments: argparse.Namespace) -> None:
    variables = process.environment()
    lines = [f"export {name}={value}" for name, value in variables.items()]
    _say(arguments, variables, "\n".join([*lines, "unset AWS_SESSION_TOKEN AWS_PROFILE"]))


def reset(arguments: argparse.Namespace) -> None:
    process.reset()
    _say(arguments, {"reset": True}, "every account is empty")


def fidelity(arguments: argparse.Namespace) -> None:
    rows = fidelity_of.table()
    if arguments.markdown:
        text = fidelity_of.markdown().rstrip("\n")
    else:
        service = max(len(row.service) for row in rows)
        level = max(len(row.fidelity) for row in rows)
        text = "\n".join(f"{row.service:{service}}  {row.fidelity:{level}}  {row.behaviour}" for row in rows)
    _say(arguments, [asdict(row) for row in rows], text)


COMMANDS: dict[str, tuple[Callable[[argparse.Namespace], None], str]] = {
    "start": (start, "start the local AWS, unless it runs"),
    "stop": (stop, "stop it; everything in it is gone"),
    "status": (status, "whether it runs, where, and with which accounts"),
    "env": (env, "the lines that point a shell at it, for eval"),
    "reset": (reset, "empty every account"),
    "fidelity": (fidelity, "what is real here, what is simulated, and what is not"),
}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="esaws local", description="AWS on this machine: no account, no Docker.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (run, summary) in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary)
        command.add_argument("--json", action="store_true", help="print JSON")
        command.set_defaults(run=run)
        if name == "start":
            command.add_argument("--port", type=int, help="0 is any free port; default ESAWS_PORT or 4747")
        if name == "fidelity":
            command.add_argument("--markdown", action="store_true", help="print it as the page docs/fidelity.md")
    arguments = parser.parse_args(argv)
    try:
        arguments.run(arguments)
    except EsawsError as error:
        print(f"esaws: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _say(arguments: argparse.Namespace, answer: dict[str, Any] | list[dict[str, Any]], text: str) -> None:
    if arguments.json:
        print(json.dumps(answer))
    elif text:
        print(text)


if __name__ == "__main__":
    sys.exit(main())
