"""From sources to the parts of a bill, each of which could be read in full."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from esaws.costs.bill.cost_explorer import explorer_part, without_repeats
from esaws.costs.bill.cost_explorer_responses import Response, all_pages, documents, responses
from esaws.costs.bill.dedup.months import constants_of, spans_of
from esaws.costs.bill.delimited import delimited_part
from esaws.costs.bill.files import File, Unreadable
from esaws.costs.bill.parquet import MAGIC, parquet_part
from esaws.costs.bill.sources.cost_explorer import asked, is_live
from esaws.costs.bill.sources.local import holding
from esaws.costs.bill.text_files import in_utf_8, unpacked
from esaws.errors import UsageError

if TYPE_CHECKING:
    from esaws.cloud import Cloud
    from esaws.costs.bill.bill_file import Part
    from esaws.costs.bill.dedup.manifest import Manifest
    from esaws.costs.engines.duckdb import Embedded

_WILDCARDS = {*"*?[]{}"}


@dataclass
class Parts:
    """The parts that some sources hold, of one kind of bill."""

    parts: list[Part]
    manifests: list[Manifest]
    warnings: list[str]


def parts_of(sources: Sequence[str | Path], cloud: Cloud | None, duck: Embedded, scratch: Path) -> Parts:
    """Every part of some sources.

    Raises:
        UsageError: a source is not there, a file is no bill or can't be read, or there are several kinds of bills.
    """
    stored = [source for source in sources if not is_live(str(source))]
    found = Parts([], [], [])
    answers: list[Response] = []
    of_answers: list[File] = []
    if stored or not sources:
        held = holding(stored, cloud, scratch)
        found.manifests = held.manifests
        if held.skipped:
            found.warnings.append(f"no bill, skipped: {', '.join(held.skipped)}")
        for file in held.files:
            read = _read(file, duck, scratch)
            if isinstance(read, list):
                answers += read
                of_answers.append(file)
            else:
                found.parts.append(read)
    for source in sources:
        if is_live(str(source)):
            of_answers.append(File(scratch, str(source), 0))
            answers += _live(of_answers[-1], cloud, found.warnings)
    if of_answers:
        found.parts.append(_explored(of_answers, answers, scratch, found.warnings))
    _one_kind(found.parts)
    found.parts = [_described(part, duck) for part in found.parts]
    found.warnings += [warning for part in found.parts for warning in part.warnings]
    if not any(part.rows for part in found.parts):
        raise UsageError(f"there is not a row in {', '.join(part.file.name for part in found.parts)}")
    return found


def _read(file: File, duck: Embedded, scratch: Path) -> Part | list[Response]:
    """A file, whatever it is: what it is called says nothing. Answers of Cost Explorer are put together later."""
    if file.path.stat().st_size == 0:
        raise Unreadable(file.name, "the file is empty")
    plain = _without_wildcards(unpacked(file, scratch), scratch)
    with plain.open("rb") as stream:
        start = stream.read(64)
    if start.startswith(MAGIC):
        return parquet_part(replace(file, path=plain), duck, scratch)
    text = in_utf_8(file, plain, scratch)
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")):
        read = text.read_text("utf-8-sig")
        return [response for document in documents(file, read) for response in responses(file, document)]
    return delimited_part(file, text, duck, scratch)


def _without_wildcards(path: Path, scratch: Path) -> Path:
    """The file under a name in which engines find nothing to expand."""
    if not _WILDCARDS & {*str(path)}:
        return path
    link = scratch / f"linked-{len(list(scratch.iterdir()))}"
    link.symlink_to(path.resolve())
    return link


def _live(file: File, cloud: Cloud | None, warnings: list[str]) -> list[Response]:
    answer = asked(file.name, cloud)
    times = f"{answer.requests} time{'' if answer.requests == 1 else 's'}"
    known = "Cost Explorer was not asked: its answer of less than a day ago was kept"
    warnings.append(f"Cost Explorer was asked {times}, for {answer.usd:.2f} USD" if answer.requests else known)
    return [response for page in answer.pages for response in responses(file, page)]


def _explored(files: list[File], answers: list[Response], scratch: Path, warnings: list[str]) -> Part:
    all_pages(answers)
    results, repeated = without_repeats(answer.results for answer in answers)
    if repeated:
        warnings.append(f"{repeated} results of Cost Explorer were fetched anew later, and are replaced")
    if estimated := len({(each.start, each.end) for each in results if each.is_estimated}):
        warnings.append(f"Cost Explorer calls {estimated} of its days or months estimated: AWS may still change them")
    file = files[0] if len(files) == 1 else replace(files[0], name=f"{files[0].name} and {len(files) - 1} more")
    return explorer_part(file, results, scratch / "explorer.parquet")


def _described(part: Part, duck: Embedded) -> Part:
    """With what is the same in all rows, and its months."""
    part = replace(part, constants=constants_of(part))
    return replace(part, spans=tuple(spans_of(part, duck)))


def _one_kind(parts: Sequence[Part]) -> None:
    first = parts[0]
    for other in parts:
        if other.format.family != first.format.family:
            told = f"{first.file.name} is {first.recognised.version}, {other.file.name} is {other.recognised.version}"
            raise UsageError(f"{told}: they may tell the same charges, so read one kind of bill at a time")
