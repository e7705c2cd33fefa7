"""`esaws findings --fix`: what it applies by itself, what it needs a code for, and what it reports after a refusal."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.deploy.plan import plan_deploy
from esaws.inspect.fixes import Fix, apply_fixes
from esaws.inspect.target_health import health
from esaws.leases.park import plan_park, plan_resume
from esaws.reference.seccom import seccom
from tests.shell import Shell


def test_a_parked_system_is_resumed_after_its_automatic_fixes(new_cloud: Callable[..., Cloud], tmp_path: Path) -> None:
    """Launch templates name its groups, which no interface has while it is parked."""
    cloud = new_cloud()
    esaws = Shell(cloud, tmp_path)
    plan_deploy(seccom("ha", services=("client-web-ui",)), cloud).apply()
    simulation.advance(cloud, "10m")
    plan_park(cloud).apply()
    simulation.advance(cloud, "10m")
    assert esaws.json("findings", "--code", "UNATTACHED_GROUP", "--code", "UNUSED_RULE") == []
    assert esaws.json("findings", "--fix", "--yes")["applied"]
    plan_resume(cloud).apply()
    simulation.advance(cloud, "10m")
    groups = cloud.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    for group in groups:
        params = {"AutoScalingGroupName": group["AutoScalingGroupName"], "MinSize": 4, "MaxSize": 4}
        cloud.client("autoscaling").update_auto_scaling_group(**params)
    cluster, service = cloud.aws_name("client-web-ui-cluster"), cloud.aws_name("client-web-ui")
    limits = {"ResourceId": f"service/{cluster}/{service}", "MinCapacity": 4, "MaxCapacity": 4}
    cloud.client("application-autoscaling").register_scalable_target(
        ServiceNamespace="ecs", ScalableDimension="ecs:service:DesiredCount", **limits
    )
    simulation.advance(cloud, "20m")
    assert [state.code for state in health(cloud)] == ["HEALTHY"] * 4


def test_rules_behind_a_maintenance_rule_are_only_deleted_with_their_code(
    new_cloud: Callable[..., Cloud], tmp_path: Path
) -> None:
    cloud = new_cloud()
    esaws = Shell(cloud, tmp_path)
    listener, elbv2 = listener_of(cloud), cloud.client("elbv2")
    answer: Any = {"StatusCode": "503", "ContentType": "text/plain", "MessageBody": "maintenance"}
    actions: Any = [{"Type": "fixed-response", "FixedResponseConfig": answer}]
    for priority, path in ((10, "/*"), (20, "/shop"), (30, "/api*")):
        condition: Any = {"Field": "path-pattern", "PathPatternConfig": {"Values": [path]}}
        elbv2.create_rule(ListenerArn=listener, Priority=priority, Conditions=[condition], Actions=actions)

    def rules() -> list[tuple[str, list[str]]]:
        described = elbv2.describe_rules(ListenerArn=listener)["Rules"]
        return [(raw["Priority"], [v for item in raw["Conditions"] for v in item["Values"]]) for raw in described]

    before = rules()
    output = esaws("findings", "--fix", "--yes")
    assert rules() == before and "need --code: PREFIX_TRAP, SHADOWED" in output
    esaws("findings", "--code", "SHADOWED", "--fix", "--yes")
    assert [priority for priority, _ in rules()] == ["10", "default"]


def listener_of(cloud: Cloud) -> str:
    """Create a load balancer in the default VPC with a listener that answers 404, and return the listener's ARN."""
    ec2, elbv2 = cloud.client("ec2"), cloud.client("elbv2")
    subnets = [raw["SubnetId"] for raw in ec2.describe_subnets()["Subnets"][:2]]
    balancer = elbv2.create_load_balancer(Name="web", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    simulation.advance(cloud, "5m")
    action: Any = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
    created = elbv2.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=[action])
    return str(created["Listeners"][0]["ListenerArn"])


def test_after_a_refused_call_the_output_lists_what_was_made_and_what_was_not(
    new_cloud: Callable[..., Cloud], tmp_path: Path
) -> None:
    cloud = new_cloud()
    esaws, ec2 = Shell(cloud, tmp_path), cloud.client("ec2")
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    for name in ("aaa", "bbb", "ccc"):
        ec2.create_security_group(GroupName=name, Description="unused", VpcId=vpc)
    ec2.create_network_interface(SubnetId=ec2.describe_subnets()["Subnets"][0]["SubnetId"])
    simulation.fault(cloud, "expired-token", service="ec2", operation="DeleteSecurityGroup")
    process = esaws.start("findings", "--code", "UNATTACHED_GROUP", "--fix", "--yes", "--json")
    output, error = process.communicate()
    assert process.returncode == 1 and "0 of 3 fixes applied. AWS refused `aws ec2 delete-security-group" in error
    result = json.loads(output)
    assert not result["applied"] and [item["applied"] for item in result["fixes"]] == [False, False, False]
    assert [bool(item["error"]) for item in result["fixes"]] == [True, False, False]
    assert all(item["made"] == [] and item["not_made"] == item["calls"] for item in result["fixes"])
    assert esaws.json("findings", "--code", "UNATTACHED_GROUP", "--fix", "--yes")["applied"]
    assert esaws.json("findings", "--code", "UNATTACHED_GROUP") == []


def test_unused_groups_that_reference_each_other_are_deleted(new_cloud: Callable[..., Cloud], tmp_path: Path) -> None:
    """AWS refuses to delete a group that a rule references, so these rules are revoked first."""
    cloud = new_cloud()
    esaws, ec2 = Shell(cloud, tmp_path), cloud.client("ec2")
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    ids = [ec2.create_security_group(GroupName=name, Description="x", VpcId=vpc)["GroupId"] for name in ("aaa", "bbb")]
    for own, other in (ids, ids[::-1]):
        permission: Any = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": other}]}
        ec2.authorize_security_group_ingress(GroupId=own, IpPermissions=[permission])
    ec2.create_network_interface(SubnetId=ec2.describe_subnets()["Subnets"][0]["SubnetId"])
    assert esaws.json("findings", "--code", "UNATTACHED_GROUP", "--fix", "--yes")["applied"]
    assert not {raw["GroupId"] for raw in ec2.describe_security_groups()["SecurityGroups"]} & set(ids)


def test_nothing_is_made_after_a_refusal(cloud: Cloud) -> None:
    absent: Any = {"GroupId": "sg-0123456789abcdef0", "IpPermissions": [{"IpProtocol": "-1", "IpRanges": []}]}
    fixes = [
        Fix("one", (("ec2", "AuthorizeSecurityGroupIngress", absent),)),
        Fix("two", (("ec2", "DescribeVpcs", {}),)),
    ]
    first, second = apply_fixes(cloud, fixes)
    assert not first.is_applied and "InvalidGroup.NotFound" in first.error
    assert not second.is_applied and not second.error and len(second.not_made) == 1
    with pytest.raises(Exception, match="InvalidGroup"):
        fixes[0].apply(cloud)
