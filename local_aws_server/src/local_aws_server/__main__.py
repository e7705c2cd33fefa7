"""The command `local-aws-server`: serve the local AWS in the foreground, or print what it simulates."""

from __future__ import annotations

import argparse
import errno
import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from esaws.pricelist import PLANS, REGIMES
from local_aws_server import MOTO_VERSION

if TYPE_CHECKING:
    from local_aws_server.server import Settings

HOSTS = ("127.0.0.1", "localhost")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; exits with 1 if something fails and with 2 on a usage error."""
    options = parse_arguments(arguments)
    if problem := moto_problem(_installed_moto()):
        sys.exit(f"local-aws-server: {problem}")
    if options.command == "fidelity":
        with suppress(BrokenPipeError):
            print(_fidelity(options), flush=True)
            return
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes it again at exit
        sys.exit(1)
    else:
        _serve(options)


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options of a command line; exits with 2 on a usage error."""
    return _parser().parse_args(arguments)


def moto_problem(installed: str | None) -> str | None:
    """Why the server cannot run with the installed version of moto, and how to change that; None if it can."""
    if installed == MOTO_VERSION:
        return None
    present = f"moto {installed} is installed" if installed else "moto is not installed"
    return (
        f"{present}, but this server needs moto {MOTO_VERSION} exactly, because it patches moto's private names. "
        f'Run: pip install "moto[server]=={MOTO_VERSION}"'
    )


def _installed_moto() -> str | None:
    try:
        return version("moto")
    except PackageNotFoundError:
        return None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="local-aws-server",
        description="Serve the local AWS on this machine until Ctrl-C. Without a command: serve.",
    )
    address = parser.add_argument_group("address")
    address.add_argument("--host", choices=HOSTS, default=HOSTS[0], help="other hosts are refused: it has no passwords")
    address.add_argument("--port", type=int, default=5000, help="0 takes any free port; default: %(default)s")
    address.add_argument("--fd", type=int, metavar="N", help="serve on this inherited listening socket instead")
    clock = parser.add_argument_group("clock")
    clock.add_argument("--at", metavar="TIME", help="start of the clock, like 2026-01-01T00:00Z; default: now")
    clock.add_argument("--still", action="store_true", help="move the clock only when a client advances it or waits")
    clock.add_argument(
        "--provisioning",
        type=_fraction,
        metavar="X",
        help="fraction of AWS's provisioning time to really wait, like 0.01; default: clients never wait",
    )
    account = parser.add_argument_group("accounts")
    account.add_argument("--regime", choices=REGIMES, help="free tier of new accounts; default: legacy")
    account.add_argument("--plan", choices=PLANS, help="plan of new accounts with credits; default: paid")
    account.add_argument(
        "--state", type=Path, metavar="FILE", help="restore the state from this file at start, and save it there"
    )
    account.add_argument(
        "--save-every",
        type=_seconds,
        default=180.0,
        metavar="SECONDS",
        help="a crash loses at most what was answered in so many seconds before it; default: %(default)g",
    )
    parser.add_argument("--owner", type=int, metavar="PID", help="save the state and stop when this process has ended")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    fidelity = commands.add_parser("fidelity", help="print what is real, simulated and not simulated")
    form = fidelity.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="a list of {service, fidelity, behaviour, documentation}")
    form.add_argument("--markdown", action="store_true", help="the page docs/fidelity.md")
    return parser


def _fraction(text: str) -> float:
    fraction = float(text)
    if not 0 <= fraction <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return fraction


def _seconds(text: str) -> float:
    seconds = float(text)
    if not seconds > 0:
        raise argparse.ArgumentTypeError(f"{text} is not more than 0")
    return seconds


def _fidelity(options: argparse.Namespace) -> str:
    from local_aws_server import fidelity

    if options.json:
        return json.dumps([row.to_dict() for row in fidelity.table()], indent=2)
    return (fidelity.markdown() if options.markdown else fidelity.text()).rstrip("\n")


def _serve(options: argparse.Namespace) -> None:
    from local_aws_server import server

    try:
        settings = settings_of(options)
        listener = server.listen(options.host, options.port) if options.fd is None else None
    except ValueError as error:
        sys.exit(_usage_error(f"--at: {error}"))
    except OSError as error:
        reason = "it is in use" if error.errno == errno.EADDRINUSE else error.strerror
        sys.exit(_usage_error(f"cannot listen on port {options.port} ({reason}). Choose another one with --port."))
    if listener is not None:
        host, port = listener.getsockname()[:2]
        print(f"The local AWS listens on http://{host}:{port}. Press Ctrl-C to stop it.")
        print(f"export AWS_ENDPOINT_URL=http://{host}:{port}", flush=True)
    server.serve(
        listener.fileno() if listener is not None else options.fd,
        settings,
        save_every=options.save_every,
        owner=options.owner,
    )


def settings_of(options: argparse.Namespace) -> Settings:
    """The settings that a command line has. Raises ValueError if the start of the clock is not a time."""
    from local_aws_server import server

    return server.Settings(
        at=None if options.at is None else _timestamp(options.at),
        still=options.still,
        provisioning=options.provisioning,
        regime=options.regime,
        plan=options.plan,
        state=options.state,
    )


def _timestamp(text: str) -> float:
    """Seconds since 1970, given as such or as an ISO 8601 text."""
    from local_aws_server.clock.clock import parse_timestamp

    try:
        return float(text)
    except ValueError:
        return parse_timestamp(text)


def _usage_error(message: str) -> int:
    print(f"local-aws-server: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    main()
