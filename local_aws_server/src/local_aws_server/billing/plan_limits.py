"""What the free account plan refuses: other instance types, larger databases, longer backups.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-free-tier-usage.html
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any

from esaws.pricelist import allowances, credit_plans
from local_aws_server.backends import Backends
from local_aws_server.behaviours import Behaviour
from local_aws_server.billing.account import get_customer
from local_aws_server.billing.quotas import check_vcpus
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before, patch

BEHAVIOURS = (
    Behaviour(
        service="Billing",
        statement="On the free plan, only its own instance types and micro databases can be launched; "
        "DescribeInstanceTypes marks those types as free tier eligible.",
        documentation=("https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-free-tier-usage.html",),
    ),
)

_EC2_MODELS = "moto.ec2.models"
_MICRO_CLASS = re.compile(r"db\.[a-z0-9]+\.micro")
_MAX_BACKUP_DAYS = 1


def eligible_instance_types(account: str, region: str) -> frozenset[str]:
    """The instance types that AWS marks as eligible for the free tier of an account in a region.

    An account with credits has those of the free plan. Other accounts have those of the 12 months free tier, which AWS
    continues to mark after the 12 months.
    """
    if get_customer(account).regime == "credits":
        return frozenset(credit_plans()["free_plan"]["ec2_eligible"])
    instance_hours = (
        allowance for allowance in allowances("legacy") if allowance.service == "AmazonEC2" and allowance.unit == "Hrs"
    )
    return frozenset(
        usage_type.removeprefix("BoxUsage:")
        for allowance in instance_hours
        for usage_type in (
            *allowance.usage_types,
            *(regional for regional, regions in allowance.regional_usage_types if region in regions),
        )
    )


def check_instance_type(account: str, region: str, instance_type: str) -> None:
    """Raise EC2's AwsError if the account is on the free plan and the type is not eligible."""
    if get_customer(account).is_on_free_plan and instance_type not in eligible_instance_types(account, region):
        raise AwsError(
            "InvalidParameterCombination",
            "The specified instance type is not eligible for Free Tier. For a list of Free Tier instance types, "
            "run 'describe-instance-types' with the filter 'free-tier-eligible=true'.",
        )


@patch(_EC2_MODELS, "EC2Backend.run_instances", new=True)
def run_instances(self: Any, image_id: str, count: int, *args: Any, **kwargs: Any) -> Any:
    """Check the type and the vCPUs of every launch: by RunInstances, an Auto Scaling group or a launch template."""
    from moto.ec2.models.instances import InstanceBackend

    instance_type = kwargs["instance_type"]
    if kwargs.get("launch_template") and kwargs["is_instance_type_default"]:
        data = self._get_template_from_args(kwargs["launch_template"]).data
        instance_type = data.get("InstanceType", instance_type)
    check_instance_type(self.account_id, self.region_name, instance_type)
    if not kwargs.get("instance_market_options"):
        check_vcpus(Backends(self.account_id, self.region_name), instance_type, count)
    return InstanceBackend.run_instances(self, image_id, count, *args, **kwargs)


@before("ec2", "ModifyInstanceAttribute")
def check_new_instance_type(call: Call) -> None:
    params = call.params
    instance_type = params.get("Value") if params.get("Attribute") == "instanceType" else None
    if instance_type := (params.get("InstanceType") or {}).get("Value", instance_type):
        try:
            check_instance_type(call.account, call.region, instance_type)
        except AwsError as error:
            raise AwsError("FreeTierRestrictionError", error.message) from None


@patch(_EC2_MODELS, "EC2Backend.instance_types", new=True, attribute=True)
def instance_types(self: Any) -> list[Any]:
    """moto's instance types, with `FreeTierEligible` as for the account."""
    return _mark_eligible(eligible_instance_types(self.account_id, self.region_name))


@cache
def _mark_eligible(eligible: frozenset[str]) -> list[Any]:
    from moto.ec2.models.instance_types import INSTANCE_TYPES, InstanceType

    types = [InstanceType(name) for name in INSTANCE_TYPES]
    for instance_type in types:
        instance_type["FreeTierEligible"] = instance_type["InstanceType"] in eligible
    return types


@patch(_EC2_MODELS, "EC2Backend.describe_instance_types", new=True)
def describe_instance_types(self: Any, instance_types: list[str] | None = None, filters: Any = None) -> list[Any]:
    """moto's answer, which is kept: a filter looks at all 800 types, and every plan asks for the free ones."""
    frozen = tuple((name, tuple(values)) for name, values in (filters or {}).items())
    return _matching(eligible_instance_types(self.account_id, self.region_name), tuple(instance_types or ()), frozen)


@lru_cache(maxsize=64)
def _matching(
    eligible: frozenset[str], names: tuple[str, ...], filters: tuple[tuple[str, tuple[str, ...]], ...]
) -> list[Any]:
    from moto.ec2.models.instance_types import InstanceTypeBackend

    backend = InstanceTypeBackend()
    backend.instance_types = _mark_eligible(eligible)
    return list(backend.describe_instance_types([*names], {name: [*values] for name, values in filters}))


@before("rds", "CreateDBInstance", "ModifyDBInstance")
def check_database(call: Call) -> None:
    """Refuse databases that are not micro, and backups that are kept for more than a day, on the free plan."""
    if not get_customer(call.account).is_on_free_plan:
        return
    backup_days, instance_class = call.params.get("BackupRetentionPeriod"), call.params.get("DBInstanceClass")
    if backup_days is not None and backup_days > _MAX_BACKUP_DAYS:
        raise AwsError(
            "FreeTierRestrictionError",
            "The specified backup retention period exceeds the maximum available to free tier customers. "
            "To remove all limitations, upgrade your account plan.",
        )
    if instance_class is not None and not _MICRO_CLASS.fullmatch(instance_class):
        raise AwsError("FreeTierRestrictionError", "This instance size isn't available with free plan accounts.")
