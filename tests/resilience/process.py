"""Run an `esaws` command in a forked process, so that it can end at any call, and starts in milliseconds."""

from __future__ import annotations

import io
import json
import os
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from esaws import cloud as cloud_module
from esaws.cli import main
from esaws.cli.root import COMMANDS
from esaws.cloud import Cloud
from esaws.resources import load_all
from tests.client_pool import clients_are_handed_on
from tests.resilience.disturbance import Disturbance, Disturber

CLIENTS = (
    *("application-autoscaling", "autoscaling", "budgets", "cloudwatch", "cognito-idp", "ec2", "ecr", "ecs"),
    *("elasticache", "elbv2", "iam", "logs", "mq", "rds", "resourcegroupstaggingapi", "s3", "ssm", "sts"),
    *("service-quotas", "freetier", "ce"),
)


_PATIENCE_MINUTES = 0.25
"""How long a disturbed command waits for what stays for ever: longer than any undisturbed wait."""


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    words: tuple[str, ...]
    exit_code: int
    """Negative if a signal ended it."""
    stdout: str
    stderr: str
    seconds: float
    calls: tuple[tuple[str, bool], ...] = ()
    """(operation, whether it changes something) of each call; empty if it was killed."""
    struck: str = ""
    """The operation that was disturbed; empty if none was, or if it was killed."""

    def __str__(self) -> str:
        return f"esaws {' '.join(self.words)}: exit code {self.exit_code}\n{self.stdout[-2000:]}{self.stderr[-4000:]}"


class Forks:
    """Runs commands on one account of a local AWS. It imports everything and makes the clients once."""

    def __init__(self, url: str, folder: Path, account: str) -> None:
        self.url, self.folder, self.account = url, folder, account
        for module, _ in COMMANDS.values():
            import_module(f"esaws.cli.{module}")
        load_all()
        with clients_are_handed_on():
            for service in CLIENTS:
                self.cloud().client(service)

    def cloud(self) -> Cloud:
        return Cloud.at(self.url, account=self.account)

    def run(self, *words: str, disturbance: Disturbance | None = None) -> Outcome:
        """Run a command to its end."""
        sys.stdout.flush()
        sys.stderr.flush()
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            began = time.monotonic()
            pid = os.fork()
            if pid == 0:
                self._be_the_command(Path(folder), words, disturbance)
            status = os.waitpid(pid, 0)[1]
            seconds = time.monotonic() - began
            report = Path(folder, "report.json")
            told: dict[str, Any] = json.loads(report.read_text()) if report.exists() else {"calls": [], "struck": ""}
            return Outcome(
                words,
                os.waitstatus_to_exitcode(status),
                Path(folder, "out").read_text(),
                Path(folder, "err").read_text(),
                seconds,
                tuple((operation, changes) for operation, changes in told["calls"]),
                told["struck"],
            )

    def _be_the_command(self, folder: Path, words: tuple[str, ...], disturbance: Disturbance | None) -> None:
        code, disturber = 99, Disturber(disturbance)
        try:
            os.environ |= {
                "ESAWS_TARGET": self.url,
                "ESAWS_ACCOUNT": self.account,
                "ESAWS_RUNS": str(folder / "runs"),
            }
            os.environ.pop("ESAWS_DEPLOYMENT", None)
            for number, name in ((1, "out"), (2, "err")):
                os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT), number)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            sys.stdin = open(0, closefd=False)  # noqa: SIM115
            sys.stdout, sys.stderr = (io.TextIOWrapper(io.FileIO(each, "w"), line_buffering=True) for each in (1, 2))
            retry_at_once()
            wait_only_a_moment()
            make_client = Cloud._make_client

            def make(cloud: Cloud, service: str) -> Any:
                client = make_client(cloud, service)
                disturber.attach(cloud, client)
                return client

            Cloud._make_client = make  # type: ignore[method-assign]
            main(words)
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 0
        except BaseException:
            traceback.print_exc()
            code = 1
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            (folder / "report.json").write_text(json.dumps({"calls": disturber.calls, "struck": disturber.struck}))
            os._exit(code)


def retry_at_once() -> None:
    """Let botocore try again at once: its pauses are those of AWS, and the local AWS needs none."""
    import botocore.retries.standard

    botocore.retries.standard.ExponentialBackoff.delay_amount = lambda self, context: 0  # type: ignore[method-assign]


def wait_only_a_moment() -> None:
    """Let what stays for ever be waited for in seconds: the length of the deadline is not what is tried."""
    wait_until = Cloud.wait_until
    cloud_module._LOCAL_ATTEMPTS, cloud_module._LOCAL_RETRY_SECONDS = 100, 3.0

    def wait_a_moment(cloud: Cloud, description: str, condition: Any, *, minutes: float = 10) -> None:
        wait_until(cloud, description, condition, minutes=min(minutes, _PATIENCE_MINUTES))

    Cloud.wait_until = wait_a_moment  # type: ignore[method-assign]
