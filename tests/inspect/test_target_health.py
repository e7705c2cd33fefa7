"""Health of targets of Network Load Balancers and Lambda functions; what was not looked at is said."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from esaws.inspect.account import Account
from esaws.inspect.network.reach import reach
from esaws.inspect.request_path import trace
from esaws.inspect.target_health import health

CASE = json.loads((Path(__file__).parent / "cases" / "nlb.json").read_text())
Raw = dict[str, Any]
EMPTY = ("clusters", "services", "tasks", "taskDefinitions", "containerInstances", "DBInstances", "CacheClusters")
EMPTY += ("CacheSubnetGroups", "Brokers", "PrefixLists", "Rules")


def described() -> Raw:
    return {**{key: [] for key in EMPTY}, **copy.deepcopy(CASE)}


def allow(raw: Raw, **sources: Any) -> None:
    raw["SecurityGroups"][0]["IpPermissions"].append(
        {"IpProtocol": "tcp", "FromPort": 30443, "ToPort": 30443, **sources}
    )


def only(raw: Raw) -> Raw:
    (state,) = health(Account("1", "us-east-2", raw)).to_dict()
    return dict(state)


def test_a_target_that_its_network_load_balancer_does_not_reach_is_found_as_reach_finds_it() -> None:
    state = only(described())
    assert (state["code"], state["severity"]) == ("NOT_REACHED", "high")
    assert "tcp does not reach it on port 30443" in state["detail"] and "10.1.1.0/24" in state["fix"]
    assert reach(Account("1", "us-east-2", described()), "eni-nlb", "i-0a", 30443).decision == "deny"


def test_a_target_that_is_reached_has_its_reason_in_the_container() -> None:
    raw = described()
    allow(raw, IpRanges=[{"CidrIp": "10.1.1.0/24"}])
    assert only(raw)["code"] == "UNEXPLAINED"


def test_groups_of_a_network_load_balancer_filter_its_health_checks_on_the_way_out_only() -> None:
    raw = described()
    allow(raw, UserIdGroupPairs=[{"GroupId": "sg-nlb"}])
    node = next(item for item in raw["NetworkInterfaces"] if item["NetworkInterfaceId"] == "eni-nlb")
    node["Groups"] = [{"GroupId": "sg-nlb"}]
    raw["LoadBalancers"][0]["SecurityGroups"] = ["sg-nlb"]
    everything = raw["SecurityGroups"][0]["IpPermissionsEgress"]
    own = {"GroupId": "sg-nlb", "VpcId": "vpc-1", "OwnerId": "1", "IpPermissions": []}
    raw["SecurityGroups"].append({**own, "IpPermissionsEgress": everything})
    assert only(raw)["code"] == "UNEXPLAINED"
    raw["SecurityGroups"][1]["IpPermissionsEgress"] = []
    assert only(raw)["code"] == "NOT_REACHED"


def test_a_failure_of_the_load_balancer_itself_is_not_blamed_on_the_target() -> None:
    raw = described()
    allow(raw, IpRanges=[{"CidrIp": "10.1.1.0/24"}])
    raw["TargetHealth"][0]["TargetHealth"] = {"State": "unhealthy", "Reason": "Elb.InternalError"}
    assert only(raw)["code"] == "LOAD_BALANCER_FAILED"


GAPS = {
    "its interfaces are not visible": lambda raw: raw["NetworkInterfaces"].pop(),
    "it is a Gateway Load Balancer": lambda raw: raw["LoadBalancers"][0].update(Type="gateway"),
    "it is not described": lambda raw: raw["LoadBalancers"].clear(),
    "its targets are load balancers": lambda raw: raw["TargetGroups"][0].update(TargetType="alb"),
    "its port is unknown": lambda raw: raw["TargetHealth"][0]["Target"].pop("Port"),
    "the groups of the target are unknown": lambda raw: raw["SecurityGroups"].clear(),
}


@pytest.mark.parametrize("what", GAPS)
def test_an_unhealthy_target_is_not_called_well_where_something_was_not_looked_at(what: str) -> None:
    raw = described()
    GAPS[what](raw)
    state = only(raw)
    assert state["code"] == "NOT_LOOKED_AT" and state["severity"] == "high"
    assert "not looked at: " in state["detail"] and state["fix"]


CLIENTS: list[tuple[str, Raw, Raw, str]] = [
    ("the nodes alone", {"IpRanges": [{"CidrIp": "10.1.1.0/24"}]}, {}, "CLIENTS_NOT_ALLOWED"),
    ("the clients too", {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, {}, "HEALTHY"),
    ("some clients", {"IpRanges": [{"CidrIp": "203.0.113.0/24"}, {"CidrIp": "10.1.1.0/24"}]}, {}, "HEALTHY"),
    ("off", {"IpRanges": [{"CidrIp": "10.1.1.0/24"}]}, {"preserve_client_ip.enabled": "false"}, "HEALTHY"),
]


@pytest.mark.parametrize(("what", "sources", "attributes", "expected"), CLIENTS)
def test_a_healthy_target_may_refuse_the_clients_whose_addresses_it_sees(
    what: str, sources: Raw, attributes: Raw, expected: str
) -> None:
    raw = described()
    allow(raw, **sources)
    raw["LoadBalancers"][0]["Scheme"] = "internet-facing"
    raw["TargetHealth"][0]["TargetHealth"] = {"State": "healthy"}
    items = [{"Key": key, "Value": value} for key, value in attributes.items()]
    raw["TargetGroupAttributes"] = [{"TargetGroupArn": "arn:tg", "Attributes": items}]
    assert only(raw)["code"] == expected, what
    raw["LoadBalancers"][0]["Scheme"] = "internal"
    assert only(raw)["code"] == "HEALTHY"


# Lambda functions

FUNCTION = "arn:aws:lambda:us-east-2:1:function:resize"
ALB = "arn:aws:elasticloadbalancing:us-east-2:1:loadbalancer/app/web/1"


def with_function(state: str, **health_: Any) -> Raw:
    """An Application Load Balancer whose default rule forwards to a function."""
    raw = described()
    node = next(item for item in raw["NetworkInterfaces"] if item["NetworkInterfaceId"] == "eni-nlb")
    node |= {"Description": "ELB app/web/1", "InterfaceType": "interface", "Groups": [{"GroupId": "sg-1"}]}
    raw["SecurityGroups"][0]["IpPermissions"] = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.1.0.0/16"}]}]
    raw["LoadBalancers"] = [
        {
            **raw["LoadBalancers"][0],
            "LoadBalancerArn": ALB,
            "LoadBalancerName": "web",
            "Type": "application",
            "DNSName": "web.example",
        }
    ]
    raw["Listeners"] = [{"ListenerArn": "arn:l", "LoadBalancerArn": ALB, "Port": 80, "Protocol": "HTTP"}]
    forward = {"Type": "forward", "TargetGroupArn": "arn:x:targetgroup/fn/1"}
    rule = {"RuleArn": "arn:r", "ListenerArn": "arn:l", "Priority": "default", "IsDefault": True}
    raw["Rules"] = [{**rule, "Conditions": [], "Actions": [forward]}]
    group = {"TargetGroupArn": "arn:x:targetgroup/fn/1", "TargetGroupName": "fn", "TargetType": "lambda"}
    raw["TargetGroups"] = [{**group, "HealthCheckEnabled": False, "LoadBalancerArns": [ALB]}]
    target = {
        "Target": {"Id": FUNCTION, "Port": 0, "AvailabilityZone": "all"},
        "TargetGroupArn": group["TargetGroupArn"],
    }
    raw["TargetHealth"] = [{**target, "TargetHealth": {"State": state, **health_}}]
    raw["Functions"] = [{"FunctionName": "resize", "FunctionArn": FUNCTION}]
    return raw


def test_a_trace_ends_with_the_invocation_of_a_function() -> None:
    raw = with_function("unavailable", Reason="Target.HealthCheckDisabled")
    path = trace(Account("1", "us-east-2", raw), "http://web.example/fn/x", source_ip="10.1.1.7")
    (target,) = path.targets
    assert (target.name, target.port, target.target_type, target.reached) == ("resize", None, "lambda", "unknown")
    assert "the load balancer invokes it through the Lambda API" in path.hops[-1]
    assert "security group" not in path.hops[-1]
    raw["Functions"] = []
    path = trace(Account("1", "us-east-2", raw), "http://web.example/fn/x", source_ip="10.1.1.7")
    assert path.targets[0].reached == "deny" and "it no longer exists" in path.hops[-1]


def test_the_health_of_a_function() -> None:
    disabled = with_function("unavailable", Reason="Target.HealthCheckDisabled")
    state = only(disabled)
    assert (state["code"], state["resource"], state["severity"]) == ("CHECKS_DISABLED", "resize", "info")
    disabled["Functions"] = []
    assert only(disabled)["code"] == "FUNCTION_GONE"
    failing = with_function("unhealthy", Reason="Target.FailedHealthChecks")
    failing["TargetGroups"][0]["HealthCheckEnabled"] = True
    state = only(failing)
    assert state["code"] == "NOT_LOOKED_AT" and "the permission to invoke the function" in state["detail"]
    alias = with_function("unavailable", Reason="Target.HealthCheckDisabled")
    alias["TargetHealth"][0]["Target"]["Id"] = f"{FUNCTION}:live"
    assert only(alias)["code"] == "CHECKS_DISABLED"


@pytest.mark.parametrize(
    ("address", "change", "code"),
    [
        ("10.1.1.99", {}, "ADDRESS_GONE"),
        ("10.1.1.10", {}, "NOT_REACHED"),
        ("10.1.1.99", {"Ipv4Prefixes": [{"Ipv4Prefix": "10.1.1.96/28"}]}, "UNEXPLAINED"),
        ("10.1.1.99", {"PrivateIpAddresses": [{"PrivateIpAddress": "10.1.1.99"}]}, "NOT_REACHED"),
    ],
)
def test_an_address_in_the_vpc_that_no_interface_has_is_the_cause(address: str, change: Raw, code: str) -> None:
    raw = described()
    raw["TargetGroups"][0].update(TargetType="ip", VpcId="vpc-1")
    raw["TargetHealth"][0]["Target"]["Id"] = address
    raw["NetworkInterfaces"][1].update(change)
    state = only(raw)
    assert state["code"] == code
    assert ("deregister-targets" in state["fix"]) == (code == "ADDRESS_GONE")


def test_a_shared_subnet_may_have_interfaces_that_are_not_described() -> None:
    raw = described()
    raw["TargetGroups"][0].update(TargetType="ip", VpcId="vpc-1")
    raw["TargetHealth"][0]["Target"]["Id"] = "10.1.1.99"
    for subnet in raw["Subnets"]:
        subnet["OwnerId"] = "999999999999"
    assert only(raw)["code"] == "UNEXPLAINED"


@pytest.mark.parametrize("target", [{"Port": 0}, {}])
def test_a_function_is_deregistered_without_a_port(target: Raw) -> None:
    raw = described()
    raw["LoadBalancers"][0]["Type"] = "application"
    raw["TargetGroups"][0]["TargetType"] = "lambda"
    raw["Functions"] = []
    raw["TargetHealth"][0]["Target"] = {"Id": "arn:aws:lambda:us-east-2:1:function:hello", **target}
    state = only(raw)
    assert state["code"] == "FUNCTION_GONE"
    assert "deregister-targets" in state["fix"] and "Port" not in state["fix"]
