"""Charts: shown in any notebook, described for screen readers, and readable for people with colour blindness."""

from itertools import combinations

import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from esaws.chart import COLOURS, Chart

# Machado, Oliveira and Fernandes 2009, severity 1.0: rows give red, green and blue, in linear RGB.
COLOUR_BLINDNESS = {
    "none": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.3039)),
}
XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
WHITE = (0.9505, 1.0, 1.089)

Triple = tuple[float, float, float]


def times(matrix: tuple[Triple, ...], vector: Triple) -> Triple:
    x, y, z = (sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)
    return x, y, z


def seen_as(colour: str, blindness: str) -> Triple:
    """A colour in CIELAB, as people with a colour blindness see it."""
    red, green, blue = ((v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4) for v in to_rgb(colour))
    seen = times(COLOUR_BLINDNESS[blindness], (red, green, blue))
    light = times(XYZ, tuple(min(max(value, 0), 1) for value in seen))  # type: ignore[arg-type]
    ratios = (value / white for value, white in zip(light, WHITE, strict=True))
    x, y, z = (ratio ** (1 / 3) if ratio > 0.008856 else 7.787 * ratio + 16 / 116 for ratio in ratios)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("blindness", COLOUR_BLINDNESS)
def test_the_colours_of_charts_can_be_told_apart(blindness: str) -> None:
    for one, other in combinations((*COLOURS, "#bfbfbf", "#ffffff"), 2):
        pair = zip(seen_as(one, blindness), seen_as(other, blindness), strict=True)
        assert sum((a - b) ** 2 for a, b in pair) ** 0.5 > 15, f"{one} looks like {other}"


def test_a_notebook_gets_png_and_svg_with_a_description() -> None:
    figure = Figure(figsize=(10, 3.6))
    figure.subplots().plot([1, 2, 3])
    data, metadata = Chart(figure, "three dollars")._repr_mimebundle_()
    assert data["image/png"].startswith(b"\x89PNG") and data["image/svg+xml"].startswith("<?xml")
    assert metadata["image/png"] == {"width": 960, "height": 346, "alt": "three dollars"}
    assert metadata["image/svg+xml"]["alt"] == "three dollars"


def test_the_same_figure_gives_the_same_png() -> None:
    pictures = set()
    for _ in range(2):
        figure = Figure()
        figure.subplots().plot([1, 2, 3], color=COLOURS[0])
        pictures.add(Chart(figure, "line")._repr_mimebundle_()[0]["image/png"])
    assert len(pictures) == 1
