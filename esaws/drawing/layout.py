"""Render a scene as a sheet of shapes: AWS's groups, cards, labels, lines and a legend."""

from esaws.drawing.arrangement import Arrangement, header_width
from esaws.drawing.fonts import text_width
from esaws.drawing.labels import SPAN_GAP, card_lines, label_lines, scaling_text, service_text
from esaws.drawing.lines import draw_edges
from esaws.drawing.scene import USERS, Fleet, Node, Scene, SubnetArea
from esaws.drawing.shapes import Box, Icon, Line, Panel, Sheet
from esaws.drawing.style import (
    BLUE,
    BLUE_TEXT,
    CLOUD_ICON,
    FRAME_HEADER,
    FRAME_PAD,
    GATEWAY_SIZE,
    GREEN_TEXT,
    GREY,
    HAIRLINE,
    INK,
    INSTANCE_ICON,
    LABEL_WIDTH,
    LINE_HEIGHT,
    MARGIN,
    NAME_SIZE,
    ORANGE,
    PRIVATE_ICON,
    PRIVATE_TINT,
    PUBLIC_ICON,
    PUBLIC_TINT,
    PURPLE,
    PURPLE_TEXT,
    REGION_DASH,
    SCALING_DASH,
    SCALING_ICON,
    TASK_ICON,
    TEAL,
    TEXT_SIZE,
    USERS_ICON,
    VPC_ICON,
    WHITE,
    ZONE_DASH,
)


def render_scene(scene: Scene) -> Sheet:
    """Return the shapes of a scene. Pure."""
    arrangement = Arrangement(scene)
    sheet = Sheet()
    _groups(sheet, arrangement)
    for fleet in arrangement.fleets:
        _fleet(sheet, arrangement, fleet)
    _nodes(sheet, arrangement)
    draw_edges(sheet, arrangement)
    _legend(sheet, arrangement)
    _footnotes(sheet, arrangement)
    return sheet


# -- groups ------------------------------------------------------------------------------------------------------


def _groups(sheet: Sheet, at: Arrangement) -> None:
    scene = at.scene
    sheet.panels.append(Panel("cloud", at.cloud, INK))
    _heading(sheet, at.cloud, "AWS Cloud", INK, icon=CLOUD_ICON)
    sheet.panels.append(Panel("region", at.region, TEAL, dash=REGION_DASH))
    _heading(sheet, at.region, f"Region {scene.region}", TEAL)
    if scene.vpc:
        sheet.panels.append(Panel("vpc", at.vpc, PURPLE))
        _heading(sheet, at.vpc, scene.vpc, PURPLE_TEXT, icon=VPC_ICON)
        sheet.add_text(at.vpc.right - 8, at.vpc.y + 17, ", ".join(scene.vpc_notes), GREY, anchor="end")
    for zone in at.zones:
        sheet.panels.append(Panel("zone", zone.box, BLUE, dash=ZONE_DASH))
        title = f"Availability Zone {scene.region}{zone.name}"
        sheet.add_text(zone.box.cx, zone.box.y + 16, title, BLUE_TEXT, anchor="middle")
    subnets = at.subnet_boxes()
    wordy = all(_fits_in_header(subnet, box) for subnet, box in subnets)
    for subnet, box in subnets:
        _subnet(sheet, subnet, box, wordy)


def _heading(sheet: Sheet, box: Box, text: str, colour: str, *, icon: str = "") -> None:
    if icon:
        # AWS's logo has no background, so it keeps a distance from the border that square icons cover.
        inset = 3 if icon == CLOUD_ICON else 0
        sheet.icons.append(Icon(icon, Box(box.x + inset, box.y + inset, 24 - inset, 24 - inset)))
    sheet.add_text(box.x + (31 if icon else 8), box.y + 17, text, colour, size=NAME_SIZE, bold=True)


def _subnet_kind(subnet: SubnetArea) -> str:
    return "Public subnet" if subnet.public else "Private subnet"


def _fits_in_header(subnet: SubnetArea, box: Box) -> bool:
    return header_width(subnet, f"{_subnet_kind(subnet)} {subnet.cidr}") <= box.width


def _subnet(sheet: Sheet, subnet: SubnetArea, box: Box, wordy: bool) -> None:
    tint, colour, icon = (
        (PUBLIC_TINT, GREEN_TEXT, PUBLIC_ICON) if subnet.public else (PRIVATE_TINT, BLUE_TEXT, PRIVATE_ICON)
    )
    sheet.panels.append(Panel("subnet", box, stroke="none", fill=tint))
    sheet.icons.append(Icon(icon, Box(box.x, box.y, 20, 20)))
    sheet.add_text(box.x + 26, box.y + 15, subnet.name, colour, bold=True)
    sheet.add_text(
        box.right - 7,
        box.y + 15,
        f"{_subnet_kind(subnet)} {subnet.cidr}" if wordy else subnet.cidr,
        colour,
        anchor="end",
    )


# -- clusters ----------------------------------------------------------------------------------------------------


def _fleet(sheet: Sheet, at: Arrangement, fleet: Fleet) -> None:
    """Draw the frame of a cluster across its zones, and a card in each."""
    box = at.boxes[fleet.key]
    empty = not fleet.instances
    top, height = box.y, box.height
    if fleet.has_frame:
        dash = SCALING_DASH if fleet.scaling or empty else ""
        sheet.cards.append(Panel("fleet", box, GREY if empty else ORANGE, dash=dash, radius=3))
        sheet.icons.append(Icon(fleet.icon, Box(box.x + FRAME_PAD, box.y + 4, 15, 15)))
        title = f"{fleet.name} (continued)" if fleet.continued else fleet.name
        sheet.add_text(box.x + FRAME_PAD + 20, box.y + 15.5, title, INK, bold=True)
        if not fleet.continued:
            _scaling(sheet, fleet, box)
        top, height = box.y + FRAME_HEADER, box.height - FRAME_HEADER - FRAME_PAD
    for subnet, count in fleet.instances:
        column = box if at.is_in_front(fleet) else at.column_of(subnet)
        _card(sheet, fleet, subnet, count, Box(column.x + FRAME_PAD, top, column.width - 2 * FRAME_PAD, height))
    if empty:
        text = ", ".join(workload.name for workload in fleet.workloads) or fleet.placeholder
        sheet.add_text(box.x + FRAME_PAD + 20, top + 10, text, GREY)


def _scaling(sheet: Sheet, fleet: Fleet, box: Box) -> None:
    """Draw the limits of scaling at the right of a frame's header and, if there is room, the number of tasks."""
    if not fleet.scaling:
        return
    right = box.right - FRAME_PAD
    sheet.add_text(right, box.y + 15.5, scaling_text(fleet), GREY, anchor="end")
    right -= text_width(scaling_text(fleet), TEXT_SIZE) + 18
    sheet.icons.append(Icon(SCALING_ICON, Box(right, box.y + 4, 15, 15)))
    sheet.add_text(right - 12, box.y + 15.5, service_text(fleet), GREY, anchor="end")


def _card(sheet: Sheet, fleet: Fleet, subnet: str, count: int, box: Box) -> None:
    """Draw the instances of a cluster in one subnet, with their tasks."""
    lines = card_lines(fleet, subnet, count)
    sheet.cards.append(Panel("card", box, HAIRLINE, fill=WHITE, radius=3, weight=1))
    if count:
        sheet.icons.append(Icon(fleet.card_icon or INSTANCE_ICON, Box(box.x + 7, box.cy - 13, 26, 26)))
    x = box.x + 40
    y = box.cy - len(lines) * LINE_HEIGHT / 2 + 10.5
    for number, line in enumerate(lines):
        start = x
        if number < len(fleet.workloads) and fleet.has_frame:
            sheet.icons.append(Icon(TASK_ICON, Box(x - 1, y - 10.5, 13, 13)))
            start += 14
        for text, size, bold in line:
            sheet.add_text(start, y, text, INK if bold else GREY, size=size, bold=bold)
            start += text_width(text, size, bold=bold) + SPAN_GAP
        y += LINE_HEIGHT


# -- nodes ------------------------------------------------------------------------------------------------------


def _nodes(sheet: Sheet, at: Arrangement) -> None:
    scene = at.scene
    for node in (*scene.load_balancers, *at.other_stores):
        _icon_label_below(sheet, node, at.boxes[node.key])
    for node in (*scene.stores, *scene.regional):
        if node not in at.other_stores:
            _icon_label_beside(sheet, node, at.boxes[node.key])
    if scene.has_users:
        _icon_label_below(sheet, Node(USERS, "Users", USERS_ICON, ("internet",)), at.boxes[USERS])
    if scene.gateway:
        box = at.boxes[scene.gateway.key]
        # The gateway is on the border of the VPC, which must not be visible through it.
        sheet.cards.append(Panel("gateway", box, stroke="none", fill=WHITE, radius=GATEWAY_SIZE / 2))
        sheet.icons.append(Icon(scene.gateway.icon, box))
        room = text_width(scene.gateway.name, TEXT_SIZE) + 4
        sheet.cards.append(Panel("gateway", Box.around((box.cx, box.bottom + 9), room, 15), stroke="none", fill=WHITE))
        sheet.add_text(box.cx, box.bottom + 12, scene.gateway.name, GREY, anchor="middle")


def _icon_label_below(sheet: Sheet, node: Node, box: Box) -> None:
    sheet.icons.append(Icon(node.icon, box))
    y = box.bottom + LINE_HEIGHT
    for text, size, bold in label_lines(node, LABEL_WIDTH):
        sheet.add_text(box.cx, y, text, INK if bold else GREY, size=size, bold=bold, anchor="middle")
        y += LINE_HEIGHT


def _icon_label_beside(sheet: Sheet, node: Node, box: Box) -> None:
    sheet.icons.append(Icon(node.icon, box))
    lines = label_lines(node)
    y = box.cy - len(lines) * LINE_HEIGHT / 2 + 10.5
    for text, size, bold in lines:
        sheet.add_text(box.right + 7, y, text, INK if bold else GREY, size=size, bold=bold)
        y += LINE_HEIGHT


# -- the legend --------------------------------------------------------------------------------------------------


def _legend(sheet: Sheet, at: Arrangement) -> None:
    """Explain frames and lines below the picture."""
    x, y = at.cloud.x, at.cloud.bottom + 17
    sheet.width, sheet.height = at.cloud.right + MARGIN, at.cloud.bottom + MARGIN
    if any(fleet.scaling for fleet in at.scene.fleets):
        sheet.cards.append(Panel("legend", Box(x, y - 11, 24, 14), ORANGE, dash=SCALING_DASH, radius=3))
        x = _legend_entry(sheet, x, y, "ECS cluster on an Auto Scaling group")
    if any(edge.label for edge in at.scene.edges):
        sheet.lines.append(Line(((x, y - 4), (x + 24, y - 4))))
        _legend_entry(sheet, x, y, "what a listener rule forwards, or a security group lets in")


def _legend_entry(sheet: Sheet, x: float, y: float, text: str) -> float:
    sheet.add_text(x + 31, y, text, GREY)
    right = x + 31 + text_width(text, TEXT_SIZE)
    sheet.width, sheet.height = max(sheet.width, right + MARGIN), y + 4 + MARGIN
    return right + 24


def _footnotes(sheet: Sheet, at: Arrangement) -> None:
    """Draw the footnotes below the legend, one per line."""
    for text in at.scene.footnotes:
        y = sheet.height + LINE_HEIGHT - MARGIN
        sheet.add_text(at.cloud.x, y, text, GREY)
        right = at.cloud.x + text_width(text, TEXT_SIZE)
        sheet.width, sheet.height = max(sheet.width, right + MARGIN), y + 4 + MARGIN
