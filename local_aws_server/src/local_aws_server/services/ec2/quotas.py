"""Quotas of EC2 that a call may exceed: running vCPUs, VPCs, internet gateways and Elastic IP addresses."""

from __future__ import annotations

from collections import Counter

from local_aws_server.behaviours import Behaviour
from local_aws_server.billing.quotas import ADDRESSES, GATEWAYS, VPCS, check_count, check_vcpus
from local_aws_server.call import Call
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="A new account (regime credits) runs at most 5 vCPUs of standard instances, and has at most 5 VPCs, "
        "internet gateways and Elastic IP addresses in a region, until an increase is approved.",
        documentation=(
            "https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html",
            "https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html",
        ),
    ),
)


@before("ec2", "StartInstances")
def check_started_vcpus(call: Call) -> None:
    ids = set(call.params["InstanceIds"])
    stopped = (one for one in call.backends.instances if one.id in ids and one.state == "stopped")
    for instance_type, count in Counter(one.instance_type for one in stopped).items():
        check_vcpus(call.backends, instance_type, count)


@before("ec2", "CreateVpc", "CreateDefaultVpc")
def check_vpcs(call: Call) -> None:
    existing = len(call.backends.backend("ec2").vpcs)
    check_count(call.backends, VPCS, existing, "VpcLimitExceeded", "VPCs")


@before("ec2", "CreateInternetGateway")
def check_gateways(call: Call) -> None:
    existing = len(call.backends.backend("ec2").internet_gateways)
    check_count(call.backends, GATEWAYS, existing, "InternetGatewayLimitExceeded", "internet gateways")


@before("ec2", "AllocateAddress")
def check_addresses(call: Call) -> None:
    existing = len(call.backends.backend("ec2").addresses)
    check_count(call.backends, ADDRESSES, existing, "AddressLimitExceeded", "addresses")
