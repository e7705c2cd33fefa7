"""Histories: events, the trail and usage, packed when they are old, and dropped when AWS keeps them no longer."""

import random
from collections import deque
from decimal import Decimal
from typing import Any

import pytest

from local_aws_server.backends import Backends
from local_aws_server.billing import meter
from local_aws_server.billing.charge import Meter
from local_aws_server.billing.meter import Reading, UsageLog
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import Event
from local_aws_server.clock.history import History, pack, unpack
from local_aws_server.services.cloudtrail import lookup, recorder
from local_aws_server.services.cloudtrail.recorder import TrailEvent
from local_aws_server.snapshots import accounts, extras  # noqa: F401 (it registers the data of accounts)
from local_aws_server.snapshots.object_reader import ObjectReader
from local_aws_server.snapshots.object_writer import ObjectWriter
from tests.local.raw_calls import ACCOUNT, InProcessAws, Request, parse

DAY = 86400.0


def filled(count: int, **settings: Any) -> History:
    """A history with a record each second."""
    history = History(**settings)
    for number in range(count):
        history.append((float(number), f"record {number}"))
    return history


# --- a history


@pytest.mark.parametrize("count", [0, 1, 511, 512, 513, 5000])
def test_a_history_has_every_record_in_order(count: int) -> None:
    history, expected = filled(count), [(float(number), f"record {number}") for number in range(count)]
    assert history.since(0.0) == expected
    assert [record for _, record in history.newest_first()] == expected[::-1]
    assert history.since(count - 3.0) == expected[-3:]


def test_a_reader_continues_at_the_number_of_the_last_record_that_it_read() -> None:
    history, read, before = filled(1500), [], None
    while page := list(zip(range(100), history.newest_first(before), strict=False)):
        read += [record for _, (_, record) in page]
        before = page[-1][1][0]
        history.append((1500.0, "a new record changes no number"))
    assert read == filled(1500).since(0.0)[::-1]


def test_records_are_dropped_when_their_time_is_over_or_when_there_are_too_many() -> None:
    old, many = filled(5000, seconds=1000.0), filled(5000, most=2000)
    assert len(old.since(0.0)) < 1000 + 2 * 256 and old.is_complete(0.0)
    assert 2000 - 256 <= len(many.since(0.0)) <= 2000
    oldest = many.since(0.0)[0][0]
    assert many.lost == oldest - 1 and not many.is_complete(oldest - 1) and many.is_complete(oldest)


def test_packed_records_take_little_memory() -> None:
    history = History()
    for number in range(10_000):
        history.append((float(number), {"eventName": "CreateTags", "userAgent": "Boto3/1.40 " * 20, "id": number}))
    assert sum(len(block.content) for block in history.blocks) < 100_000


def test_packed_records_of_a_file_cannot_fill_the_memory() -> None:
    with pytest.raises(ValueError, match="too large"):
        unpack(pack("x" * (2**26 + 1)))


# --- files of older versions


def test_a_file_in_which_each_event_is_an_object_is_read() -> None:
    task = ("AWS::ECS::Task", "t")
    events = deque([Event(1.0, "eu-west-3", "web", "started", "a user did"), Event(2.0, "", "web", "stopped", "")])
    trail = deque([TrailEvent("id", 3.0, "eu-west-3", "RunTask", "ecs", "kim", "key", (task,), "{}")])
    history = accounts._upgraded("events", events)
    assert [Event(*record) for record in history.since(0.0)] == list(events)
    history = accounts._upgraded("trail", trail)
    assert [recorder.to_event(record) for record in history.since(0.0)] == list(trail)


def test_a_field_that_an_older_version_did_not_have_gets_its_default() -> None:
    writer = ObjectWriter({})
    number = writer.write(UsageLog())
    table = writer.table()
    for shape in table["shapes"]:
        if shape[0].endswith(":UsageLog"):
            new = [shape[1].index(name) for name in ("packed_spans", "packed_counts", "pack_at")]
            shape[1] = [name for index, name in enumerate(shape[1]) if index not in new]
            row = table["rows"][number[0]]
            table["rows"][number[0]] = row[:2] + [value for index, value in enumerate(row[2:]) if index not in new]
    reader = ObjectReader(table)
    log = reader.read(number)
    reader.fill(lambda name: None)
    assert log == UsageLog()


# --- the trail


def test_an_answer_that_lacks_older_events_says_so() -> None:
    aws = InProcessAws()
    for number in range(3):
        aws.send(Request("sqs", "CreateQueue", {"QueueName": f"q{number}"}, "json"))
    request = Request("cloudtrail", "LookupEvents", {}, "json")
    complete = aws.send(request)
    assert len(parse(request, complete)["Events"]) == 3 and lookup.INCOMPLETE not in _names(complete)
    recorder.TRAIL[ACCOUNT].lost = recorder.TRAIL[ACCOUNT].recent[0][0] - 1
    assert lookup.INCOMPLETE in _names(aws.send(request))
    CLOCK.stop()


def _names(answer: Any) -> set[str]:
    return {name.lower() for name in dict(answer.headers)}


# --- usage


def random_readings(rng: random.Random) -> list[Reading]:
    return [
        Reading(
            Meter("eu-west-3", "AmazonEC2", usage_type, "RunInstances", "Hrs", f"i-{number}"),
            Decimal(rng.randint(1, 2)),
            (("Name", rng.choice("ab")),),
        )
        for number in range(rng.randint(0, 6))
        for usage_type in ("BoxUsage:t3.micro", "NatGateway-Hours")
    ]


@pytest.mark.parametrize("seed", range(5))
def test_packed_usage_is_charged_as_the_same_usage_unpacked(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng, time, logs = random.Random(seed), 1_800_000_000, (UsageLog(), UsageLog(pack_at=2**60))
    monkeypatch.setattr(meter, "_SPANS_IN_A_PACK", 8)
    logs[0].pack_at = 16
    backends, counted = Backends("1", "eu-west-3"), Meter("eu-west-3", "AmazonS3", "Requests", "Put", "Requests", "b")
    for _ in range(200):
        readings, time = random_readings(rng), time + rng.choice((0, 1, 40, 700, 5000, 90_000))
        at = time - rng.choice((0, 0, 0, 4000))
        for log in logs:
            log.record(backends, "source", readings, time)
            log.count(counted, Decimal(1), at)
    for hour in sorted(logs[1].counts)[:-50]:
        assert hour in logs[0].packed_counts
    assert logs[0].packed_spans and len(logs[0].spans) < 60 < len(logs[1].spans)
    charged = []
    for log in logs:
        monkeypatch.setitem(meter.USAGE_LOGS, "1", log)
        charged.append(list(meter.hourly_usage("1", 1_799_996_400, time)))
    assert charged[0] == charged[1] and len(charged[0]) > 100
