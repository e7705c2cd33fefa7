"""The real AWS CLI accepts the commands of the call log, and works with the local AWS."""

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
from botocore.loaders import JSONFileLoader, Loader

from esaws.cloud import Cloud
from esaws.deploy.plan import plan_deploy, plan_teardown
from esaws.local_aws import process
from esaws.reference.seccom import seccom
from esaws.resources import Cluster

INVALID_COMMAND = 252  # the exit code of the AWS CLI for a command that it can't parse


@pytest.fixture(scope="module")
def commands(new_cloud):
    """One command for each operation of a deploy of `ha`, a change to `budget`, and a teardown."""
    cloud = new_cloud()
    plan_deploy(seccom("ha", warn_at_usd=20), cloud).apply()
    plan_deploy(seccom("budget"), cloud, prune=True).apply()
    plan_teardown(cloud).apply()
    first = {(call.service, call.operation): call.cli() for call in reversed(list(cloud.calls)) if call.changes}
    return sorted(first.values())


@pytest.fixture
def cached_models(monkeypatch):
    """Cache the service models and their names: each driver would read megabytes of JSON, and list 800 folders."""
    read = cache(JSONFileLoader().load_file)
    monkeypatch.setattr(JSONFileLoader, "load_file", lambda _, path: read(path))
    listed, list_services = {}, Loader.list_available_services

    def list_once(self, type_name):
        if type_name not in listed:
            listed[type_name] = list_services(self, type_name)
        return listed[type_name]

    monkeypatch.setattr(Loader, "list_available_services", list_once)


def test_the_aws_cli_accepts_every_command_of_the_call_log(commands, cached_models, monkeypatch, capfd):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert len(commands) > 60
    endpoint = ["--endpoint-url", "http://127.0.0.1:1", "--region", "eu-west-3"]
    for command in commands:
        # A new driver for each, because hooks of one command stay for the next.
        code = create_clidriver().main([*shlex.split(command)[1:], *endpoint])
        error = capfd.readouterr().err
        assert code != INVALID_COMMAND and "Could not connect" in error, f"{command}\n{error}"


def test_the_aws_cli_lists_resources_of_the_local_aws(endpoint):
    cloud = Cloud.at(endpoint)
    cluster = Cluster(name="hdm-cluster")
    cluster.create(cloud)
    aws = shutil.which("aws", path=str(Path(sys.executable).parent))
    listed = subprocess.run(
        [str(aws), "ecs", "list-clusters", "--output", "json"],
        env=os.environ | process.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(listed.stdout)["clusterArns"] == [cluster.id_in(cloud)]
    plan_teardown(cloud).apply()
