"""Refuse settings of load balancers and listeners that would have no effect here."""

from __future__ import annotations

from local_aws_server.behaviours import NOT_SIMULATED, REAL, Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before
from local_aws_server.services.elbv2 import lookup

BEHAVIOURS = (
    Behaviour(
        service="Elastic Load Balancing",
        fidelity=NOT_SIMULATED,
        statement="Mutual TLS and trust stores, reserved capacity, IPAM and customer-owned address pools, target "
        "control ports, and addresses of one's own on load balancers: HTTP 501, `NotSimulated`.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/mutual-authentication.html",
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/capacity-unit-reservation.html",
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_SubnetMapping.html",
        ),
    ),
    Behaviour(
        service="Elastic Load Balancing",
        fidelity=NOT_SIMULATED,
        statement="Rules of Network Load Balancers, and the protocols QUIC and TCP_QUIC: HTTP 501, `NotSimulated`.",
        documentation=("https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-listeners.html",),
    ),
    Behaviour(
        service="Elastic Load Balancing",
        fidelity=REAL,
        statement="Access, connection and health check logs, zonal shift, cross-zone settings of target groups, slow "
        "start and target stickiness are kept; nothing happens to simulated requests.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html",
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html",
        ),
    ),
    Behaviour(
        service="Elastic Load Balancing",
        fidelity=NOT_SIMULATED,
        statement="Traffic of Network and Gateway Load Balancers: they are kept, their targets are checked, and no "
        "simulated request takes its way through them.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/network/introduction.html",
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/introduction.html",
        ),
    ),
)

_QUIC = ("QUIC", "TCP_QUIC")
_ADDRESS_MEMBERS = ("AllocationId", "PrivateIPv4Address", "IPv6Address", "SourceNatIpv6Prefix")


@before("elbv2", "CreateLoadBalancer", "SetSubnets")
def refuse_addresses(call: Call) -> None:
    for name in ("CustomerOwnedIpv4Pool", "IpamPools"):
        if call.params.get(name):
            raise _not_simulated(call, name)
    if call.params.get("EnablePrefixForIpv6SourceNat") == "on":
        raise _not_simulated(call, "EnablePrefixForIpv6SourceNat")
    for mapping in call.params.get("SubnetMappings") or []:
        for name in _ADDRESS_MEMBERS:
            if mapping.get(name):
                raise _not_simulated(call, name)


@before("elbv2", "CreateListener", "ModifyListener")
def refuse_listener_settings(call: Call) -> None:
    if (call.params.get("MutualAuthentication") or {}).get("Mode", "off") != "off":
        raise _not_simulated(call, "MutualAuthentication")
    if call.params.get("Protocol") in _QUIC:
        raise _not_simulated(call, f"the protocol {call.params['Protocol']}")


@before("elbv2", "CreateTargetGroup")
def refuse_target_group_settings(call: Call) -> None:
    if call.params.get("Protocol") in _QUIC:
        raise _not_simulated(call, f"the protocol {call.params['Protocol']}")
    if call.params.get("TargetControlPort"):
        raise _not_simulated(call, "TargetControlPort")


@before("elbv2", "CreateRule")
def refuse_rules_of_other_types(call: Call) -> None:
    found = lookup.find_listener(call.backends, call.params["ListenerArn"])
    if found is not None and found[0].type == "network":
        raise _not_simulated(call, "rules of a Network Load Balancer")
    if found is not None and found[0].type == "gateway":
        raise AwsError("UnsupportedProtocol", "Rules are not supported on listeners of Gateway Load Balancers")


@before("elbv2", "SetSecurityGroups")
def refuse_private_link_rules(call: Call) -> None:
    name = "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic"
    if call.params.get(name) == "off":
        raise _not_simulated(call, name)


def _not_simulated(call: Call, what: str) -> AwsError:
    return AwsError("NotSimulated", f"the local AWS does not simulate {what} of elbv2 {call.operation}", 501)
