"""The learner's id: the notebook asks for it once and keeps it, or a class sets it."""

from __future__ import annotations

import os
import re

from esaws.course.worlds import course_folder
from esaws.errors import UsageError
from esaws.files import write_atomically

GUEST = "guest"
"""The learner of a notebook that can't ask, such as one that papermill runs."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


def learner_id(*, ask: bool = False) -> str:
    """Return the learner's id: ESAWS_LEARNER, else the one that was kept, else `guest`.

    Args:
        ask: ask a person for it, if none is kept yet and the notebook can ask.

    Raises:
        UsageError: ESAWS_LEARNER is not an id.
    """
    if given := os.environ.get("ESAWS_LEARNER"):
        return _validate(given, "ESAWS_LEARNER")
    file = course_folder() / "learner"
    if file.exists():
        return file.read_text("utf-8").strip() or GUEST
    if ask and is_interactive():
        name = input("Your name or learner id (it chooses the values of your exercises): ").strip()
        if name:
            set_learner(re.sub(r"[^A-Za-z0-9._@-]+", "-", name).strip("-._@") or GUEST)
            return learner_id()
    return GUEST


def set_learner(learner: str) -> None:
    """Keep a learner's id. Raises UsageError if it has other characters than letters, digits and `. _ - @`."""
    _validate(learner, "the learner id")
    folder = course_folder()
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "learner", learner + "\n")


def _validate(learner: str, source: str) -> str:
    if not _ID.fullmatch(learner):
        raise UsageError(
            f"{source} is {learner!r}: use up to 64 letters, digits and `._-@`; start with a letter or digit"
        )
    return learner


def is_interactive() -> bool:
    """Whether a person runs the notebook: its client shows a field for `input()`."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    kernel = getattr(get_ipython(), "kernel", None)
    return bool(getattr(kernel, "_allow_stdin", False))
