"""The lines of a drawing: horizontal and vertical segments; several from one node are branches of a tree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from esaws.drawing.arrangement import CAPTION_GAP, Arrangement
from esaws.drawing.scene import Edge, Key
from esaws.drawing.shapes import Box, Line, Point, Sheet
from esaws.drawing.style import CORNER_RADIUS, GREY, ICON_SIZE, INK, LINE_HEIGHT, PADDING, TEXT_SIZE

LANE_OFFSET = 11.0  # between lines that leave and enter the same side of a frame


def draw_edges(sheet: Sheet, at: Arrangement) -> None:
    """Draw every edge of the scene with its label."""
    trees: dict[tuple[Key, float], list[Edge]] = defaultdict(list)
    lanes: dict[Key, list[Edge]] = defaultdict(list)
    for edge in at.scene.edges:
        if at.enters_left(edge):
            trees[edge.source, at.lane_x if at.is_direct(edge) else at.bus_x].append(edge)
        elif at.needs_lane(edge):
            lanes[edge.target].append(edge)
        elif any(fleet.key == edge.target for fleet in at.front_fleets):
            _draw_to_front(sheet, at, edge)
        elif any(node.key == edge.target for node in at.other_stores):
            _draw_to_store(sheet, at, edge)
        else:
            _draw_straight(sheet, edge, at.boxes[edge.source], at.boxes[edge.target])
    for (source, bus), edges in trees.items():
        _draw_tree(sheet, at, at.boxes[source], bus, edges)
    for reached, edges in lanes.items():
        _draw_lane(sheet, at, at.boxes[reached], at.lanes[reached], edges)


def route_branches(start: Point, bus: float, ends: Iterable[float], *, trunk: bool = False) -> dict[float, list[Point]]:
    """The path from `start` along the vertical `bus` to each height in `ends`, so that no segment is drawn twice.

    One path has the common segment at the start; the others start where they branch off. With `trunk` the common
    segment is already drawn.
    """
    x, y = start
    level = [end for end in ends if abs(end - y) < 1]
    paths = {end: [start, (bus, end)] for end in level}
    trunk = trunk or bool(level)
    for direction in (-1, 1):
        there = sorted((end for end in ends if (end - y) * direction >= 1), key=lambda end: -abs(end - y))
        for number, end in enumerate(there):
            if number:
                paths[end] = [(bus, end - direction * CORNER_RADIUS), (bus, end)]
            else:
                beginning = bus - CORNER_RADIUS if bus > x else bus + CORNER_RADIUS
                paths[end] = [(beginning if trunk else x, y), (bus, y), (bus, end)]
                trunk = True
    return paths


def _draw_tree(sheet: Sheet, at: Arrangement, source: Box, bus: float, edges: list[Edge]) -> None:
    """Draw lines from a gateway or load balancer to the left sides of clusters, with captions in the gap."""
    entries = {edge: at.entry_y(edge) for edge in edges}
    passes = any(at.scene.gateway and edge.source == at.scene.gateway.key for edge in edges) and bool(
        at.scene.load_balancers
    )
    paths = route_branches((source.right, source.cy), bus, entries.values(), trunk=passes)
    for edge, y in entries.items():
        _add_line(sheet, edge, [*paths[y], (at.boxes[edge.target].x, y)])
        sheet.add_text(at.bus_x + CAPTION_GAP, y - 5, edge.label, INK)
        sheet.add_text(at.bus_x + CAPTION_GAP, y + 13, edge.detail, GREY)


def _draw_lane(sheet: Sheet, at: Arrangement, target: Box, lane: float, edges: list[Edge]) -> None:
    """Draw lines from the right sides of clusters along a lane to the right side of another."""
    end = target.cy + _lane_offset(at, edges[0].target, enters=True)
    starts = {edge: at.boxes[edge.source].cy + _lane_offset(at, edge.source) for edge in edges}
    paths = route_branches((target.right, end), lane, starts.values())
    for edge, y in starts.items():
        path = [*paths[y], (at.boxes[edge.source].right, y)]
        _add_line(sheet, edge, reversed(path), arrow=path[0] == (target.right, end))
        sheet.add_text(lane - 6, y - 5, edge.label, INK, anchor="end")


def _lane_offset(at: Arrangement, key: Key, *, enters: bool = False) -> float:
    """The offset of a lane's lines from the middle of a frame.

    It is below the middle if another line leads to a store. Of a frame that lines of lanes leave and enter, those that
    enter are above it.
    """
    if any(edge.source == key and not at.needs_lane(edge) for edge in at.scene.edges):
        return LANE_OFFSET
    of_lanes = [edge for edge in at.scene.edges if at.needs_lane(edge)]
    if any(edge.source == key for edge in of_lanes) and any(edge.target == key for edge in of_lanes):
        return -LANE_OFFSET if enters else LANE_OFFSET
    return 0.0


def _draw_to_store(sheet: Sheet, at: Arrangement, edge: Edge) -> None:
    source, target = at.boxes[edge.source], at.boxes[edge.target]
    busy = any(edge.source in (other.source, other.target) and at.needs_lane(other) for other in at.scene.edges)
    start = source.cy - (LANE_OFFSET if busy else 0)
    tip = target.x - 4
    end = start if abs(target.cy - start) < ICON_SIZE / 2 else target.cy
    bend = tip - 14
    _add_line(sheet, edge, [(source.right, start), (bend, start), (bend, end), (tip, end)])
    sheet.add_text(at.last_lane + 6, start - 5, edge.label, INK)


def _draw_to_front(sheet: Sheet, at: Arrangement, edge: Edge) -> None:
    """Draw a line down from the load balancer to the first cluster of its subnet, and to others along the left."""
    source, target = at.boxes[edge.source], at.boxes[edge.target]
    above = [fleet for fleet in at.front_fleets if at.boxes[fleet.key].y < target.y]
    load_balancer = next(
        (load_balancer for load_balancer in at.scene.load_balancers if load_balancer.key == edge.source), None
    )
    if above or load_balancer is None:
        left = at.front_x - PADDING / 2
        _add_line(sheet, edge, [(source.x, source.cy), (left, source.cy), (left, target.cy), (target.x, target.cy)])
        if edge.label:
            sheet.add_text(target.x + 6, target.y - 20, edge.label, INK)
            sheet.add_text(target.x + 6, target.y - 6, edge.detail, GREY)
        return
    start = source.bottom + at.label_height(load_balancer) + 2
    _add_line(sheet, edge, [(source.cx, start), (source.cx, target.y)])
    middle = (start + target.y) / 2
    sheet.add_text(source.cx + 9, middle - 3, edge.label, INK)
    sheet.add_text(source.cx + 9, middle - 3 + LINE_HEIGHT, edge.detail, GREY)


def _draw_straight(sheet: Sheet, edge: Edge, source: Box, target: Box) -> None:
    """Draw a line to a node at the same height, or with one bend."""
    tip = target.x - 4
    bend = tip - 14
    _add_line(sheet, edge, [(source.right + 4, source.cy), (bend, source.cy), (bend, target.cy), (tip, target.cy)])
    if edge.label:
        sheet.add_text((source.right + target.x) / 2, target.cy - 5, edge.label, INK, size=TEXT_SIZE, anchor="middle")


def _add_line(sheet: Sheet, edge: Edge, points: Iterable[Point], *, arrow: bool = True) -> None:
    kept: list[Point] = []
    for point in points:
        if kept and kept[-1] == point:
            continue
        if len(kept) > 1 and any(kept[-1][axis] == kept[-2][axis] == point[axis] for axis in (0, 1)):
            kept.pop()
        kept.append(point)
    sheet.lines.append(Line(tuple(kept), arrow))
