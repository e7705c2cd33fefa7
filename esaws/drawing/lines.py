"""The lines of a drawing: along horizontal and vertical pieces, several from one place as the branches of a tree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from esaws.drawing.arrangement import CAPTION_GAP, Arrangement
from esaws.drawing.scene import Edge, Key
from esaws.drawing.shapes import Box, Line, Point, Sheet
from esaws.drawing.style import CORNER, GREY, ICON, INK, LINE, PAD, WORD

APART = 11.0  # what leaves a side of a frame, from what comes in there


def draw_edges(sheet: Sheet, at: Arrangement) -> None:
    """Every edge of the scene with its label."""
    trees: dict[tuple[Key, float], list[Edge]] = defaultdict(list)
    lanes: dict[Key, list[Edge]] = defaultdict(list)
    for edge in at.scene.edges:
        if at.enters_left(edge):
            trees[edge.source, at.lane_x if at.is_direct(edge) else at.bus_x].append(edge)
        elif at.needs_lane(edge):
            lanes[edge.target].append(edge)
        elif any(fleet.key == edge.target for fleet in at.in_front):
            _into_front(sheet, at, edge)
        elif any(thing.key == edge.target for thing in at.beside):
            _to_store(sheet, at, edge)
        else:
            _straight(sheet, edge, at.boxes[edge.source], at.boxes[edge.target])
    for (source, bus), edges in trees.items():
        _fan_out(sheet, at, at.boxes[source], bus, edges)
    for reached, edges in lanes.items():
        _gather(sheet, at, at.boxes[reached], at.lanes[reached], edges)


def branches(start: Point, bus: float, ends: Iterable[float], *, trunk: bool = False) -> dict[float, list[Point]]:
    """For each height in `ends` the way there from `start`, along `bus`, so that no piece is drawn twice.

    Only one way has the common piece at the start; the others begin where they leave what is drawn. `trunk` says that
    something else draws it.
    """
    x, y = start
    level = [end for end in ends if abs(end - y) < 1]
    ways = {end: [start, (bus, end)] for end in level}
    trunk = trunk or bool(level)
    for direction in (-1, 1):
        there = sorted((end for end in ends if (end - y) * direction >= 1), key=lambda end: -abs(end - y))
        for number, end in enumerate(there):
            if number:
                ways[end] = [(bus, end - direction * CORNER), (bus, end)]
            else:
                beginning = bus - CORNER if bus > x else bus + CORNER
                ways[end] = [(beginning if trunk else x, y), (bus, y), (bus, end)]
                trunk = True
    return ways


def _fan_out(sheet: Sheet, at: Arrangement, source: Box, bus: float, edges: list[Edge]) -> None:
    """From a gateway or a load balancer to the left sides of clusters, with captions in the gap."""
    entries = {edge: _entry(at, edge) for edge in edges}
    passes = any(at.scene.gateway and edge.source == at.scene.gateway.key for edge in edges) and bool(
        at.scene.balancers
    )
    ways = branches((source.right, source.cy), bus, entries.values(), trunk=passes)
    for edge, y in entries.items():
        _line(sheet, edge, [*ways[y], (at.boxes[edge.target].x, y)])
        sheet.text(at.bus_x + CAPTION_GAP, y - 5, edge.label, INK)
        sheet.text(at.bus_x + CAPTION_GAP, y + 13, edge.detail, GREY)


def _entry(at: Arrangement, edge: Edge) -> float:
    """Where an edge meets the left side of its cluster: several share it evenly."""
    fleet = next(fleet for fleet in at.behind if fleet.key == edge.target)
    box, entering = at.boxes[edge.target], at.entering(fleet)
    return box.y + box.height * (entering.index(edge) + 0.5) / len(entering)


def _gather(sheet: Sheet, at: Arrangement, target: Box, lane: float, edges: list[Edge]) -> None:
    """From the right sides of clusters, along a lane, to the right side of another."""
    end = target.cy + _apart(at, edges[0].target)
    starts = {edge: at.boxes[edge.source].cy + _apart(at, edge.source) for edge in edges}
    ways = branches((target.right, end), lane, starts.values())
    for edge, y in starts.items():
        way = [*ways[y], (at.boxes[edge.source].right, y)]
        _line(sheet, edge, reversed(way), arrow=way[0] == (target.right, end))
        sheet.text(lane - 6, y - 5, edge.label, INK, anchor="end")


def _apart(at: Arrangement, key: Key) -> float:
    """Lines in a lane keep below the middle of a frame where another line leaves for a store."""
    stores = any(edge.source == key and not at.needs_lane(edge) for edge in at.scene.edges)
    return APART if stores else 0.0


def _to_store(sheet: Sheet, at: Arrangement, edge: Edge) -> None:
    source, target = at.boxes[edge.source], at.boxes[edge.target]
    busy = any(edge.source in (other.source, other.target) and at.needs_lane(other) for other in at.scene.edges)
    start = source.cy - (APART if busy else 0)
    tip = target.x - 4
    end = start if abs(target.cy - start) < ICON / 2 else target.cy
    bend = tip - 14
    _line(sheet, edge, [(source.right, start), (bend, start), (bend, end), (tip, end)])
    sheet.text(at.last_lane + 6, start - 5, edge.label, INK)


def _into_front(sheet: Sheet, at: Arrangement, edge: Edge) -> None:
    """Down from the load balancer to the first cluster of its subnet; to others along the left side."""
    source, target = at.boxes[edge.source], at.boxes[edge.target]
    above = [fleet for fleet in at.in_front if at.boxes[fleet.key].y < target.y]
    balancer = next((balancer for balancer in at.scene.balancers if balancer.key == edge.source), None)
    if above or balancer is None:
        left = at.front_x - PAD / 2
        _line(sheet, edge, [(source.x, source.cy), (left, source.cy), (left, target.cy), (target.x, target.cy)])
        if edge.label:
            sheet.text(target.x + 6, target.y - 20, edge.label, INK)
            sheet.text(target.x + 6, target.y - 6, edge.detail, GREY)
        return
    start = source.bottom + at.label_height(balancer) + 2
    _line(sheet, edge, [(source.cx, start), (source.cx, target.y)])
    middle = (start + target.y) / 2
    sheet.text(source.cx + 9, middle - 3, edge.label, INK)
    sheet.text(source.cx + 9, middle - 3 + LINE, edge.detail, GREY)


def _straight(sheet: Sheet, edge: Edge, source: Box, target: Box) -> None:
    """To what stands at the same height, or with one bend."""
    tip = target.x - 4
    bend = tip - 14
    _line(sheet, edge, [(source.right + 4, source.cy), (bend, source.cy), (bend, target.cy), (tip, target.cy)])
    if edge.label:
        sheet.text((source.right + target.x) / 2, target.cy - 5, edge.label, INK, size=WORD, anchor="middle")


def _line(sheet: Sheet, edge: Edge, points: Iterable[Point], *, arrow: bool = True) -> None:
    kept: list[Point] = []
    for point in points:
        if kept and kept[-1] == point:
            continue
        if len(kept) > 1 and any(kept[-1][axis] == kept[-2][axis] == point[axis] for axis in (0, 1)):
            kept.pop()
        kept.append(point)
    sheet.lines.append(Line(tuple(kept), arrow))
