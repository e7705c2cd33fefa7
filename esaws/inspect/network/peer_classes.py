"""The peers of a matrix: interfaces of one service that nothing tells apart form a class, and are asked about once.

An answer is a small number, so that `all_of` is the minimum and `any_of` the maximum of two.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from esaws.inspect.answers import Answer
from esaws.inspect.network.address_classes import referenced_ranges
from esaws.inspect.network.addresses import Address, Family, Range, is_public
from esaws.inspect.network.endpoints import InterfaceSet
from esaws.inspect.network.interfaces import Interface
from esaws.inspect.network.network import Network

if TYPE_CHECKING:
    import numpy as np

    Levels = np.ndarray[Any, np.dtype[np.int8]]

NO, UNKNOWN, YES = 0, 1, 2
_LEVELS = {"no": NO, "unknown": UNKNOWN, "yes": YES}


def level_of(answer: Answer) -> int:
    return _LEVELS[answer.value]


@dataclass(frozen=True)
class PeerClass:
    """Interfaces of one service that everything treats alike; `only` tells which where it is a single one."""

    service: int
    representative: Interface
    address: Address | None
    sole_interface: int


class PeerClasses:
    """The classes of a network in the order of their services, and vectors over them.

    A vector over peers is filled in the order of the peers' addresses, where a range is a slice. Each class has the
    code of its subnet, of its VPC and of its set of groups.
    """

    def __init__(self, network: Network, services: Sequence[InterfaceSet], family: Family) -> None:
        import numpy as np

        self.network, self.family = network, family
        self.members = [*_classes(network, services, family)]
        self.by_address = sorted(range(len(self.members)), key=self._number)
        self.numbers = [self._number(index) for index in self.by_address]
        self.service_order = np.argsort(np.array(self.by_address, dtype=np.int64))
        self.starts = np.searchsorted([each.service for each in self.members], np.arange(len(services)))
        self.subnets, self.subnet = _codes([each.representative.subnet for each in self.members])
        self.vpcs, self.vpc = _codes([each.representative.vpc for each in self.members])
        self.group_sets, self.group_set = _codes(
            [(each.representative.groups, each.representative.vpc) for each in self.members]
        )
        self.sole_interface = np.array([each.sole_interface for each in self.members])
        alive = [each.representative.attached and each.address is not None for each in self.members]
        self.attached = np.where(alive, YES, NO).astype(np.int8)

    def _number(self, index: int) -> int:
        address = self.members[index].address
        return -1 if address is None else int(address)

    def slice_of(self, some: Range) -> slice:
        """The peers that a range holds."""
        if some.version != self.family:
            return slice(0, 0)
        return slice(bisect_left(self.numbers, int(some[0])), bisect_right(self.numbers, int(some[-1])))

    def vector(self, value: int) -> Levels:
        import numpy as np

        return np.full(len(self.members), value, dtype=np.int8)

    @cached_property
    def public(self) -> Levels:
        """Which peers, by address, have addresses that the internet routes, as IPv6 ones do."""
        import numpy as np

        addresses = [self.members[index].address for index in self.by_address]
        return np.array([address is not None and is_public(address) for address in addresses], dtype=np.int8)


def _classes(network: Network, services: Sequence[InterfaceSet], family: Family) -> Iterator[PeerClass]:
    """The classes of each service in turn."""
    borders = sorted(
        {border for some in referenced_ranges(network) if some.version == family for border in _ends(some)}
    )
    often = _in_several(services)
    numbers = {id: number for number, id in enumerate(network.interfaces)}
    for index, service in enumerate(services):
        found: dict[tuple[Any, ...], list[Interface]] = {}
        for id in dict.fromkeys(service.interfaces):
            each = network.interface(id)
            own = each.private_address(family)
            place = None if own is None else bisect_right(borders, int(own))
            apart = id if id in often else None
            key = (each.groups, each.vpc, each.subnet, each.attached, place, apart)
            found.setdefault(key, []).append(each)
        for some in found.values():
            only = numbers[some[0].id] if len(some) == 1 else -1
            yield PeerClass(index, some[0], some[0].private_address(family), only)


def _ends(some: Range) -> tuple[int, int]:
    return int(some[0]), int(some[-1]) + 1


def _in_several(services: Iterable[InterfaceSet]) -> set[str]:
    counts = Counter(id for service in services for id in set(service.interfaces))
    return {id for id, count in counts.items() if count > 1}


def _codes(values: Sequence[Any]) -> tuple[list[Any], Any]:
    """The different values in order of appearance, and which of them each value is."""
    import numpy as np

    different = {value: code for code, value in enumerate(dict.fromkeys(values))}
    return [*different], np.array([different[value] for value in values])
