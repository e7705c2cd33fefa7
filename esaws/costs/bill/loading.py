"""Load the files of a bill from its sources. Every file is read in full, or the bill is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from esaws.costs.bill.bill_file import BillFile, EmptyBill, File, UnreadableBill
from esaws.costs.bill.dedup.layout import Manifest
from esaws.costs.bill.dedup.months import footer_constants, read_coverage
from esaws.costs.bill.formats.console_csv import parse_console_csv
from esaws.costs.bill.formats.cost_explorer import drop_refetched, write_results
from esaws.costs.bill.formats.cost_explorer_responses import Response, check_pages, parse_documents, parse_responses
from esaws.costs.bill.parquet import MAGIC, read_parquet
from esaws.costs.bill.sources.cost_explorer import get_costs, is_cost_explorer_source
from esaws.costs.bill.sources.local import list_files
from esaws.costs.bill.text_files import console_delimiter, decompress, new_path, read_delimited, to_utf_8
from esaws.errors import UsageError

if TYPE_CHECKING:
    from esaws.cloud import Cloud
    from esaws.costs.engines.duckdb import DuckDBEngine

_WILDCARDS = {*"*?[]{}"}


@dataclass
class LoadedFiles:
    """The files of some sources, all of one format family."""

    files: list[BillFile] = field(default_factory=list)
    manifests: list[Manifest] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def load_files(sources: Sequence[str | Path], cloud: Cloud | None, duck: DuckDBEngine, scratch: Path) -> LoadedFiles:
    """Load all files of some sources.

    Raises:
        UsageError: a source does not exist, a file is not a bill or can't be read, or formats are mixed.
    """
    stored = [source for source in sources if not is_cost_explorer_source(str(source))]
    loaded = LoadedFiles()
    responses: list[Response] = []
    response_files: list[File] = []
    if stored or not sources:
        listing = list_files(stored, cloud, scratch)
        loaded.manifests = listing.manifests
        if listing.skipped:
            loaded.warnings.append(f"skipped, not a bill: {', '.join(listing.skipped)}")
        for file in listing.files:
            content = _load_file(file, duck, scratch)
            if isinstance(content, list):
                responses += content
                response_files.append(file)
            else:
                loaded.files.append(content)
    for source in sources:
        if is_cost_explorer_source(str(source)):
            response_files.append(File(scratch, str(source), 0))
            responses += _query_cost_explorer(response_files[-1], cloud, loaded.warnings)
    if response_files:
        loaded.files.append(_combine_responses(response_files, responses, scratch, loaded.warnings))
    _check_one_family(loaded.files)
    loaded.files = [_with_coverage(file, duck) for file in loaded.files]
    loaded.warnings += [warning for file in loaded.files for warning in file.warnings]
    if not any(file.rows for file in loaded.files):
        raise EmptyBill(f"no rows in {', '.join(file.file.name for file in loaded.files)}")
    return loaded


def _load_file(file: File, duck: DuckDBEngine, scratch: Path) -> BillFile | list[Response]:
    """Load a file by its content, whatever its name. Cost Explorer responses are combined later."""
    if file.path.stat().st_size == 0:
        raise UnreadableBill(file.name, "the file is empty")
    path = _without_wildcards(decompress(file, scratch), scratch)
    with path.open("rb") as stream:
        start = stream.read(len(MAGIC))
    if start.startswith(MAGIC):
        return read_parquet(replace(file, path=path), duck, scratch)
    text_path = to_utf_8(file, path, scratch)
    with text_path.open(encoding="utf-8-sig") as text:
        is_json = text.read(64).lstrip().startswith(("{", "["))
    if is_json:
        documents = parse_documents(file, text_path.read_text("utf-8-sig"))
        return [response for document in documents for response in parse_responses(file, document)]
    if delimiter := console_delimiter(text_path):
        return [parse_console_csv(file, text_path, delimiter)]
    return read_delimited(file, text_path, duck, scratch)


def _without_wildcards(path: Path, scratch: Path) -> Path:
    """A path to the file in which engines find no wildcards to expand."""
    if not _WILDCARDS & {*str(path)}:
        return path
    link = new_path(scratch)
    link.symlink_to(path.resolve())
    return link


def _query_cost_explorer(file: File, cloud: Cloud | None, warnings: list[str]) -> list[Response]:
    answer = get_costs(file.name, cloud)
    if answer.requests:
        requests = f"{answer.requests} request{'' if answer.requests == 1 else 's'}"
        warnings.append(f"Cost Explorer: {requests}, {answer.usd:.2f} USD")
    else:
        warnings.append("Cost Explorer: no request (the cached response is less than a day old or final)")
    return [response for page in answer.pages for response in parse_responses(file, page)]


def _combine_responses(
    files: Sequence[File], responses: Sequence[Response], scratch: Path, warnings: list[str]
) -> BillFile:
    check_pages(responses)
    results, replaced = drop_refetched(response.results for response in responses)
    if replaced:
        warnings.append(f"{replaced} Cost Explorer results were replaced by newer ones for the same period")
    if estimated := len({(result.start, result.end) for result in results if result.is_estimated}):
        warnings.append(f"Cost Explorer marks {estimated} days or months as estimated: AWS may still change them")
    warnings += dict.fromkeys(response.assumption for response in responses if response.assumption)
    file = files[0] if len(files) == 1 else replace(files[0], name=f"{files[0].name} and {len(files) - 1} more")
    return write_results(file, results, scratch / "cost-explorer.parquet")


def _with_coverage(file: BillFile, duck: DuckDBEngine) -> BillFile:
    file = replace(file, constants=footer_constants(file))
    return replace(file, coverage=tuple(read_coverage(file, duck)))


def _check_one_family(files: Sequence[BillFile]) -> None:
    first = files[0]
    for other in files:
        if other.format.family != first.format.family:
            raise UsageError(
                f"{first.file.name} is {first.mapping.version}, {other.file.name} is {other.mapping.version} (they may "
                "have the same charges). Read one format at a time."
            )
