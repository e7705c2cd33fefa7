"""The DNS names of addresses: moto gives public addresses private names, and all those of us-east-1.

https://docs.aws.amazon.com/vpc/latest/userguide/vpc-dns.html
"""

from __future__ import annotations

from typing import Any

from local_aws_server.hooks import patch

_MODULE = "moto.ec2.models.elastic_network_interfaces"


def private_name(region: str, address: str) -> str:
    domain = "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"
    return f"ip-{address.replace('.', '-')}.{domain}"


def public_name(region: str, address: str) -> str:
    domain = "compute-1.amazonaws.com" if region == "us-east-1" else f"{region}.compute.amazonaws.com"
    return f"ec2-{address.replace('.', '-')}.{domain}"


@patch(_MODULE, "NetworkInterface.association", attribute=True)
def association(self: Any) -> dict[str, Any]:
    """The public address of an interface; empty if it has none."""
    if not self.public_ip:
        return {}
    found = self.ec2_backend.address_by_ip([self.public_ip], fail_if_not_found=False)
    ids = {"AllocationId": found[0].allocation_id, "AssociationId": found[0].association_id} if found else {}
    return {
        **{name: value for name, value in ids.items() if value},
        "IpOwnerId": self.ec2_backend.account_id,
        "PublicDnsName": public_name(self.ec2_backend.region_name, self.public_ip),
        "PublicIp": self.public_ip,
    }
