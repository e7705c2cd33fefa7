"""The matrix has rows for instances outside clusters, and counts what it has no rows for."""

import copy
import json
from pathlib import Path
from typing import Any

from esaws.inspect.account import Account
from esaws.inspect.network.matrix import ReachabilityMatrix, matrix

CASE = json.loads((Path(__file__).parent / "cases" / "nlb.json").read_text())
Raw = dict[str, Any]
EMPTY = ("clusters", "services", "tasks", "taskDefinitions", "containerInstances", "DBInstances", "CacheClusters")
EMPTY += ("CacheSubnetGroups", "Brokers", "PrefixLists")


def described() -> Raw:
    """A bastion, two workers, a web server with an open database port, a stopped instance, and more interfaces."""
    raw: Raw = {**{key: [] for key in EMPTY}, **copy.deepcopy(CASE)}
    rule = {"IpProtocol": "tcp", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    egress = raw["SecurityGroups"][0]["IpPermissionsEgress"]
    for group, ports in {"legacy": (80, 3306), "worker": (8000,), "bastion": (22,)}.items():
        rules = [{**rule, "FromPort": port, "ToPort": port} for port in ports]
        own = {"GroupId": f"sg-{group}", "GroupName": group, "VpcId": "vpc-1", "OwnerId": "1"}
        raw["SecurityGroups"].append({**own, "IpPermissions": rules, "IpPermissionsEgress": egress})
    raw["SecurityGroups"][1]["IpPermissions"].append({**rule, "FromPort": 30000, "ToPort": 32767})
    for number, (name, state) in enumerate(
        [("legacy", "running"), ("worker", "running"), ("worker", "running"), ("bastion", "stopped")], 20
    ):
        interface = {**raw["NetworkInterfaces"][1], "NetworkInterfaceId": f"eni-{number}", "SubnetId": "s-pub"}
        interface |= {"PrivateIpAddress": f"10.1.250.{number}", "Groups": [{"GroupId": f"sg-{name}"}]}
        interface |= {"PrivateIpAddresses": [], "Association": {"PublicIp": f"192.0.2.{number}"}}
        interface["Attachment"] = {"InstanceId": f"i-{number}", "DeviceIndex": 0}
        raw["NetworkInterfaces"].append(interface)
        instance = {**raw["Instances"][0], "InstanceId": f"i-{number}", "State": {"Name": state}}
        raw["Instances"].append({**instance, "Tags": [{"Key": "Name", "Value": name}]})
    for number, (type_, description) in enumerate(
        [("lambda", "AWS Lambda VPC ENI-resize"), ("efs", "EFS mount target for fs-1"), ("efs", "EFS mount target")], 40
    ):
        interface = {**raw["NetworkInterfaces"][1], "NetworkInterfaceId": f"eni-{number}", "Attachment": {}}
        interface |= {"InterfaceType": type_, "Description": description, "PrivateIpAddress": f"10.1.1.{number}"}
        raw["NetworkInterfaces"].append(interface)
    return raw


def matrix_of(raw: Raw, **missing: str) -> ReachabilityMatrix:
    return matrix(Account("1", "us-east-2", raw, missing))


def test_instances_outside_clusters_have_rows() -> None:
    ports = {(row["destination"], row["port"]): row["reached from"] for row in matrix_of(described()).by_port()}
    assert ports["instance/legacy", "tcp 3306"].startswith("internet, "), "a database that is open to the world"
    assert ports["instance/worker", "tcp 8000"].split(", ")[0] == "internet"
    assert "instance/worker" in ports["instance/worker", "tcp 8000"].split(", "), "two of one name are together"
    assert {destination for destination, _ in ports} == {"instance/legacy", "instance/worker"}, (
        "no group of i-0a opens a port"
    )


def test_what_has_no_rows_is_counted() -> None:
    result = matrix_of(described())
    assert result.left_out == (
        "1 instance in state stopped",
        "2 interfaces of kind EFS mount target",
        "1 interface of kind Lambda function",
        "1 interface of kind NAT gateway",
        "1 interface of kind Network Load Balancer",
        "1 rule that opens a range of ports",
        "1 without a port, as destination: instance/i-0a",
    )
    assert "not in the matrix: 1 instance in state stopped; 2 interfaces" in repr(result)
    assert "EFS mount target" in str(result._repr_html_())


def test_every_interface_is_in_a_row_or_counted() -> None:
    raw = described()
    kinds = sum(int(text.split()[0]) for text in matrix_of(raw).left_out if "interface" in text or "state" in text)
    in_rows = 3 + 1  # legacy, two workers, and i-0a as a source
    assert kinds + in_rows == len(raw["NetworkInterfaces"])


def test_instances_of_one_name_with_other_groups_are_apart() -> None:
    raw = described()
    raw["NetworkInterfaces"][5]["Groups"].append({"GroupId": "sg-bastion"})
    names = set(matrix_of(raw).to_frame()["destination"].astype(str))
    assert {"instance/worker (worker)", "instance/worker (bastion, worker)"} <= names


def test_instances_that_were_not_described_are_unknown() -> None:
    raw = described()
    del raw["Instances"]
    result = matrix_of(raw, Instances="ec2:DescribeInstances was denied; ask for the permission")
    assert "ec2:DescribeInstances was denied" in result.missing["instance"]
    assert "5 interfaces of kind interface" in result.left_out
