"""Checks of what esaws needs on this machine and in the account, each with the way to fix it."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from esaws.architecture import Architecture
from esaws.cloud import Cloud
from esaws.deploy.plan import compare
from esaws.deploy.preflight import Check, CheckReport, check_account
from esaws.errors import EsawsError
from esaws.local_aws import process
from esaws.resource import Index

MIN_FREE_DISK_GB = 1.0


def run_checks(cloud: Cloud, architecture: Architecture | None = None) -> CheckReport:
    """Run all checks, each before those that depend on it. None of them changes or starts anything.

    With `architecture`, the account is checked for what a first deploy of it needs, if the account answers.
    """
    checks: list[Callable[[Cloud], Check]] = [_python, _drawing, _disk, _process, _port, _endpoint, _account]
    report = CheckReport(check(cloud) for check in checks)
    is_absent = cloud.target == "local" and not process.status()["running"]
    if architecture is not None and not is_absent and all(check.ok for check in report[-2:]):
        report += check_account(compare(architecture.fitted(cloud), Index(), cloud.region, prices=cloud.prices), cloud)
    return report


def _python(_: Cloud) -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return Check("python", sys.version_info >= (3, 11), f"Python {version}", "install Python 3.11 or newer")


def _drawing(_: Cloud) -> Check:
    """Check that pictures can be drawn. It is called graphviz, because users expect to need that and look for it."""
    from esaws.architecture import Architecture
    from esaws.drawing import Diagram, draw

    try:
        with Diagram() as diagram:
            pass
        size = min(len(draw(Architecture("nothing", ())).png), len(diagram.png))
    except Exception as error:  # a broken wheel fails in many ways
        return Check("graphviz", False, f"a picture can't be drawn: {error}", "delete .venv and run `make` again")
    return Check("graphviz", size > 0, "pictures can be drawn", "delete .venv and run `make` again")


def _disk(_: Cloud) -> Check:
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    return Check("disk", free >= MIN_FREE_DISK_GB, f"{free:.1f} GB free here", f"free {MIN_FREE_DISK_GB:g} GB")


def _process(cloud: Cloud) -> Check:
    """Check that no server process hangs."""
    if cloud.target != "local":
        return Check("process", True, f"the local AWS is not used: the target is {cloud.target}")
    status = process.status()
    if status["running"] and (defects := status["not_simulated"]):
        first = f"{defects[0]['kind']} {defects[0]['name']}: {defects[0]['reason']}"
        found = f"the local AWS does not simulate {len(defects)} things any more, first {first}"
        return Check("process", False, found, "`esaws local status` lists them; delete or create them anew")
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
