"""Draw an architecture or an account: what is shown (`scene`), where (`arrangement`), and how (`layout`, `svg`).

from esaws import Cloud, Diagram, draw, seccom, to_diagrams

draw(seccom("ha")).save("ha.svg")
draw(Cloud.from_env(), seccom("ha"))        # the account, compared with the architecture
print(to_diagrams(seccom("ha")))            # a program for the package diagrams
with Diagram("Sites API") as diagram: ...   # a diagram of one's own, without Graphviz installed
"""

from esaws.drawing.diagram import Diagram
from esaws.drawing.picture import Drawing, draw, to_diagrams

__all__ = ["Diagram", "Drawing", "draw", "to_diagrams"]
