"""Write a sheet of shapes as SVG, with icons and fonts embedded."""

from html import escape
from math import hypot

from esaws.drawing.fonts import FAMILY, font_faces
from esaws.drawing.icons import data_uri
from esaws.drawing.shapes import Icon, Line, Panel, Point, Sheet, Text
from esaws.drawing.style import ARROW_SIZE, CORNER_RADIUS, GREY


def to_svg(sheet: Sheet, title: str, description: str) -> str:
    """Return the SVG text of a sheet; the same sheet gives the same text."""
    names = {name: f"i{number}" for number, name in enumerate(sorted({icon.name for icon in sheet.icons}))}
    size = f"{_number(sheet.width)} {_number(sheet.height)}"
    width, height = size.split()
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="{width}" '
            f'height="{height}" viewBox="0 0 {size}" role="img" aria-labelledby="title desc" '
            f'font-family="{FAMILY}">',
            f'<title id="title">{escape(title)}</title>',
            f'<desc id="desc">{escape(description)}</desc>',
            f"<defs><style>{font_faces()}</style>",
            *(_symbol(name, names[name]) for name in names),
            "</defs>",
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
            *map(_panel, sheet.panels),
            *map(_line, sheet.lines),
            *map(_panel, sheet.cards),
            *(_icon(icon, names[icon.name]) for icon in sheet.icons),
            *map(_text, sheet.texts),
            "</svg>",
            "",
        ]
    )


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _symbol(name: str, id: str) -> str:
    image = f'<image width="100" height="100" xlink:href="{data_uri(name)}"/>'
    return f'<symbol id="{id}" viewBox="0 0 100 100">{image}</symbol>'


def _icon(icon: Icon, id: str) -> str:
    box = icon.box
    return (
        f'<use xlink:href="#{id}" x="{_number(box.x)}" y="{_number(box.y)}" width="{_number(box.width)}" '
        f'height="{_number(box.height)}"/>'
    )


def _panel(panel: Panel) -> str:
    box = panel.box
    radius = f' rx="{_number(panel.radius)}"' if panel.radius else ""
    dash = f' stroke-dasharray="{panel.dash}"' if panel.dash else ""
    return (
        f'<rect x="{_number(box.x)}" y="{_number(box.y)}" width="{_number(box.width)}" height="{_number(box.height)}"'
        f'{radius} fill="{panel.fill}" stroke="{panel.stroke}" stroke-width="{panel.weight:g}"{dash}/>'
    )


def _text(text: Text) -> str:
    weight = ' font-weight="700"' if text.bold else ""
    anchor = f' text-anchor="{text.anchor}"' if text.anchor != "start" else ""
    return (
        f'<text x="{_number(text.x)}" y="{_number(text.y)}" font-size="{text.size:g}"{weight}{anchor} '
        f'fill="{text.colour}">{escape(text.text)}</text>'
    )


def _line(line: Line) -> str:
    points = list(line.points)
    head = ""
    if line.arrow:
        tip, last = points[-1], points[-2]
        points[-1] = _point_towards(tip, last, ARROW_SIZE - 1)
        head = _arrow(tip, last)
    path = f"M{_point(points[0])}"
    for number, (previous, corner, following) in enumerate(zip(points, points[1:], points[2:], strict=False)):
        before, after = _length(previous, corner), _length(corner, following)
        # The first and the last segment belong to one corner only.
        radius = min(
            CORNER_RADIUS, before if number == 0 else before / 2, after if number == len(points) - 3 else after / 2
        )
        path += f"L{_point(_point_towards(corner, previous, radius))}"
        path += f"Q{_point(corner)} {_point(_point_towards(corner, following, radius))}"
    path += f"L{_point(points[-1])}"
    return f'<path d="{path}" fill="none" stroke="{GREY}" stroke-width="1.5"/>{head}'


def _arrow(tip: Point, before: Point) -> str:
    back = _point_towards(tip, before, ARROW_SIZE)
    across = ((back[1] - tip[1]) / 2, (tip[0] - back[0]) / 2)
    corners = [tip, (back[0] + across[0], back[1] + across[1]), (back[0] - across[0], back[1] - across[1])]
    return f'<path d="M{"L".join(map(_point, corners))}Z" fill="{GREY}"/>'


def _point(point: Point) -> str:
    return f"{_number(point[0])} {_number(point[1])}"


def _length(a: Point, b: Point) -> float:
    return hypot(a[0] - b[0], a[1] - b[1])


def _point_towards(start: Point, end: Point, distance: float) -> Point:
    """The point at this distance from `start` towards `end`."""
    length = _length(start, end)
    if not length:
        return start
    share = distance / length
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share
