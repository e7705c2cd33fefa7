"""Tools that a lab withholds from its learner: a file beside the state of the local AWS names them.

A lab of level two withholds `findings` and `health`, one of level three all that esaws reads of the account.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from esaws.errors import Refused
from esaws.files import make_private_folder, write_atomically
from esaws.local_aws.state import state_folder

_FILE = "withheld.json"
_is_allowed: ContextVar[bool] = ContextVar("_is_allowed", default=False)


def withhold(account: str, tools: Collection[str], reason: str) -> None:
    """Withhold tools in an account of this local AWS, instead of those that were withheld before."""
    file = state_folder() / _FILE
    if not tools:
        file.unlink(missing_ok=True)
        return
    make_private_folder(file.parent)
    write_atomically(file, json.dumps({"account": account, "tools": sorted(tools), "reason": reason}))


@contextmanager
def all_tools() -> Iterator[None]:
    """Withhold nothing inside the block: a check may use what its learner may not."""
    token = _is_allowed.set(True)
    try:
        yield
    finally:
        _is_allowed.reset(token)


def require_tool(tool: str, account: Callable[[], str]) -> None:
    """Raise Refused if a tool is withheld in an account. `account` returns its id; it is called only if tools are."""
    if _is_allowed.get():
        return
    try:
        withheld = json.loads((state_folder() / _FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return
    if tool in withheld.get("tools", ()) and withheld.get("account") == account():
        raise Refused(f"{tool} is not available: {withheld['reason']}")
