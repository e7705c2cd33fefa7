"""Refuse and record every connection and look-up beyond this machine, in this process, whatever library makes it."""

import os
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
VARIABLE = "ESAWS_TESTS_NETWORK_LOG"
"""Names the file with the attempts of a test run's processes."""

_TO_ADDRESS = {"socket.connect", "socket.sendto", "socket.sendmsg"}
_LOOK_UPS = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}


class NetworkRefused(RuntimeError):
    """A test tried to connect to another machine."""


def is_loopback(host: object) -> bool:
    """Whether a host, as given to a socket call, is this machine; None and "" mean any local address."""
    from ipaddress import ip_address  # of those who import this in each process, few connect

    name = host.decode() if isinstance(host, bytes) else str(host or "")
    if name in {"", "localhost"} or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback or ip_address(name).is_unspecified
    except ValueError:
        return False


def refuse_network(event: str, args: tuple[Any, ...]) -> None:
    """An audit hook that no library in this process can bypass. Unix sockets and ZeroMQ do not trigger it."""
    if event in _TO_ADDRESS:
        address = args[1]
        host = address[0] if isinstance(address, tuple) else None
    elif event in _LOOK_UPS:
        host = args[0]
    else:
        return
    if not is_loopback(host):
        refusal = f"a test tried to connect to {host}: tests may only use this machine"
        program = " ".join(sys.orig_argv[:4]).splitlines()
        _record(f"{event} {host}, in {program[0] if program else 'a thread'}")
        raise NetworkRefused(refusal)


def install() -> None:
    """Guard this process from now on, unless the Python of a worker has done that at its start."""
    if not getattr(sys, "_esaws_network_is_guarded", False):
        sys.addaudithook(refuse_network)
        sys._esaws_network_is_guarded = True  # type: ignore[attr-defined]


def _record(attempt: str) -> None:
    """Note an attempt for the test that runs: what raises here may be caught by what connects."""
    if path := os.environ.get(VARIABLE):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(attempt + "\n")


def take_attempts() -> list[str]:
    """Return the attempts since the last call, of this process and of those that it has started."""
    path = Path(os.environ[VARIABLE])
    attempts = path.read_text("utf-8").splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return attempts
