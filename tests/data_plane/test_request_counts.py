"""The requests that load balancers carry are counted by the minute."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from esaws.data_plane.load_balancer import RequestRecord
from esaws.data_plane.request_counts import RequestCounts
from tests.data_plane.load_balancer_world import Described, forward, group_arn, site
from tests.data_plane.test_load_balancer import path

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
TEA = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "418", "MessageBody": "tea"}}]

FORWARDED = RequestRecord(
    type="http",
    received=NOON,
    time=NOON,
    load_balancer="app/shop/1",
    zone="eu-west-3a",
    node="10.80.0.4",
    client="203.0.113.80:50000",
    elb_status=200,
    target_status=200,
    target_group_arn=group_arn("web"),
    target_id="i-1",
    target_seconds=0.0123456,
    received_bytes=100,
    sent_bytes=200,
    request="GET / HTTP/1.1",
    actions=("forward",),
)


def counted(*records: RequestRecord) -> list[dict[str, Any]]:
    counts = RequestCounts()
    for record in records:
        counts.add(record)
    return counts.take(0.0)


def test_requests_of_a_minute_that_count_alike_are_one_report() -> None:
    within, after = replace(FORWARDED, time=NOON + timedelta(seconds=59.9)), NOON + timedelta(seconds=60)
    slow = replace(FORWARDED, target_seconds=2.5)
    reports = counted(FORWARDED, within, slow, replace(FORWARDED, time=after))
    assert [(each["minute"], each["requests"], each["seconds"]) for each in reports] == [
        (NOON.timestamp(), 3, [(0.0123, 2), (2.5, 1)]),
        (after.timestamp(), 1, [(0.0123, 1)]),
    ]


def test_a_group_without_a_chosen_target_is_not_counted_as_its_group() -> None:
    (report,) = counted(replace(FORWARDED, elb_status=503, target_status=None, target_id="", target_seconds=None))
    assert (report["target_group"], report["elb_status"], report["target_status"]) == ("", 503, None)
    assert (report["requests"], report["seconds"]) == (1, [])


def test_counts_are_reported_once_and_at_most_once_a_second() -> None:
    counts = RequestCounts()
    seen = []
    for now in (0.0, 0.2, 0.9, 1.0, 1.2, 3.0):
        if now < 1.2:
            counts.add(FORWARDED)
        seen.append(sum(each["requests"] for each in counts.take(now)))
    assert seen == [1, 0, 0, 3, 0, 0]


def test_what_a_load_balancer_carries_is_what_it_counts() -> None:
    async def scenario() -> list[RequestRecord]:
        described = Described().group("web").target("web", "i-1").listener(80, forward("web"))
        async with site(described.rule("7", TEA, path("/tea*"))) as running:
            for where in ("/", "/", "/tea"):
                await running.get(where)
            await running.stop("i-1")
            await running.get("/")
            return running.records

    found = {
        (each["action"], each["elb_status"], each["target_status"]): (each["requests"], each["target_group"])
        for each in counted(*(replace(record, time=NOON) for record in asyncio.run(scenario())))
    }
    assert found == {
        ("forward", 200, 200): (2, group_arn("web")),
        ("fixed-response", 418, None): (1, ""),
        ("forward", 502, None): (1, group_arn("web")),
    }
