"""The subnets of a subnet group of RDS or ElastiCache."""

from __future__ import annotations

from collections.abc import Sequence

from local_aws_server.call import Call
from local_aws_server.errors import AwsError


def zones_of(call: Call, subnet_ids: Sequence[str]) -> list[str]:
    """The Availability Zones of subnets, sorted.

    Raises InvalidSubnet if one of them does not exist, or if they are not in one VPC.
    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSubnetGroup.html
    """
    known = {subnet.id: subnet for subnet in call.backends.backend("ec2").describe_subnets()}
    missing = [each for each in subnet_ids if each not in known]
    if missing:
        raise AwsError("InvalidSubnet", f"Some input subnets in :[{', '.join(missing)}] are invalid.", 400)
    subnets = [known[each] for each in subnet_ids]
    if len({subnet.vpc_id for subnet in subnets}) > 1:
        raise AwsError("InvalidSubnet", f"The subnets {', '.join(subnet_ids)} are not all in a common VPC.", 400)
    return sorted({str(subnet.availability_zone) for subnet in subnets})
