"""Exports that look like bills and can't be read as one, by their columns, and what to get instead."""

from __future__ import annotations

from collections.abc import Iterable

from esaws.costs.bill.formats.format import squash

_AWS = "Fetch the days from Cost Explorer, as ce:2026-01, or create an export of CUR 2.0 or FOCUS in Data Exports."
_ELSEWHERE = "Create an export of type FOCUS there."

_EXPORTS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("AWS's usage report, which has no costs", _AWS, ("UsageType", "StartTime", "EndTime", "UsageValue")),
    ("the CSV of AWS's Bills page", _AWS, ("RecordType", "ProductCode", "CostBeforeTax", "TotalCost")),
    ("AWS's detailed billing report", _AWS, ("RecordType", "ProductName", "UsageType", "UsageQuantity", "RateId")),
    ("charges by service of AWS's Bills page", _AWS, ("Service", "Usage quantity", "Amount in USD")),
    ("charges by service of AWS's Bills page", _AWS, ("Description", "Usage quantity", "Amount in USD")),
    ("Azure's cost details", _ELSEWHERE, ("MeterCategory", "CostInBillingCurrency")),
    ("Azure's cost details", _ELSEWHERE, ("MeterCategory", "PreTaxCost")),
    ("Google Cloud's standard billing export", _ELSEWHERE, ("service.description", "sku.description", "cost")),
    ("Google Cloud's cost table", _ELSEWHERE, ("Service description", "SKU description", "Cost ($)")),
    ("Oracle Cloud's cost report", _ELSEWHERE, ("lineItem/intervalUsageStart", "cost/myCost")),
)
"""Name, what to get instead, and some columns that together only this export has."""


def describe_export(columns: Iterable[str]) -> str | None:
    """What a table with these columns is, and what to get instead; None if that is not known."""
    squashed = {squash(name) for name in columns}
    for name, advice, its_columns in _EXPORTS:
        if squashed.issuperset(map(squash, its_columns)):
            return f"{name}. {advice}"
    return None
