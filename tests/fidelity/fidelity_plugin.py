"""A pytest plugin for other projects' tests: they run against a server, and each outcome goes to a file.

It is loaded with `-p fidelity_plugin` in an environment that has neither this project nor its packages. Variables:
FIDELITY_RESULTS is the file, one JSON object a line; FIDELITY_URL the server; FIDELITY_LOCAL is set if that is the
local AWS, not stock moto; with FIDELITY_ADVANCE, a duration, its clock advances after each changing call.
"""

import json
import os
import socket
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from adaptations import REPLACED, adapted, translated_back
from botocore import handlers

URL = os.environ["FIDELITY_URL"]
TOKEN = {"X-Esaws-Token": os.environ.get("FIDELITY_TOKEN", "")}
IS_LOCAL = bool(os.environ.get("FIDELITY_LOCAL"))
ADVANCE = os.environ.get("FIDELITY_ADVANCE")
RESULTS = Path(os.environ["FIDELITY_RESULTS"])
DEFAULT_VPC_GROUPS: set[str] = set()
"""Security groups that tests created without a VPC."""
_READING = ("Describe", "List", "Get", "Head", "BatchGet", "Lookup", "Search")
_MAX_MESSAGE = 300


_LOOPBACK_DOMAIN = "localhost.localstack.cloud"
"""Public names of the loopback address, which LocalStack's tests use; here they need no name server."""
_resolve = socket.getaddrinfo


def resolve(host: Any, *arguments: Any, **named: Any) -> Any:
    return _resolve("127.0.0.1" if str(host).endswith(_LOOPBACK_DOMAIN) else host, *arguments, **named)


socket.getaddrinfo = resolve


def post(path: str, **body: Any) -> None:
    request = urllib.request.Request(
        f"{URL}{path}", json.dumps(body).encode(), {"Content-Type": "application/json", **TOKEN}, method="POST"
    )
    urllib.request.urlopen(request).close()


class Server:
    """The server, which takes a while to be emptied."""

    is_used = True

    def note_use(self, **_: Any) -> None:
        self.is_used = True

    def reset(self) -> None:
        """Empty all accounts, unless they are."""
        if self.is_used:
            post("/_esaws/reset" if IS_LOCAL else "/moto-api/reset")
        self.is_used = False


SERVER = Server()
handlers.BUILTIN_HANDLERS.append(("before-send", SERVER.note_use))


def advance_after_change(model: Any, http_response: Any, **_: Any) -> None:
    if http_response.status_code < 300 and not model.name.startswith(_READING):
        post("/_esaws/advance", by=ADVANCE)


def send_what_is_taken(params: dict[str, Any], model: Any, **_: Any) -> None:
    params.update(adapted(model.service_model.service_name, model.name, params))


def return_what_was_sent(parsed: dict[str, Any], model: Any, **_: Any) -> None:
    parsed.update(translated_back(model.service_model.service_name, parsed))


def note_vpc(params: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
    context["is_in_default_vpc"] = model.name == "CreateSecurityGroup" and "VpcId" not in params


def note_group(parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    if context.get("is_in_default_vpc") and "GroupId" in parsed:
        DEFAULT_VPC_GROUPS.add(parsed["GroupId"])


def leave_out_other_groups(params: dict[str, Any], model: Any, **_: Any) -> None:
    if model.name == "CreateLoadBalancer" and DEFAULT_VPC_GROUPS.intersection(params.get("SecurityGroups") or ()):
        params["SecurityGroups"] = [each for each in params["SecurityGroups"] if each not in DEFAULT_VPC_GROUPS]


if IS_LOCAL:
    handlers.BUILTIN_HANDLERS.append(("before-parameter-build.ec2", note_vpc))
    handlers.BUILTIN_HANDLERS.append(("after-call.ec2", note_group))
    handlers.BUILTIN_HANDLERS.append(("before-parameter-build.elbv2", leave_out_other_groups))
    for service in REPLACED:
        handlers.BUILTIN_HANDLERS.append((f"before-parameter-build.{service}", send_what_is_taken))
        handlers.BUILTIN_HANDLERS.append((f"after-call.{service}", return_what_was_sent))
if ADVANCE and IS_LOCAL:
    handlers.BUILTIN_HANDLERS.append(("after-call", advance_after_change))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "aws_verified: recorded on AWS")
    try:
        import moto.core
        from moto.core.models import ServerModeMockAWS
    except ImportError:
        return
    ServerModeMockAWS.reset = lambda mock: SERVER.reset()
    if IS_LOCAL:
        moto.core.set_initial_no_auth_action_count = lambda count: lambda test: test


def pytest_sessionstart() -> None:
    """Give LocalStack's tests the server's address again, in whose place their own set-up puts a fixed port."""
    if config := sys.modules.get("localstack.config"):
        config.LOCALSTACK_HOST, config.GATEWAY_LISTEN = config.populate_edge_configuration(os.environ)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Forget the mock that a failed `setup_class` of moto's tests left started: nothing would be emptied any more."""
    if getattr(item, "cls", None) is None and "moto.core.models" in sys.modules:
        sys.modules["moto.core.models"].ServerModeMockAWS._nested_count = 0


def differences(error: BaseException | None) -> list[str]:
    """What differs from a recording of LocalStack's tests, one line for each difference."""
    results = getattr(error, "result", None)
    return [f"{each.key}: {line}" for each in results or () if not each for line in each.result.pretty().splitlines()]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    is_failed_set_up = report.when != "call" and report.outcome == "failed"
    if report.when == "call" or (report.when == "setup" and report.outcome == "skipped") or is_failed_set_up:
        names = {mark.name for mark in item.iter_markers()}
        crash = getattr(report.longrepr, "reprcrash", None)
        lines = str(crash.message if crash else report.longrepr or "").splitlines()
        lines += differences(getattr(call.excinfo, "value", None))
        outcome = {
            "test": item.nodeid,
            "outcome": report.outcome,
            "message": " ".join(lines)[:_MAX_MESSAGE] if report.outcome == "failed" else "",
            "verified": any("verified" in name or "validated" in name for name in names),
        }
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(json.dumps(outcome) + "\n")
    return report
