"""Compare the local AWS with an unwrapped moto: time until ready and until the first response of AWS, and the median
latency of ten common calls.

`python benchmarks/local_aws.py` prints one table; each ratio is local AWS / moto. The target is at most 1.3.
"""

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import boto3
from botocore.config import Config

TARGET_RATIO = 1.3
WARM_UP_ROUNDS = 3
TRUST = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, '
    '"Action": "sts:AssumeRole"}]}'
)
LOCAL, STOCK = "local AWS", "moto"

Call = Callable[[int], Any]


@contextmanager
def local_aws() -> Iterator[str]:
    """Start and stop the local AWS with its own state; yield its URL."""
    with tempfile.TemporaryDirectory() as state:
        command = [sys.executable, "-m", "esaws.cli", "local"]
        environment = {**os.environ, "ESAWS_STATE": state, "ESAWS_PORT": "0"}
        try:
            yield subprocess.check_output([*command, "start"], env=environment, text=True).strip()
        finally:
            subprocess.run([*command, "stop"], env=environment, stdout=subprocess.DEVNULL, check=True)


@contextmanager
def stock_moto() -> Iterator[str]:
    """Start and stop moto's own server; yield its URL once it responds."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, "-m", "moto.server", "-p", str(port)], **quiet) as server:
        try:
            for _ in range(1000):
                with suppress(OSError):
                    urllib.request.urlopen(f"{url}/moto-api/data.json", timeout=5).close()
                    break
                time.sleep(0.01)
            yield url
        finally:
            server.kill()


def seconds_to_ready(server: Callable[[], Any]) -> tuple[float, float]:
    """Seconds until the server is ready, and until it has answered a first call to EC2."""
    start = time.perf_counter()
    with server() as url:
        ready = time.perf_counter() - start
        signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=local/20260101/eu-west-3/ec2/aws4_request"}
        call = urllib.request.Request(url, b"Action=DescribeVpcs&Version=2016-11-15", signed)
        urllib.request.urlopen(call, timeout=60).close()
        return ready, time.perf_counter() - start


def calls(url: str) -> dict[str, Call]:
    """Create what ten calls of a deployment need; return the calls, which take an unused number."""

    def client(service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=url,
            region_name="eu-west-3",
            aws_access_key_id="local",
            aws_secret_access_key="local",
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )

    ec2, ecs, elb, iam = client("ec2"), client("ecs"), client("elbv2"), client("iam")
    logs, s3, sts = client("logs"), client("s3"), client("sts")
    definition = {"name": "web", "image": "nginx", "memory": 64, "portMappings": [{"containerPort": 80}]}
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ecs.create_cluster(clusterName="bench")
    ecs.register_task_definition(family="bench", containerDefinitions=[definition])
    ecs.create_service(cluster="bench", serviceName="web", taskDefinition="bench", desiredCount=0)
    s3.create_bucket(Bucket="bench", CreateBucketConfiguration={"LocationConstraint": "eu-west-3"})
    return {
        "sts get-caller-identity": lambda _: sts.get_caller_identity(),
        "ec2 describe-vpcs": lambda _: ec2.describe_vpcs(VpcIds=[vpc]),
        "ec2 create-security-group": lambda n: ec2.create_security_group(
            GroupName=f"g{n}", Description="bench", VpcId=vpc
        ),
        "ec2 describe-security-groups": lambda _: ec2.describe_security_groups(
            Filters=[{"Name": "group-name", "Values": ["default"]}]
        ),
        "ecs register-task-definition": lambda n: ecs.register_task_definition(
            family=f"f{n}", containerDefinitions=[definition]
        ),
        "ecs describe-services": lambda _: ecs.describe_services(cluster="bench", services=["web"]),
        "elbv2 create-target-group": lambda n: elb.create_target_group(
            Name=f"t{n}", Protocol="HTTP", Port=80, VpcId=vpc
        ),
        "iam create-role": lambda n: iam.create_role(RoleName=f"r{n}", AssumeRolePolicyDocument=TRUST),
        "logs create-log-group": lambda n: logs.create_log_group(logGroupName=f"/bench/{n}"),
        "s3 put-object": lambda n: s3.put_object(Bucket="bench", Key=f"k{n}", Body=b"content"),
    }


def milliseconds(call: Call, number: int) -> float:
    start = time.perf_counter()
    call(number)
    return (time.perf_counter() - start) * 1000


def latencies(rounds: int) -> dict[str, dict[str, float]]:
    """Return the median milliseconds of each call by server; calls alternate, so that both have the same conditions."""
    with local_aws() as local, stock_moto() as stock:
        servers = {LOCAL: calls(local), STOCK: calls(stock)}
        medians: dict[str, dict[str, float]] = {}
        for name in servers[LOCAL]:
            measured: dict[str, list[float]] = {server: [] for server in servers}
            for number in range(WARM_UP_ROUNDS + rounds):
                for server, server_calls in servers.items():
                    measured[server].append(milliseconds(server_calls[name], number))
            medians[name] = {server: statistics.median(times[WARM_UP_ROUNDS:]) for server, times in measured.items()}
        return medians


def format_row(name: str, local: float, stock: float, unit: str) -> str:
    ratio = local / stock
    remark = "  above the target" if ratio > TARGET_RATIO else ""
    return f"{name:32}{local:10.2f} {unit:2}{stock:10.2f} {unit:2}{ratio:8.2f}{remark}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100, help="number of calls of each kind per server")
    parser.add_argument("--starts", type=int, default=5, help="number of starts per server")
    arguments = parser.parse_args()

    print(f"{'':32}{LOCAL:>13}{STOCK:>13}{'ratio':>8}")
    pairs = [(seconds_to_ready(local_aws), seconds_to_ready(stock_moto)) for _ in range(arguments.starts)]
    for name, position in (("start to ready", 0), ("start to the first response", 1)):
        local, stock = (statistics.median(times[position] for times in server) for server in zip(*pairs, strict=True))
        print(format_row(name, local, stock, "s"))
    medians = latencies(arguments.rounds)
    for name, by_server in medians.items():
        print(format_row(name, by_server[LOCAL], by_server[STOCK], "ms"))
    local, stock = (sum(by_server[server] for by_server in medians.values()) for server in (LOCAL, STOCK))
    print(format_row("all ten", local, stock, "ms"))


if __name__ == "__main__":
    main()
