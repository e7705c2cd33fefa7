"""What others attach to a deployment by hand: a teardown names it, leaves it as it is, and exits with 1."""

from collections.abc import Callable
from typing import Any

import pytest

from esaws import cloud as cloud_module
from esaws.cloud import Cloud
from esaws.deploy.plan import plan_deploy, plan_teardown
from esaws.errors import ApplyFailed
from esaws.resource import Resource
from tests.resilience.account import describe_account, left, touched
from tests.shell import Shell
from tests.small_network import GROUP, RULE, SUBNET, VPC_

NETWORK: list[Resource] = [VPC_, SUBNET, GROUP, RULE]


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is attached by hand stays: a teardown need not wait ten seconds for it."""
    monkeypatch.setattr(cloud_module, "_LOCAL_RETRY_SECONDS", 0.2)


def attach_interface(cloud: Cloud) -> str:
    """An interface in our subnet, with our group."""
    made = cloud.client("ec2").create_network_interface(SubnetId=SUBNET.id_in(cloud), Groups=[GROUP.id_in(cloud)])
    return str(made["NetworkInterface"]["NetworkInterfaceId"])


def launch_instance(cloud: Cloud) -> str:
    """An instance in our subnet."""
    made = cloud.client("ec2").run_instances(
        ImageId="ami-12c6146b", InstanceType="t2.micro", MinCount=1, MaxCount=1, SubnetId=SUBNET.id_in(cloud)
    )
    return str(made["Instances"][0]["InstanceId"])


def refer_to_our_group(cloud: Cloud) -> str:
    """A group in our VPC that lets ours in."""
    ec2 = cloud.client("ec2")
    group = ec2.create_security_group(GroupName="theirs", Description="theirs", VpcId=VPC_.id_in(cloud))["GroupId"]
    ours = [{"GroupId": GROUP.id_in(cloud)}]
    rule: dict[str, Any] = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": ours}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    return str(group)


def make_gateway(cloud: Cloud) -> str:
    """An internet gateway of others, attached to our VPC."""
    ec2 = cloud.client("ec2")
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=VPC_.id_in(cloud))
    return str(gateway)


def make_subnet(cloud: Cloud) -> str:
    """A subnet of others in our VPC."""
    made = cloud.client("ec2").create_subnet(VpcId=VPC_.id_in(cloud), CidrBlock="172.31.128.0/20")
    return str(made["Subnet"]["SubnetId"])


@pytest.mark.parametrize(
    "attach",
    [attach_interface, launch_instance, refer_to_our_group, make_gateway, make_subnet],
    ids=lambda f: f.__name__,
)
def test_a_teardown_names_what_blocks_it_and_leaves_it(
    cloud: Cloud, esaws: Shell, attach: Callable[[Cloud], str]
) -> None:
    plan_deploy(NETWORK, cloud).apply()
    ours = describe_account(cloud).keys()
    blocker = attach(cloud)
    theirs = {name: raw for name, raw in describe_account(cloud).items() if name not in ours}
    assert any(blocker in name for name in theirs)
    error = esaws("teardown", "--yes", code=1)
    assert blocker in error, error
    assert "DependencyViolation" in error and "run the same teardown again" in error
    assert touched(theirs, describe_account(cloud)) == []


def test_a_teardown_is_complete_once_the_blocker_is_gone(cloud: Cloud, esaws: Shell) -> None:
    before = describe_account(cloud)
    plan_deploy(NETWORK, cloud).apply()
    interface = attach_interface(cloud)
    with pytest.raises(ApplyFailed, match=interface):
        plan_teardown(cloud).apply()
    cloud.client("ec2").delete_network_interface(NetworkInterfaceId=interface)
    esaws("teardown", "--yes")
    after = describe_account(cloud)
    assert left(before, after) == [] and touched(before, after) == []
