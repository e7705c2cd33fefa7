"""Months that were exported more than once: the last export replaces those before it, nothing is added twice.

What belongs together is told by, in this order:

1. a month's manifest: it names the files that are the bill, and all others of that export and month are replaced;
2. folders as AWS lays them out: of several deliveries of an export for a month the last one counts;
3. the rows (`overlaps`): an export that nearly all of is in a later one is replaced by it; files that have nothing in
   common are pieces of one bill, and added up. What lies between is refused, unless AWS's keys tell which rows are the
   same, and so are two files of which one tells by hour what the other tells by day.

Which export is the last, where no manifest says it:

1. the moment in the path, where each has one: the folder of a delivery, or a name that an exporter stamped;
2. a month that names invoices is closed, and later than one that does not;
3. the one whose usage goes further;
4. the one with more rows, as AWS adds to a month until it is closed;
5. the file that was written later; then the one whose name is counted later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations, permutations
from typing import TYPE_CHECKING, TypeVar

from esaws.costs.bill.dedup.layout import counted, moment_in
from esaws.costs.bill.dedup.manifest import Manifest, current
from esaws.costs.bill.dedup.overlap import Sample, samples, together
from esaws.costs.bill.files import Unreadable
from esaws.errors import UsageError

if TYPE_CHECKING:
    from esaws.costs.bill.bill_file import Part
    from esaws.costs.bill.dedup.months import Month, Span
    from esaws.costs.engines.duckdb import Embedded

SAME = 0.8
"""The least share of an export's rows that a later one has."""
CHANCE = 0.05
"""The greatest share of rows that pieces of an export have in common, by chance."""

K = TypeVar("K")


@dataclass(frozen=True, eq=False)
class Export:
    """What was exported at once: one file or several."""

    parts: tuple[Part, ...]
    month: Month

    @property
    def name(self) -> str:
        if len(self.parts) == 1:
            return self.parts[0].file.name
        return f"{self.parts[0].file.name} and {len(self.parts) - 1} more"

    @property
    def spans(self) -> list[Span]:
        return [span for part in self.parts for span in part.spans if span.month == self.month]

    @property
    def rows(self) -> int:
        return sum(span.rows for span in self.spans)

    @property
    def until(self) -> datetime:
        return max((span.until for span in self.spans if span.until), default=datetime.min)

    @property
    def age(self) -> tuple[object, ...]:
        """What the last of several has the greatest of."""
        changed = max(part.file.changed for part in self.parts)
        is_invoiced = any(span.is_invoiced for span in self.spans)
        return is_invoiced, self.until, self.rows, changed, counted(self.parts[-1].file.name)

    @property
    def moment(self) -> float | None:
        return moment_in(self.parts[0].file.name)


@dataclass(frozen=True)
class Kept:
    """What is counted."""

    left_out: Mapping[Part, frozenset[Month]]
    """The months of a part that another replaces."""
    warnings: tuple[str, ...]

    def rows(self, part: Part) -> int:
        """How many rows of a part are counted."""
        return sum(span.rows for span in part.spans if span.month not in self.left_out.get(part, ()))


def without_replaced(parts: Sequence[Part], manifests: Iterable[Manifest], duck: Embedded) -> Kept:
    """The months of each part that are not counted, because another export tells them.

    Raises:
        Unreadable: a manifest names a file that is not there.
    """
    by_month: dict[Month, list[Part]] = {}
    for part in parts:
        for span in part.spans:
            by_month.setdefault(span.month, []).append(part)
    manifest_of = current(manifests)
    _all_there(parts, manifest_of.values())
    left_out: dict[Part, set[Month]] = {}
    warnings = []
    for month, some in by_month.items():
        for last, before in _replacements(some, month, manifest_of, duck):
            for each in before:
                for part in each.parts:
                    left_out.setdefault(part, set()).add(month)
            replaced = ", ".join(f"{each.name} ({each.rows} rows)" for each in before)
            last_one = f"{last.name} ({last.rows} rows)"
            warnings.append(f"{month} was exported {len(before) + 1} times: {last_one} replaces {replaced}")
    return Kept({part: frozenset(months) for part, months in left_out.items()}, tuple(warnings))


def _all_there(parts: Sequence[Part], manifests: Iterable[Manifest]) -> None:
    """Whether of each month of which there is anything all is there that its manifest names."""
    for manifest in manifests:
        month = manifest.place.root, manifest.place.month
        there = {part.place.tail for part in parts if (part.place.root, part.place.month) == month}
        if there and (missing := manifest.tails - there):
            names = ", ".join(sorted(missing))
            raise Unreadable(manifest.name, f"it names files of the bill that are not there: {names}")


def _replacements(
    parts: Sequence[Part], month: Month, manifest_of: Mapping[tuple[str, str | None], Manifest], duck: Embedded
) -> list[tuple[Export, list[Export]]]:
    """The last export of each set that tells the same, and those that it replaces."""
    if len(parts) == 1:
        return []
    found, left = [], []
    for (root, folder), some in _grouped(parts, lambda part: (part.place.root, part.place.month)).items():
        exports = [Export(tuple(each), month) for each in _grouped(some, lambda part: part.place.export).values()]
        manifest = manifest_of.get((root, folder))
        if folder is None or len(some) == 1:
            left += exports
        elif manifest is not None and (named := [part for part in some if part.place.tail in manifest.tails]):
            last = Export(tuple(named), month)
            before = [Export((part,), month) for part in some if part not in named]
            found += [(last, before)] if before else []
            left.append(last)
        elif len(exports) > 1:
            *before, last = _in_order(exports)
            found.append((last, before))
            left.append(last)
        else:
            left += exports
    return found + _same_rows(left, month, duck)


def _same_rows(exports: Sequence[Export], month: Month, duck: Embedded) -> list[tuple[Export, list[Export]]]:
    """The exports of a month that others replace, by what their rows tell."""
    parts = [part for export in exports for part in export.parts]
    if len(parts) == 1 or (len(exports) == 1 and all(part.place.is_piece for part in parts)):
        return []
    of_part = dict(zip(parts, samples(parts, month, duck), strict=True))
    in_order = _in_order(_apart(exports, of_part))
    sample_of = {export: together(of_part[part] for part in export.parts) for export in in_order}
    after: dict[Export, Export] = {}
    for number, export in enumerate(in_order):
        for later in reversed(in_order[number + 1 :]):
            if sample_of[export].share_in(sample_of[later]) >= SAME:
                after[export] = later
                break
    left = [export for export in in_order if export not in after]
    for one, other in combinations(left, 2):
        _no_doubt(one, other, sample_of)
    last_of = {export: _followed(export, after) for export in after}
    return [(last, [each for each in after if last_of[each] is last]) for last in left if last in last_of.values()]


def _apart(exports: Iterable[Export], of_part: Mapping[Part, Sample]) -> list[Export]:
    """Exports whose files don't repeat each other: names that differ by a number may be pieces, or successive."""
    found = []
    for export in exports:
        pairs = permutations(export.parts, 2)
        if any(of_part[one].share_in(of_part[other]) >= SAME for one, other in pairs):
            found += [Export((part,), export.month) for part in export.parts]
        else:
            found.append(export)
    return found


def _no_doubt(one: Export, other: Export, sample_of: Mapping[Export, Sample]) -> None:
    """Whether two exports can be added up.

    Raises:
        UsageError: they have some rows in common, or tell the same by hour and by day.
    """
    first, second = sample_of[one], sample_of[other]
    common = max(first.share_in(second), second.share_in(first))
    names = f"{one.name} and {other.name}"
    if common > CHANCE and not first.has_keys_of(second):
        raise UsageError(
            f"{names} have about {common:.0%} of their rows of {one.month} in common, and no keys that tell which: "
            "neither replaces the other, and added up they would count twice; give one of them"
        )
    if first.in_another_grain(second) or second.in_another_grain(first):
        raise UsageError(f"{names} tell the same charges of {one.month} in spans of another length; give one of them")


def _followed(export: Export, after: Mapping[Export, Export]) -> Export:
    while export in after:
        export = after[export]
    return export


def _in_order(exports: Iterable[Export]) -> list[Export]:
    """The last one last."""
    some = list(exports)
    moments = [export.moment for export in some]
    stamped = None not in moments and len({*moments}) == len(moments)
    return sorted(some, key=lambda export: (export.moment if stamped else 0, export.age))


def _grouped(parts: Iterable[Part], key: Callable[[Part], K]) -> dict[K, list[Part]]:
    groups: dict[K, list[Part]] = {}
    for part in parts:
        groups.setdefault(key(part), []).append(part)
    return groups
