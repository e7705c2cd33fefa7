"""What is deleted, and what a reset has emptied, takes no memory."""

import gc
import os
import weakref
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from esaws.local_aws import control
from local_aws_server.clock.clock import CLOCK
from tests.local.conftest import Account, Program
from tests.local.raw_calls import ACCOUNT, REGION, InProcessAws, Request, parse

ROUNDS = 200 if os.environ.get("SOAK") else 30
MEGABYTES = 100
"""More than a collection of garbage waits for, and less than 30 accounts take."""


@pytest.fixture(scope="module")
def aws() -> Iterator[InProcessAws]:
    yield InProcessAws()
    CLOCK.stop()


def send(aws: InProcessAws, service: str, operation: str, protocol: str = "query", **parameters: Any) -> dict[str, Any]:
    request = Request(service, operation, parameters, protocol)
    answer = aws.send(request)
    assert answer.status == 200, answer.body
    return parse(request, answer)


def test_a_reset_lets_an_account_go(aws: InProcessAws) -> None:
    from moto.ec2.models import ec2_backends

    vpc = send(aws, "ec2", "CreateVpc", "ec2", CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    send(aws, "ec2", "CreateSubnet", "ec2", VpcId=vpc, CidrBlock="10.0.0.0/24")
    topic = send(aws, "sns", "CreateTopic", Name="t")["TopicArn"]
    send(aws, "sns", "Subscribe", TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:q")
    backend = weakref.ref(ec2_backends[ACCOUNT][REGION])
    account = weakref.ref(ec2_backends[ACCOUNT])
    aws.reset()
    gc.collect()
    assert (backend(), account()) == (None, None)


def test_a_deleted_resource_is_freed_without_a_reset(aws: InProcessAws) -> None:
    from moto.ec2.models import ec2_backends

    vpc = send(aws, "ec2", "CreateVpc", "ec2", CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = send(aws, "ec2", "CreateSubnet", "ec2", VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    found = weakref.ref(ec2_backends[ACCOUNT][REGION].get_subnet(subnet))
    assert found() is not None
    send(aws, "ec2", "DeleteSubnet", "ec2", SubnetId=subnet)
    gc.collect()
    assert found() is None


@pytest.mark.soak
def test_the_memory_of_a_server_is_flat_over_many_accounts_and_resets(program: Program) -> None:
    started = program.json("start")
    process = psutil.Process(started["pid"])

    def play(number: int) -> int:
        account = Account(started["url"], str(700_000_000_000 + number))
        account.network()
        for region in ("us-east-1", "eu-central-1"):
            Account(account.url, account.id, region=region).client("ec2").create_vpc(CidrBlock="10.0.0.0/16")
        account.client("iam").create_user(UserName="u")
        account.client("ecs").create_cluster(clusterName="c")
        control.call(account.url, "POST", "advance", {"by": "1d"})
        control.call(account.url, "POST", "reset")
        return int(process.memory_info().rss >> 20)

    used = [play(number) for number in range(ROUNDS)]
    assert max(used) - used[4] < MEGABYTES, used
