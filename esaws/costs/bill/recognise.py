"""Which format a table has, by its columns alone: the names of files say nothing."""

from collections.abc import Iterable

from esaws.costs.bill.cur import CUR
from esaws.costs.bill.focus import FOCUS
from esaws.costs.bill.format import Recognised, squash

FORMATS = (FOCUS, CUR)


def recognise(columns: Iterable[str]) -> Recognised | None:
    """What a table with these columns is; None if it is no bill."""
    names = list(columns)
    for each in FORMATS:
        standard = {squash(name): name for name in each.fields}
        known: dict[str, str] = {}
        for name in names:
            if squash(name) in standard:
                known.setdefault(standard[squash(name)], name)
        if each.is_enough(known):
            return Recognised(each, each.version(known, names), known, each.tag_columns(names))
    return None
