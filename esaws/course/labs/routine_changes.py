"""Changes that leave everything as it is. They surround a fault, so that the last call of CloudTrail is not the cause.

On a real account colleagues and pipelines do such things all day.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from esaws.cloud import DEPLOYMENT_TAG, Cloud
from esaws.course.labs.lab import Lab
from esaws.course.seed import Seed


def _health_check(cloud: Cloud) -> None:
    elbv2 = cloud.client("elbv2")
    for group in elbv2.describe_target_groups()["TargetGroups"]:
        elbv2.modify_target_group(
            TargetGroupArn=group["TargetGroupArn"],
            HealthCheckPath=group["HealthCheckPath"],
            HealthCheckIntervalSeconds=group["HealthCheckIntervalSeconds"],
        )


def _group_rule(cloud: Cloud) -> None:
    ec2 = cloud.client("ec2")
    group = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": [cloud.aws_name("ALB-sg")]}])
    for raw in group["SecurityGroups"]:
        permission = {"IpProtocol": "tcp", "FromPort": 8443, "ToPort": 8443, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
        ec2.authorize_security_group_ingress(GroupId=raw["GroupId"], IpPermissions=[permission])
        ec2.revoke_security_group_ingress(GroupId=raw["GroupId"], IpPermissions=[permission])


def _acl_entry(cloud: Cloud) -> None:
    ec2 = cloud.client("ec2")
    for vpc in ec2.describe_vpcs(Filters=[_owned(cloud)])["Vpcs"]:
        acls = ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}])["NetworkAcls"]
        entry = {"NetworkAclId": acls[0]["NetworkAclId"], "RuleNumber": 900, "Egress": False}
        ec2.create_network_acl_entry(**entry, **_DENIED)
        ec2.delete_network_acl_entry(**entry)


def _subnet(cloud: Cloud) -> None:
    ec2 = cloud.client("ec2")
    for subnet in ec2.describe_subnets(Filters=[_owned(cloud)])["Subnets"]:
        value = {"Value": subnet["MapPublicIpOnLaunch"]}
        ec2.modify_subnet_attribute(SubnetId=subnet["SubnetId"], MapPublicIpOnLaunch=value)


def _group_sizes(cloud: Cloud) -> None:
    autoscaling = cloud.client("autoscaling")
    for group in autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]:
        sizes = {key: group[key] for key in ("MinSize", "MaxSize")}
        autoscaling.update_auto_scaling_group(AutoScalingGroupName=group["AutoScalingGroupName"], **sizes)


def _rule_priorities(cloud: Cloud) -> None:
    elbv2 = cloud.client("elbv2")
    for balancer in elbv2.describe_load_balancers()["LoadBalancers"]:
        for listener in elbv2.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]:
            rules = elbv2.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
            own = [rule for rule in rules if not rule["IsDefault"]]
            same = [{"RuleArn": rule["RuleArn"], "Priority": int(rule["Priority"])} for rule in own]
            if same:
                elbv2.set_rule_priorities(RulePriorities=same)


def _owned(cloud: Cloud) -> dict[str, Any]:
    return {"Name": f"tag:{DEPLOYMENT_TAG}", "Values": [cloud.deployment]}


_DENIED: dict[str, Any] = {
    "Protocol": "6",
    "RuleAction": "deny",
    "CidrBlock": "192.0.2.0/24",
    "PortRange": {"From": 80, "To": 80},
}
_CHANGES: tuple[Callable[[Cloud], None], ...] = (
    _health_check,
    _group_rule,
    _acl_entry,
    _subnet,
    _group_sizes,
    _rule_priorities,
)


def break_among_routine_changes(cloud: Cloud, lab: Lab, seed: str) -> None:
    """Inject the fault of a lab, with routine changes before and after it."""
    order = Seed(seed, f"routine changes of {lab.name}").shuffled(_CHANGES)
    middle = len(order) // 2
    for change in order[:middle]:
        change(cloud)
    lab.inject(cloud, lab.values_of(seed))
    for change in order[middle:]:
        change(cloud)
