"""Answers of Cost Explorer as they were saved: one response, its pages, a list of either, or a line for each.

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

from esaws.costs.bill.files import File, Unreadable

COSTS = ("UnblendedCost", "BlendedCost", "AmortizedCost", "NetUnblendedCost", "NetAmortizedCost")
QUANTITY = "UsageQuantity"

_LOOKS_LIKE = {
    "LINKED_ACCOUNT": re.compile(r"\d{12}"),
    "REGION": re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d|global|NoRegion"),
    "RECORD_TYPE": re.compile(r"Usage|Tax|Credit|Refund|Enterprise Discount Program Discount|Solution Provider.*"),
    "USAGE_TYPE": re.compile(r"(?:[A-Z]{3}\d|EU|[a-z]{2}(?:-[a-z]+)+-\d)-.+|\S+:\S+|\S+-\S+|NoUsageType"),
}
"""What the keys of a dimension look like, where an answer does not say whose they are; any other is a service."""


@dataclass(frozen=True)
class Result:
    """What was charged in a span of time, for one value of each of the dimensions that were asked for."""

    start: datetime
    end: datetime
    by: tuple[str, ...]
    """The dimensions: `SERVICE`, `TAG team`, … ; none for a total."""
    keys: tuple[str, ...]
    amounts: Mapping[str, Decimal]
    currency: str | None
    unit: str | None
    is_estimated: bool


@dataclass(frozen=True)
class Response:
    """One answer, or a page of one."""

    file: File
    results: tuple[Result, ...]
    spans: tuple[tuple[datetime, datetime], ...]
    """From when until when, of all that it tells, nothing as well."""
    continues: bool
    """Whether another page follows."""


def all_pages(responses: Sequence[Response]) -> None:
    """Whether each page that another follows is followed by one: the next begins where it ends, or in its last span.

    Raises:
        Unreadable: one is not, so that what was charged from there on is missing.
    """
    for page in responses:
        if not page.continues or not page.spans:
            continue
        start, end = page.spans[-1]
        others = [each for each in responses if (each.spans, each.results) != (page.spans, page.results)]
        if not any(other.spans and other.spans[0][0] in (start, end) for other in others):
            told = f"it ends with {start:%Y-%m-%d} and says that another page follows (NextPageToken)"
            raise Unreadable(page.file.name, f"{told}: give that page as well")


def documents(file: File, text: str) -> list[Any]:
    """The JSON documents of a file, numbers as they are written.

    Raises:
        Unreadable: it is no JSON, or cut off.
    """
    try:
        return [json.loads(text, parse_float=Decimal, parse_int=Decimal)]
    except ValueError as whole:
        lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
        try:
            first = json.loads(lines[0][1])
        except ValueError:
            first = None
        if not isinstance(first, dict | list):
            raise Unreadable(file.name, f"it is no JSON, or cut off: {whole}") from None
    found = []
    for number, line in lines:
        try:
            found.append(json.loads(line, parse_float=Decimal, parse_int=Decimal))
        except ValueError as error:
            raise Unreadable(file.name, f"the line is no JSON, or cut off: {error}", row=number) from None
    return found


def responses(file: File, document: Any) -> Iterator[Response]:
    """Each response in a document.

    Raises:
        Unreadable: it is no answer of Cost Explorer, or a part of it can't be read.
    """
    if isinstance(document, list):
        if document and all(isinstance(each, dict) and "TimePeriod" in each for each in document):
            document = {"ResultsByTime": document}
        else:
            for each in document:
                yield from responses(file, each)
            return
    if not isinstance(document, dict) or not isinstance(document.get("ResultsByTime"), list):
        raise Unreadable(file.name, "it is JSON, but no answer of Cost Explorer: ResultsByTime is missing")
    definitions = document.get("GroupDefinitions") or []
    by = tuple(f"TAG {each['Key']}" if each.get("Type") == "TAG" else str(each.get("Key")) for each in definitions)
    by = by or _guessed(document["ResultsByTime"])
    found: list[Result] = []
    spans = []
    for number, period in enumerate(document["ResultsByTime"]):
        try:
            spans.append(_span(period))
            found += _results(period, by)
        except (KeyError, TypeError, ValueError, InvalidOperation, AttributeError) as error:
            reason = f"ResultsByTime[{number}] can't be read: {type(error).__name__} {error}"
            raise Unreadable(file.name, reason, row=number + 1) from None
    yield Response(file, tuple(found), tuple(spans), bool(document.get("NextPageToken")))


def _results(period: Mapping[str, Any], by: tuple[str, ...]) -> Iterator[Result]:
    start, end = _span(period)
    is_estimated = bool(period.get("Estimated"))
    groups = period.get("Groups") or []
    for group in groups:
        keys = tuple(group["Keys"])
        if by and len(keys) != len(by):
            raise ValueError(f"{len(keys)} keys for {len(by)} dimensions")
        yield Result(start, end, by, keys, *_amounts(group["Metrics"]), is_estimated)
    if not groups and period.get("Total"):
        yield Result(start, end, (), (), *_amounts(period["Total"]), is_estimated)


def _amounts(metrics: Mapping[str, Any]) -> tuple[dict[str, Decimal], str | None, str | None]:
    amounts = {name: Decimal(metric["Amount"]) for name, metric in metrics.items() if name in (*COSTS, QUANTITY)}
    if not all(amount.is_finite() for amount in amounts.values()):
        raise ValueError("an amount is no number")
    currencies = {metric.get("Unit") for name, metric in metrics.items() if name in COSTS}
    if len(currencies) > 1:
        raise ValueError(f"several currencies in one group: {', '.join(map(str, currencies))}")
    unit = metrics[QUANTITY].get("Unit") if QUANTITY in metrics else None
    return amounts, next(iter(currencies), None), unit


def _span(period: Mapping[str, Any]) -> tuple[datetime, datetime]:
    start, end = (_moment(period["TimePeriod"][name]) for name in ("Start", "End"))
    return start, end


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).replace(tzinfo=None)


def _guessed(periods: Sequence[Any]) -> tuple[str, ...]:
    """What the keys of all groups are of, where the answer's definitions were not saved."""
    groups = [group for period in periods if isinstance(period, dict) for group in period.get("Groups") or ()]
    all_keys = [group["Keys"] for group in groups if isinstance(group, dict) and isinstance(group.get("Keys"), list)]
    if not all_keys:
        return ()
    found: list[str] = []
    for keys in zip(*all_keys, strict=False):
        forms = _LOOKS_LIKE.items()
        fitting = [name for name, form in forms if sum(form.fullmatch(key) is not None for key in keys) > len(keys) / 2]
        name = next((name for name in fitting if name not in found), "SERVICE")
        found.append(name if name not in found else f"key {len(found) + 1}")
    return tuple(found)
