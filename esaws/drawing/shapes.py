"""The shapes of a picture: panels, icons, lines and texts with their positions."""

from dataclasses import dataclass, field

from esaws.drawing.fonts import text_width as text_width
from esaws.drawing.style import TEXT_SIZE

Point = tuple[float, float]

# The part of the font's ascent and descent that its letters use.
_ASCENT = 0.74
_DESCENT = 0.22


@dataclass(frozen=True)
class Box:
    """A rectangle, y downwards."""

    x: float
    y: float
    width: float
    height: float

    @classmethod
    def around(cls, centre: Point, width: float, height: float) -> "Box":
        """The rectangle of this size around a point."""
        return cls(centre[0] - width / 2, centre[1] - height / 2, width, height)

    @property
    def right(self) -> float:
        """The x of its right side."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """The y of its lower side."""
        return self.y + self.height

    @property
    def cx(self) -> float:
        """The x of its centre."""
        return self.x + self.width / 2

    @property
    def cy(self) -> float:
        """The y of its centre."""
        return self.y + self.height / 2

    def overlaps(self, other: "Box") -> bool:
        """Whether both share more than an edge."""
        return (
            min(self.right, other.right) - max(self.x, other.x) > 0.01
            and min(self.bottom, other.bottom) - max(self.y, other.y) > 0.01
        )

    def contains(self, other: "Box") -> bool:
        """Whether `other` is inside."""
        return (
            other.x >= self.x - 0.01
            and other.y >= self.y - 0.01
            and other.right <= self.right + 0.01
            and other.bottom <= self.bottom + 0.01
        )


@dataclass(frozen=True)
class Panel:
    """A bordered area: one of AWS's groups, or a card."""

    role: str
    box: Box
    stroke: str
    fill: str = "none"
    dash: str = ""
    radius: float = 0
    weight: float = 1.25


@dataclass(frozen=True)
class Icon:
    """An icon of AWS, named as a node class of diagrams."""

    name: str
    box: Box


@dataclass(frozen=True)
class Text:
    """A line of text. `anchor` defines whether x is its start, middle or end; y is its baseline."""

    x: float
    y: float
    text: str
    size: float
    colour: str
    bold: bool = False
    anchor: str = "start"

    @property
    def box(self) -> Box:
        """The area it covers."""
        width = text_width(self.text, self.size, bold=self.bold)
        left = self.x - {"start": 0.0, "middle": width / 2, "end": width}[self.anchor]
        return Box(left, self.y - _ASCENT * self.size, width, (_ASCENT + _DESCENT) * self.size)


@dataclass(frozen=True)
class Line:
    """A path of horizontal and vertical segments, with an arrow at its end if `arrow`."""

    points: tuple[Point, ...]
    arrow: bool = True

    @property
    def boxes(self) -> list[Box]:
        """A flat rectangle for each segment."""
        return [
            Box(min(a[0], b[0]), min(a[1], b[1]), abs(a[0] - b[0]) or 0.1, abs(a[1] - b[1]) or 0.1)
            for a, b in zip(self.points, self.points[1:], strict=False)
        ]


@dataclass
class Sheet:
    """The shapes of a picture in layers; later layers cover earlier ones."""

    panels: list[Panel] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    cards: list[Panel] = field(default_factory=list)
    icons: list[Icon] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    width: float = 0
    height: float = 0

    def add_text(
        self,
        x: float,
        y: float,
        text: str,
        colour: str,
        *,
        size: float = TEXT_SIZE,
        bold: bool = False,
        anchor: str = "start",
    ) -> None:
        """Add a line of text, unless it is blank."""
        if text.strip():
            self.texts.append(Text(x, y, text, size, colour, bold, anchor))
