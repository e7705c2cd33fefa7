"""An architecture as a picture: what it shows (`scene`), where it stands (`layout`), and the picture itself (`svg`)."""

from esaws.drawing.picture import Drawing, draw

__all__ = ["Drawing", "draw"]
