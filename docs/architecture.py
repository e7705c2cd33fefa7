"""Draw docs/architecture.svg from the imports of both packages: `python docs/architecture.py`."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "architecture.svg"

Rows = list[list[str]]

ESAWS: Rows = [
    ["cli", "dev"],
    ["doctor", "course", "runbooks", "notebooks"],
    ["images", "operations", "data_plane"],
    ["drawing", "leases"],
    ["costs", "inspect"],
    ["simulation", "running_services", "service_history"],
    ["deploy"],
    ["reference", "architecture"],
    ["resources", "resource"],
    ["cloud", "local_aws"],
    ["lost_answers", "call_log", "pricelist", "chart", "progress", "_display"],
    [
        "aws",
        "service_models",
        "documented",
        "durations",
        "timestamps",
        "environment",
        "files",
        "interrupts",
        "masking",
        "process_identity",
        "errors",
    ],
]
"""The rooms of `esaws` from the top down. A room imports rooms of lower rows, and those to its right."""

SERVER: Rows = [
    ["__main__"],
    ["server"],
    [
        "dispatch",
        "identity",
        "cbor",
        "keep_alive",
        "peer_user",
        "loopback_guard",
        "request_guard",
        "control_token",
        "connections",
        "owner",
    ],
    ["services"],
    ["snapshots", "faults"],
    ["fidelity"],
    ["billing"],
    [
        "request_validation",
        "not_found",
        "preserved_fields",
        "tag_index",
        "moto_memory",
        "moto_performance",
        "moto_serialization",
        "xml_writing",
        "aws_models",
        "query_errors",
    ],
    ["clock", "hooks"],
    ["call", "control", "data_plane", "locks", "clone"],
    [
        "behaviours",
        "response_parsing",
        "backends",
        "refusal_words",
        "errors",
        "process_memory",
        "reset",
        "json_nulls",
        "request_parsing",
        "request_rewriting",
    ],
]
"""The rooms of the local AWS, in the same way."""

PACKAGES = {
    "esaws": (ROOT / "esaws", ESAWS),
    "local_aws_server": (ROOT / "local_aws_server/src/local_aws_server", SERVER),
}

WIDTH, HEIGHT, GAP, ROW = 116, 30, 14, 70
MARGIN, BETWEEN = 30, 90


def width_of(rows: Rows) -> int:
    """The pixels of the widest row."""
    return max(map(len, rows)) * (WIDTH + GAP) - GAP


LEFT = {"esaws": MARGIN, "local_aws_server": MARGIN + width_of(ESAWS) + BETWEEN}
TOP = 74
DARK = "#232f3e"
PANEL = 'fill="#f5f7fa" stroke="#c9d2dc"'
BOX = 'fill="#ffffff" stroke="#4a90a4" stroke-width="1.2"'
CENTRED = 'text-anchor="middle"'


@dataclass(frozen=True)
class Room:
    """A folder or module directly in a package, with the rooms it imports."""

    package: str
    name: str
    imports: frozenset[tuple[str, str]]


def modules(package: str) -> Iterator[tuple[str, Path]]:
    """Each file of a package with the name of its room; the package's own `__init__` belongs to none."""
    folder, _ = PACKAGES[package]
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder).with_suffix("").parts[0]
        if name not in ("__init__", "_lazy"):
            yield name, path


def imported_rooms(path: Path) -> set[tuple[str, str]]:
    """The rooms (package, name) that a file imports, wherever in it; `from esaws import costs` counts as `costs`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    parts = [name.split(".") for name in found]
    return {(part[0], part[1]) for part in parts if part[0] in PACKAGES and len(part) > 1 and part[1] != "_lazy"}


def rooms() -> dict[tuple[str, str], Room]:
    """All rooms of both packages by (package, name)."""
    imports: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for package in PACKAGES:
        for name, path in modules(package):
            imports.setdefault((package, name), set()).update(imported_rooms(path))
    return {
        key: Room(*key, frozenset(other for other in found if other in imports and other != key))
        for key, found in imports.items()
    }


def below(room: Room, every: dict[tuple[str, str], Room]) -> set[tuple[str, str]]:
    """Everything that a room reaches through its imports."""
    found: set[tuple[str, str]] = set()
    waiting = list(room.imports)
    while waiting:
        key = waiting.pop()
        if key not in found:
            found.add(key)
            waiting += every[key].imports
    return found


def arrows(every: dict[tuple[str, str], Room]) -> list[tuple[tuple[str, str], tuple[str, str]]]:
    """The imports that no chain of other imports implies."""
    implied = {
        key: set(chain.from_iterable(below(every[each], every) for each in room.imports)) for key, room in every.items()
    }
    return sorted((key, each) for key, room in every.items() for each in room.imports if each not in implied[key])


def places() -> dict[tuple[str, str], tuple[float, float]]:
    """The upper left corner of each room, in pixels."""
    found = {}
    for package, (_, rows) in PACKAGES.items():
        widest = width_of(rows)
        for number, row in enumerate(rows):
            left = LEFT[package] + (widest - len(row) * (WIDTH + GAP) + GAP) / 2
            for index, name in enumerate(row):
                found[package, name] = (left + index * (WIDTH + GAP), TOP + number * ROW)
    return found


def svg() -> str:
    """The picture as SVG text."""
    every, corner = rooms(), places()
    if missing := [f"{package}.{name}" for package, name in sorted(set(every) - set(corner))]:
        raise SystemExit(f"docs/architecture.py: add {', '.join(missing)} to the rows")
    corner = {key: place for key, place in corner.items() if key in every}
    height = max(y for _, y in corner.values()) + HEIGHT + 30
    width = max(x for x, _ in corner.values()) + WIDTH + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" font-family="Arial, sans-serif">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z" fill="#8a97a8"/></marker></defs>',
        f'<rect width="{width:g}" height="{height:g}" fill="#ffffff"/>',
    ]
    for package, (_, rows) in PACKAGES.items():
        wide = width_of(rows) + 28
        own = [place for (owner, _), place in corner.items() if owner == package]
        tall = max(y for _, y in own) + HEIGHT + 14 - (TOP - 44)
        left = LEFT[package]
        parts.append(
            f'<rect x="{left - 14}" y="{TOP - 44}" width="{wide}" height="{tall:g}" rx="8" {PANEL}/>'
            f'<text x="{left}" y="{TOP - 20}" font-size="15" font-weight="bold" fill="{DARK}">{package}</text>'
        )
    for start, end in arrows(every):
        (x1, y1), (x2, y2) = corner[start], corner[end]
        a, b = x1 + WIDTH / 2, x2 + WIDTH / 2
        bend = (y2 - y1 - HEIGHT) / 2
        line = f"M{a:g},{y1 + HEIGHT:g} C{a:g},{y1 + HEIGHT + bend:g} {b:g},{y2 - bend:g} {b:g},{y2:g}"
        if y1 == y2:
            dip = y1 + HEIGHT + 22
            line = f"M{a:g},{y1 + HEIGHT:g} C{a:g},{dip:g} {b:g},{dip:g} {b:g},{y2 + HEIGHT:g}"
        parts.append(f'<path d="{line}" fill="none" stroke="#8a97a8" stroke-width="1.1" marker-end="url(#tip)"/>')
    client, server = corner["esaws", "local_aws"], corner["local_aws_server", "server"]
    x1, y1, y2 = client[0] + WIDTH, client[1] + HEIGHT / 2, server[1] + HEIGHT / 2
    gutter = LEFT["local_aws_server"] - BETWEEN // 2
    parts.append(
        f'<path d="M{x1:g},{y1:g} H{gutter} V{y2:g} H{server[0]:g}" fill="none" stroke="#d86613" stroke-width="1.6" '
        f'stroke-dasharray="5 4"/><text x="{gutter - 8}" y="{(y1 + y2) / 2:g}" font-size="12" fill="#d86613" '
        f'text-anchor="middle" transform="rotate(-90 {gutter - 8} {(y1 + y2) / 2:g})">HTTP</text>'
    )
    for key, (x, y) in corner.items():
        place = f'x="{x + WIDTH / 2:g}" y="{y + HEIGHT / 2 + 4:g}"'
        parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="5" {BOX}/>'
            f'<text {place} {CENTRED} font-size="12.5" fill="{DARK}">{escape(every[key].name)}</text>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


if __name__ == "__main__":
    PICTURE.write_text(svg(), encoding="utf-8")
    print(PICTURE.relative_to(ROOT))
