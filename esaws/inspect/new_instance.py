"""An instance that does not exist: what one would reach, and be reached by, if it started in a subnet."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

from esaws.aws import tag_dict
from esaws.cloud import NAME_TAG
from esaws.errors import UsageError
from esaws.inspect.account import Account, name_tag
from esaws.inspect.network.endpoint_catalog import NETWORK_KEYS

INTERFACE = "eni-new"
_GROUP = "sg-new"
_PUBLIC_ADDRESS = "203.0.113.10"
"""An address that is reserved for examples: https://datatracker.ietf.org/doc/html/rfc5737"""
_EVERYTHING = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}], "UserIdGroupPairs": []}


def with_new_instance(account: Account, subnet: str) -> tuple[Account, str]:
    """Return a copy of a snapshot in which an instance runs in a subnet, and the id of its interface.

    The instance has a public address if the subnet assigns one. Its security group allows everything, so that routes,
    addresses and network ACLs alone decide what it reaches. Nothing is launched.

    Args:
        account: a snapshot with the network.
        subnet: its id, or its Name tag with or without the prefix of a deployment.

    Raises:
        MissingData: AWS did not describe the network.
        UsageError: no subnet, or several, have the name.
    """
    found = _find(account, subnet)
    hosts = ip_network(found["CidrBlock"]).hosts()
    address = str([next(hosts) for _ in range(5)][-1])  # AWS keeps the first four addresses of a subnet
    interface: dict[str, Any] = {
        "NetworkInterfaceId": INTERFACE,
        "VpcId": found["VpcId"],
        "SubnetId": found["SubnetId"],
        "AvailabilityZone": found["AvailabilityZone"],
        "PrivateIpAddress": address,
        "Groups": [{"GroupId": _GROUP, "GroupName": "everything"}],
        "Attachment": {"Status": "attached"},
        "Status": "in-use",
        "TagSet": [{"Key": "Name", "Value": f"a new instance in {_short_name(found)}"}],
    }
    if found["MapPublicIpOnLaunch"]:
        interface["Association"] = {"PublicIp": _PUBLIC_ADDRESS}
    group = {
        "GroupId": _GROUP,
        "GroupName": "everything",
        "VpcId": found["VpcId"],
        "IpPermissions": [_EVERYTHING],
        "IpPermissionsEgress": [_EVERYTHING],
    }
    descriptions = {
        **account.descriptions,
        "NetworkInterfaces": [*account["NetworkInterfaces"], interface],
        "SecurityGroups": [*account["SecurityGroups"], group],
    }
    return Account(account.id, account.region, descriptions, account.missing, account.notes), INTERFACE


def _find(account: Account, subnet: str) -> dict[str, Any]:
    for key in NETWORK_KEYS:
        account[key]  # raises where it is not known
    named = {raw["SubnetId"]: name_tag(raw) for raw in account["Subnets"]}
    found = [raw for raw in account["Subnets"] if subnet in (raw["SubnetId"], named[raw["SubnetId"]], _short_name(raw))]
    if len(found) == 1:
        return dict(found[0])
    if found:
        ids = ", ".join(sorted(raw["SubnetId"] for raw in found))
        raise UsageError(f"{subnet}: {len(found)} subnets have this name, {ids}. Use one of these ids")
    names = ", ".join(sorted(filter(None, named.values())))
    raise UsageError(f"{subnet}: not a subnet of this account; it has {names or 'none with a Name tag'}")


def _short_name(raw: Any) -> str:
    """Return the name of a subnet without the prefix of its deployment."""
    return str(tag_dict(raw.get("Tags")).get(NAME_TAG) or name_tag(raw, raw["SubnetId"]))
