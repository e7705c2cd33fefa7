"""Traffic: a protocol with a port or an ICMP type and code, and whether a security group's rule matches it."""

from dataclasses import dataclass

from esaws.errors import UsageError
from esaws.inspect.answers import NO, YES, Answer, from_bool, unknown

ALL, ICMP, TCP, UDP, ICMPV6 = -1, 1, 6, 17, 58
_NUMBERS = {
    "-1": ALL,
    "all": ALL,
    "icmp": ICMP,
    "tcp": TCP,
    "udp": UDP,
    "icmpv6": ICMPV6,
    "gre": 47,
    "esp": 50,
    "ah": 51,
}
_NAMES = {ALL: "-1", ICMP: "icmp", TCP: "tcp", UDP: "udp", ICMPV6: "icmpv6"}
PORT_NAMES = {TCP: "tcp", UDP: "udp"}
"""The protocols that have ports."""
PORTS = (0, 65535)
EPHEMERAL = (1024, 65535)
ECHO_REPLY = {(ICMP, 8): 0, (ICMPV6, 128): 129}


def protocol_number(protocol: str | int) -> int | None:
    """Return IANA's number of a protocol as AWS writes it (tcp, 6, -1), or None if it is not a known protocol."""
    text = str(protocol).lower()
    if text in _NUMBERS:
        return _NUMBERS[text]
    return int(text) if text.isdigit() and int(text) < 256 else None


@dataclass(frozen=True)
class Traffic:
    """One kind of packet. The protocol is IANA's number, or -1 for all protocols at once."""

    protocol: int
    port: int | None = None
    icmp: tuple[int, int] | None = None

    @classmethod
    def of(cls, protocol: str | int, port: int | None = None, icmp: tuple[int, int] | None = None) -> "Traffic":
        """Build traffic from a protocol as AWS writes it.

        Raises:
            UsageError: the protocol or the port does not exist, or tcp or udp has no port.
        """
        number = protocol_number(protocol)
        if number is None:
            raise UsageError(
                f"{protocol}: not a protocol. Choose tcp, udp, icmp, icmpv6, -1 (all) or a number up to 255"
            )
        if number not in {TCP, UDP}:
            return cls(number, icmp=icmp if number in {ICMP, ICMPV6} else None)
        if port is None or not PORTS[0] <= port <= PORTS[1]:
            raise UsageError(f"{protocol}: the port must be from 0 to 65535, not {port}")
        return cls(number, port)

    @property
    def reply_ports(self) -> tuple[int, int] | None:
        """The ports that replies may go to, which the client chooses; None for a protocol without ports."""
        return EPHEMERAL if self.protocol in {TCP, UDP} else None

    def __str__(self) -> str:
        name = _NAMES.get(self.protocol, f"protocol {self.protocol}")
        if self.protocol == ALL:
            return "all traffic"
        if self.icmp:
            return f"{name} type {self.icmp[0]} code {self.icmp[1]}"
        return name if self.port is None else f"{name} {self.port}"

    def to_permission(self) -> dict[str, object]:
        """Return the narrowest IpPermission that matches it, without sources."""
        name = _NAMES.get(self.protocol, str(self.protocol))
        if self.protocol in {ICMP, ICMPV6}:
            low, high = self.icmp or (-1, -1)
        elif self.port is None:
            return {"IpProtocol": name}
        else:
            low = high = self.port
        return {"IpProtocol": name, "FromPort": low, "ToPort": high}


def rule_matches_traffic(protocol: int | None, low: int | None, high: int | None, traffic: Traffic) -> Answer:
    """Return whether a security group's rule with this protocol and port range matches the traffic.

    For -1, and any protocol but tcp, udp, icmp and icmpv6, AWS ignores the port range. For ICMP the range is type and
    code, -1 for all. Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
    """
    if protocol is None:
        return unknown("a rule has a protocol that esaws does not support")
    if protocol == ALL:
        return YES
    if protocol != traffic.protocol:
        return NO
    if protocol in {ICMP, ICMPV6}:
        return _icmp_matches(-1 if low is None else low, -1 if high is None else high, traffic)
    if protocol not in {TCP, UDP}:
        return YES
    if low is None or high is None or low < 0 or traffic.port is None:
        return unknown("a rule for tcp or udp has no port range")
    return from_bool(low <= traffic.port <= high)


def _icmp_matches(type_: int, code: int, traffic: Traffic) -> Answer:
    if type_ == -1:
        return YES
    if traffic.icmp is None:
        return unknown(f"a rule allows only ICMP type {type_}, and the question does not name a type")
    return from_bool(traffic.icmp[0] == type_ and code in {-1, traffic.icmp[1]})
