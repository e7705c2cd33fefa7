"""Record what each account uses: a log of usage spans, written when something changes, not hour by hour.

The usage of an hour is computed from the spans when a bill is read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, field
from decimal import Decimal
from math import floor
from typing import NamedTuple

from esaws.pricelist import hours_in_month, utc_day
from local_aws_server.backends import Backends
from local_aws_server.billing.account import get_customer
from local_aws_server.billing.calendar import HOUR, hour_start
from local_aws_server.billing.charge import TEN_DECIMALS, Meter, Tags
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.history import pack, unpack
from local_aws_server.hooks import reconciler
from local_aws_server.reset import on_reset

_BILLED_BY_WHOLE_HOURS = ("LoadBalancerUsage", "NodeUsage:", "NatGateway-Hours")
"""Usage types of which each clock hour with any usage counts as a whole hour.

https://aws.amazon.com/elasticloadbalancing/pricing/ https://aws.amazon.com/elasticache/pricing/
https://aws.amazon.com/vpc/pricing/
"""
_MINIMUM_SECONDS = {"BoxUsage:": 60, "Fargate-": 60, "PublicIPv4:": 60, "InstanceUsage:": 600, "Multi-AZUsage:": 600}
"""Beginning of a usage type → the seconds that are charged at least for each start.

https://aws.amazon.com/ec2/pricing/on-demand/ https://aws.amazon.com/fargate/pricing/ https://aws.amazon.com/rds/faqs/
"""
_MONTHLY_UNITS = ("GB-Mo", "Alarms", "Metrics")


class Reading(NamedTuple):
    """The current value of a meter."""

    meter: Meter
    amount: Decimal
    """How much is running: 1 instance, 30 gigabytes."""
    tags: Tags = ()


class MeteredUsage(NamedTuple):
    """The usage of one meter in one hour."""

    meter: Meter
    quantity: Decimal
    tags: Tags


@dataclass(slots=True)
class UsageSpan:
    """A time in which a meter had the same amount and tags, in whole seconds since 1970."""

    meter: Meter
    amount: Decimal
    tags: Tags
    start: int
    resource_start: int
    """When the resource was started; its amount or tags may have changed since."""
    end: int | None = None
    is_continued: bool = False
    """Whether the resource goes on running in another span."""

    def charged_until(self, now: int) -> int:
        """The end of the charged time, which includes the minimum for a resource that has just been started."""
        if self.end is None or self.is_continued:
            return now if self.end is None else self.end
        minimum = next(
            (seconds for name, seconds in _MINIMUM_SECONDS.items() if self.meter.usage_type.startswith(name)), 0
        )
        return max(self.end, self.resource_start + minimum)

    def charged_quantity(self, start: int, end: int) -> Decimal:
        """The quantity charged for an hour, or for the part of it that has passed; in the unit of the meter."""
        seconds = min(self.charged_until(end), end) - max(self.start, start)
        if seconds <= 0:
            return Decimal(0)
        if self.is_billed_by_whole_hours:
            return self.amount
        return self._quantity_for(seconds, start)

    def hourly_quantity(self, start: int) -> Decimal:
        """The quantity charged for a whole hour from `start` on."""
        return self._quantity_for(HOUR, start)

    def derive_usage(self, account: str, start: int, end: int) -> list[MeteredUsage]:
        """Usage without a reading of its own, such as a load balancer's capacity units."""
        functions = _DERIVED.get(self.meter.usage_type, ()) if end > start else ()
        return [usage for derive in functions for usage in derive(account, self, start, end)]

    @property
    def is_billed_by_whole_hours(self) -> bool:
        return self.meter.usage_type.startswith(_BILLED_BY_WHOLE_HOURS)

    def _quantity_for(self, seconds: int, timestamp: int) -> Decimal:
        quantity = self.amount * seconds / HOUR
        if self.meter.unit in _MONTHLY_UNITS:
            quantity /= hours_in_month(utc_day(timestamp))
        return quantity.quantize(TEN_DECIMALS)


@dataclass(frozen=True)
class PackedSpans:
    """Spans that have ended, as compressed JSON."""

    start: int
    """When the first of them started."""
    end: int
    """Until when the last of them is charged."""
    content: bytes

    @classmethod
    def pack(cls, spans: Sequence[UsageSpan]) -> PackedSpans:
        rows = [[astuple(each.meter), str(each.amount), each.tags, *_times(each)] for each in spans]
        end = max(span.charged_until(0) for span in spans)
        return cls(min(span.start for span in spans), end, pack(rows))

    def unpack(self) -> list[UsageSpan]:
        return [
            UsageSpan(Meter(*meter), Decimal(amount), _to_tags(tags), *times)
            for meter, amount, tags, *times in unpack(self.content)
        ]


def _times(span: UsageSpan) -> tuple[int, int, int | None, bool]:
    return span.start, span.resource_start, span.end, span.is_continued


def _to_tags(rows: Iterable[Iterable[str]]) -> Tags:
    return tuple((key, value) for key, value in rows)


Counts = dict[tuple[Meter, Tags], Decimal]

_SPANS_IN_A_PACK = 256
_UNPACKED_HOURS = 48


@dataclass
class UsageLog:
    """The usage of one account so far."""

    spans: list[UsageSpan] = field(default_factory=list)
    """By their beginnings: those that run, and the latest of those that have ended."""
    counts: defaultdict[int, Counts] = field(default_factory=lambda: defaultdict(dict))
    """Hour → usage that is counted one by one: requests, bytes."""
    _running: dict[tuple[Backends, str], dict[Meter, UsageSpan]] = field(default_factory=dict)
    packed_spans: list[PackedSpans] = field(default_factory=list)
    """The other spans."""
    packed_counts: dict[int, bytes] = field(default_factory=dict)
    """Hour → the counts of hours that are over, as compressed JSON."""
    pack_at: int = 2 * _SPANS_IN_A_PACK
    """The number of spans at which some may be packed."""

    def record(self, backends: Backends, source: str, readings: Iterable[Reading], timestamp: float) -> None:
        """Start and end spans so that they match the readings of one source from `timestamp` on."""
        now, before = floor(timestamp), self._running.get((backends, source), {})
        running: dict[Meter, UsageSpan] = {}
        for reading in readings:
            span = before.get(reading.meter)
            if span is None or (span.amount, span.tags) != (reading.amount, reading.tags):
                resource_start = span.resource_start if span else now
                span = UsageSpan(reading.meter, reading.amount, reading.tags, now, resource_start)
                self.spans.append(span)
            running[reading.meter] = span
        for meter, span in before.items():
            if running.get(meter) is not span:
                span.end, span.is_continued = now, meter in running
        self._running[backends, source] = running
        if len(self.spans) >= self.pack_at:
            self._pack_spans()

    def count(self, meter: Meter, quantity: Decimal, timestamp: float, tags: Tags = ()) -> None:
        """Add to the counted usage of an hour."""
        hour = hour_start(timestamp)
        if hour not in self.counts and hour not in self.packed_counts:
            self._pack_counts()
        counts = self.counts[hour] = self.counts_of(hour)
        self.packed_counts.pop(hour, None)
        counts[meter, tags] = counts.get((meter, tags), Decimal(0)) + quantity

    def counts_of(self, hour: int) -> Counts:
        """The usage of an hour that was counted one by one."""
        if content := self.packed_counts.get(hour):
            return {(Meter(*meter), _to_tags(tags)): Decimal(number) for meter, tags, number in unpack(content)}
        return self.counts.get(hour, {})

    def hours_with_counts(self, start: int, end: int) -> list[int]:
        """The hours in [start, end) with counts, in order."""
        return sorted(hour for hour in (*self.counts, *self.packed_counts) if start <= hour < end)

    def spans_between(self, start: int, end: int) -> list[UsageSpan]:
        """All spans with usage in a time, by their beginnings, and a few others."""
        packs = [each for each in self.packed_spans if each.start < end and each.end > start]
        spans = [span for each in packs for span in each.unpack()]
        return sorted([*spans, *self.spans], key=lambda span: span.start)

    def _pack_spans(self) -> None:
        ended = [span for span in self.spans if span.end is not None]
        while len(ended) >= 2 * _SPANS_IN_A_PACK:
            packed, ended = ended[:_SPANS_IN_A_PACK], ended[_SPANS_IN_A_PACK:]
            self.packed_spans.append(PackedSpans.pack(packed))
            gone = {id(span) for span in packed}
            self.spans = [span for span in self.spans if id(span) not in gone]
        self.pack_at = len(self.spans) + _SPANS_IN_A_PACK

    def _pack_counts(self) -> None:
        for hour in sorted(self.counts)[:-_UNPACKED_HOURS]:
            rows = [[astuple(meter), tags, str(number)] for (meter, tags), number in self.counts.pop(hour).items()]
            self.packed_counts[hour] = pack(rows)

    def close(self, timestamp: float) -> None:
        """End all spans."""
        for running in self._running.values():
            for span in running.values():
                span.end = floor(timestamp)
        self._running.clear()

    def running_spans(self) -> Iterator[UsageSpan]:
        """The spans that have no end yet."""
        for running in self._running.values():
            yield from running.values()


USAGE_LOGS: defaultdict[str, UsageLog] = defaultdict(UsageLog)
"""Account → its usage log."""


@on_reset
def clear_usage_logs() -> None:
    USAGE_LOGS.clear()


MeterReader = Callable[[Backends], Iterable[Reading]]
DerivedUsage = Callable[[str, UsageSpan, int, int], Iterable[MeteredUsage]]

_DERIVED: defaultdict[str, list[DerivedUsage]] = defaultdict(list)

METER_READERS: list[tuple[str, frozenset[str]]] = []
"""(source of readings, the services that it reads)."""


def meter_reader(*services: str) -> Callable[[MeterReader], MeterReader]:
    """Register a source of readings, which is read whenever something of these services may have changed."""

    def register(reader: MeterReader) -> MeterReader:
        source = f"{reader.__module__}.{reader.__qualname__}"

        def read(backends: Backends) -> None:
            if get_customer(backends.account).closed_at is None:  # first use opens the account
                USAGE_LOGS[backends.account].record(backends, source, reader(backends), CLOCK.now())

        read.__module__, read.__qualname__ = reader.__module__, reader.__qualname__
        reconciler(*services, order=90)(read)
        METER_READERS.append((source, frozenset(services)))
        return reader

    return register


def derived_usage(usage_type: str) -> Callable[[DerivedUsage], DerivedUsage]:
    """Register a function (account, span, start, end) that adds usage to each span of a usage type."""

    def register(derive: DerivedUsage) -> DerivedUsage:
        _DERIVED[usage_type].append(derive)
        return derive

    return register


def hourly_usage(account: str, start: int, end: int) -> Iterator[tuple[int, list[MeteredUsage]]]:
    """(hour, usage in a fixed order) of each hour in [start, end) in which anything was used.

    `start` is the beginning of an hour. The last hour may be incomplete.
    """
    log = USAGE_LOGS[account]
    hour, position, active = start, 0, list[UsageSpan]()
    spans, hours_with_counts = log.spans_between(start, end), log.hours_with_counts(start, end)
    counted = {*hours_with_counts}
    while hour < end:
        while position < len(spans) and spans[position].start < hour + HOUR:
            active.append(spans[position])
            position += 1
        active = [span for span in active if span.charged_until(end) > hour]
        if not active and hour not in counted:
            next_span = [hour_start(spans[position].start)] if position < len(spans) else []
            hour = min([*next_span, *(later for later in hours_with_counts if later > hour), end])
            continue
        if usage := _usage_in_hour(account, active, hour, min(hour + HOUR, end)):
            yield hour, usage
        hour += HOUR


def _usage_in_hour(account: str, spans: Iterable[UsageSpan], start: int, end: int) -> list[MeteredUsage]:
    quantities: dict[tuple[Meter, Tags], Decimal] = {}
    charged_whole: set[Meter] = set()
    for span in spans:
        if span.is_billed_by_whole_hours and span.meter in charged_whole:
            continue
        quantity = span.charged_quantity(start, end)
        if quantity and span.is_billed_by_whole_hours:
            charged_whole.add(span.meter)
        derived = span.derive_usage(account, max(span.start, start), min(span.charged_until(end), end))
        for usage in (MeteredUsage(span.meter, quantity, span.tags), *derived):
            key = usage.meter, usage.tags
            quantities[key] = quantities.get(key, Decimal(0)) + usage.quantity
    for key, quantity in USAGE_LOGS[account].counts_of(start).items():
        quantities[key] = quantities.get(key, Decimal(0)) + quantity.quantize(TEN_DECIMALS)
    return sorted(
        (MeteredUsage(meter, quantity, tags) for (meter, tags), quantity in quantities.items() if quantity > 0),
        key=lambda usage: (usage.meter, usage.tags),
    )
