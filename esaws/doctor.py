"""Checks of what esaws needs on this machine, each with the way to fix it."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from esaws._display import html_table
from esaws.cloud import Cloud
from esaws.errors import EsawsError
from esaws.local_aws import process

if TYPE_CHECKING:
    import pandas

MIN_FREE_DISK_GB = 1.0


@dataclass(frozen=True)
class Check:
    """The result of one check: whether it passed, what was found, and how to fix it."""

    check: str
    ok: bool
    detail: str
    fix: str = ""

    def to_dict(self) -> dict[str, Any]:
        """check, ok, detail, fix."""
        return asdict(self)


class CheckReport(list[Check]):
    """The results of all checks."""

    @property
    def failed(self) -> list[Check]:
        """The checks that did not pass."""
        return [check for check in self if not check.ok]

    def to_dict(self) -> list[dict[str, Any]]:
        """List of {check, ok, detail, fix}."""
        return [check.to_dict() for check in self]

    def to_frame(self) -> pandas.DataFrame:
        """One row per check. Columns: check, ok, detail, fix."""
        import pandas

        return pandas.DataFrame(self.to_dict(), columns=["check", "ok", "detail", "fix"])

    def __str__(self) -> str:
        return f"{len(self.failed)} checks failed" if self.failed else "all checks passed"

    def _repr_html_(self) -> str:
        return html_table(str(self), self.to_frame())


def run_checks(cloud: Cloud) -> CheckReport:
    """Run all checks, each before those that depend on it. None of them changes or starts anything."""
    checks: list[Callable[[Cloud], Check]] = [_python, _drawing, _disk, _process, _port, _endpoint, _account]
    return CheckReport(check(cloud) for check in checks)


def _python(_: Cloud) -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return Check("python", sys.version_info >= (3, 11), f"Python {version}", "install Python 3.11 or newer")


def _drawing(_: Cloud) -> Check:
    """Check that pictures can be drawn. It is called graphviz, because users expect to need that and look for it."""
    from esaws.architecture import Architecture
    from esaws.drawing import draw

    try:
        size = len(draw(Architecture("nothing", ())).png)
    except Exception as error:  # a broken wheel fails in many ways
        return Check("graphviz", False, f"a picture can't be drawn: {error}", "delete .venv and run `make` again")
    return Check("graphviz", size > 0, "not needed: esaws draws by itself", "delete .venv and run `make` again")


def _disk(_: Cloud) -> Check:
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    return Check("disk", free >= MIN_FREE_DISK_GB, f"{free:.1f} GB free here", f"free {MIN_FREE_DISK_GB:g} GB")


def _process(cloud: Cloud) -> Check:
    """Check that no server process hangs."""
    if cloud.target != "local":
        return Check("process", True, f"the local AWS is not used: the target is {cloud.target}")
    status = process.status()
    if status["running"]:
        return Check("process", True, f"the local AWS runs as process {status['pid']} at {status['url']}")
    if status["stale"]:
        return Check("process", False, "the local AWS runs and does not answer", "`esaws local start` replaces it")
    return Check("process", True, "no local AWS is running; commands that create start it")


def _port(cloud: Cloud) -> Check:
    if cloud.target != "local":
        return Check("port", True, "no port is needed")
    status = process.status()
    if status["running"]:
        return Check("port", True, f"the local AWS uses {urlsplit(status['url']).port}")
    port = status["port"]
    with socket.socket() as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((process.HOST, port))
        except OSError as error:
            return Check("port", False, f"{port}: {error.strerror}", "choose another one: export ESAWS_PORT=4848")
    return Check("port", True, f"{port or 'any port'} is free")


def _endpoint(cloud: Cloud) -> Check:
    if cloud.target == "local" and not process.status()["running"]:
        return Check("endpoint", True, "none yet: the local AWS is not running")
    try:
        cloud.account  # noqa: B018
    except EsawsError as error:
        return Check("endpoint", False, str(error), "check ESAWS_TARGET, or unset it for the local AWS")
    return Check("endpoint", True, cloud.endpoint or f"AWS in {cloud.region}")


def _account(cloud: Cloud) -> Check:
    if cloud.target == "local" and not process.status()["running"]:
        return Check("account", True, "none yet: the local AWS is not running")
    try:
        account = cloud.check()
    except EsawsError as error:
        return Check("account", False, str(error), "export ESAWS_ACCOUNT=<id of your account>")
    expected = " as expected" if os.environ.get("ESAWS_ACCOUNT") else ""
    return Check("account", True, f"{account}{expected}")
