"""The rows of a drawing: each fleet in as many frames as it needs, so that a frame covers only its own subnets.

Zones are columns, and a subnet surrounds neighbouring rows of its zone. So each row belongs to a tier: a set of subnets
with one a zone at most. A fleet in subnets of several tiers, or of zones that are not neighbours, gets several frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from esaws.drawing.scene import Fleet, Key, Scene, SubnetArea


@dataclass
class _Tier:
    """Subnets of different zones that share rows."""

    subnets: dict[str, str] = field(default_factory=dict)
    """The name of the subnet in each zone."""

    def fits(self, other: _Tier) -> bool:
        return not self.subnets.keys() & other.subnets.keys()


def arrange_rows(scene: Scene, front: SubnetArea | None) -> Scene:
    """Return the scene with one fleet for each frame, in the order of rows. Pure.

    Fleets in the `front` subnet and those in no subnet keep their order. Edges lead to every frame of a fleet, and
    start at its first. The later frames of a fleet are `continued`.
    """
    areas = {subnet.name: subnet for subnet in scene.subnets}
    tiers = _make_tiers(scene.fleets, areas, front)
    frames: list[tuple[int, Fleet]] = []
    keys: dict[Key, list[Key]] = {}
    for fleet in scene.fleets:
        parts = list(_parts(fleet, tiers, areas, front))
        for number, (tier, subnets) in enumerate(parts):
            frame = fleet if len(parts) == 1 else _frame(fleet, number, subnets)
            keys.setdefault(fleet.key, []).append(frame.key)
            frames.append((tier, frame))
    edges = tuple(
        replace(edge, source=keys.get(edge.source, [edge.source])[0], target=target)
        for edge in scene.edges
        for target in keys.get(edge.target, [edge.target])
    )
    ordered = sorted(frames, key=lambda item: item[0])
    return replace(scene, fleets=tuple(fleet for _, fleet in ordered), edges=edges)


def _make_tiers(fleets: Iterable[Fleet], areas: dict[str, SubnetArea], front: SubnetArea | None) -> list[_Tier]:
    """The tiers in the order of the fleets: subnets of one fleet share a tier where they can, then any others."""
    tiers: list[_Tier] = []
    for fleet in fleets:
        first: _Tier | None = None
        for subnet in fleet.subnets:
            if front and subnet == front.name:
                continue
            tier = next((tier for tier in tiers if subnet in tier.subnets.values()), None)
            if tier is None:
                tier = _Tier({areas[subnet].zone: subnet})
                tiers.append(tier)
            if first is None:
                first = tier
            elif tier is not first and first.fits(tier):
                first.subnets |= tier.subnets
                tiers.remove(tier)
    merged: list[_Tier] = []
    for tier in tiers:
        fitting = next((other for other in merged if other.fits(tier)), None)
        if fitting:
            fitting.subnets |= tier.subnets
        else:
            merged.append(tier)
    return merged


def _parts(
    fleet: Fleet, tiers: list[_Tier], areas: dict[str, SubnetArea], front: SubnetArea | None
) -> Iterator[tuple[int, list[str]]]:
    """The tier and the subnets of each frame of a fleet; those in no row come last."""
    if not fleet.subnets:
        yield len(tiers), []
    if front and front.name in fleet.subnets:
        yield len(tiers), [front.name]
    zones = list(dict.fromkeys(area.zone for area in areas.values()))
    for number, tier in enumerate(tiers):
        run: list[str] = []
        for zone in zones:
            subnet = tier.subnets.get(zone, "")
            if subnet in fleet.subnets:
                run.append(subnet)
            elif run:
                yield number, run
                run = []
        if run:
            yield number, run


def _frame(fleet: Fleet, number: int, subnets: list[str]) -> Fleet:
    instances = tuple((subnet, count) for subnet, count in fleet.instances if subnet in subnets)
    if number == 0:
        return replace(fleet, instances=instances)
    kind, name = fleet.key
    return replace(fleet, key=(kind, f"{name} ({number + 1})"), instances=instances, continued=True)
