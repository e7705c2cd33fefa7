"""The parts of a bill put together, as one canonical table."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from esaws.costs.bill.bill_file import canonical, constants_of
from esaws.costs.bill.schema import DECIMAL, FLOAT, METRICS

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from esaws.costs.bill.bill_file import Part
    from esaws.costs.bill.dedup.months import Month
    from esaws.costs.bill.format import Recognised
    from esaws.costs.engines.engine import Engine


def assembled(parts: Sequence[Part], left_out: Mapping[Part, Collection[Month]], engine: Engine) -> ir.Table:
    """The canonical table of some parts, without the months that are left out of each."""
    import ibis

    number = FLOAT if any(part.number == FLOAT for part in parts) else DECIMAL
    whole: dict[object, list[Part]] = {}
    tables = []
    for part in parts:
        if left_out.get(part):
            tables.append(_without(canonical(engine.parquet([part.path]), [part], number), left_out[part]))
        else:
            whole.setdefault((part.recognised.version, part.schema), []).append(part)
    for some in whole.values():
        tables.append(canonical(engine.parquet([part.path for part in some]), some, number))
    return tables[0] if len(tables) == 1 else ibis.union(*tables)


def with_constants(lines: ir.Table, parts: Sequence[Part]) -> ir.Table:
    """A canonical table in which the columns are literals that have one value: nothing has to be grouped by them."""
    import ibis

    known = {name: value for name, value in constants_of(parts).items() if value is not None}
    return lines.mutate(**{name: ibis.literal(value, type=lines[name].type()) for name, value in known.items()})


def metrics_of(recognised: Sequence[Recognised]) -> tuple[str, ...]:
    """The ways to count that all of some tables know, in the order of `METRICS`."""
    return tuple(metric for metric in METRICS if all(metric in each.format.metrics(each) for each in recognised))


def _without(lines: ir.Table, months: Collection[Month]) -> ir.Table:
    for month in months:
        of_month = lines.period.isnull() if month.first is None else lines.period == month.first
        of_payer = lines.payer.isnull() if month.payer is None else lines.payer == month.payer
        lines = lines.filter(~(of_month & of_payer).fill_null(False))
    return lines
