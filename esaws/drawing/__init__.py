"""An architecture as a picture: what it shows (`scene`), where it stands (`layout`), and the picture itself (`svg`)."""

from esaws.drawing.picture import Drawing, draw, draw_live

__all__ = ["Drawing", "draw", "draw_live"]
