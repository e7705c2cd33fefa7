"""The real AWS CLI: it takes the ledger's lines, and it talks to the local AWS."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from awscli.clidriver import create_clidriver
from botocore.loaders import JSONFileLoader

from esaws.cloud import Cloud
from esaws.local_aws import process
from esaws.deploy.plan import plan_deploy, plan_teardown
from esaws.reference.seccom import seccom

WORDS_REFUSED = 252  # the AWS CLI's exit code for a line that it does not understand


@pytest.fixture(scope="module")
def lines(new_cloud):
    """One line for each operation that a deploy of everything, a change to the small build, and a teardown use."""
    cloud = new_cloud()
    plan_deploy(seccom("ha", warn_at_usd=20), cloud).apply()
    plan_deploy(seccom("budget"), cloud, prune=True).apply()
    plan_teardown(cloud).apply()
    first = {(call.service, call.operation): call.cli() for call in reversed(list(cloud.calls)) if call.changes}
    return sorted(first.values())


@pytest.fixture
def models_read_once(monkeypatch):
    """Each driver reads the models of its services from disk, megabytes of JSON."""
    read = cache(JSONFileLoader().load_file)
    monkeypatch.setattr(JSONFileLoader, "load_file", lambda _, path: read(path))


def test_the_aws_cli_understands_every_line_of_the_ledger(lines, models_read_once, monkeypatch, capfd):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert len(lines) > 60
    nowhere = ["--endpoint-url", "http://127.0.0.1:1", "--region", "eu-west-3"]
    for line in lines:
        # A driver serves one line: it carries hooks of one command over to the next.
        code = create_clidriver().main([*shlex.split(line)[1:], *nowhere])
        said = capfd.readouterr().err
        assert code != WORDS_REFUSED and "Could not connect" in said, f"{line}\n{said}"


def test_a_shell_that_was_pointed_at_the_local_aws_sees_what_is_deployed_there(endpoint):
    cloud = Cloud.at(endpoint)
    plan_deploy(seccom("budget", services=["hdm"]), cloud).apply()
    aws = shutil.which("aws", path=str(Path(sys.executable).parent))
    asked = subprocess.run(
        [str(aws), "ecs", "list-clusters", "--output", "json"],
        env=os.environ | process.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(asked.stdout)["clusterArns"] == ["arn:aws:ecs:eu-west-3:123456789012:cluster/seccom-hdm-cluster"]
    plan_teardown(cloud).apply()
