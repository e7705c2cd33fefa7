"""The suites that run, the servers they run against, and the outcomes of one run."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
STOCK, LOCAL, ADVANCING = "stock", "local", "advancing"
"""What a suite runs against: stock moto, the local AWS, and the local AWS with a clock that advances after changes."""
ADVANCE = "20m"
_SECONDS_PER_TEST = "60"
_TOKEN = "fidelity"
_NOT_RUN = (3, 4)
"""Exit codes of pytest: an internal error, and a usage error, such as a plugin that cannot be loaded."""


@dataclass(frozen=True)
class Suite:
    """Tests of another project."""

    name: str
    services: Mapping[str, str]
    """Service → folder or file of its tests, in the sources."""
    sources: tuple[str, ...]
    """The folders and files that the tests need, of the project's sources; the rest is not unpacked."""
    environment: Mapping[str, str]
    """Environment variables; `{url}` stands for the server's, `{port}` for its port."""
    options: tuple[str, ...] = ()
    """Of pytest."""
    python_path: tuple[str, ...] = ()
    """Folders of the sources that are imported from."""
    stock_environment: Mapping[str, str] = field(default_factory=dict)
    """Environment variables of stock moto's server; the local AWS takes the account from the access key."""
    generated: Mapping[str, str] = field(default_factory=dict)
    """File → content, of what a build writes into the sources."""


_MOTO = (
    "account applicationautoscaling autoscaling budgets ce cloudtrail cloudwatch cognitoidp ec2 ecr ecs elasticache "
    "elb elbv2 events iam logs mq rds resourcegroupstaggingapi s3 secretsmanager servicediscovery servicequotas sns "
    "sqs ssm sts"
)
MOTO = Suite(
    "moto",
    {service: f"tests/test_{service}" for service in _MOTO.split()},
    ("tests", "pyproject.toml", "setup.cfg"),
    {
        "TEST_SERVER_MODE": "true",
        "TEST_SERVER_MODE_ENDPOINT": "{url}",
        "AWS_ACCESS_KEY_ID": "foobar_key",
        "AWS_SECRET_ACCESS_KEY": "foobar_secret",
        "SKIP_REQUIRES_DOCKER": "true",
    },
    options=("-k", "not lambda"),  # functions would run in Docker
)
_LOCALSTACK = "cloudwatch ec2 events iam logs resourcegroupstaggingapi s3 secretsmanager sns sqs ssm sts"
_LOCALSTACK_ACCOUNT = "000000000000"  # the tests take 123456789012 for the account of another
LOCALSTACK = Suite(
    "localstack",
    {service: f"tests/aws/services/{service}" for service in _LOCALSTACK.split()},
    ("tests", "localstack-core", "pyproject.toml"),
    {
        "TEST_SKIP_LOCALSTACK_START": "1",
        "TEST_AWS_ENDPOINT_URL": "{url}",
        "LOCALSTACK_HOST": "localhost.localstack.cloud:{port}",
        "GATEWAY_LISTEN": "127.0.0.1:{port}",
        "TEST_AWS_ACCOUNT_ID": _LOCALSTACK_ACCOUNT,
        "TEST_AWS_ACCESS_KEY_ID": _LOCALSTACK_ACCOUNT,
        "SNAPSHOT_RAISE": "1",
    },
    options=("-m", "aws_validated", "-k", "not lambda", "--continue-on-collection-errors"),
    python_path=("localstack-core",),
    stock_environment={"MOTO_ACCOUNT_ID": _LOCALSTACK_ACCOUNT},
    generated={"localstack-core/localstack/version.py": '__version__ = version = "0"\n'},
)
SUITES = {suite.name: suite for suite in (MOTO, LOCALSTACK)}


@dataclass(frozen=True)
class Outcome:
    """How one test ended."""

    test: str
    outcome: str
    """passed, failed or skipped."""
    message: str
    verified: bool
    """Whether it was recorded on AWS."""


def run_tests(
    suite: Suite, sources: Path, python: str, service: str, against: str, results: Path, only: list[str] | None = None
) -> list[Outcome]:
    """Run the tests of one service, or some of them, and return their outcomes; they are kept in the file `results`."""
    results.unlink(missing_ok=True)
    with serving(against, suite.stock_environment) as url:
        environment = {
            **os.environ,
            **{name: value.format(url=url, port=url.rpartition(":")[2]) for name, value in suite.environment.items()},
            "AWS_DEFAULT_REGION": "us-east-1",
            "FIDELITY_URL": url,
            "FIDELITY_TOKEN": _TOKEN,
            "FIDELITY_RESULTS": str(results),
            "FIDELITY_LOCAL": "" if against == STOCK else "1",
            "FIDELITY_ADVANCE": ADVANCE if against == ADVANCING else "",
            "PYTHONPATH": os.pathsep.join([str(HERE), *(str(sources / folder) for folder in suite.python_path)]),
        }
        tests = only if only is not None else [suite.services[service]]
        plugins = ["-p", "fidelity_plugin", "-p", "no:cacheprovider", "--timeout", _SECONDS_PER_TEST]
        command = [python, "-m", "pytest", "-q", "--no-header", "--tb=short", *plugins, *suite.options, *tests]
        log_file = results.with_suffix(".log")
        with log_file.open("wb") as log:
            code = subprocess.run(command, cwd=sources, env=environment, stdout=log, stderr=log, check=False).returncode
    if code in _NOT_RUN:
        end = log_file.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise RuntimeError(f"the tests of {suite.name} {service} did not run; the end of {log_file}:\n{end}")
    return read_outcomes(results)


def read_outcomes(results: Path) -> list[Outcome]:
    """The outcomes in a file; [] if there is none."""
    if not results.exists():
        return []
    return [Outcome(**json.loads(line)) for line in results.read_text(encoding="utf-8").splitlines()]


@contextmanager
def serving(against: str, stock_environment: Mapping[str, str]) -> Iterator[str]:
    """The URL of a new server, which stops at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    url = f"http://127.0.0.1:{port}"
    is_stock = against == STOCK
    module = "moto.server" if is_stock else "local_aws_server"
    environment = os.environ | (dict(stock_environment) if is_stock else {"ESAWS_CONTROL_TOKEN": _TOKEN})
    with tempfile.NamedTemporaryFile(prefix="fidelity-", suffix=".log") as log:
        command = [sys.executable, "-m", module, "--port", port]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            _wait_for(url + ("/moto-api/" if is_stock else "/_esaws/status"), process)
            yield url
        finally:
            process.terminate()
            process.wait()


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(url).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"the server at {url} did not start")
