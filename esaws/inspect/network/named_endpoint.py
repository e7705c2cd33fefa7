"""Something of an account that has a name and stands in its network: a service, a load balancer, a store."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

Raw = Mapping[str, Any]
Kind = Literal["service", "alb", "db", "cache", "broker"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Port = tuple[str, int]


@dataclass(frozen=True)
class NamedEndpoint:
    """A place of one kind, by AWS's name.

    `interfaces` are ids of those that are visible; where none is, `groups` and `subnets` say what they would carry and
    where they would be. `listens` are protocols and ports that answer, None where that is not known. `zones` are those
    that a load balancer serves. `remark` is what one should know with every answer about it.
    """

    kind: Kind
    name: str
    interfaces: tuple[str, ...] = ()
    ports: frozenset[Port] | None = None
    groups: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()
    public: bool = False  # AWS gives its interfaces public addresses
    external: bool = False  # it stands on the internet, in no VPC of the account
    is_member: bool = False  # of another place that is named, too
    zones: frozenset[str] | None = None
    note: str = ""

    @property
    def inferred(self) -> bool:
        """Whether it stands somewhere in its subnets, where exactly nobody sees."""
        return not self.interfaces and not self.external and bool(self.subnets)

    @property
    def without_interface(self) -> bool:
        return not self.interfaces and not self.external and not self.subnets


def interface_ids(interfaces: Iterable[Raw], belongs: Callable[[Raw], Any]) -> tuple[str, ...]:
    """The ids of the interfaces that belong to something, in order of their subnets and addresses."""
    mine = [each for each in interfaces if belongs(each)]
    mine.sort(key=lambda each: (each.get("SubnetId", ""), each.get("PrivateIpAddress", "")))
    return tuple(each["NetworkInterfaceId"] for each in mine)
