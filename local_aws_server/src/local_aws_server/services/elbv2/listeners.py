"""Validate the ports, protocols, certificates and policies of listeners."""

from __future__ import annotations

from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before
from local_aws_server.services.elbv2 import lookup

BEHAVIOURS = (
    Behaviour(
        service="Elastic Load Balancing",
        statement="A listener has a port of its own, a protocol of its load balancer's type, and a certificate if it "
        "is encrypted; default rules can be neither changed nor deleted.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html",
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeleteRule.html",
        ),
    ),
)

_ENCRYPTED = ("HTTPS", "TLS")
_PROTOCOLS = {"application": ("HTTP", "HTTPS"), "network": ("UDP", "TCP", "TLS", "TCP_UDP")}


@before("elbv2", "CreateListener", "ModifyListener")
def validate_listener(call: Call) -> None:
    params = call.params
    found = lookup.find_listener(call.backends, params.get("ListenerArn"))
    balancer = found[0] if found else lookup.find_load_balancer(call.backends, params.get("LoadBalancerArn"))
    if balancer is None:
        return
    listener = found[1] if found else None
    protocol = params.get("Protocol") or (listener.protocol if listener else None)
    _require_protocol(balancer, protocol, params.get("Port") or (listener.port if listener else None))
    _require_unused_port(balancer, listener, params.get("Port"))
    if protocol:
        _validate_encryption(call, protocol, listener)


@before("elbv2", "DeleteRule", "ModifyRule", "SetRulePriorities")
def refuse_default_rule(call: Call) -> None:
    rules = lookup.find_rules(call.backends)
    verb = {"DeleteRule": "deleted", "ModifyRule": "modified"}.get(call.operation, "given a priority")
    for named in call.params.get("RulePriorities") or [call.params]:
        rule = rules.get(named.get("RuleArn"))
        if rule is not None and rule.is_default:
            raise AwsError("OperationNotPermitted", f"Default rule '{rule.arn}' cannot be {verb}")


def _require_protocol(balancer: Any, protocol: str | None, port: int | None) -> None:
    if balancer.type == "gateway":
        for name, value in (("port", port), ("protocol", protocol)):
            if value:
                raise _invalid(f"A {name} cannot be specified for gateway listeners")
        return
    for name, value in (("port", port), ("protocol", protocol)):
        if not value:
            raise _invalid(f"A listener {name} must be specified")
    if protocol not in _PROTOCOLS[balancer.type]:
        raise _invalid(f"Listener protocol '{protocol}' must be one of '{', '.join(_PROTOCOLS[balancer.type])}'")


def _require_unused_port(balancer: Any, listener: Any | None, port: int | None) -> None:
    others = [each for each in balancer.listeners.values() if each is not listener]
    if port is not None and any(int(each.port or 0) == port for each in others):
        message = f"A listener already exists on this port for this load balancer '{balancer.arn}'"
        raise AwsError("DuplicateListener", message)


def _validate_encryption(call: Call, protocol: str, listener: Any | None) -> None:
    certificates = call.params.get("Certificates")
    if protocol not in _ENCRYPTED:
        for name, value in (("certificate", certificates), ("SSL policy", call.params.get("SslPolicy"))):
            if value:
                raise _invalid(f"A {name} cannot be specified for {protocol} listeners")
        if call.params.get("AlpnPolicy"):
            raise AwsError("ALPNPolicyNotSupported", f"ALPN policies are not supported on {protocol} listeners")
        return
    if not certificates and listener is None:  # moto refuses a listener that is changed
        raise _invalid(f"A certificate must be specified for {protocol} listeners")
    if len(certificates or ()) > 1:
        raise _invalid("You must specify exactly one certificate, the default certificate of the listener")
    elbv2 = call.backends.backend("elbv2")
    for certificate in certificates or ():
        arn = certificate.get("CertificateArn") or ""
        if not elbv2._certificate_exists(certificate_arn=arn):
            raise AwsError("CertificateNotFound", f"Certificate {arn} not found")


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message)
