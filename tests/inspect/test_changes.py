"""What changed and who did it: states compared, calls of CloudTrail attributed, drift of a deployment."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.errors import UsageError
from esaws.inspect.account import Account
from esaws.inspect.account_state import read_state, state_of
from esaws.inspect.changes import changes_since, compare_states
from esaws.inspect.snapshots.save import save_snapshot
from esaws.inspect.trail import Trail, parse_event

Raw = dict[str, Any]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROLE = "arn:aws:iam::1:role/operator"


def event(operation: str, request: Raw, result: Raw | None = None, *, error: str = "", **identity: Any) -> Raw:
    record = {
        "userIdentity": identity or {"type": "IAMUser", "userName": "kim"},
        "requestParameters": request,
        "responseElements": result,
        **({"errorCode": error} if error else {}),
    }
    text = json.dumps(record)
    return {"EventTime": NOW, "EventName": operation, "EventSource": "ec2.amazonaws.com", "CloudTrailEvent": text}


CALLERS = {
    "kim": {"type": "IAMUser", "userName": "kim"},
    "lee (role operator)": {
        "type": "AssumedRole",
        "arn": "arn:aws:sts::1:assumed-role/operator/lee",
        "sessionContext": {"sessionIssuer": {"arn": ROLE}},
    },
    "the root user": {"type": "Root", "arn": "arn:aws:iam::1:root"},
    "autoscaling.amazonaws.com": {"type": "AWSService", "invokedBy": "autoscaling.amazonaws.com"},
}


@pytest.mark.parametrize("who", CALLERS)
def test_the_caller_is_named_as_users_know_it(who: str) -> None:
    assert parse_event(event("RunInstances", {}, **CALLERS[who])).who == who


TRAIL = [
    event("RevokeSecurityGroupIngress", {"groupId": "sg-1"}),
    event("DeleteSecurityGroup", {"groupId": "sg-2"}),
    event("DeleteSecurityGroup", {"groupId": "sg-1"}, error="DependencyViolation"),
    event("CreateSubnet", {"vpcId": "vpc-1"}, {"subnet": {"subnetId": "subnet-1", "vpcId": "vpc-1"}}),
    event("CreateSecurityGroup", {"groupName": "web", "vpcId": "vpc-1"}, {"groupId": "sg-1"}),
    event("CreateVpc", {"cidrBlock": "10.0.0.0/16"}, {"vpc": {"vpcId": "vpc-1"}}),
]


def test_a_change_is_attributed_to_the_call_that_made_it() -> None:
    trail = Trail(tuple(map(parse_event, TRAIL)), is_complete=True)
    made = {id: call.operation for id in ("sg-1", "vpc-1", "subnet-1") if (call := trail.creating([id]))}
    assert made == {"sg-1": "CreateSecurityGroup", "vpc-1": "CreateVpc", "subnet-1": "CreateSubnet"}
    assert [call.operation for call in trail.changing(["sg-1"])] == ["RevokeSecurityGroupIngress"]
    assert trail.changing(["vpc-1"]) == [], "what is created inside a VPC does not change it"
    assert trail.deleting(["sg-1"]) is None, "the call was refused"
    assert trail.creating(["sg-2"]) is None


def account(**keys: Any) -> Account:
    return Account("1", "eu-west-3", keys, {"Instances": "ec2:DescribeInstances was denied"})


def group(id: str, *ports: int, name: str = "web") -> Raw:
    return {"GroupId": id, "GroupName": name, "IpPermissions": [{"FromPort": port} for port in ports]}


def test_states_are_compared_resource_by_resource_and_the_order_of_lists_is_no_change() -> None:
    before = state_of(account(SecurityGroups=[group("sg-1", 22, 80), group("sg-2", 443)]), NOW)
    after = state_of(account(SecurityGroups=[group("sg-1", 80, 8080), group("sg-3", 443)]), NOW)
    trail = Trail(tuple(map(parse_event, TRAIL)), is_complete=True)
    found = [(item.action, item.name, item.what, item.who) for item in compare_states(before, after, trail)]
    unknown = "unknown: no recorded call names it"
    assert found == [
        ("changed", "web", 'IpPermissions: added {"FromPort": 8080}, removed {"FromPort": 22}', found[0][3]),
        ("created", "web", "", unknown),
        ("deleted", "web", "", "kim: DeleteSecurityGroup, 2026-03-01 12:00 UTC"),
    ]
    assert found[0][3] == "kim: RevokeSecurityGroupIngress, 2026-03-01 12:00 UTC"
    shuffled = state_of(account(SecurityGroups=[group("sg-2", 443), group("sg-1", 80, 22)]), NOW)
    assert compare_states(before, shuffled, trail) == []


def test_states_of_two_accounts_are_not_compared() -> None:
    other = Account("2", "eu-west-3", {"SecurityGroups": []})
    with pytest.raises(UsageError, match="of account 2 in eu-west-3, and this is 1 in eu-west-3; choose one"):
        compare_states(state_of(other), state_of(account(SecurityGroups=[])), Trail((), is_complete=True))


def test_a_state_has_no_secret() -> None:
    definition = {"taskDefinitionArn": "a:1", "family": "a", "containerDefinitions": [
        {"name": "a", "environment": [{"name": "DB_PASSWORD", "value": "correct-horse"}]}]}  # fmt: skip
    assert "correct-horse" not in json.dumps(state_of(account(taskDefinitions=[definition])).to_dict())


@pytest.mark.parametrize("text", ["", "[]", '{"found": {}}', '{"account_state": 7}', "no json"])
def test_a_file_without_a_state_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text(text)
    with pytest.raises(UsageError, match=r"record\.json: has no state of an account .*; give a folder"):
        read_state(tmp_path / "record.json")
    with pytest.raises(UsageError, match="no such file or folder; give a snapshot, a record, or a time"):
        read_state(tmp_path / "nothing.json")


# -- on a deployment


@pytest.fixture(scope="module")
def system(load_system: Callable[[str], Cloud]) -> Cloud:
    return load_system("two-services")


def test_what_changed_is_found_against_a_snapshot_a_record_and_the_profile(system: Cloud, tmp_path: Path) -> None:
    save_snapshot(system, tmp_path / "snapshot")
    first = changes_since(system, str(tmp_path / "snapshot"))
    assert first.changes == (), first
    (tmp_path / "record.json").write_text(json.dumps({"found": {"changes since": first.to_dict()}}, default=str))

    ec2, elb = system.client("ec2"), system.client("elbv2")
    groups = {raw["GroupName"]: raw for raw in ec2.describe_security_groups()["SecurityGroups"]}
    changed = groups[system.aws_name("ClientWeb-sg")]
    ec2.revoke_security_group_ingress(GroupId=changed["GroupId"], IpPermissions=changed["IpPermissions"][:1])
    balancer = elb.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
    listener = elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"][0]["ListenerArn"]
    rule = elb.describe_rules(ListenerArn=listener)["Rules"][0]
    elb.delete_rule(RuleArn=rule["RuleArn"])
    new = {"GroupName": "by-hand", "Description": "by hand", "VpcId": changed["VpcId"]}
    ec2.create_security_group(**new)

    expected = {
        ("deleted", "listener rule", f"seccom-alb rule {rule['Priority']}", "DeleteRule"),
        ("created", "security group", "by-hand", "CreateSecurityGroup"),
        ("changed", "security group", "seccom-ClientWeb-sg", "RevokeSecurityGroupIngress"),
    }
    for since in ("snapshot", "record.json"):
        found = changes_since(system, str(tmp_path / since))
        rows = {
            (item.action, item.kind, item.name, item.who.split(",")[0].removeprefix("moto: ")) for item in found.changes
        }
        assert rows == expected and not found.not_looked_at

    drift = changes_since(system, profile="ha").to_frame()
    missing = drift[drift.action == "missing"]
    assert {"SecurityGroupRule", "ListenerRule"} <= {*missing.kind}
    rules = missing[missing.kind == "SecurityGroupRule"]
    assert rules.who.str.startswith("moto: RevokeSecurityGroupIngress").any()


def test_what_aws_does_not_list_is_not_called_missing(system: Cloud) -> None:
    whole = changes_since(system, profile="ha").to_frame()
    simulation.fault(system, "throttle", service="elasticache", count=100)
    found = changes_since(system, profile="ha")
    simulation.no_faults(system)
    kinds = {*found.to_frame().kind}
    assert "CacheCluster" in {*whole.kind} and "CacheCluster" not in kinds and "SecurityGroupRule" in kinds
    assert any(gap.startswith("CacheCluster: ") for gap in found.not_looked_at)


def test_without_an_earlier_state_nothing_is_called_unchanged(system: Cloud) -> None:
    assert changes_since(system, "1h").verdict.startswith("states were not compared; ")
    simulation.fault(system, "throttle", service="cloudtrail", count=50)
    found = changes_since(system, "1h")
    simulation.no_faults(system)
    assert found.calls is None and "changing calls are unknown" in found.verdict
    assert found.not_looked_at[0].startswith("who did it: ")


def test_calls_since_a_time_are_counted_by_caller_and_only_so_many_are_read(system: Cloud) -> None:
    assert changes_since(system, "1h").calls
    few = changes_since(system, max_calls=2)
    assert len(few.calls) == 2 and few.not_looked_at[0].startswith("calls before the newest 2")
    old = changes_since(system, "2020-01-01")
    assert any(gap.endswith("CloudTrail keeps 90 days") for gap in old.not_looked_at)
    assert {"who", "call", "count"} <= {*old.calls_frame().columns} and old._repr_html_()
