"""What is sent: a protocol, and a port or an ICMP type and code; and whether a rule speaks of it."""

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
PORTS = (0, 65535)
EPHEMERAL = (1024, 65535)
ECHO_REPLY = {(ICMP, 8): 0, (ICMPV6, 128): 129}


def protocol_number(protocol: str | int) -> int | None:
    """IANA's number of a protocol as AWS writes it (tcp, 6, -1), or None where that is no protocol."""
    text = str(protocol).lower()
    if text in _NUMBERS:
        return _NUMBERS[text]
    return int(text) if text.isdigit() and int(text) < 256 else None


@dataclass(frozen=True)
class Traffic:
    """One kind of packet: protocol by IANA's number, -1 for every protocol at once."""

    protocol: int
    port: int | None = None
    icmp: tuple[int, int] | None = None

    @classmethod
    def of(cls, protocol: str | int, port: int | None = None, icmp: tuple[int, int] | None = None) -> "Traffic":
        """From AWS's words.

        Raises:
            UsageError: no such protocol or port, or tcp or udp without a port.
        """
        number = protocol_number(protocol)
        if number is None:
            raise UsageError(f"{protocol} is no protocol: tcp, udp, icmp, icmpv6, -1 or a number up to 255")
        if number not in {TCP, UDP}:
            return cls(number, icmp=icmp if number in {ICMP, ICMPV6} else None)
        if port is None or not PORTS[0] <= port <= PORTS[1]:
            raise UsageError(f"{protocol} takes a port from 0 to 65535, not {port}")
        return cls(number, port)

    @property
    def reply_ports(self) -> tuple[int, int] | None:
        """Where its answers arrive: a port of the client's choice, or None where there are no ports."""
        return EPHEMERAL if self.protocol in {TCP, UDP} else None

    def __str__(self) -> str:
        name = _NAMES.get(self.protocol, f"protocol {self.protocol}")
        if self.protocol == ALL:
            return "all traffic"
        if self.icmp:
            return f"{name} type {self.icmp[0]} code {self.icmp[1]}"
        return name if self.port is None else f"{name} {self.port}"

    def to_permission(self) -> dict[str, object]:
        """The narrowest IpPermission that speaks of it, without sources."""
        name = _NAMES.get(self.protocol, str(self.protocol))
        if self.protocol in {ICMP, ICMPV6}:
            low, high = self.icmp or (-1, -1)
        elif self.port is None:
            return {"IpProtocol": name}
        else:
            low = high = self.port
        return {"IpProtocol": name, "FromPort": low, "ToPort": high}


def rule_matches_traffic(protocol: int | None, low: int | None, high: int | None, traffic: Traffic) -> Answer:
    """Whether a security group's rule with this protocol and port range is about the traffic.

    -1, and any protocol but tcp, udp, icmp and icmpv6, means all ports whatever range is given; for ICMP the range is
    type and code, -1 for all. Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
    """
    if protocol is None:
        return unknown("a rule names a protocol that is not known here")
    if protocol == ALL:
        return YES
    if protocol != traffic.protocol:
        return NO
    if protocol in {ICMP, ICMPV6}:
        return _icmp(-1 if low is None else low, -1 if high is None else high, traffic)
    if protocol not in {TCP, UDP}:
        return YES
    if low is None or high is None or low < 0 or traffic.port is None:
        return unknown("a rule for tcp or udp has no port range")
    return from_bool(low <= traffic.port <= high)


def _icmp(type_: int, code: int, traffic: Traffic) -> Answer:
    if type_ == -1:
        return YES
    if traffic.icmp is None:
        return unknown(f"a rule allows only ICMP type {type_}, and which type is sent was not said")
    return from_bool(traffic.icmp[0] == type_ and code in {-1, traffic.icmp[1]})
