"""Where everything in a drawing stands: zones as columns, clusters as rows, and lines that keep to the gaps between.

From left to right: users, the load balancer, the clusters in their subnets, the stores of the VPC, the services of
the region. A cluster's frame spans its zones, which no automatic layout of nested groups can do.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from esaws.drawing.lettering import width as text_width
from esaws.drawing.lettering import wrapped
from esaws.drawing.scene import USERS, Edge, Fleet, Key, Place, Scene, Thing
from esaws.drawing.shapes import Box, Icon, Line, Panel, Point, Sheet, Text

INK = "#232f3e"
GREY = "#545b64"
ORANGE = "#ed7100"
PURPLE = "#8c4fff"
BLUE = "#147eba"
GREEN = "#3f8624"
TEAL = "#007d7f"
RED = "#c7131f"
PUBLIC_TINT = "#eef5e7"
PRIVATE_TINT = "#e6f2f8"
HAIRLINE = "#c6cdd5"

CLOUD_ICON = "aws/aws.png"
USERS_ICON = "aws.general.Users"
VPC_ICON = "aws.network.VPC"
PUBLIC_ICON = "aws.network.PublicSubnet"
PRIVATE_ICON = "aws.network.PrivateSubnet"
INSTANCE_ICON = "aws.compute.EC2Instance"
TASK_ICON = "aws.compute.ElasticContainerServiceTask"
CLUSTER_ICON = "aws.compute.ElasticContainerService"
SCALING_ICON = "aws.compute.EC2AutoScaling"

NAME = 12.0
WORD = 11.0

MARGIN = 8.0
PAD = 10.0
HEADER = 26.0
LINE = 14.0
ICON = 42.0
THING = 96.0
ROW_HEADER = 22.0
ROW_GAP = 10.0
ROW_PAD = 7.0
CARD = 40.0
GATE = 30.0
BUS = 18.0
ARROW_ROOM = 16.0
FRONT_GAP = 46.0


def lay_out(scene: Scene) -> Sheet:
    """The sheet of shapes for a scene. Pure."""
    return _Layout(scene).sheet


@dataclass
class _Row:
    """A cluster's frame and its card in each of its subnets."""

    fleet: Fleet
    front: bool = False
    box: Box = field(default_factory=lambda: Box(0, 0, 0, 0))


@dataclass
class _Zone:
    """An availability zone: its empty subnets as bands on top, the others around their rows."""

    name: str
    places: list[Place]
    x: float = 0
    width: float = 0
    bands: list[Place] = field(default_factory=list)
    segments: list[tuple[Place, list[_Row]]] = field(default_factory=list)


class _Layout:
    """The sheet in the making, with what its parts must know of each other."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.sheet = Sheet()
        self.boxes: dict[Key, Box] = {}
        self.places = {place.name: place for place in scene.places}
        self.front = self._front()
        self.rows = self._rows()
        self.main = [row for row in self.rows if not row.front]
        self.zones = self._zones()
        self.inside = self._inside()
        self.beside = [thing for thing in scene.stores if thing.key not in self.inside]
        self._place_columns()
        self._place_rows()
        self._place_things()
        self._draw_groups()
        self._draw_rows()
        self._draw_edges()
        self._draw_legend()

    # -- what goes where -----------------------------------------------------------------------------------------

    def _front(self) -> Place | None:
        """The one subnet in which every load balancer stands, where other subnets lie behind it."""
        homes = {place for balancer in self.scene.balancers for place in balancer.places}
        behind = {place for fleet in self.scene.fleets for place in fleet.places} - homes
        return self.places.get(next(iter(homes))) if len(homes) == 1 and behind else None

    def _rows(self) -> list[_Row]:
        rows = [
            _Row(fleet, front=bool(self.front and fleet.places == (self.front.name,))) for fleet in self.scene.fleets
        ]
        order: dict[tuple[str, ...], int] = {}
        for row in rows:
            order.setdefault(row.fleet.places, len(order))
        crowded = any(
            sum(any(place.name in row.fleet.places for row in rows if not row.front) for place in places) > 1
            for places in self._by_zone().values()
        )
        # A subnet is drawn around neighbours, so where a zone has several, rows of one subnet keep together.
        return sorted(rows, key=lambda row: order[row.fleet.places]) if crowded else rows

    def _by_zone(self) -> dict[str, list[Place]]:
        zones: dict[str, list[Place]] = {}
        for place in self.scene.places:
            zones.setdefault(place.zone, []).append(place)
        return zones

    def _zones(self) -> list[_Zone]:
        zones = []
        for name, places in self._by_zone().items():
            zone = _Zone(name, places)
            for place in places:
                rows = [row for row in self.main if place.name in row.fleet.places]
                if rows:
                    zone.segments.append((place, rows))
                elif place is not self.front:
                    zone.bands.append(place)
            zone.segments.sort(key=lambda segment: self.main.index(segment[1][0]))
            zones.append(zone)
        return zones

    def _inside(self) -> dict[Key, _Row]:
        """Stores that stand in a single subnet, beside a row of that subnet."""
        found: dict[Key, _Row] = {}
        for thing in self.scene.stores:
            for row in self.main:
                if thing.places and thing.places == row.fleet.places and row not in found.values():
                    found[thing.key] = row
                    break
        return found

    # -- widths --------------------------------------------------------------------------------------------------

    def _place_columns(self) -> None:
        scene = self.scene
        self.frame = max([150.0, *(self._frame_width(row.fleet) for row in self.rows)])
        slot = THING if self.inside else 0.0
        zone_width = 2 * PAD + 2 * PAD - 4 + self.frame + slot
        forwarded = [edge for edge in scene.edges if self._enters_left(edge)]
        labels = [text_width(text, WORD) for edge in forwarded for text in (edge.label, edge.detail)]
        gutter = BUS + max(labels) + ARROW_ROOM if labels else 0.0

        x = MARGIN
        if scene.has_users:
            self.users_x = x + 30
            x += 76
        self.cloud_x = x
        self.region_x = x + PAD
        self.vpc_x = self.region_x + (PAD + GATE / 2 if scene.gateway else PAD)
        x = self.vpc_x
        self.lane_x = x + GATE / 2 + 8
        if scene.gateway:
            x += GATE / 2 + 2
        first_zone_x = x
        if self.front:
            first_zone_x = x + 18
            self.front_box_x = first_zone_x + PAD
            self.front_width = self.frame + 2 * PAD
            x = self.front_box_x + self.front_width + gutter
            self.bus_x = self.front_box_x + self.front_width + BUS / 2
        else:
            if scene.balancers:
                x += 18
                self.balancer_x = x + 34
                x += 68
            self.bus_x = x + BUS / 2
            x += gutter or (PAD if scene.balancers or scene.gateway else 0)
            first_zone_x = x if not scene.vpc else max(x, self.vpc_x + PAD)
            x = first_zone_x
        for number, zone in enumerate(self.zones):
            zone.x, zone.width = x, zone_width
            if self.front and number == 0:
                zone.x, zone.width = first_zone_x, x + zone_width - 2 * PAD + 4 + PAD - first_zone_x
            x = zone.x + zone.width + PAD
        self.zones_right = x - PAD if self.zones else x + (self.frame if self.rows else 0)
        self._place_lanes()

    def _place_lanes(self) -> None:
        """The gap to the right of the zones: a lane for each cluster that others reach, then the stores."""
        targets = list(dict.fromkeys(edge.target for edge in self.scene.edges if self._needs_lane(edge)))
        x = self.zones_right
        self.lanes: dict[Key, float] = {}
        for target in targets:
            labels = [text_width(edge.label, WORD) for edge in self.scene.edges if edge.target == target]
            x += max(labels, default=0) + 14
            self.lanes[target] = x
        outward = [edge for edge in self.scene.edges if edge.target in {thing.key for thing in self.beside}]
        if outward:
            x += max(text_width(edge.label, WORD) for edge in outward) + ARROW_ROOM + 10
        elif self.lanes:
            x += 6
        self.stores_x = x
        if self.beside:
            x += THING
        self.vpc_right = x + PAD
        self.regional_x = (self.vpc_right if self.scene.vpc else x) + 4
        if self.scene.regional:
            x = self.regional_x + THING
            self.region_right = x + 4
        else:
            self.region_right = self.vpc_right + PAD
        self.cloud_right = self.region_right + PAD
        self.sheet.width = self.cloud_right + MARGIN

    def _frame_width(self, fleet: Fleet) -> float:
        card = max((sum(text_width(t, s, bold=b) for t, s, b in line) for line in _card_lines(fleet, 1)), default=0)
        header = 0.0
        if len(fleet.places) < 2:
            header = 2 * ROW_PAD + 22 + text_width(fleet.name, NAME, bold=True)
            header += 30 + text_width(fleet.scaling, WORD) if fleet.scaling else 0
        return max(header, 2 * ROW_PAD + 44 + 18 + card + 8)

    def _enters_left(self, edge: Edge) -> bool:
        to_fleet = any(row.fleet.key == edge.target and not row.front for row in self.rows)
        return to_fleet and edge.source not in {row.fleet.key for row in self.main}

    def _needs_lane(self, edge: Edge) -> bool:
        fleets = {row.fleet.key for row in self.main}
        sideways = edge.target in self.inside and self.inside[edge.target].fleet.key != edge.source
        return edge.source in fleets and (edge.target in fleets or sideways)

    # -- heights -------------------------------------------------------------------------------------------------

    def _place_rows(self) -> None:
        scene = self.scene
        self.cloud_y = MARGIN
        self.region_y = self.cloud_y + HEADER + 4
        self.vpc_y = self.region_y + HEADER
        self.zone_y = self.vpc_y + HEADER + 6 if scene.vpc else self.vpc_y
        subnet_y = self.zone_y + HEADER if self.zones else self.zone_y
        self.bands_y = subnet_y
        y = subnet_y + max((len(zone.bands) for zone in self.zones), default=0) * (HEADER + 14)
        top = y
        crowded = [zone for zone in self.zones if len(zone.segments) > 1]
        begins = {id(rows[0]) for zone in crowded for _, rows in zone.segments}
        for number, row in enumerate(self.main):
            if number == 0:
                y += HEADER if self.zones else 0
            elif id(row) in begins:
                y += PAD - 2 + PAD - 2 + HEADER
            else:
                y += ROW_GAP
            height = self._row_height(row)
            row.box = self._row_box(row, y, height)
            self.boxes[row.fleet.key] = row.box
            y += height
        self.rows_bottom = y
        self.subnets_bottom = y + PAD - 2 if self.main else max(y, top + (30 if not scene.places else 0))
        self._place_balancers(top)

    def _row_height(self, row: _Row) -> float:
        lines = max((len(_card_lines(row.fleet, count)) for _, count in row.fleet.instances), default=1)
        entering = sum(self._enters_left(edge) and edge.target == row.fleet.key for edge in self.scene.edges)
        return max(ROW_HEADER + max(CARD, lines * LINE + 10) + ROW_PAD, entering * 32)

    def _row_box(self, row: _Row, y: float, height: float) -> Box:
        columns = [self._column(place) for place in row.fleet.places]
        if not columns:
            left = self.zones[0].x + self.zones[0].width - self.frame - 2 * PAD + 2 if self.zones else self.bus_x + BUS
            return Box(left, y, self.zones_right - left - (2 * PAD - 2 if self.zones else 0), height)
        left = min(column.x for column in columns)
        return Box(left, y, max(column.right for column in columns) - left, height)

    def _column(self, place: str) -> Box:
        """The x and width that frames have in the zone of a subnet."""
        zone = next(zone for zone in self.zones if zone.name == self.places[place].zone)
        slot = THING if self.inside else 0.0
        left = zone.x + zone.width - slot - self.frame - 2 * PAD + 2
        return Box(left, 0, self.frame, 0)

    def _place_balancers(self, top: float) -> None:
        """Each load balancer at the height of what it forwards to; the internet gateway at that of the first."""
        scene = self.scene
        lowest = top + HEADER + 8
        for balancer in scene.balancers:
            targets = [
                self.boxes[edge.target].cy
                for edge in scene.edges
                if edge.source == balancer.key and edge.target in self.boxes
            ]
            y = sum(targets) / len(targets) if targets else (top + self.subnets_bottom) / 2
            y = max(y, lowest + ICON / 2)
            x = self.front_box_x + self.front_width / 2 if self.front else self.balancer_x
            self.boxes[balancer.key] = Box.around((x, y), ICON, ICON)
            lowest = y + ICON / 2 + LINE * (1 + len(balancer.words)) + 16
        if self.front:
            y = lowest + FRONT_GAP - 20
            for row in self.rows:
                if not row.front:
                    continue
                height = self._row_height(row)
                row.box = Box(self.front_box_x + PAD, y, self.frame, height)
                self.boxes[row.fleet.key] = row.box
                y += height + (FRONT_GAP if self._is_forwarded(row) else ROW_GAP)
            front_bottom = max((row.box.bottom for row in self.rows if row.front), default=lowest)
            self.subnets_bottom = max(self.subnets_bottom, front_bottom + PAD - 2)
        else:
            self.subnets_bottom = max(self.subnets_bottom, lowest - PAD) if scene.balancers else self.subnets_bottom
        first = next((self.boxes[balancer.key].cy for balancer in scene.balancers), None)
        direct = [self.boxes[edge.target].cy for edge in scene.edges if self._is_direct(edge)]
        self.door_y = first if first is not None else min(direct, default=(self.zone_y + self.subnets_bottom) / 2)
        if scene.gateway:
            self.boxes[scene.gateway.key] = Box.around((self.vpc_x, self.door_y), GATE, GATE)
        if scene.has_users:
            self.boxes[USERS] = Box.around((self.users_x, self.door_y), ICON, ICON)

    def _is_forwarded(self, row: _Row) -> bool:
        rest = [other for other in self.rows if other.front]
        following = rest[rest.index(row) + 1 :]
        return any(edge.target == other.fleet.key for other in following[:1] for edge in self.scene.edges)

    def _is_direct(self, edge: Edge) -> bool:
        """From the internet to a cluster, past every load balancer."""
        gateway = self.scene.gateway
        origin = gateway.key if gateway else USERS
        return edge.source == origin and any(row.fleet.key == edge.target for row in self.rows)

    def _place_things(self) -> None:
        scene = self.scene
        for key, row in self.inside.items():
            column = self._column(row.fleet.places[0])
            lines = len(self._label(next(thing for thing in scene.stores if thing.key == key)))
            y = row.box.cy - lines * LINE / 2
            self.boxes[key] = Box.around((column.right + THING / 2 + 4, y), 34, 34)
        zone_bottom = self.subnets_bottom + (PAD if self.zones else 0)
        low = self.zone_y + 6
        for thing in self.beside:
            sources = [self.boxes[edge.source].cy for edge in scene.edges if edge.target == thing.key]
            y = max(low + ICON / 2, *(sources or [0]))
            self.boxes[thing.key] = Box.around((self.stores_x + THING / 2, y), ICON, ICON)
            low = y + ICON / 2 + LINE * len(self._label(thing)) + 16
        self.vpc_bottom = max(zone_bottom, low - 10 if self.beside else 0) + PAD
        heights = [ICON + LINE * len(self._label(thing)) + 4 for thing in scene.regional]
        room = self.vpc_bottom - self.vpc_y
        gap = min(26.0, max(10.0, (room - sum(heights)) / max(1, len(heights) - 1))) if heights else 0
        y = self.vpc_y + 2
        for thing, height in zip(scene.regional, heights, strict=True):
            self.boxes[thing.key] = Box(self.regional_x + (THING - ICON) / 2, y, ICON, ICON)
            y += height + gap
        self.region_bottom = max(self.vpc_bottom, y - gap if heights else 0) + PAD
        self.cloud_bottom = self.region_bottom + PAD

    # -- groups --------------------------------------------------------------------------------------------------

    def _draw_groups(self) -> None:
        scene = self.scene
        self._group("cloud", self._span(self.cloud_x, self.cloud_y, self.cloud_right, self.cloud_bottom), INK)
        self._heading(self.cloud_x, self.cloud_y, "AWS Cloud", INK, icon=CLOUD_ICON)
        self._group(
            "region", self._span(self.region_x, self.region_y, self.region_right, self.region_bottom), TEAL, dash="2 3"
        )
        self._heading(self.region_x, self.region_y, f"Region {scene.region}", TEAL)
        if scene.vpc:
            box = self._span(self.vpc_x, self.vpc_y, self.vpc_right, self.vpc_bottom)
            self._group("vpc", box, PURPLE)
            self._heading(self.vpc_x, self.vpc_y, scene.vpc, PURPLE, icon=VPC_ICON, bold="VPC")
            if scene.vpc_notes:
                self._text(box.right - 8, box.y + 18, ", ".join(scene.vpc_notes), GREY, anchor="end")
        for zone in self.zones:
            box = Box(zone.x, self.zone_y, zone.width, self.subnets_bottom + PAD - self.zone_y)
            self._group("zone", box, BLUE, dash="6 4")
            title = f"Availability Zone {scene.region}{zone.name}"
            self._text(box.cx, box.y + 17, title, BLUE, anchor="middle")
            self._draw_subnets(zone)

    def _draw_subnets(self, zone: _Zone) -> None:
        right = zone.x + zone.width - PAD
        left = right - self.frame - 2 * PAD + 4 - (THING if self.inside else 0)
        if self.front in zone.places:
            top = self.bands_y
            box = Box(self.front_box_x, top, self.front_width, self.subnets_bottom - top)
            self._subnet(self.front, box)
        for number, place in enumerate(zone.bands):
            self._subnet(place, Box(left, self.bands_y + number * (HEADER + 14), right - left, HEADER + 8))
        for number, (place, rows) in enumerate(zone.segments):
            alone = len(zone.segments) == 1
            first = self.main[0] if alone else rows[0]
            top = first.box.y - HEADER
            last = number == len(zone.segments) - 1
            bottom = self.subnets_bottom if alone or last else rows[-1].box.bottom + PAD - 2
            self._subnet(place, Box(left, top, right - left, bottom - top))

    def _subnet(self, place: Place | None, box: Box) -> None:
        if place is None:
            return
        tint, colour, icon = (PUBLIC_TINT, GREEN, PUBLIC_ICON) if place.public else (PRIVATE_TINT, BLUE, PRIVATE_ICON)
        self.sheet.panels.append(Panel("subnet", box, stroke="none", fill=tint))
        self.sheet.icons.append(Icon(icon, Box(box.x, box.y, 20, 20)))
        self._text(box.x + 26, box.y + 15, place.name, colour, bold=True)
        name_width = text_width(place.name, WORD, bold=True)
        kind = "Public subnet" if place.public else "Private subnet"
        room = box.width - 26 - name_width - 16
        for words in (f"{kind} {place.cidr}", kind, ""):
            if words and text_width(words, WORD) <= room:
                self._text(box.right - 8, box.y + 15, words, colour, anchor="end")
                break

    def _group(self, role: str, box: Box, stroke: str, *, dash: str = "") -> None:
        self.sheet.panels.append(Panel(role, box, stroke, dash=dash))

    def _heading(self, x: float, y: float, text: str, colour: str, *, icon: str = "", bold: str = "") -> None:
        start = x + 8
        if icon:
            self.sheet.icons.append(Icon(icon, Box(x, y, 24, 24)))
            start = x + 32
        if bold:
            self._text(start, y + 17, bold, colour, size=NAME, bold=True)
            start += text_width(bold, NAME, bold=True) + 7
            self._text(start, y + 17, text, colour)
        else:
            self._text(start, y + 17, text, colour, size=NAME, bold=True)

    # -- rows and things -----------------------------------------------------------------------------------------

    def _draw_rows(self) -> None:
        scene = self.scene
        for row in self.rows:
            self._draw_row(row)
        for thing in (*scene.balancers, *scene.stores, *scene.regional):
            self._thing(thing, self.boxes[thing.key])
        if scene.gateway:
            box = self.boxes[scene.gateway.key]
            self.sheet.cards.append(Panel("gateway", box, stroke="none", fill="#ffffff", radius=GATE / 2))
            self.sheet.icons.append(Icon(scene.gateway.icon, box))
        if scene.has_users:
            self._thing(Thing(USERS, "Users", USERS_ICON, ("internet",)), self.boxes[USERS])

    def _draw_row(self, row: _Row) -> None:
        fleet, box = row.fleet, row.box
        colour = ORANGE if fleet.running or fleet.instances else GREY
        self.sheet.cards.append(
            Panel("fleet", box, colour, dash="5 3" if fleet.scaling or colour == GREY else "", radius=3)
        )
        if fleet.key[0] == "Cluster":
            self.sheet.icons.append(Icon(CLUSTER_ICON, Box(box.x + ROW_PAD, box.y + 4, 15, 15)))
        self._text(box.x + ROW_PAD + 20, box.y + 16, fleet.name, INK, bold=True)
        right = box.right - ROW_PAD
        if fleet.scaling:
            wide = len(fleet.places) > 1
            words = f"{fleet.scaling} instances" if wide else fleet.scaling
            self._text(right, box.y + 16, words, GREY, anchor="end")
            right -= text_width(words, WORD) + 19
            self.sheet.icons.append(Icon(SCALING_ICON, Box(right, box.y + 4, 15, 15)))
            services = [running for running in fleet.running if running.is_service]
            if wide and services:
                tasks = sum(running.tasks for running in services)
                words = f"{'service' if len(services) == 1 else 'services'} with {tasks} tasks"
                self._text(right - 14, box.y + 16, words, GREY, anchor="end")
        for place, count in fleet.instances:
            column = Box(box.x, 0, box.width, 0) if row.front else self._column(place)
            top = box.y + ROW_HEADER
            self._card(
                fleet, count, Box(column.x + ROW_PAD, top, column.width - 2 * ROW_PAD, box.bottom - ROW_PAD - top)
            )
        if not fleet.instances:
            words = ", ".join(running.name for running in fleet.running) or "nothing stands here yet"
            self._text(box.x + ROW_PAD + 20, box.y + ROW_HEADER + 16, words, GREY)

    def _card(self, fleet: Fleet, count: int, box: Box) -> None:
        lines = _card_lines(fleet, count)
        self.sheet.cards.append(Panel("card", box, HAIRLINE, fill="#ffffff", radius=3, weight=1))
        x = box.x + 8
        if count:
            self.sheet.icons.append(Icon(INSTANCE_ICON, Box(x, box.cy - 14, 28, 28)))
        x += 38
        y = box.cy - len(lines) * LINE / 2 + 10.5
        for number, line in enumerate(lines):
            indent = 0.0
            if number < len(fleet.running):
                self.sheet.icons.append(Icon(TASK_ICON, Box(x - 2, y - 10.5, 13, 13)))
                indent = 14.0
            start = x + indent
            for text, size, bold in line:
                self._text(start, y, text, INK if bold else GREY, size=size, bold=bold)
                start += text_width(text, size, bold=bold)
            y += LINE

    def _label(self, thing: Thing) -> list[tuple[str, bool]]:
        """The lines below an icon, the name in bold."""
        room = THING - 4
        names = [(line, True) for line in wrapped(thing.name, NAME, room, bold=True)]
        return names + [(line, False) for words in thing.words for line in wrapped(words, WORD, room)]

    def _thing(self, thing: Thing, box: Box) -> None:
        self.sheet.icons.append(Icon(thing.icon, box))
        y = box.bottom + LINE
        for line, bold in self._label(thing):
            self._text(box.cx, y, line, INK if bold else GREY, size=NAME if bold else WORD, bold=bold, anchor="middle")
            y += LINE

    # -- edges ---------------------------------------------------------------------------------------------------

    def _draw_edges(self) -> None:
        for edge in self.scene.edges:
            if edge.source in self.boxes and edge.target in self.boxes:
                self._draw_edge(edge)

    def _draw_edge(self, edge: Edge) -> None:
        source, target = self.boxes[edge.source], self.boxes[edge.target]
        row = next((row for row in self.rows if row.fleet.key == edge.target), None)
        if self._is_direct(edge) and row:
            y = self._entry(edge, target)
            self._line(edge, [(source.right, source.cy), (self.lane_x, source.cy), (self.lane_x, y), (target.x, y)])
            self._caption(edge, self._captions_x(row), y)
        elif self._enters_left(edge):
            y = self._entry(edge, target)
            self._line(edge, [(source.right, source.cy), (self.bus_x, source.cy), (self.bus_x, y), (target.x, y)])
            self._caption(edge, self.bus_x + BUS / 2, y)
        elif row and row.front:
            self._into_front(edge, source, row)
        elif self._needs_lane(edge):
            start, end = source.cy + self._shift(edge.source, out=True), target.cy + self._shift(edge.target, out=False)
            lane = self.lanes[edge.target]
            self._line(edge, [(source.right, start), (lane, start), (lane, end), (target.right, end)])
            self._above(edge, lane - 7, start, anchor="end")
        elif edge.target in self.inside:
            self._line(edge, [(source.right, source.cy), (target.x - 4, source.cy)])
            self._above(edge, (source.right + target.x) / 2, source.cy, anchor="middle")
        else:
            start = source.cy + self._shift(edge.source, out=True, store=True)
            end = target.cy if abs(target.cy - start) > ICON / 2 else start
            bend = target.x - 14
            tip = target.x - 4
            self._line(edge, [(source.right, start), (bend, start), (bend, end), (tip, end)])
            if edge.label:
                self._above(edge, bend - 8, start, anchor="end")

    def _into_front(self, edge: Edge, source: Box, row: _Row) -> None:
        """Down from the load balancer, or along the left side of the subnet, to a cluster that stands below."""
        balancer = next(balancer for balancer in self.scene.balancers if balancer.key == edge.source)
        top = source.bottom + LINE * (1 + len(balancer.words)) + 8
        x = row.box.x + 10
        above = [other for other in self.rows if other.front and other.box.y < row.box.y]
        if above:
            left = self.front_box_x + 3
            middle = row.box.cy
            self._line(edge, [(source.x, source.cy), (left, source.cy), (left, middle), (row.box.x, middle)])
            self._caption(edge, x + 6, row.box.y - 20)
        else:
            self._line(edge, [(source.cx, top), (source.cx, row.box.y)])
            self._caption(edge, source.cx + 8, (top + row.box.y) / 2 - 3, tight=True)

    def _entry(self, edge: Edge, target: Box) -> float:
        """The height at which an edge meets the left side of its cluster: several share it evenly."""
        entering = [other for other in self.scene.edges if other.target == edge.target and self._enters_left(other)]
        return target.y + target.height * (entering.index(edge) + 0.5) / len(entering)

    def _shift(self, key: Key, *, out: bool, store: bool = False) -> float:
        """Keeps apart what leaves the right side of a cluster and what comes in there."""
        outward = any(edge.source == key and not self._needs_lane(edge) for edge in self.scene.edges)
        lane = any(key in (edge.source, edge.target) and self._needs_lane(edge) for edge in self.scene.edges)
        if not (outward and lane):
            return 0.0
        return -12.0 if store else 12.0

    def _captions_x(self, row: _Row) -> float:
        return self.bus_x + BUS / 2 if not row.front else row.box.x

    def _line(self, edge: Edge, points: Iterable[Point]) -> None:
        kept: list[Point] = []
        for point in points:
            if kept and kept[-1] == point:
                continue
            in_line = len(kept) > 1 and any(kept[-1][axis] == kept[-2][axis] == point[axis] for axis in (0, 1))
            if in_line:
                kept.pop()
            kept.append(point)
        colour = GREY if edge.heard else RED
        self.sheet.lines.append(Line(tuple(kept), colour, dash="" if edge.heard else "4 3"))

    def _caption(self, edge: Edge, x: float, y: float, *, tight: bool = False) -> None:
        """The label above a line and the detail below it."""
        if tight:
            self._text(x, y, edge.label, INK)
            self._text(x, y + LINE, edge.detail, GREY)
            return
        self._text(x, y - 5, edge.label, INK)
        self._text(x, y + 13, edge.detail, GREY)

    def _above(self, edge: Edge, x: float, y: float, *, anchor: str) -> None:
        self._text(x, y - 5, edge.label, INK if edge.heard else RED, anchor=anchor)

    # -- the rest ------------------------------------------------------------------------------------------------

    def _draw_legend(self) -> None:
        """What is drawn differently, said once, below everything."""
        scene = self.scene
        y = self.cloud_bottom + 20
        x = self.cloud_x
        bottom = self.cloud_bottom + MARGIN
        entries: list[tuple[str, str, str]] = []
        if any(fleet.scaling for fleet in scene.fleets):
            entries.append(("frame", ORANGE, "ECS cluster on an Auto Scaling group"))
        if any(edge.heard and edge.label for edge in scene.edges):
            entries.append(("line", GREY, "forwarded or let in, with the port"))
        if any(not edge.heard for edge in scene.edges):
            entries.append(("dead", RED, "let in on a port where nothing listens"))
        for shape, colour, words in entries:
            if shape == "frame":
                self.sheet.cards.append(Panel("legend", Box(x, y - 11, 24, 14), colour, dash="5 3", radius=3))
            else:
                dash = "4 3" if shape == "dead" else ""
                self.sheet.lines.append(Line(((x, y - 4), (x + 24, y - 4)), colour, dash=dash))
            self._text(x + 31, y, words, GREY)
            x += 31 + text_width(words, WORD) + 26
            bottom = y + 8 + MARGIN
        self.sheet.height = bottom

    def _text(
        self,
        x: float,
        y: float,
        text: str,
        colour: str,
        *,
        size: float = WORD,
        bold: bool = False,
        anchor: str = "start",
    ) -> None:
        if text:
            self.sheet.texts.append(Text(x, y, text, size, colour, bold, anchor))

    @staticmethod
    def _span(left: float, top: float, right: float, bottom: float) -> Box:
        return Box(left, top, right - left, bottom - top)


def _card_lines(fleet: Fleet, count: int) -> list[list[tuple[str, float, bool]]]:
    """The lines of a card as pieces of text, size and boldness: each task, then the instance it runs on."""
    machine = fleet.instance_type if count == 1 else f"{count} × {fleet.instance_type}" if count else "no instances"
    ports = [f"{running.ports[0]} → {running.ports[1]}" if running.ports else "" for running in fleet.running]
    if len(fleet.running) == 1:
        words = f"{machine} · {ports[0]}" if ports[0] else machine
        return [[(fleet.running[0].name, NAME, True)], [(words, WORD, False)]]
    lines = [
        [(running.name, NAME, True), (f"  {port}", WORD, False)]
        for running, port in zip(fleet.running, ports, strict=True)
    ]
    return [*lines, [(machine, WORD, False)]]
