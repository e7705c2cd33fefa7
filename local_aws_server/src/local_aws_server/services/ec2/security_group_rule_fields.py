"""A security group rule that names another group keeps its description, shows its owner, and can be changed.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SecurityGroupRule.html
"""

from typing import Any

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import after, patch

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="A security group rule that names another group keeps its description, shows its owner, and can "
        "be changed.",
        documentation=("https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SecurityGroupRule.html",),
    ),
)

RULES = "moto.ec2.models.security_groups"


@patch(RULES, "SecurityGroupRule.description", attribute=True)
def description(self: Any) -> str | None:
    found: str | None = self.ip_range.get("Description") or self.source_group.get("Description")
    return found


@patch(RULES, "SecurityGroupRule.group_owner_id", new=True, attribute=True)
def group_owner_id(self: Any) -> str:
    return str(self.ec2_backend.account_id)


@patch(RULES, "SecurityGroupRule.security_group_rule_arn", new=True, attribute=True)
def security_group_rule_arn(self: Any) -> str:
    backend = self.ec2_backend
    return f"arn:{backend.partition}:ec2:{backend.region_name}:{backend.account_id}:security-group-rule/{self.id}"


@after("ec2", "ModifySecurityGroupRules")
def referenced_group_can_be_changed(call: Call) -> None:
    """moto changes ports and IPv4 ranges only."""
    group = call.backends.backend("ec2").get_security_group_from_id(call.params["GroupId"])
    for update in call.params["SecurityGroupRules"]:
        rule, wanted = group.get_rule(update["SecurityGroupRuleId"]), update["SecurityGroupRule"]
        if referenced := wanted.get("ReferencedGroupId"):
            rule.source_group = {"GroupId": referenced, "UserId": call.account}
            rule.ip_range = {}
            if "Description" in wanted:
                rule.source_group["Description"] = wanted["Description"]
        elif wanted.get("CidrIpv4"):
            rule.source_group = {}
