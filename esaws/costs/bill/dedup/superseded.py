"""Find exports of a month that a later export supersedes, so that no charge is added twice.

Files are compared in this order:

1. The manifest of a month names the files of the bill: the month's own (AWS), or that of the last run
   submitted (Azure). All other files of that export and month are superseded.
2. In AWS's folder layout, the last delivery of an export for a month supersedes the others.
3. By rows (`overlap`): an export is superseded if a later one has nearly all of its rows. Files without common rows are
   pieces of one bill and are added up. Anything in between is refused, unless AWS's keys identify the common rows. Two
   files with the same charges by hour and by day are refused, too.

Without a manifest the last export is, in this order:

1. the one with the latest timestamp in its path, if all paths have one: a delivery folder, or an exporter's file name;
2. the one with invoices: AWS has closed the month;
3. the one whose usage ends last;
4. the one with most rows: AWS adds rows to a month until it is closed;
5. the file that was modified last, then the one whose name sorts last. This is a guess, and the warning says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import permutations
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from esaws.costs.bill.bill_file import BillFile, BillingMonth, MonthCoverage, UnreadableBill
from esaws.costs.bill.dedup.layout import Manifest, current_manifests, natural_sort_key, timestamp_in_path
from esaws.costs.bill.dedup.overlap import Overlaps, Sample, merge_samples, sample_files
from esaws.errors import UsageError

if TYPE_CHECKING:
    from esaws.costs.engines.duckdb import DuckDBEngine

MIN_SHARE_SUPERSEDED = 0.8
"""An export is superseded if a later one has at least this share of its rows."""
MAX_SHARE_OF_PIECES = 0.05
"""Pieces of one export have at most this share of rows in common, by chance."""
_MAX_NAMES = 20
"""The number of exports that a warning names."""

K = TypeVar("K")


@dataclass(frozen=True, eq=False)
class Export:
    """The files that were exported together, for one month."""

    files: tuple[BillFile, ...]
    month: BillingMonth

    @property
    def name(self) -> str:
        if len(self.files) == 1:
            return self.files[0].file.name
        return f"{self.files[0].file.name} and {len(self.files) - 1} more"

    @property
    def rows(self) -> int:
        return sum(coverage.rows for coverage in self._coverage)

    @property
    def progress(self) -> tuple[object, ...]:
        """A sort key: the last export has the greatest, as far as the rows of the exports show it."""
        is_invoiced = any(coverage.is_invoiced for coverage in self._coverage)
        until = max((coverage.until for coverage in self._coverage if coverage.until), default=datetime.min)
        return is_invoiced, until, self.rows

    @property
    def age_key(self) -> tuple[object, ...]:
        """A sort key: the last export has the greatest."""
        modified = max(file.file.modified for file in self.files)
        return *self.progress, modified, natural_sort_key(self.files[-1].file.name)

    @property
    def timestamp(self) -> float | None:
        return timestamp_in_path(self.files[0].file.name)

    @property
    def _coverage(self) -> list[MonthCoverage]:
        return [coverage for file in self.files for coverage in file.coverage if coverage.month == self.month]


@dataclass(frozen=True)
class Supersession:
    """The months of files that are not counted, because a later export has them."""

    excluded_months: Mapping[BillFile, frozenset[BillingMonth]]
    warnings: tuple[str, ...]

    def counted_rows(self, file: BillFile) -> int:
        """The number of rows of a file that are counted."""
        excluded = self.excluded_months.get(file, ())
        return sum(coverage.rows for coverage in file.coverage if coverage.month not in excluded)


class Replacement(NamedTuple):
    """The last export of a month, and the exports that it supersedes."""

    last: Export
    superseded: Sequence[Export]
    is_guess: bool = False
    """Whether only file times and names show that it is the last."""

    def __str__(self) -> str:
        last, count = self.last, len(self.superseded) + 1
        names = ", ".join(f"{export.name} ({export.rows} rows)" for export in self.superseded[:_MAX_NAMES])
        if count > _MAX_NAMES + 1:
            names += f" and {count - 1 - _MAX_NAMES} more"
        replaces = "perhaps replaces" if self.is_guess else "replaces"
        reason = " (guessed from file times and names: nothing else shows which is later)" if self.is_guess else ""
        return f"{last.month} was exported {count} times: {last.name} ({last.rows} rows) {replaces} {names}{reason}"


def find_superseded(files: Sequence[BillFile], manifests: Iterable[Manifest], duck: DuckDBEngine) -> Supersession:
    """Find the months of each file that a later export supersedes.

    Raises:
        UnreadableBill: a manifest names a file that is missing.
        UsageError: two files share rows, and neither supersedes the other.
    """
    by_month: dict[BillingMonth, list[BillFile]] = {}
    for file in files:
        for coverage in file.coverage:
            by_month.setdefault(coverage.month, []).append(file)
    manifest_of = current_manifests(manifests, (file.location for file in files))
    _check_complete(files, manifest_of.values())
    excluded: dict[BillFile, set[BillingMonth]] = {}
    warnings = []
    for month, files_of_month in by_month.items():
        for replacement in _replacements(files_of_month, month, manifest_of, duck):
            for export in replacement.superseded:
                for file in export.files:
                    excluded.setdefault(file, set()).add(month)
            warnings.append(str(replacement))
    return Supersession({file: frozenset(months) for file, months in excluded.items()}, tuple(warnings))


def _check_complete(files: Sequence[BillFile], manifests: Iterable[Manifest]) -> None:
    """Check that each month with any file has all files that its manifest names."""
    for manifest in manifests:
        month = manifest.location.root, manifest.location.month
        present = {
            file.location.path_from_month for file in files if (file.location.root, file.location.month) == month
        }
        if present and (missing := manifest.files - present):
            names = ", ".join(sorted(missing))
            raise UnreadableBill(manifest.name, f"files of the bill are missing: {names}. Download them as well.")


def _replacements(
    files: Sequence[BillFile],
    month: BillingMonth,
    manifest_of: Mapping[tuple[str, str | None], Manifest],
    duck: DuckDBEngine,
) -> list[Replacement]:
    """Find the replacements of a month, by manifest and folder first, then by rows."""
    if len(files) == 1:
        return []
    replacements: list[Replacement] = []
    remaining: list[Export] = []
    for (root, folder), group in _group_by(files, lambda file: (file.location.root, file.location.month)).items():
        exports = [
            Export(tuple(delivery), month)
            for delivery in _group_by(group, lambda file: file.location.delivery_key).values()
        ]
        manifest = manifest_of.get((root, folder))
        if folder is None or len(group) == 1:
            remaining += exports
        elif manifest and (listed := [file for file in group if file.location.path_from_month in manifest.files]):
            last = Export(tuple(listed), month)
            superseded = [Export((file,), month) for file in group if file not in listed]
            replacements += [Replacement(last, superseded)] if superseded else []
            remaining.append(last)
        elif len(exports) > 1:
            *superseded, last = _sort_by_age(exports)
            replacements.append(Replacement(last, superseded, _is_guess(last, superseded)))
            remaining.append(last)
        else:
            remaining += exports
    return replacements + _replacements_by_rows(remaining, month, duck)


def _replacements_by_rows(exports: Sequence[Export], month: BillingMonth, duck: DuckDBEngine) -> list[Replacement]:
    """Find the replacements among exports by comparing samples of their rows."""
    files = [file for export in exports for file in export.files]
    if len(files) == 1 or (len(exports) == 1 and all(file.location.is_numbered_by_aws for file in files)):
        return []
    file_samples = dict(zip(files, sample_files(files, month, duck), strict=True))
    ordered = _sort_by_age(_split_repeating(exports, file_samples))
    samples = {export: merge_samples(file_samples[file] for file in export.files) for export in ordered}
    successor: dict[Export, Export] = {}
    overlaps = Overlaps([samples[export] for export in ordered])
    for number, export in enumerate(ordered):
        for later in overlaps.later(number):
            if samples[export].share_in(samples[ordered[later]]) >= MIN_SHARE_SUPERSEDED:
                successor[export] = ordered[later]
                break
    remaining = [export for export in ordered if export not in successor]
    for one, other in Overlaps([samples[export] for export in remaining]).pairs():
        _check_addable(remaining[one], remaining[other], samples)
    last_of = {export: _last_successor(export, successor) for export in successor}
    superseded_by = {last: [export for export in successor if last_of[export] is last] for last in remaining}
    return [
        Replacement(last, superseded, _is_guess(last, superseded))
        for last, superseded in superseded_by.items()
        if superseded
    ]


def _split_repeating(exports: Iterable[Export], file_samples: Mapping[BillFile, Sample]) -> list[Export]:
    """Split exports whose files repeat each other: numbered names may be pieces, or successive exports."""
    result = []
    for export in exports:
        samples = [file_samples[file] for file in export.files]
        pairs = (pair for found in Overlaps(samples).pairs() for pair in permutations(found))
        if any(samples[one].share_in(samples[other]) >= MIN_SHARE_SUPERSEDED for one, other in pairs):
            result += [Export((file,), export.month) for file in export.files]
        else:
            result.append(export)
    return result


def _check_addable(one: Export, other: Export, samples: Mapping[Export, Sample]) -> None:
    """Check that two exports can be added up.

    Raises:
        UsageError: they share some rows, or have the same charges by hour and by day.
    """
    first, second = samples[one], samples[other]
    share = max(first.share_in(second), second.share_in(first))
    names = f"{one.name} and {other.name}"
    if share > MAX_SHARE_OF_PIECES and not first.shares_keys_with(second):
        raise UsageError(
            f"{names} share about {share:.0%} of their rows of {one.month} (without keys that identify them, so some "
            "charges would count twice). Give one of the files."
        )
    if first.differs_in_granularity(second) or second.differs_in_granularity(first):
        raise UsageError(
            f"{names} have the same charges of {one.month} at different granularities. Give one of the files."
        )


def _last_successor(export: Export, successor: Mapping[Export, Export]) -> Export:
    while export in successor:
        export = successor[export]
    return export


def _sort_by_age(exports: Iterable[Export]) -> list[Export]:
    """Sort exports, the last one last."""
    exports = list(exports)
    times = _times(exports)
    return sorted(exports, key=lambda export: (times.get(export, 0), export.age_key))


def _times(exports: Sequence[Export]) -> dict[Export, float]:
    """When each export was made, by its path; empty unless that orders all of them."""
    times = {export: time for export in exports if (time := export.timestamp) is not None}
    return times if len({*times.values()}) == len(exports) else {}


def _is_guess(last: Export, superseded: Sequence[Export]) -> bool:
    """Whether no time and no row shows that the last export is later than each of the others."""
    return not _times([last, *superseded]) and any(export.progress == last.progress for export in superseded)


def _group_by(files: Iterable[BillFile], key: Callable[[BillFile], K]) -> dict[K, list[BillFile]]:
    groups: dict[K, list[BillFile]] = {}
    for file in files:
        groups.setdefault(key(file), []).append(file)
    return groups
