"""The folder of a class: its roster, its secret, its settings, and the files that were handed in.

roster.csv      the learners, with their ids
sign_in.csv     a line for each learner to paste; give each learner only the own one
class.key       the secret of the class: who has it can sign for every learner
class.toml      what is graded, and how
submissions/    what learners handed in, in any folders
checked.json    what checks have found already
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from esaws.course.classroom.keys import learner_key, new_secret, sign_in_code
from esaws.course.classroom.roster import Learner, read_roster, roster_csv
from esaws.course.classroom.settings import TEMPLATE, Settings, read_settings
from esaws.course.classroom.submission import BadSubmission
from esaws.course.classroom.tables import csv_text
from esaws.errors import EsawsError, UsageError
from esaws.files import make_private_folder, write_atomically

ROSTER, SIGN_IN, KEY, SETTINGS, SUBMISSIONS = "roster.csv", "sign_in.csv", "class.key", "class.toml", "submissions"
_IGNORED = (".", "__MACOSX")
"""Beginnings of the names of files and folders that systems add to archives."""


@dataclass(frozen=True)
class Classroom:
    """A class."""

    folder: Path
    learners: tuple[Learner, ...]
    secret: bytes
    settings: Settings

    def key_of(self, learner: str) -> bytes:
        """Return the key of a learner. Raises BadSubmission for one who is not in the roster."""
        if not any(each.id == learner for each in self.learners):
            raise BadSubmission(f"{learner} is not in the roster of this class")
        return learner_key(self.secret, learner)

    def submissions(self, folder: Path | None = None) -> list[Path]:
        """Return all files that were handed in, in any depth.

        Raises:
            UsageError: the folder does not exist.
        """
        folder = folder or self.folder / SUBMISSIONS
        if not folder.is_dir():
            raise UsageError(f"{folder}: no such folder; put what learners handed in there, or name it")
        return sorted(_files(folder))


@dataclass(frozen=True)
class NewClass:
    """What `new_class` wrote: the folder, the learners and how many of them are new."""

    folder: Path
    learners: tuple[Learner, ...]
    added: int

    def to_dict(self) -> dict[str, Any]:
        """Return folder, learners (their ids), added and sign_in (the file)."""
        ids = [learner.id for learner in self.learners]
        return {"folder": str(self.folder), "learners": ids, "added": self.added, "sign_in": str(self.folder / SIGN_IN)}

    def __str__(self) -> str:
        return (
            f"{self.folder}: {len(self.learners)} learners, {self.added} of them new. "
            f"Give each learner the line in {self.folder / SIGN_IN}. "
            f"Set what is graded in {self.folder / SETTINGS}."
        )


def new_class(roster: Path, folder: Path) -> NewClass:
    """Create the folder of a class from a roster, or update the roster of one: ids, secret and settings are kept.

    Raises:
        UsageError: the roster is not valid, or the folder can't be written or has other files.
    """
    known = read_roster(folder / ROSTER) if (folder / KEY).exists() else []
    if not known and folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder}: has other files, and is not the folder of a class; choose a new folder with -o")
    learners = tuple(read_roster(roster, known))
    try:
        make_private_folder(folder)
        (folder / SUBMISSIONS).mkdir(exist_ok=True)
        secret = _read_secret(folder) if (folder / KEY).exists() else new_secret()
        write_atomically(folder / KEY, base64.urlsafe_b64encode(secret).decode() + "\n", private=True)
        if not (folder / SETTINGS).exists():
            write_atomically(folder / SETTINGS, TEMPLATE.format(name=folder.resolve().name.replace('"', "")))
        lines = [[each.id, each.name, each.email, sign_in_line(secret, each.id)] for each in learners]
        write_atomically(folder / SIGN_IN, csv_text(("id", "name", "email", "line"), lines), private=True)
        write_atomically(folder / ROSTER, roster_csv(learners), private=True)
    except OSError as error:
        raise UsageError(f"{folder}: can't be written ({error.strerror}). Choose another folder with -o.") from error
    return NewClass(folder, learners, len({each.id for each in learners} - {each.id for each in known}))


def sign_in_line(secret: bytes, learner: str) -> str:
    """Return the line that a learner pastes into a terminal."""
    return f"esaws course sign-in {sign_in_code(secret, learner)}"


def open_class(folder: Path) -> Classroom:
    """Return the class of a folder.

    Raises:
        UsageError: the folder is not that of a class, or its roster or settings are not valid.
    """
    if not (folder / ROSTER).exists() or not (folder / KEY).exists():
        raise UsageError(f"{folder}: not the folder of a class; create one with `esaws class new roster.csv -o FOLDER`")
    learners = tuple(read_roster(folder / ROSTER))
    settings = read_settings(folder / SETTINGS, [learner.id for learner in learners])
    return Classroom(folder, learners, _read_secret(folder), settings)


def _read_secret(folder: Path) -> bytes:
    try:
        secret = base64.urlsafe_b64decode((folder / KEY).read_text("ascii").strip())
    except (OSError, ValueError) as error:
        raise EsawsError(f"{folder / KEY}: can't be read ({error}). Restore it from a copy.") from error
    if len(secret) < 32:
        raise EsawsError(f"{folder / KEY}: damaged. Restore it from a copy: without it no submission can be verified.")
    return secret


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name.startswith(_IGNORED) or path.is_symlink():
            continue
        if path.is_dir():
            yield from _files(path)
        elif path.is_file():
            yield path
