"""A deploy and a teardown pass on MiniStack, an emulator that others wrote; `make test-clients` installs it."""

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.clients.conftest import CLIENTS
from tests.shell import Shell


class Endpoint:
    """What a Shell needs to know of a cloud."""

    def __init__(self, url: str) -> None:
        self.endpoint, self.account, self.deployment = url, "123456789012", "seccom"

    def client(self, service: str) -> Any:
        keys = {"aws_access_key_id": self.account, "aws_secret_access_key": "none"}
        return boto3.client(service, endpoint_url=self.endpoint, region_name="eu-west-3", **keys)


@pytest.fixture(scope="module")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """MiniStack, in a process of its own."""
    folder = tmp_path_factory.mktemp("ministack")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1"}
    program = str(CLIENTS / "ministack" / "bin" / "ministack")
    url = f"http://127.0.0.1:{port}"
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([program], env={**os.environ, **own}, cwd=folder, stdout=log, stderr=log)
    try:
        wait_for(f"{url}/_ministack/health", process)
        yield Endpoint(url)
    finally:
        process.terminate()
        process.wait()


def wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            assert process.poll() is None and time.monotonic() < deadline, "MiniStack did not start"
            time.sleep(0.1)


@pytest.mark.parametrize("profile", ["budget", "fargate", "ha"])
def test_a_deploy_and_a_teardown_pass_and_leave_nothing(ministack: Endpoint, profile: str, tmp_path: Path) -> None:
    before = names(ministack)
    esaws = Shell(ministack, tmp_path)
    with esaws.start("deploy", "--profile", profile, "--until", "8h", "--yes") as deploy:
        output, messages = deploy.communicate()
    assert deploy.returncode == 0, output + messages
    assert "is an emulator with gaps of its own" in messages and "Traceback" not in messages
    assert "it does not have DescribeScalableTargets" in messages, "MiniStack has no Application Auto Scaling"
    assert len(esaws.json("inventory")) > 80

    torn_down = esaws.json("teardown", "--yes")
    assert torn_down["deleted"] > 80 and torn_down["left"] == []
    assert names(ministack) == before


def names(endpoint: Endpoint) -> dict[str, set[str]]:
    """Ids of resources of the kinds that a deployment has, listed with boto3 alone."""
    listed = {
        ("ec2", "describe_vpcs", "Vpcs", "VpcId"),
        ("ec2", "describe_subnets", "Subnets", "SubnetId"),
        ("ec2", "describe_security_groups", "SecurityGroups", "GroupId"),
        ("ec2", "describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
        ("ec2", "describe_launch_templates", "LaunchTemplates", "LaunchTemplateId"),
        ("elbv2", "describe_load_balancers", "LoadBalancers", "LoadBalancerArn"),
        ("elbv2", "describe_target_groups", "TargetGroups", "TargetGroupArn"),
        ("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups", "AutoScalingGroupName"),
        ("rds", "describe_db_instances", "DBInstances", "DBInstanceIdentifier"),
        ("elasticache", "describe_cache_clusters", "CacheClusters", "CacheClusterId"),
        ("ecr", "describe_repositories", "repositories", "repositoryArn"),
        ("iam", "list_roles", "Roles", "RoleName"),
        ("logs", "describe_log_groups", "logGroups", "logGroupName"),
        ("s3", "list_buckets", "Buckets", "Name"),
        ("ssm", "describe_parameters", "Parameters", "Name"),
        ("cognito-idp", "list_user_pools", "UserPools", "Id"),
    }
    found = {}
    for service, operation, result, key in listed:
        limit = {"MaxResults": 60} if service == "cognito-idp" else {}
        answer = getattr(endpoint.client(service), operation)(**limit)
        found[f"{service} {result}"] = {raw[key] for raw in answer.get(result, ())}
    return found
