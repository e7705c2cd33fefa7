"""What expires as time passes: log events, images and objects. What is gone is not charged any more."""

from typing import Any

from tests.local.timing import advance, now


def messages(logs: Any) -> list[str]:
    return [event["message"] for event in logs.get_log_events(logGroupName="/app", logStreamName="s")["events"]]


def write(account: Any, message: str) -> Any:
    logs = account.client("logs")
    event = {"timestamp": int(now(account) * 1000), "message": message}
    return logs.put_log_events(logGroupName="/app", logStreamName="s", logEvents=[event])


def test_log_events_are_deleted_after_the_retention_of_their_group(account: Any) -> None:
    logs = account.client("logs")
    logs.create_log_group(logGroupName="/app")
    logs.create_log_stream(logGroupName="/app", logStreamName="s")
    write(account, "first")
    logs.put_retention_policy(logGroupName="/app", retentionInDays=3)
    advance(account, "2d")
    write(account, "second")
    assert messages(logs) == ["first", "second"]
    advance(account, "26h")
    assert messages(logs) == ["second"]
    logs.delete_retention_policy(logGroupName="/app")
    advance(account, "9d")
    assert messages(logs) == ["second"]
    logs.put_retention_policy(logGroupName="/app", retentionInDays=3)
    assert messages(logs) == []
    assert logs.describe_log_groups()["logGroups"][0]["storedBytes"] == 0


def test_events_beyond_the_retention_are_rejected(account: Any) -> None:
    logs = account.client("logs")
    logs.create_log_group(logGroupName="/app")
    logs.create_log_stream(logGroupName="/app", logStreamName="s")
    logs.put_retention_policy(logGroupName="/app", retentionInDays=1)
    event = {"timestamp": int((now(account) - 2 * 86400) * 1000), "message": "old"}
    rejected = logs.put_log_events(logGroupName="/app", logStreamName="s", logEvents=[event])["rejectedLogEventsInfo"]
    assert rejected == {"expiredLogEventEndIndex": 1}
    assert messages(logs) == []
