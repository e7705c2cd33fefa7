"""Draw an architecture or an account: what is shown (`scene`), where (`arrangement`), and how (`layout`, `svg`).

from esaws import Cloud, draw, seccom

draw(seccom("ha")).save("ha.svg")
draw(Cloud.from_env(), seccom("ha"))        # the account, compared with the architecture
"""

from esaws.drawing.picture import Drawing, draw

__all__ = ["Drawing", "draw"]
