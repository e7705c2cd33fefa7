"""What runs in each account and since when: a book of spans of time, written when something changes.

Nothing is written hour by hour: the hours of a bill are worked out from the spans when somebody asks for them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from math import floor
from typing import NamedTuple

from esaws.pricelist import day_of, hours_in_month
from local_aws_server.backends import Backends
from local_aws_server.billing.account import customer
from local_aws_server.billing.charge import HOUR, Meter, Tags
from local_aws_server.clock.clock import CLOCK
from local_aws_server.hooks import on_reset, reconciler

_BY_WHOLE_HOURS = ("LoadBalancerUsage", "NodeUsage:", "NatGateway-Hours")
"""Each hour of the clock in which there was any of it counts whole.

https://aws.amazon.com/elasticloadbalancing/pricing/ https://aws.amazon.com/elasticache/pricing/
https://aws.amazon.com/vpc/pricing/
"""
_AT_LEAST = {"BoxUsage:": 60, "PublicIPv4:": 60, "InstanceUsage:": 600, "Multi-AZUsage:": 600}
"""The seconds that are charged at least whenever it starts.

https://aws.amazon.com/ec2/pricing/on-demand/ https://aws.amazon.com/rds/faqs/
"""
_OF_A_MONTH = ("GB-Mo", "Alarms", "Metrics")
_TEN_DECIMALS = Decimal("1.0000000000")


class Reading(NamedTuple):
    """What a meter shows at this moment."""

    meter: Meter
    amount: Decimal
    """How much of it there is: 1 instance, 30 gigabytes."""
    tags: Tags = ()


class Measured(NamedTuple):
    """What a meter counted in an hour."""

    meter: Meter
    quantity: Decimal
    tags: Tags


@dataclass
class Span:
    """A time, in whole seconds since 1970, in which so much of something ran."""

    meter: Meter
    amount: Decimal
    tags: Tags
    start: int
    began: int
    """When the thing itself was started: its size or tags may have changed since."""
    end: int | None = None
    goes_on: bool = False
    """Whether the thing runs on, as another span."""

    def until(self, now: int) -> int:
        """When it ends as far as it is charged: what has just been started is charged for a minimum of time."""
        if self.end is None or self.goes_on:
            return now if self.end is None else self.end
        least = next((least for name, least in _AT_LEAST.items() if self.meter.usage_type.startswith(name)), 0)
        return max(self.end, self.began + least)

    def quantity(self, start: int, end: int) -> Decimal:
        """What is charged of an hour, or of its part that has passed; in the unit of the meter."""
        seconds = min(self.until(end), end) - max(self.start, start)
        if seconds <= 0:
            return Decimal(0)
        if self.by_whole_hours:
            return self.amount
        return self._of(seconds, start)

    def an_hour(self, start: int) -> Decimal:
        """What is charged of an hour that it runs."""
        return self._of(HOUR, start)

    def counted(self, account: str, start: int, end: int) -> list[Measured]:
        """What it did, of which there is no reading: a load balancer's capacity units."""
        found = _DERIVED.get(self.meter.usage_type, ()) if end > start else ()
        return [measured for count in found for measured in count(account, self, start, end)]

    @property
    def by_whole_hours(self) -> bool:
        return self.meter.usage_type.startswith(_BY_WHOLE_HOURS)

    def _of(self, seconds: int, moment: int) -> Decimal:
        hours = self.amount * seconds / HOUR
        if self.meter.unit in _OF_A_MONTH:
            hours /= hours_in_month(day_of(moment))
        return hours.quantize(_TEN_DECIMALS)


@dataclass
class Book:
    """What one account has used so far."""

    spans: list[Span] = field(default_factory=list)
    """By their beginnings."""
    counts: defaultdict[int, dict[tuple[Meter, Tags], Decimal]] = field(default_factory=lambda: defaultdict(dict))
    """Hour → what was counted in it, one by one: requests, bytes."""
    _running: dict[tuple[Backends, str], dict[Meter, Span]] = field(default_factory=dict)

    def record(self, world: Backends, source: str, readings: Iterable[Reading], moment: float) -> None:
        """Write down what runs from this moment on, as far as one source of readings knows."""
        now, before = floor(moment), self._running.get((world, source), {})
        running: dict[Meter, Span] = {}
        for reading in readings:
            span = before.get(reading.meter)
            if span is None or (span.amount, span.tags) != (reading.amount, reading.tags):
                span = Span(reading.meter, reading.amount, reading.tags, now, span.began if span else now)
                self.spans.append(span)
            running[reading.meter] = span
        for meter, span in before.items():
            if running.get(meter) is not span:
                span.end, span.goes_on = now, meter in running
        self._running[world, source] = running

    def count(self, meter: Meter, quantity: Decimal, moment: float, tags: Tags = ()) -> None:
        """Write down that something happened so many times, or was so much."""
        hour = floor(moment) // HOUR * HOUR
        counted = self.counts[hour]
        counted[meter, tags] = counted.get((meter, tags), Decimal(0)) + quantity

    def close(self, moment: float) -> None:
        """Nothing of it is charged any more."""
        for running in self._running.values():
            for span in running.values():
                span.end = floor(moment)
        self._running.clear()

    def running(self) -> Iterator[Span]:
        """What runs now."""
        for running in self._running.values():
            yield from running.values()


BOOKS: defaultdict[str, Book] = defaultdict(Book)
"""The book of each account."""


@on_reset
def begin_new_books() -> None:
    BOOKS.clear()


Readings = Callable[[Backends], Iterable[Reading]]
Derived = Callable[[str, Span, int, int], Iterable[Measured]]

_DERIVED: defaultdict[str, list[Derived]] = defaultdict(list)

METERED: list[tuple[str, frozenset[str]]] = []
"""(the source of readings, the services that it reads)."""


def metered(*services: str) -> Callable[[Readings], Readings]:
    """Register a source of readings: asked again whenever something of these services may have changed."""

    def register(readings: Readings) -> Readings:
        source = f"{readings.__module__}.{readings.__qualname__}"

        def read(world: Backends) -> None:
            if customer(world.account).closed is None:  # it was opened at the latest when it uses something
                BOOKS[world.account].record(world, source, readings(world), CLOCK.now())

        read.__module__, read.__qualname__ = readings.__module__, readings.__qualname__
        reconciler(*services, order=90)(read)
        METERED.append((source, frozenset(services)))
        return readings

    return register


def derived(usage_type: str) -> Callable[[Derived], Derived]:
    """Register what is counted of a thing as long as it is metered under a usage type: (account, span, start, end)."""

    def register(count: Derived) -> Derived:
        _DERIVED[usage_type].append(count)
        return count

    return register


def hours(account: str, start: int, end: int) -> Iterator[tuple[int, list[Measured]]]:
    """Each hour between two moments in which anything was used, with what it was, in a fixed order.

    The first moment is the beginning of an hour; the last hour may be a part of one.
    """
    book = BOOKS[account]
    hour, at, going = start, 0, list[Span]()
    later = sorted(each for each in book.counts if start <= each < end)
    while hour < end:
        while at < len(book.spans) and book.spans[at].start < hour + HOUR:
            going.append(book.spans[at])
            at += 1
        going = [span for span in going if span.until(end) > hour]
        if not going and hour not in book.counts:
            begins = [book.spans[at].start // HOUR * HOUR] if at < len(book.spans) else []
            hour = min([*begins, *(each for each in later if each > hour), end])
            continue
        if measured := _measured(account, going, hour, min(hour + HOUR, end)):
            yield hour, measured
        hour += HOUR


def _measured(account: str, spans: Iterable[Span], start: int, end: int) -> list[Measured]:
    found: dict[tuple[Meter, Tags], Decimal] = {}
    whole: set[Meter] = set()
    for span in spans:
        if span.by_whole_hours and span.meter in whole:
            continue
        quantity = span.quantity(start, end)
        if quantity and span.by_whole_hours:
            whole.add(span.meter)
        counted = span.counted(account, max(span.start, start), min(span.until(end), end))
        for measured in (Measured(span.meter, quantity, span.tags), *counted):
            key = measured.meter, measured.tags
            found[key] = found.get(key, Decimal(0)) + measured.quantity
    for key, quantity in BOOKS[account].counts.get(start, {}).items():
        found[key] = found.get(key, Decimal(0)) + quantity.quantize(_TEN_DECIMALS)
    return sorted(
        (Measured(meter, quantity, tags) for (meter, tags), quantity in found.items() if quantity > 0),
        key=lambda each: (each.meter, each.tags),
    )
