"""The roster of a class: read as spreadsheets, Moodle and Canvas export it, with an id for each learner."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from esaws.errors import UsageError

_NAMES = {
    "id": ("id", "learner", "learner id"),
    "name": ("name", "student", "full name", "fullname"),
    "first": ("first name", "firstname", "given name"),
    "last": ("last name", "lastname", "surname", "family name"),
    "email": ("email", "email address", "e-mail", "mail"),
    "username": ("username", "login"),
    "id_number": ("id number", "idnumber", "student number", "matriculation number"),
    "section": ("section", "group", "groups"),
    "canvas_id": ("canvas id", "canvas_id"),
    "sis_user_id": ("sis user id", "sis_user_id"),
    "sis_login_id": ("sis login id", "sis_login_id"),
}
"""Column → its names in files, in lower case."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_CANVAS = {"student", "sis login id"}
"""Columns of an export of Canvas's gradebook, whose column `ID` is Canvas's own."""
_NO_LEARNERS = {"points possible", "student, test"}


@dataclass(frozen=True)
class Learner:
    """A learner of the roster; what the file does not have is empty."""

    id: str
    name: str
    email: str = ""
    username: str = ""
    id_number: str = ""
    section: str = ""
    canvas_id: str = ""
    sis_user_id: str = ""
    sis_login_id: str = ""


def read_roster(file: Path, known: Iterable[Learner] = ()) -> list[Learner]:
    """Read a roster. A learner without an id gets one of the email address or the name; `known` ones keep theirs.

    The file is CSV with commas, semicolons or tabs, in UTF-8, UTF-16 or Windows code page 1252. Exports of Moodle's
    participants and of Canvas's gradebook can be read as they are.

    Raises:
        UsageError: the file can't be read, a column is missing, a row is incomplete, or a learner is in it twice.
    """
    rows = _read_rows(file)
    if not rows:
        raise UsageError(f"{file}: empty; write a line with the names of the columns, and one for each learner")
    (_, header), *body = rows
    columns = _columns(file, header)
    before = {key: learner.id for learner in known for key in _keys(learner.email, learner.name)}
    found: list[Learner] = []
    lines: dict[str, int] = {}
    for number, cells in body:
        if len(cells) > len(header):
            raise UsageError(f"{file}: line {number} has {len(cells)} cells, and the first line {len(header)} names")
        learner = _learner(file, number, dict(zip(columns, cells, strict=False)))
        if learner is None:
            continue
        for what, value in (("email", learner.email), ("id", learner.id), ("name", learner.name * (not learner.email))):
            key = f"{what} {value.casefold()}"
            if value and key in lines:
                raise UsageError(
                    f"{file}: line {number} has the {what} {value} of line {lines[key]}; "
                    "remove one of them, or give each an id in a column `id`"
                )
            lines[key] = number
        found.append(learner)
    if not found:
        raise UsageError(f"{file}: no learners; write one on each line below the names of the columns")
    return _with_ids(found, before)


def roster_csv(learners: Sequence[Learner]) -> str:
    """Return the roster as CSV, with the column `id`."""
    from esaws.course.classroom.tables import csv_text

    names = [field.name for field in fields(Learner)]
    return csv_text(names, ([getattr(learner, name) for name in names] for learner in learners))


def _read_rows(file: Path) -> list[tuple[int, list[str]]]:
    """Line number and cells of each row that is not blank."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file}: can't be read ({error.strerror})") from error
    text = _decode(file, content)
    first = text.partition("\n")[0]
    delimiter = max(";,\t", key=first.count)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        return [
            (reader.line_num, [" ".join(cell.split()) for cell in row]) for row in reader if any(map(str.strip, row))
        ]
    except csv.Error as error:
        raise UsageError(f"{file}: can't be read as CSV ({error})") from error


def _decode(file: Path, content: bytes) -> str:
    is_utf_16 = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    for encoding in ("utf-16",) if is_utf_16 else ("utf-8-sig", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise UsageError(f"{file}: not a text in UTF-8, UTF-16 or Windows-1252; save it as CSV")


def _columns(file: Path, header: Sequence[str]) -> list[str]:
    """The column that each cell of the header means; one that is not used keeps its name."""
    plain = [re.sub(r"\s+", " ", name.strip().casefold()) for name in header]
    meaning = {name: column for column, names in _NAMES.items() for name in names}
    if set(plain) >= _CANVAS:
        meaning["id"] = "canvas_id"
    columns = [meaning.get(name, f"({name})") for name in plain]
    twice = sorted({column for column in columns if column in _NAMES and columns.count(column) > 1})
    if twice:
        raise UsageError(f"{file}: two columns mean {twice[0]!r}: {', '.join(header)}")
    if "name" not in columns and not {"first", "last"} <= set(columns):
        raise UsageError(
            f"{file}: no column `name`, nor `first name` and `last name`; its columns are {', '.join(header)}"
        )
    return columns


def _learner(file: Path, number: int, cells: dict[str, str]) -> Learner | None:
    """The learner of a row; None if the row is not one, as the row of points in Canvas's export."""
    name = cells.get("name") or " ".join(filter(None, (cells.get("first"), cells.get("last"))))
    if name.casefold() in _NO_LEARNERS:
        return None
    if not name:
        raise UsageError(f"{file}: line {number} has no name")
    given = cells.get("id", "")
    if given and not _ID.fullmatch(given):
        raise UsageError(
            f"{file}: line {number}: the id {given!r} is not valid: use up to 64 letters, digits and `._-@`; "
            "start with a letter or digit"
        )
    own = {field.name: cells.get(field.name, "") for field in fields(Learner)}
    return Learner(**{**own, "id": given, "name": name})


def _with_ids(learners: Sequence[Learner], before: dict[str, str]) -> list[Learner]:
    """The learners, each with an id: their own, that from before, or a new one."""
    taken = {learner.id.casefold() for learner in learners} | {id.casefold() for id in before.values()}
    done = []
    for learner in learners:
        id = learner.id or next((before[key] for key in _keys(learner.email, learner.name) if key in before), "")
        if not id:
            stem = _slug(learner.email.partition("@")[0]) or _slug(learner.name) or "learner"
            id, count = stem, 1
            while id.casefold() in taken:
                count += 1
                id = f"{stem}-{count}"
            taken.add(id.casefold())
        done.append(replace(learner, id=id))
    return done


def _keys(email: str, name: str) -> tuple[str, ...]:
    """What identifies a learner in another roster: the email address, or the name where there is none."""
    return (f"email {email.casefold()}",) if email else (f"name {name.casefold()}",)


def _slug(text: str) -> str:
    """Letters and digits of a text, with dashes between them."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40]
