"""A bill with the questions that can be put to it as its methods."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from esaws.costs.analysis.anomalies import anomalies
from esaws.costs.analysis.breakdown import breakdown, breakdown_by_day
from esaws.costs.analysis.credits import credits
from esaws.costs.analysis.free_tier_usage import free_tier
from esaws.costs.analysis.idle_hours import idle_hours
from esaws.costs.analysis.month_end import month_end
from esaws.costs.analysis.month_over_month import month_over_month
from esaws.costs.analysis.waste import waste
from esaws.costs.attribution.billed import decisions
from esaws.costs.bill import bill, read
from esaws.costs.bill.report import report
from esaws.costs.focus.write import write_focus

if TYPE_CHECKING:
    from esaws.cloud import Cloud


class Bill(bill.Bill):
    """A bill in which each charge counts once.

    Each function of `esaws.costs` that takes a bill is a method, too: `bill.breakdown("tag:team")` is
    `costs.breakdown(bill, "tag:team")`. `as_of(day)` is the bill as it was on a day.
    """

    anomalies = anomalies
    breakdown = breakdown
    breakdown_by_day = breakdown_by_day
    credits = credits
    decisions = decisions
    free_tier = free_tier
    idle_hours = idle_hours
    month_end = month_end
    month_over_month = month_over_month
    report = report
    waste = waste
    write_focus = write_focus


def read_bill(*sources: str | Path, engine: str | None = None, cloud: Cloud | None = None) -> Bill:
    """Read a bill from one or more sources. Each charge counts once, even if it was exported several times.

    A source is a file, a glob, a folder, a prefix `s3://bucket/prefix`, or days of Cost Explorer (`ce:2026-01`,
    `ce:2026-01-05..2026-02-03`; two requests at least, each for 0.01 USD on AWS). The last two need `cloud`. The
    columns show the format: CUR 2.0, legacy CUR, FOCUS, or Cost Explorer responses.

    `engine` is where the bill is added up: DuckDB in this process, `spark://local[2]`, `spark://host:7077`,
    `athena://…` or `trino://…`; with the last two a source is a table, like `cur.hourly@2026-01..2026-03`.

    Raises:
        UsageError: a source does not exist, is not a bill, or can't be read in full. The message names file, row and
            column.
    """
    result = read.read_bill(*sources, engine=engine, cloud=cloud)
    return Bill(**{field.name: getattr(result, field.name) for field in fields(result)})
