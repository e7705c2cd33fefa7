"""Parse saved Cost Explorer responses: one response, its pages, a list of either, or one JSON document a line.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsage.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from esaws.costs.bill.bill_file import File, UnreadableBill

COSTS = ("UnblendedCost", "BlendedCost", "AmortizedCost", "NetUnblendedCost", "NetAmortizedCost")
QUANTITY = "UsageQuantity"
KEYED = ("TAG", "COST_CATEGORY")
"""The types of group definitions whose keys are like `team$red`."""

_KEY_PATTERNS = {
    "LINKED_ACCOUNT": re.compile(r"\d{12}"),
    "REGION": re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d|global|NoRegion"),
    "RECORD_TYPE": re.compile(r"Usage|Tax|Credit|Refund|Enterprise Discount Program Discount|Solution Provider.*"),
    "USAGE_TYPE": re.compile(r"(?:[A-Z]{3}\d|EU|[a-z]{2}(?:-[a-z]+)+-\d)-.+|\S+:\S+|\S+-\S+|NoUsageType"),
}
"""What keys of a dimension look like, for responses without GroupDefinitions. Any other key is a service."""


@dataclass(frozen=True)
class Result:
    """The charges of one period and one group."""

    start: datetime
    end: datetime
    by: tuple[str, ...]
    """The dimensions: `SERVICE`, `TAG team`, `COST_CATEGORY Team`, …; none for a total."""
    keys: tuple[str, ...]
    amounts: Mapping[str, Decimal]
    currency: str | None
    unit: str | None
    is_estimated: bool
    account_name: str | None = None


@dataclass(frozen=True)
class Response:
    """A response, or a page of one."""

    file: File
    results: tuple[Result, ...]
    periods: tuple[tuple[datetime, datetime], ...]
    """Start and end of each period, including periods without charges."""
    has_next_page: bool
    assumption: str | None = None
    """What is assumed because the file does not say it."""


def check_pages(responses: Sequence[Response]) -> None:
    """Check that no page is missing: the next one starts in the last period of a page, or right after it.

    Raises:
        UnreadableBill: a page is missing, with all charges in it.
    """
    for page in responses:
        if not page.has_next_page or not page.periods:
            continue
        start, end = page.periods[-1]
        others = [other for other in responses if (other.periods, other.results) != (page.periods, page.results)]
        if not any(other.periods and other.periods[0][0] in (start, end) for other in others):
            reason = f"the next page is missing (the file ends with {start:%Y-%m-%d} and has a NextPageToken)"
            raise UnreadableBill(page.file.name, f"{reason}. Add the file of that page.")


def parse_documents(file: File, text: str) -> list[Any]:
    """The JSON documents of a file. Numbers become Decimals.

    Raises:
        UnreadableBill: the file is not JSON, or is truncated.
    """
    try:
        return [json.loads(text, parse_float=Decimal, parse_int=Decimal)]
    except ValueError as error:
        lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
        try:
            first = json.loads(lines[0][1])
        except ValueError:
            first = None
        if not isinstance(first, dict | list):
            raise UnreadableBill(file.name, f"not valid JSON, or truncated ({error})") from None
    parsed = []
    for number, line in lines:
        try:
            parsed.append(json.loads(line, parse_float=Decimal, parse_int=Decimal))
        except ValueError as error:
            raise UnreadableBill(file.name, f"not valid JSON, or truncated ({error})", row=number) from None
    return parsed


def parse_responses(file: File, document: Any) -> Iterator[Response]:
    """The responses in a document.

    Raises:
        UnreadableBill: the document is not a Cost Explorer response, or a part of it can't be parsed.
    """
    if isinstance(document, list):
        if document and all(isinstance(item, dict) and "TimePeriod" in item for item in document):
            document = {"ResultsByTime": document}
        else:
            for item in document:
                yield from parse_responses(file, item)
            return
    if not isinstance(document, dict) or not isinstance(document.get("ResultsByTime"), list):
        raise UnreadableBill(file.name, "not a Cost Explorer response (ResultsByTime is missing)")
    definitions = document.get("GroupDefinitions") or []
    by = tuple(
        f"{definition['Type']} {definition['Key']}" if definition.get("Type") in KEYED else str(definition.get("Key"))
        for definition in definitions
    )
    by = by or _guess_dimensions(document["ResultsByTime"])
    names = _account_names(document)
    results: list[Result] = []
    periods = []
    for number, period in enumerate(document["ResultsByTime"]):
        try:
            periods.append(_start_and_end(period))
            results += _results(period, by, names)
        except (KeyError, TypeError, ValueError, InvalidOperation, AttributeError) as error:
            reason = f"ResultsByTime[{number}] can't be parsed ({type(error).__name__} {error})"
            raise UnreadableBill(file.name, reason, row=number + 1) from None
    yield Response(file, tuple(results), tuple(periods), bool(document.get("NextPageToken")))


def _account_names(document: Mapping[str, Any]) -> dict[str, str]:
    """The names of linked accounts, which a response has in its attributes."""
    found = [item for item in document.get("DimensionValueAttributes") or () if isinstance(item, dict)]
    attributes = {str(item.get("Value")): item.get("Attributes") for item in found}
    return {
        value: str(each["description"])
        for value, each in attributes.items()
        if isinstance(each, dict) and each.get("description")
    }


def _results(period: Mapping[str, Any], by: tuple[str, ...], names: Mapping[str, str]) -> Iterator[Result]:
    start, end = _start_and_end(period)
    is_estimated = bool(period.get("Estimated"))
    groups = period.get("Groups") or []
    for group in groups:
        keys = tuple(group["Keys"])
        if by and len(keys) != len(by):
            raise ValueError(f"{len(keys)} keys for {len(by)} dimensions")
        name = names.get(keys[by.index("LINKED_ACCOUNT")]) if "LINKED_ACCOUNT" in by else None
        yield Result(start, end, by, keys, *_amounts(group["Metrics"]), is_estimated, name)
    if not groups and period.get("Total"):
        yield Result(start, end, (), (), *_amounts(period["Total"]), is_estimated)


def _amounts(metrics: Mapping[str, Any]) -> tuple[dict[str, Decimal], str | None, str | None]:
    """The amounts of a group by metric, the currency of its costs, and the unit of its quantity."""
    amounts = {name: Decimal(metric["Amount"]) for name, metric in metrics.items() if name in (*COSTS, QUANTITY)}
    if not all(amount.is_finite() for amount in amounts.values()):
        raise ValueError("an amount is not a number")
    currencies = {metric.get("Unit") for name, metric in metrics.items() if name in COSTS}
    if len(currencies) > 1:
        raise ValueError(f"several currencies in one group: {', '.join(map(str, currencies))}")
    unit = metrics[QUANTITY].get("Unit") if QUANTITY in metrics else None
    return amounts, next(iter(currencies), None), unit


def _start_and_end(period: Mapping[str, Any]) -> tuple[datetime, datetime]:
    start, end = (_parse_timestamp(period["TimePeriod"][name]) for name in ("Start", "End"))
    return start, end


def _parse_timestamp(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).replace(tzinfo=None)


def _guess_dimensions(periods: Sequence[Any]) -> tuple[str, ...]:
    """Guess the dimensions from the keys of all groups, for responses saved without GroupDefinitions."""
    groups = [group for period in periods if isinstance(period, dict) for group in period.get("Groups") or ()]
    all_keys = [group["Keys"] for group in groups if isinstance(group, dict) and isinstance(group.get("Keys"), list)]
    dimensions: list[str] = []
    for keys in zip(*all_keys, strict=False):
        prefixes = {key.partition("$")[0] for key in keys if "$" in key}
        if len(prefixes) == 1 and all("$" in key for key in keys):
            dimensions.append(f"TAG {prefixes.pop()}")
            continue
        candidates = [
            name
            for name, pattern in _KEY_PATTERNS.items()
            if sum(pattern.fullmatch(key) is not None for key in keys) > len(keys) / 2
        ]
        name = next((name for name in candidates if name not in dimensions), "SERVICE")
        dimensions.append(name if name not in dimensions else f"key {len(dimensions) + 1}")
    return tuple(dimensions)
