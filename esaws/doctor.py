"""Look at what esaws needs on this machine, and say of whatever is missing how it is mended."""

import os
import shutil
import socket
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from esaws.cloud import Cloud, local_command
from esaws.errors import EsawsError

FREE_DISK_GB = 1.0


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: whether it is as it should be, what was seen, and what to do."""

    check: str
    ok: bool
    detail: str
    fix: str = ""

    def to_dict(self) -> dict[str, Any]:
        """check, ok, detail, fix."""
        return asdict(self)


def examine(cloud: Cloud) -> list[Check]:
    """Every check, in the order in which a failure would stop the next; none of them changes or starts anything."""
    looks: list[Callable[[Cloud], Check]] = [_python, _graphviz, _disk, _process, _port, _endpoint, _account]
    return [look(cloud) for look in looks]


def _python(_: Cloud) -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return Check("python", sys.version_info >= (3, 11), f"Python {version}", "install Python 3.11 or newer")


def _graphviz(_: Cloud) -> Check:
    """Whether pictures can be drawn. People expect to need Graphviz for it, and look for that word."""
    from esaws.architecture import Architecture
    from esaws.drawing import draw

    try:
        drawn = len(draw(Architecture("nothing", ())).png)
    except Exception as error:  # a broken wheel fails in many ways
        return Check("graphviz", False, f"a picture can't be drawn: {error}", "delete .venv and run `make` again")
    return Check("graphviz", drawn > 0, "not needed: esaws draws by itself", "delete .venv and run `make` again")


def _disk(_: Cloud) -> Check:
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    return Check("disk", free >= FREE_DISK_GB, f"{free:.1f} GB free here", f"free {FREE_DISK_GB:g} GB")


def _process(cloud: Cloud) -> Check:
    """Whether the local AWS runs, does not run, or left a process behind that answers no more."""
    if cloud.target != "local":
        return Check("process", True, f"the local AWS is not asked for: the target is {cloud.target}")
    status = local_command("status")
    if status["running"]:
        return Check("process", True, f"the local AWS runs as process {status['pid']} at {status['url']}")
    if status.get("stale"):
        return Check("process", False, "a local AWS was started and does not answer", "`esaws local start` replaces it")
    return Check("process", True, "no local AWS is running; commands that create start it")


def _port(cloud: Cloud) -> Check:
    if cloud.target != "local":
        return Check("port", True, "no port is needed")
    status = local_command("status")
    if status["running"]:
        return Check("port", True, f"{urlsplit(status['url']).port} is the local AWS's")
    port = status["port"]
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return Check("port", False, f"{port}: {error.strerror}", "choose another one: export ESAWS_PORT=4848")
    return Check("port", True, f"{port or 'any port'} is free")


def _endpoint(cloud: Cloud) -> Check:
    if cloud.target == "local" and not local_command("status")["running"]:
        return Check("endpoint", True, "none yet: the local AWS is not running")
    try:
        cloud.account  # noqa: B018
    except EsawsError as error:
        return Check("endpoint", False, str(error), "look at ESAWS_TARGET, or unset it for the local AWS")
    return Check("endpoint", True, cloud.endpoint or f"AWS in {cloud.region}")


def _account(cloud: Cloud) -> Check:
    if cloud.target == "local" and not local_command("status")["running"]:
        return Check("account", True, "none yet: the local AWS is not running")
    try:
        account = cloud.check()
    except EsawsError as error:
        return Check("account", False, str(error), "export ESAWS_ACCOUNT with the account that you mean")
    named = " as named" if os.environ.get("ESAWS_ACCOUNT") else ""
    return Check("account", True, f"{account}{named}")
