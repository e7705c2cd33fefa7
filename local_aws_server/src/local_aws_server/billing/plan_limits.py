"""The free plan launches its own instance types alone, and micro databases; which types those are can be asked.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-free-tier-usage.html
"""

from functools import cache
from typing import Any

from local_aws_server.billing import plans
from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import AwsError, before, patch

BEHAVIOURS = (
    Behaviour(
        service="Billing",
        statement="The free plan launches its own instance types alone, and micro databases; which types those "
        "are can be asked.",
        documentation=("https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-free-tier-usage.html",),
    ),
)

_EC2 = "moto.ec2.models"


@patch(_EC2, "EC2Backend.run_instances", new=True)
def run_instances(self: Any, *given: Any, **named: Any) -> Any:
    """Whoever launches: RunInstances, an Auto Scaling group, a launch template."""
    from moto.ec2.models.instances import InstanceBackend

    wanted = named["instance_type"]
    if named.get("launch_template") and named["is_instance_type_default"]:
        wanted = self._get_template_from_args(named["launch_template"]).data.get("InstanceType", wanted)
    plans.refuse_instance_type(self.account_id, self.region_name, wanted)
    return InstanceBackend.run_instances(self, *given, **named)


@before("ec2", "ModifyInstanceAttribute")
def instance_type_stays_free(call: Call) -> None:
    asked = call.params
    wanted = asked.get("Value") if asked.get("Attribute") == "instanceType" else None
    if wanted := (asked.get("InstanceType") or {}).get("Value", wanted):
        try:
            plans.refuse_instance_type(call.account, call.region, wanted)
        except AwsError as refused:
            raise AwsError("FreeTierRestrictionError", refused.message) from None


@patch(_EC2, "EC2Backend.instance_types", new=True, attribute=True)
def instance_types(self: Any) -> list[Any]:
    """As moto's, but eligible for the free tier as the account is."""
    return _marked(plans.eligible_types(self.account_id, self.region_name))


@cache
def _marked(eligible: frozenset[str]) -> list[Any]:
    from moto.ec2.models.instance_types import INSTANCE_TYPES, InstanceType

    marked = [InstanceType(name) for name in INSTANCE_TYPES]
    for each in marked:
        each["FreeTierEligible"] = each["InstanceType"] in eligible
    return marked


@before("rds", "CreateDBInstance", "ModifyDBInstance")
def database_is_free(call: Call) -> None:
    plans.refuse_database(call.account, call.params.get("DBInstanceClass"), call.params.get("BackupRetentionPeriod"))
