"""A failed run names the resource, the cause and the next step first: in its record, and in the executed notebook.

Run with `make test-runbooks`.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.runbooks.pytest_plugin import RunbookTester
from tests.runbooks.cases import prepare
from tests.runbooks.proxy import Answer, Proxy, Request, proxy
from tests.runbooks.test_matrix import RUNBOOKS, System, no_backoff, system
from tests.runbooks.values import as_text

__all__ = ["no_backoff", "system"]

pytestmark = pytest.mark.runbooks

POLICY = "`esaws policy {name}` prints all that this runbook needs"
DEPLOY = "deploy it with `esaws deploy`"
OTHER = "999988887777"


@dataclass(frozen=True)
class Case:
    """A failure of a runbook, and patterns of what the run says."""

    name: str
    fails: Callable[[Cloud, Proxy], object]
    step: str
    resource: str
    cause: str
    next_step: str
    exit_code: int = 1
    during: str = ""
    """The step before which the failure begins; empty: from the start."""


DENIED = "UnauthorizedOperation"
INGRESS = "AuthorizeSecurityGroupIngress"


def denied(operation: str, action: str, code: str = "AccessDenied") -> Callable[[Cloud, Proxy], None]:
    """Let a call be denied, in the words of IAM.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    """
    message = (
        f"User: arn:aws:iam::123456789012:user/eve is not authorized to perform: {action} because no policy allows it"
    )

    def before(request: Request) -> Answer | None:
        if request.operation != operation:
            return None
        if b"Action=" not in request.body:
            text = json.dumps({"__type": f"{code}Exception", "message": message})
            return Answer(400, [("Content-Type", "application/x-amz-json-1.1")], text.encode())
        error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        errors = f"<Response><Errors>{error}</Errors></Response>" if action.startswith("ec2:") else ""
        text = errors or f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>"
        return Answer(403, [("Content-Type", "text/xml")], text.encode())

    return lambda cloud, hooks: setattr(hooks, "before", before)


def of_another_account(cloud: Cloud, hooks: Proxy) -> None:
    result = f"<Account>{OTHER}</Account><Arn>arn:aws:iam::{OTHER}:user/eve</Arn><UserId>A</UserId>"
    for name in ("GetCallerIdentityResult", "GetCallerIdentityResponse"):
        result = f"<{name}>{result}</{name}>"
    answer = Answer(200, [("Content-Type", "text/xml")], result.encode())
    hooks.before = lambda request: answer if request.operation == "GetCallerIdentity" else None


def faulty(kind: str) -> Callable[[Cloud, Proxy], object]:
    return lambda cloud, hooks: simulation.fault(cloud, kind, count=100_000)


def empty(cloud: Cloud, hooks: Proxy) -> None:
    """Let the run work in an account that has nothing."""


THROTTLED = "^AWS limits the rate of calls; try again in a minute$"
EXPIRED = "^the credentials have expired; renew them"
CASES = {
    "not deployed, scale": Case(
        "scale_a_service", empty, "look", "service state", "client-web-ui is not a service of seccom", f"^{DEPLOY}$"
    ),
    "not deployed, zone": Case(
        "drain_a_zone", empty, "look", "zone state", "seccom has no Auto Scaling group", f"^{DEPLOY}$"
    ),
    "not deployed, park": Case(
        "park_and_resume", empty, "plan", "plan parking", "nothing of seccom is in eu-west-3", f"^{DEPLOY}$"
    ),
    "not deployed, port": Case(
        "open_a_port", empty, "plan", "plan port", "security group ClientWeb-sg of seccom is not in", f"^{DEPLOY}$"
    ),
    "not deployed, password": Case(
        "rotate_the_database_password",
        empty,
        "look",
        "password status",
        "database database of seccom is not in",
        f"^{DEPLOY}$",
    ),
    "not deployed, answers": Case(
        "is_it_answering", empty, "look", "probe paths", "seccom has no Application Load Balancer", f"^{DEPLOY}$"
    ),
    "not deployed, request": Case(
        "trace_a_request",
        empty,
        "look",
        "trace",
        "has no Application Load Balancer",
        "^name the account and the region",
    ),
    "wrong account": Case(
        "scale_a_service",
        of_another_account,
        "account",
        "account of http",
        f"account {OTHER}, but 123456789012 was named: nothing was changed",
        "^use other credentials",
        3,
    ),
    "denied, a change of a deploy": Case(
        "deploy",
        denied(INGRESS, f"ec2:{INGRESS}", DENIED),
        "act",
        "^SecurityGroupRule ALB-sg ingress",
        "UnauthorizedOperation: ",
        f"^ask for the permission ec2:{INGRESS}; {POLICY}",
    ),
    "denied, a port": Case(
        "open_a_port",
        denied(INGRESS, f"ec2:{INGRESS}", DENIED),
        "act",
        "ClientWeb-sg",
        "UnauthorizedOperation: ",
        f"^ask for the permission ec2:{INGRESS}; {POLICY}",
    ),
    "denied, a password": Case(
        "rotate_the_database_password",
        denied("ModifyDBInstance", "rds:ModifyDBInstance"),
        "act",
        "^DBInstance database$",
        "AccessDenied: ",
        f"^ask for the permission rds:ModifyDBInstance; {POLICY}",
    ),
    "denied, the lock": Case(
        "scale_a_service",
        denied("PutParameter", "ssm:PutParameter"),
        "act",
        "plan scaling",
        "nothing was changed: the lock of seccom was not taken",
        f"^ask for the permission ssm:PutParameter; {POLICY}",
    ),
    "denied, a listing": Case(
        "tear_down",
        denied("DescribeVpcs", "ec2:DescribeVpcs", DENIED),
        "look",
        "remaining costs",
        "VPC could not be listed, so it is unknown",
        f"^ask for the permission ec2:DescribeVpcs; {POLICY}",
    ),
    "denied, health": Case(
        "why_is_it_unhealthy",
        denied("DescribeTargetHealth", "elasticloadbalancing:DescribeTargetHealth"),
        "look",
        "why unhealthy",
        "elasticloadbalancing:DescribeTargetHealth was denied",
        "^ask for the permission elasticloadbalancing:DescribeTargetHealth; `esaws policy {name}`",
    ),
    "throttled, the account": Case(
        "deploy",
        faulty("throttle"),
        "account",
        "account of http",
        "STS did not return the account: Throttling: Rate exceeded",
        THROTTLED,
        during="account",
    ),
    "throttled, a look": Case(
        "rotate_the_database_password",
        faulty("throttle"),
        "look",
        "password status",
        "Throttling: Rate exceeded",
        THROTTLED,
        during="look",
    ),
    "throttled, an act": Case(
        "scale_a_service", faulty("throttle"), "act", "plan scaling", "nothing was changed", THROTTLED, during="act"
    ),
    "throttled, health": Case(
        "why_is_it_unhealthy", faulty("throttle"), "look", "why unhealthy", "Rate exceeded", THROTTLED, during="look"
    ),
    "expired, a look": Case(
        "scale_a_service", faulty("expired-token"), "look", "service state", "ExpiredToken", EXPIRED, during="look"
    ),
    "expired, an act": Case(
        "open_a_port", faulty("expired-token"), "act", "plan port", "nothing was changed", EXPIRED, during="act"
    ),
    "AWS fails": Case(
        "park_and_resume",
        faulty("internal-error"),
        "plan",
        "plan parking",
        "Internal|Server",
        "^AWS failed; try again in a minute$",
        during="plan",
    ),
}


@pytest.fixture
def hooks(runbook: RunbookTester) -> Iterator[Proxy]:
    with proxy(runbook.endpoint) as hooks:
        yield hooks


def given(case: Case, cloud: Cloud) -> dict[str, Any]:
    """Prepare the account, unless it has nothing, and return the parameters."""
    if case.fails is empty:
        return {"trace_a_request": {"url": "http://seccom/"}, "open_a_port": {"group": "ClientWeb-sg"}}.get(
            case.name, {}
        )
    return prepare(case.name, cloud, "budget")


@pytest.mark.parametrize("kind", CASES)
def test_a_failed_run_names_resource_cause_and_next_step(
    runbook: RunbookTester, system: System, hooks: Proxy, no_backoff: None, kind: str
) -> None:
    case = CASES[kind]
    cloud = runbook.cloud if case.fails is empty else system("budget")
    parameters = given(case, cloud)
    runbook.endpoint = hooks.url
    if case.during:
        runbook.before_step = {case.during: lambda: case.fails(cloud, hooks)}
    else:
        case.fails(cloud, hooks)
    result = runbook.run(case.name, **parameters)
    simulation.no_faults(cloud)
    error = result.record["error"]
    assert (result.exit_code, error and error["step"]) == (case.exit_code, case.step), error
    for key in ("resource", "cause", "next_step"):
        assert re.search(getattr(case, key).format(name=case.name), error[key]), (key, error)
    assert "→" not in error["cause"]


# -- in the executed notebook --------------------------------------------------------------------------------------

IN_NOTEBOOKS = ("denied, a password", "wrong account", "not deployed, scale")


@pytest.mark.parametrize("kind", IN_NOTEBOOKS)
def test_the_first_output_of_an_executed_notebook_says_it(
    runbook: RunbookTester, system: System, hooks: Proxy, kind: str
) -> None:
    case = CASES[kind]
    cloud = runbook.cloud if case.fails is empty else system("budget")
    words = [word for key, value in given(case, cloud).items() for word in ("-p", key, as_text(value))]
    case.fails(cloud, hooks)
    environment = {**os.environ, **runbook.environment(), "ESAWS_TARGET": hooks.url}
    commands = {
        "run": ["esaws.cli", "run", case.name, "-o", "run.ipynb", *words],
        "papermill": ["papermill", str(RUNBOOKS[case.name].path), "papermill.ipynb", *words],
    }
    for runner, command in commands.items():
        done = subprocess.run(
            [sys.executable, "-m", *command],
            env=environment,
            cwd=runbook.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == (case.exit_code if runner == "run" else 1), done.stderr
        nb = nbformat.read(runbook.folder / f"{runner}.ipynb", as_version=4)
        check_says(case, first_said(nb, runner))
        said = Path(runbook.folder / f"{runner}.ipynb").read_text(encoding="utf-8")
        assert "Traceback" not in said
        check_says(case, done.stderr)


def first_said(nb: Any, runner: str) -> str:
    """The banner of `esaws run`; under papermill the error, which its banner leads to."""
    if runner == "run":
        return str(nb.cells[0].source)
    assert "papermill-error-cell" in nb.cells[0].source
    (error,) = [each for cell in nb.cells for each in cell.get("outputs", ()) if each.output_type == "error"]
    return "\n".join(error.traceback)


def check_says(case: Case, text: str) -> None:
    lines = text.splitlines()
    assert case.step in text
    for pattern in (case.resource, case.cause, case.next_step):
        assert any(re.search(pattern.format(name=case.name).strip("^$"), line) for line in lines), (pattern, text)
