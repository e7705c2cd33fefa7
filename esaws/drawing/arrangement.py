"""The positions of a drawing: zones are columns, clusters are rows, lines run in the gaps between them.

From left to right: users, load balancers, the clusters in their subnets, the stores of the VPC; below, the services of
the region.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from esaws.drawing.fonts import text_width
from esaws.drawing.labels import card_lines, label_lines, label_width, line_width, scaling_text, service_text
from esaws.drawing.rows import arrange_rows
from esaws.drawing.scene import USERS, Edge, Fleet, Key, Node, Scene, SubnetArea
from esaws.drawing.shapes import Box
from esaws.drawing.style import (
    CARD_HEIGHT,
    FRAME_GAP,
    FRAME_HEADER,
    FRAME_PAD,
    GATEWAY_SIZE,
    GROUP_HEADER,
    ICON_SIZE,
    LABEL_WIDTH,
    LINE_HEIGHT,
    MARGIN,
    PADDING,
    SMALL_ICON_SIZE,
    TEXT_SIZE,
)

ZONE_PAD = 7.0
SUBNET_PAD = 6.0
BAND = GROUP_HEADER + 8
CAPTION_GAP = 8.0
ABOVE_FRONT = 40.0
CAPTION_HEIGHT = 36.0
MIN_WIDTH = 320.0


@dataclass
class Zone:
    """An availability zone: empty subnets are bands at the top, used ones surround their rows.

    If all subnets are empty, they share the height.
    """

    name: str
    empty_subnets: list[SubnetArea] = field(default_factory=list)
    used_subnets: list[tuple[SubnetArea, list[Fleet]]] = field(default_factory=list)
    box: Box = field(default_factory=lambda: Box(0, 0, 0, 0))


class Arrangement:
    """The position of everything in a scene, computed once from the scene alone."""

    def __init__(self, scene: Scene) -> None:
        self.subnets_by_name = {subnet.name: subnet for subnet in scene.subnets}
        self.boxes: dict[Key, Box] = {}
        """The ends of lines: a cluster's frame, a node's icon."""
        self.front_subnet = front = self._find_front_subnet(scene)
        if front:  # its zone is the first column, beside the internet
            subnets = sorted(scene.subnets, key=lambda subnet: subnet.zone != front.zone)
            scene = replace(scene, subnets=tuple(subnets))
        self.scene = arrange_rows(scene, front)
        self.fleets = self.scene.fleets
        self.back_fleets = [fleet for fleet in self.fleets if not self.is_in_front(fleet)]
        self.placed_fleets = [fleet for fleet in self.back_fleets if fleet.subnets]
        self.front_fleets = [fleet for fleet in self.fleets if self.is_in_front(fleet)]
        self.zones = self._make_zones()
        self.stores_in_subnets = self._stores_beside_fleets()
        self.other_stores = [node for node in self.scene.stores if node.key not in self.stores_in_subnets]
        self._measure()
        self._place_columns()
        self._place_rows()
        self._place_load_balancers()
        self._place_front_fleets()
        self._place_users_and_gateway()
        self._place_stores()
        self._place_groups()

    # -- what goes together --------------------------------------------------------------------------------------

    def _find_front_subnet(self, scene: Scene) -> SubnetArea | None:
        """The subnet of all load balancers, if it is one and clusters are in other subnets behind it."""
        homes = {load_balancer.subnets for load_balancer in scene.load_balancers}
        if len(homes) != 1 or len(home := homes.pop()) != 1:
            return None
        elsewhere = {subnet for fleet in scene.fleets for subnet in fleet.subnets} - set(home)
        return self.subnets_by_name.get(home[0]) if elsewhere else None

    def is_in_front(self, fleet: Fleet) -> bool:
        """Whether the fleet is in the subnet of the load balancers."""
        return self.front_subnet is not None and fleet.subnets == (self.front_subnet.name,)

    def _make_zones(self) -> list[Zone]:
        zones: dict[str, Zone] = {}
        for subnet in self.scene.subnets:
            zone = zones.setdefault(subnet.zone, Zone(subnet.zone))
            fleets = [fleet for fleet in self.back_fleets if subnet.name in fleet.subnets]
            if fleets:
                zone.used_subnets.append((subnet, fleets))
            elif subnet != self.front_subnet:
                zone.empty_subnets.append(subnet)
        for zone in zones.values():
            zone.used_subnets.sort(key=lambda filled: self.back_fleets.index(filled[1][0]))
        return list(zones.values())

    def _stores_beside_fleets(self) -> dict[Key, Fleet]:
        """The stores in a single subnet, each beside a cluster of that subnet."""
        found: dict[Key, Fleet] = {}
        for node in self.scene.stores:
            for fleet in self.back_fleets:
                if len(node.subnets) == 1 and node.subnets == fleet.subnets and fleet not in found.values():
                    found[node.key] = fleet
                    break
        return found

    # -- the route of an edge ----------------------------------------------------------------------------------

    def is_direct(self, edge: Edge) -> bool:
        """Whether it leads from the internet to a cluster, past the load balancers."""
        origin = self.scene.gateway.key if self.scene.gateway else USERS
        return edge.source == origin and self._is_fleet(edge.target)

    def enters_left(self, edge: Edge) -> bool:
        """Whether it enters the left side of a cluster, where captions are."""
        source_behind = any(fleet.key == edge.source for fleet in self.back_fleets)
        return any(fleet.key == edge.target for fleet in self.back_fleets) and not source_behind

    def needs_lane(self, edge: Edge) -> bool:
        """Whether it goes around the right side, from a cluster to another or to a store beside another."""
        if not any(fleet.key == edge.source for fleet in self.back_fleets):
            return False
        beside = self.stores_in_subnets.get(edge.target)
        return any(fleet.key == edge.target for fleet in self.back_fleets) or (
            beside is not None and beside.key != edge.source
        )

    def _is_fleet(self, key: Key) -> bool:
        return any(fleet.key == key for fleet in self.fleets)

    def edges_into(self, fleet: Fleet) -> list[Edge]:
        """The edges into the left side of a cluster."""
        return [edge for edge in self.scene.edges if edge.target == fleet.key and self.enters_left(edge)]

    # -- columns -------------------------------------------------------------------------------------------------

    def _measure(self) -> None:
        names = [header_width(subnet, subnet.cidr) - 2 * SUBNET_PAD for subnet in self.scene.subnets]
        self.frame_width = max([170.0, *names, *map(self._frame_width, self.fleets)])
        inside = [node for node in self.scene.stores if node.key in self.stores_in_subnets]
        self.store_slot_width = max(
            (PADDING + SMALL_ICON_SIZE + 6 + label_width(node) + 4 for node in inside), default=0.0
        )
        self.subnet_width = self.frame_width + 2 * SUBNET_PAD + self.store_slot_width
        captions = [edge for edge in self.scene.edges if self.enters_left(edge)]
        self.caption_width = max(
            (text_width(text, TEXT_SIZE) for edge in captions for text in (edge.label, edge.detail)), default=0
        )

    def _frame_width(self, fleet: Fleet) -> float:
        lines = [line for subnet, count in fleet.instances for line in card_lines(fleet, subnet, count)]
        text = max((line_width(line) for line in lines), default=0)
        card = 2 * FRAME_PAD + 40 + 14 + text + 8
        if not fleet.has_frame:
            return card
        name = 20 + text_width(fleet.name, TEXT_SIZE, bold=True)
        notes = [18 + text_width(scaling_text(fleet), TEXT_SIZE)] if fleet.scaling else []
        notes += [12 + text_width(service_text(fleet), TEXT_SIZE)] if service_text(fleet) else []
        # Over several zones the name is in the first and the notes are in the last.
        header = max(name, sum(notes)) if len(fleet.subnets) > 1 else name + 8 + sum(notes)
        return max(card, 2 * FRAME_PAD + header)

    def _place_columns(self) -> None:
        scene = self.scene
        x = MARGIN
        self.users_x = x + 25
        if scene.has_users:
            x += 58
        self.cloud_x = x
        self.region_x = x + PADDING
        self.vpc_x = self.region_x + PADDING + (GATEWAY_SIZE / 2 + 4 if scene.gateway else 0)
        x = self.vpc_x + (GATEWAY_SIZE / 2 if scene.gateway else 0)
        self.lane_x = x + 8
        gutter = CAPTION_GAP + self.caption_width + 6 if self.caption_width else 0.0
        first = x + (18 if scene.gateway else PADDING)
        if self.front_subnet:
            self.front_x = first + ZONE_PAD
            beneath = self._caption_width_below() + 20
            self.front_width = max(self.frame_width + 2 * SUBNET_PAD, ICON_SIZE + beneath)
            self.balancer_x = self.front_x + min(self.front_width / 2, self.front_width - beneath)
            self.bus_x = self.front_x + self.front_width + 10
            x = self.bus_x + gutter + 4 - ZONE_PAD
        else:
            self.balancer_x = x + 28 + ICON_SIZE / 2
            x = self.balancer_x + self._load_balancer_half_width() if scene.load_balancers else self.lane_x
            self.bus_x = x + 10
            x = self.bus_x + gutter if gutter else x + 28 if scene.load_balancers else first
        for number, zone in enumerate(self.zones):
            left = first if self.front_subnet and number == 0 else x
            right = x + self.subnet_width + 2 * ZONE_PAD
            zone.box = Box(left, 0, right - left, 0)
            x = right + PADDING
        self.zones_right = x - PADDING if self.zones else x + (self.frame_width if self.fleets else 0)
        self._place_lanes()

    def _load_balancer_half_width(self) -> float:
        """From the centre of a load balancer to the nearest line: beside its icon, or its label if that is wider."""
        text = [min(label_width(load_balancer), LABEL_WIDTH) / 2 - 4 for load_balancer in self.scene.load_balancers]
        return max([ICON_SIZE / 2, *text])

    def _caption_width_below(self) -> float:
        """The width of the captions below a load balancer, beside the line down to its own subnet."""
        front = {fleet.key for fleet in self.front_fleets}
        edges = [edge for edge in self.scene.edges if edge.target in front]
        return max((text_width(text, TEXT_SIZE) for edge in edges for text in (edge.label, edge.detail)), default=0)

    def _place_lanes(self) -> None:
        """Right of the zones: a lane for each cluster that others reach, then the stores."""
        edges = self.scene.edges
        x = self.zones_right
        self.lanes: dict[Key, float] = {}
        for target in dict.fromkeys(edge.target for edge in edges if self.needs_lane(edge)):
            x += (
                4
                + max(
                    text_width(edge.label, TEXT_SIZE)
                    for edge in edges
                    if edge.target == target and self.needs_lane(edge)
                )
                + 6
            )
            self.lanes[target] = x
        self.last_lane = x
        stored = {node.key for node in self.other_stores}
        labels = [text_width(edge.label, TEXT_SIZE) for edge in edges if edge.target in stored]
        self.store_x = x + max([0.0, *labels]) + 8 + LABEL_WIDTH / 2
        if self.other_stores:
            x = self.store_x + LABEL_WIDTH / 2
        self.content_right = max(x + PADDING, self.vpc_x + MIN_WIDTH)

    def column_of(self, subnet: str) -> Box:
        """The x and width of a frame in the zone of a subnet."""
        zone = next(zone for zone in self.zones if zone.name == self.subnets_by_name[subnet].zone)
        left = zone.box.right - ZONE_PAD - self.subnet_width + SUBNET_PAD
        return Box(left, 0, self.frame_width, 0)

    # -- rows ----------------------------------------------------------------------------------------------------

    def _place_rows(self) -> None:
        self.cloud_y = MARGIN
        self.region_y = self.cloud_y + GROUP_HEADER
        self.vpc_y = self.region_y + GROUP_HEADER
        self.zone_y = self._place_unplaced(self.vpc_y + GROUP_HEADER + 6 if self.scene.vpc else self.vpc_y)
        self.subnet_y = self.zone_y + (GROUP_HEADER - 2 if self.zones else 0)
        y = self.subnet_y + max((len(zone.empty_subnets) for zone in self.zones if zone.used_subnets), default=0) * (
            BAND + PADDING
        )
        self.grid_y = y
        crowded = [zone for zone in self.zones if len(zone.used_subnets) > 1]
        beginning = {fleets[0].key for zone in crowded for _, fleets in zone.used_subnets}
        for number, fleet in enumerate(self.placed_fleets):
            if number == 0:
                y += GROUP_HEADER - 2 if self.zones else 0
            elif fleet.key in beginning:
                y += SUBNET_PAD + PADDING + GROUP_HEADER - 2
            else:
                y += FRAME_GAP
            columns = [self.column_of(subnet) for subnet in fleet.subnets]
            left, right = min(column.x for column in columns), max(column.right for column in columns)
            self.boxes[fleet.key] = Box(left, y, right - left, self._frame_height(fleet))
            y = self.boxes[fleet.key].bottom
        self.bottom = y + SUBNET_PAD if self.placed_fleets else y

    def _place_unplaced(self, y: float) -> float:
        """Place the clusters without instances, which are in no subnet, above the zones; return where these begin."""
        right = self.zones_right
        left = min([right - self.frame_width, *(self.column_of(subnet).x for subnet in self.subnets_by_name)])
        for fleet in self.back_fleets:
            if not fleet.subnets:
                self.boxes[fleet.key] = Box(left, y, right - left, self._frame_height(fleet))
                y = self.boxes[fleet.key].bottom + FRAME_GAP
        return y

    def _frame_height(self, fleet: Fleet) -> float:
        lines = max((len(card_lines(fleet, subnet, count)) for subnet, count in fleet.instances), default=0)
        body = max(CARD_HEIGHT, lines * LINE_HEIGHT + 10) if lines else LINE_HEIGHT + 4
        if not fleet.has_frame:
            return body
        return max(FRAME_HEADER + body + FRAME_PAD, len(self.edges_into(fleet)) * CAPTION_HEIGHT)

    def _place_load_balancers(self) -> None:
        """Place each at the mean height of its targets."""
        lowest = self.grid_y + GROUP_HEADER
        for load_balancer in self.scene.load_balancers:
            targets = [self.boxes[edge.target].cy for edge in self.scene.edges if self._is_from(load_balancer, edge)]
            y = sum(targets) / len(targets) if targets else lowest + ICON_SIZE / 2
            y = self._below_direct_lines(max(y, lowest + ICON_SIZE / 2), self.label_height(load_balancer))
            self.boxes[load_balancer.key] = Box.around((self.balancer_x, y), ICON_SIZE, ICON_SIZE)
            lowest = y + ICON_SIZE / 2 + self.label_height(load_balancer) + 10
        self.balancers_bottom = lowest if self.scene.load_balancers else self.grid_y
        self.bottom = max(self.bottom, self.balancers_bottom - 4)

    def _below_direct_lines(self, y: float, label_height: float) -> float:
        """The height for a load balancer, moved down until no line from the internet to a cluster crosses it."""
        crossing = sorted(
            self.entry_y(edge) for edge in self.scene.edges if self.is_direct(edge) and self.enters_left(edge)
        )
        for line in crossing:
            if y - ICON_SIZE / 2 - 6 < line < y + ICON_SIZE / 2 + label_height + 6:
                y = line + ICON_SIZE / 2 + 6
        return y

    def entry_y(self, edge: Edge) -> float:
        """The height at which an edge meets the left side of its cluster; several are spread evenly."""
        fleet = next(fleet for fleet in self.back_fleets if fleet.key == edge.target)
        box, entering = self.boxes[edge.target], self.edges_into(fleet)
        return box.y + box.height * (entering.index(edge) + 0.5) / len(entering)

    def _is_from(self, load_balancer: Node, edge: Edge) -> bool:
        return edge.source == load_balancer.key and any(fleet.key == edge.target for fleet in self.back_fleets)

    def label_height(self, node: Node) -> float:
        """The height of a label below an icon."""
        return LINE_HEIGHT * len(label_lines(node, LABEL_WIDTH)) + 4

    def _place_front_fleets(self) -> None:
        """Place the clusters in the subnet of the load balancers below these, down to the bottom."""
        heights = [self._frame_height(fleet) for fleet in self.front_fleets]
        gaps = [ABOVE_FRONT if self._is_forwarded(fleet) else FRAME_GAP for fleet in self.front_fleets]
        needed = sum(heights) + sum(gaps)
        self.bottom = max(self.bottom, self.balancers_bottom + needed + SUBNET_PAD)
        y = self.bottom - SUBNET_PAD - needed
        for fleet, height, gap in zip(self.front_fleets, heights, gaps, strict=True):
            y += gap
            self.boxes[fleet.key] = Box(self.front_x + SUBNET_PAD, y, self.front_width - 2 * SUBNET_PAD, height)
            y += height

    def _is_forwarded(self, fleet: Fleet) -> bool:
        return any(edge.target == fleet.key and edge.source in self.boxes for edge in self.scene.edges)

    def _place_users_and_gateway(self) -> None:
        """Place users and the internet gateway at the height of the first load balancer."""
        scene = self.scene
        load_balancers = [self.boxes[load_balancer.key].cy for load_balancer in scene.load_balancers]
        direct = [self.boxes[edge.target].cy for edge in scene.edges if self.is_direct(edge)]
        empty = [len(zone.empty_subnets) for zone in self.zones if not zone.used_subnets]
        self.bottom = max(
            self.bottom, self.grid_y + 40, self.subnet_y + max(empty, default=0) * (BAND + PADDING) - PADDING
        )
        y = [*load_balancers, *direct, (self.zone_y + self.bottom) / 2][0]
        if scene.gateway:
            self.boxes[scene.gateway.key] = Box.around((self.vpc_x, y), GATEWAY_SIZE, GATEWAY_SIZE)
        if scene.has_users:
            self.boxes[USERS] = Box.around((self.users_x, y), ICON_SIZE, ICON_SIZE)

    def _place_stores(self) -> None:
        for key, fleet in self.stores_in_subnets.items():
            column, row = self.column_of(fleet.subnets[0]), self.boxes[fleet.key]
            self.boxes[key] = Box(
                column.right + PADDING, row.cy - SMALL_ICON_SIZE / 2, SMALL_ICON_SIZE, SMALL_ICON_SIZE
            )
        low = self.zone_y + 6
        for node in self.other_stores:
            sources = [self.boxes[edge.source].cy for edge in self.scene.edges if edge.target == node.key]
            y = max(low + ICON_SIZE / 2, *sources, 0)
            self.boxes[node.key] = Box.around((self.store_x, y), ICON_SIZE, ICON_SIZE)
            low = y + ICON_SIZE / 2 + self.label_height(node) + 18
        self.stores_bottom = low - 18 if self.other_stores else 0

    # -- groups --------------------------------------------------------------------------------------------------

    def _place_groups(self) -> None:
        for zone in self.zones:
            zone.box = Box(zone.box.x, self.zone_y, zone.box.width, self.bottom + ZONE_PAD - self.zone_y)
        inner = self.bottom + (ZONE_PAD if self.zones else 0)
        self.vpc = self._span(self.vpc_x, self.vpc_y, self.content_right, max(inner, self.stores_bottom) + PADDING)
        below = self.vpc.bottom + 10 if self.scene.vpc or self.fleets else self.vpc_y
        strip_bottom = self._place_regional(below)
        right = max(self.vpc.right, self.regional_right) + PADDING
        self.region = self._span(self.region_x, self.region_y, right, strip_bottom + PADDING)
        self.cloud = self._span(self.cloud_x, self.cloud_y, right + PADDING, self.region.bottom + PADDING)

    def _place_regional(self, y: float) -> float:
        """Place the services of the region in lines below the VPC, with labels beside the icons."""
        left = self.vpc_x
        room = max(self.vpc.right, left + 480) - left
        self.regional_right = left + MIN_WIDTH if not self.scene.vpc else self.vpc.right
        lines: list[list[Node]] = []
        for node in self.scene.regional:
            if lines and self._strip_width([*lines[-1], node]) <= room:
                lines[-1].append(node)
            else:
                lines.append([node])
        bottom = self.vpc.bottom if self.scene.vpc or self.fleets else y + 10
        for line in lines:
            widest = max(self._strip_width(other) - 20 * (len(other) - 1) for other in lines)
            gap = min(60.0, (room - widest) / max(1, max(map(len, lines)) - 1))
            height = max(SMALL_ICON_SIZE, *(LINE_HEIGHT * len(label_lines(node)) for node in line))
            x = left
            for node in line:
                self.boxes[node.key] = Box(x, y + (height - SMALL_ICON_SIZE) / 2, SMALL_ICON_SIZE, SMALL_ICON_SIZE)
                x += self._strip_width([node]) + gap
            self.regional_right = max(self.regional_right, x - gap)
            bottom = y + height
            y = bottom + 12
        return bottom

    @staticmethod
    def _strip_width(nodes: list[Node]) -> float:
        return sum(SMALL_ICON_SIZE + 7 + label_width(node) for node in nodes) + 20 * (len(nodes) - 1)

    def subnet_boxes(self) -> list[tuple[SubnetArea, Box]]:
        """Every subnet with its area."""
        found = []
        for zone in self.zones:
            right = zone.box.right - ZONE_PAD
            left = right - self.subnet_width
            step = (
                BAND + PADDING
                if zone.used_subnets
                else (self.bottom - self.subnet_y + PADDING) / max(1, len(zone.empty_subnets))
            )
            for number, subnet in enumerate(zone.empty_subnets):
                found.append((subnet, Box(left, self.subnet_y + number * step, self.subnet_width, step - PADDING)))
            for number, (subnet, fleets) in enumerate(zone.used_subnets):
                first = self.placed_fleets[0] if number == 0 else fleets[0]
                last = number == len(zone.used_subnets) - 1
                top = self.boxes[first.key].y - GROUP_HEADER + 2
                bottom = self.bottom if last else self.boxes[fleets[-1].key].bottom + SUBNET_PAD
                found.append((subnet, self._span(left, top, right, bottom)))
            if self.front_subnet and self.front_subnet.zone == zone.name:
                front = self._span(self.front_x, self.subnet_y, self.front_x + self.front_width, self.bottom)
                found.append((self.front_subnet, front))
        return found

    @staticmethod
    def _span(left: float, top: float, right: float, bottom: float) -> Box:
        return Box(left, top, right - left, bottom - top)


def header_width(subnet: SubnetArea, detail: str) -> float:
    """The width of a subnet's first line: icon, name and detail."""
    return 26 + text_width(subnet.name, TEXT_SIZE, bold=True) + 8 + text_width(detail, TEXT_SIZE) + 7
