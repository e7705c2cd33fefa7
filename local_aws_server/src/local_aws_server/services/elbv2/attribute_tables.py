"""The attributes of load balancers, listeners and target groups by type: their values and AWS's defaults.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroupAttribute.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ListenerAttribute.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from local_aws_server.errors import AwsError

_DAY, _WEEK = 86_400, 604_800


@dataclass(frozen=True)
class Attribute:
    """An attribute: its default, and the values that it may have; any text if there are no limits."""

    key: str
    default: str
    choices: tuple[str, ...] = ()
    range: tuple[int, int] | None = None
    also: tuple[str, ...] = ()
    """Values beside those of the range."""

    def check(self, value: str) -> None:
        """Raise AwsError if it cannot have a value."""
        if value in self.also:
            return
        if self.choices and value not in self.choices:
            raise _invalid(f"'{self.key}' value '{value}' must be one of [{', '.join(self.choices)}]")
        if self.range is not None:
            lowest, highest = self.range
            if not value.isdecimal() or not lowest <= int(value) <= highest:
                raise _invalid(f"'{self.key}' value '{value}' must be between '{lowest}-{highest}' inclusive")


def _switch(key: str, default: str = "false") -> Attribute:
    return Attribute(key, default, ("true", "false"))


def _seconds(key: str, default: int, lowest: int, highest: int, *also: str) -> Attribute:
    return Attribute(key, str(default), range=(lowest, highest), also=also)


def _logs(kind: str) -> tuple[Attribute, ...]:
    return _switch(f"{kind}.s3.enabled"), Attribute(f"{kind}.s3.bucket", ""), Attribute(f"{kind}.s3.prefix", "")


_ALL_BALANCERS = (_switch("deletion_protection.enabled"), _switch("load_balancing.cross_zone.enabled"))
_ALB_AND_NLB = (*_logs("access_logs"), _switch("ipv6.deny_all_igw_traffic"), _switch("zonal_shift.config.enabled"))

LOAD_BALANCER_ATTRIBUTES = {
    "application": (
        *_ALL_BALANCERS,
        *_ALB_AND_NLB,
        *_logs("connection_logs"),
        *_logs("health_check_logs"),
        _seconds("idle_timeout.timeout_seconds", 60, 1, 4000),
        _seconds("client_keep_alive.seconds", 3600, 60, _WEEK),
        Attribute("routing.http.desync_mitigation_mode", "defensive", choices=("monitor", "defensive", "strictest")),
        _switch("routing.http.drop_invalid_header_fields.enabled"),
        _switch("routing.http.preserve_host_header.enabled"),
        _switch("routing.http.x_amzn_tls_version_and_cipher_suite.enabled"),
        _switch("routing.http.xff_client_port.enabled"),
        Attribute("routing.http.xff_header_processing.mode", "append", choices=("append", "preserve", "remove")),
        _switch("routing.http2.enabled", "true"),
        _switch("waf.fail_open.enabled"),
    ),
    "network": (
        *_ALL_BALANCERS,
        *_ALB_AND_NLB,
        Attribute(
            "dns_record.client_routing_policy",
            "any_availability_zone",
            choices=("availability_zone_affinity", "partial_availability_zone_affinity", "any_availability_zone"),
        ),
        Attribute("secondary_ips.auto_assigned.per_subnet", "0", range=(0, 7)),
    ),
    "gateway": _ALL_BALANCERS,
}

_LIMITS = "target_group_health"
_GROUP_HEALTH = (
    Attribute(f"{_LIMITS}.dns_failover.minimum_healthy_targets.count", "1", range=(1, 1000), also=("off",)),
    Attribute(f"{_LIMITS}.dns_failover.minimum_healthy_targets.percentage", "off", range=(1, 100), also=("off",)),
    Attribute(f"{_LIMITS}.unhealthy_state_routing.minimum_healthy_targets.count", "1", range=(1, 1000)),
    Attribute(
        f"{_LIMITS}.unhealthy_state_routing.minimum_healthy_targets.percentage", "off", range=(1, 100), also=("off",)
    ),
)
_CROSS_ZONE = Attribute(
    "load_balancing.cross_zone.enabled",
    "use_load_balancer_configuration",
    choices=("true", "false", "use_load_balancer_configuration"),
)
_DELAY = _seconds("deregistration_delay.timeout_seconds", 300, 0, 3600)
_STICKY = _switch("stickiness.enabled")
_FAILOVER = ("rebalance", "no_rebalance")


def target_group_attributes(group: Any) -> tuple[Attribute, ...]:
    """Return the attributes of a target group of this target type and protocol."""
    if group.target_type == "lambda":
        return (_switch("lambda.multi_value_headers.enabled"), _CROSS_ZONE, *_GROUP_HEALTH)
    if group.protocol == "GENEVE":
        return (
            _DELAY,
            _STICKY,
            Attribute("stickiness.type", "source_ip_dest_ip_proto"),
            Attribute("target_failover.on_deregistration", "no_rebalance", choices=_FAILOVER),
            Attribute("target_failover.on_unhealthy", "no_rebalance", choices=_FAILOVER),
            _switch("send_tcp_reset.on_unhealthy.enabled"),
            _switch("send_tcp_reset.on_deregistration.enabled"),
        )
    if group.protocol in ("HTTP", "HTTPS"):
        return (
            _DELAY,
            _STICKY,
            Attribute("stickiness.type", "lb_cookie"),
            Attribute("stickiness.app_cookie.cookie_name", ""),
            _seconds("stickiness.app_cookie.duration_seconds", _DAY, 1, _WEEK),
            _seconds("stickiness.lb_cookie.duration_seconds", _DAY, 1, _WEEK),
            _seconds("slow_start.duration_seconds", 0, 30, 900, "0"),
            Attribute(
                "load_balancing.algorithm.type",
                "round_robin",
                choices=("round_robin", "least_outstanding_requests", "weighted_random"),
            ),
            Attribute("load_balancing.algorithm.anomaly_mitigation", "off", choices=("on", "off")),
            _CROSS_ZONE,
            *_GROUP_HEALTH,
        )
    is_udp = group.protocol in ("UDP", "TCP_UDP")
    keeps_client = group.target_type != "ip" or is_udp
    return (
        _DELAY,
        _STICKY,
        Attribute("stickiness.type", "source_ip"),
        _switch("deregistration_delay.connection_termination.enabled", "true" if is_udp else "false"),
        _switch("preserve_client_ip.enabled", "true" if keeps_client else "false"),
        _switch("proxy_protocol_v2.enabled"),
        _switch("target_health_state.unhealthy.connection_termination.enabled", "false" if is_udp else "true"),
        _seconds("target_health_state.unhealthy.draining_interval_seconds", 0, 0, 360_000),
        _CROSS_ZONE,
        *_GROUP_HEALTH,
    )


_REQUEST_HEADERS = (
    "X-Amzn-Mtls-Clientcert-Serial-Number",
    "X-Amzn-Mtls-Clientcert-Issuer",
    "X-Amzn-Mtls-Clientcert-Subject",
    "X-Amzn-Mtls-Clientcert-Validity",
    "X-Amzn-Mtls-Clientcert-Leaf",
    "X-Amzn-Mtls-Clientcert",
    "X-Amzn-Tls-Version",
    "X-Amzn-Tls-Cipher-Suite",
)
_RESPONSE_HEADERS = (
    "strict_transport_security",
    "access_control_allow_origin",
    "access_control_allow_methods",
    "access_control_allow_headers",
    "access_control_allow_credentials",
    "access_control_expose_headers",
    "access_control_max_age",
    "content_security_policy",
    "x_content_type_options",
    "x_frame_options",
)


def listener_attributes(balancer: Any, listener: Any) -> tuple[Attribute, ...]:
    """Return the attributes of a listener of this type and protocol."""
    idle = _seconds("tcp.idle_timeout.seconds", 350, 60, 6000)
    if balancer.type == "gateway":
        return idle, _switch("send_tcp_reset.on_idle_timeout.enabled")
    if balancer.type == "network":
        return (idle,) if listener.protocol in ("TCP", "TCP_UDP") else ()
    encrypted = _REQUEST_HEADERS if listener.protocol == "HTTPS" else ()
    return (
        *(
            Attribute(f"routing.http.request.{header.lower().replace('-', '_')}.header_name", header)
            for header in encrypted
        ),
        _switch("routing.http.response.server.enabled", "true"),
        *(Attribute(f"routing.http.response.{header}.header_value", "") for header in _RESPONSE_HEADERS),
    )


@dataclass(frozen=True)
class _Kind:
    """The properties of a target group that decide on its attributes."""

    target_type: str
    protocol: str | None


_KINDS = (_Kind("instance", "HTTP"), _Kind("ip", "TCP"), _Kind("instance", "GENEVE"), _Kind("lambda", None))

ALL_TARGET_GROUP_ATTRIBUTES = tuple(attribute for kind in _KINDS for attribute in target_group_attributes(kind))
"""The attributes of target groups of any kind; some more than once."""


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message)
