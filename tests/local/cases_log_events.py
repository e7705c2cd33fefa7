"""What CloudWatch Logs makes of events: patterns, metrics, deliveries, and what it refuses."""

import gzip
import json
from typing import Any

from tests.local.cases import case, outcome
from tests.local.cases_metrics import clock

ERRORS = {"metricName": "Errors", "metricNamespace": "App", "metricValue": "1", "defaultValue": 0.0}
LATENCY = {"metricName": "Latency", "metricNamespace": "App", "metricValue": "$.ms", "dimensions": {"Path": "$.path"}}


def written(account: Any, *messages: str, group: bool = True) -> Any:
    """The client, after these messages were written to the stream `s` of the group `/app`."""
    logs = account.client("logs")
    if group:
        logs.create_log_group(logGroupName="/app")
        logs.create_log_stream(logGroupName="/app", logStreamName="s")
    time = int(clock(account).timestamp()) * 1000
    events = [{"timestamp": time, "message": message} for message in messages]
    if events:
        logs.put_log_events(logGroupName="/app", logStreamName="s", logEvents=events)
    return logs


def sums(account: Any, name: str, **dimensions: str) -> list[float]:
    at = clock(account).timestamp()
    found = account.client("cloudwatch").get_metric_statistics(
        Namespace="App",
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=at - 600,
        EndTime=at + 60,
        Period=3600,
        Statistics=["Sum"],
    )["Datapoints"]
    return [point["Sum"] for point in found]


@case("a metric filter makes metrics from the events that follow", aws=([2.0], [27.0], []), stock=([], [], []))
def case_metric_filter(account: Any) -> Any:
    logs = written(account, '{"level": "ERROR"}')
    for name, pattern, made in (("e", "{ $.level = ERROR }", ERRORS), ("l", "{ $.ms > 0 }", LATENCY)):
        logs.put_metric_filter(
            logGroupName="/app", filterName=name, filterPattern=pattern, metricTransformations=[made]
        )
    slow = [{"level": "ERROR", "ms": ms, "path": "/x"} for ms in (12, 15)]
    written(account, *map(json.dumps, slow), '{"ms": "?", "path": "/y"}', group=False)
    return sums(account, "Errors"), sums(account, "Latency", Path="/x"), sums(account, "Latency", Path="/y")


LINE = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'
EVENT = json.dumps({"type": "Update", "n": 5, "list": ["a", {"b": 1}], "no": None, "yes": True, "ip": "10.0.1.2"})
MATCHING = (
    *("{ $.type = Update }", '{ $.type = "Up*" && $.n >= 5 }', "{ $.list[1].b = 1 || $.n = 9 }", "{ $.no IS NULL }"),
    *("{ $.yes IS TRUE }", "{ $.other NOT EXISTS }", "{ $.ip != 10.1.* }", "{ $.ip = %^10\\.0% }"),
    *("[ip, id, user, time, request, status = 4*, bytes > 1000]", "[..., status = 404 || status = 410, bytes]"),
    *("[ip, ...]", "GET -POST", "?POST ?GET", '"index.html HTTP"', "%GET .index%", ""),
)
OTHERS = (
    *("{ $.type = Delete }", "{ $.n > 5 }", "{ $.yes IS FALSE }", "{ $.ip != 10.0.* }", "{ $.n NOT EXISTS }"),
    *("[ip, user]", "[..., status = 5*, bytes]", "GET POST", "get", "?PUT ?POST"),
)


@case(
    "filter patterns match terms, fields and JSON",
    aws=([1] * len(MATCHING), [0] * len(OTHERS), ["InvalidParameterException"] * 4),
    stock=("500", "500", ["500"] * 4),
)
def case_patterns(account: Any) -> Any:
    logs = account.client("logs")

    def matches(pattern: str) -> int:
        message = EVENT if pattern.startswith("{") else LINE
        return len(logs.test_metric_filter(filterPattern=pattern, logEventMessages=[message])["matches"])

    return tuple(
        outcome(lambda patterns=patterns: [matches(pattern) for pattern in patterns])
        if patterns in (MATCHING, OTHERS)
        else [outcome(lambda pattern=pattern: matches(pattern)) for pattern in patterns]
        for patterns in (MATCHING, OTHERS, ("{ $.a ", "{ a = 1 }", "{ $.a > x }", "[a, b"))
    )


@case("FilterLogEvents evaluates its pattern", aws=(["slow"], ["slow", "fast"]), stock=(["slow", "fast"],) * 2)
def case_filtered_events(account: Any) -> Any:
    logs = written(account, '{"ms": 900, "name": "slow"}', '{"ms": 9, "name": "fast"}')

    def names(pattern: str) -> list[str]:
        events = logs.filter_log_events(logGroupName="/app", filterPattern=pattern)["events"]
        return [json.loads(event["message"])["name"] for event in events]

    return names("{ $.ms > 100 }"), names("")


@case(
    "a subscription filter delivers the events that match its pattern",
    aws=([["an ERROR"]], "accepted"),
    stock=([["an ERROR", "fine"]], "ResourceNotFoundException"),
)
def case_subscription(account: Any) -> Any:
    logs, kinesis = written(account), account.client("kinesis")
    kinesis.create_stream(StreamName="k", ShardCount=1)
    described = kinesis.describe_stream(StreamName="k")["StreamDescription"]
    filter_ = {"logGroupName": "/app", "filterName": "f", "filterPattern": "ERROR"}
    role = "arn:aws:iam::123456789012:role/r"
    logs.put_subscription_filter(**filter_, destinationArn=described["StreamARN"], roleArn=role)
    written(account, "an ERROR", "fine", group=False)
    shard = described["Shards"][0]["ShardId"]
    iterator = kinesis.get_shard_iterator(StreamName="k", ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    records = kinesis.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
    delivered = [json.loads(gzip.decompress(record["Data"]))["logEvents"] for record in records]
    kinesis.delete_stream(StreamName="k")
    return (
        [[event["message"] for event in events] for events in delivered],
        outcome(lambda: written(account, "an ERROR", group=False) and "accepted"),
    )


@case(
    "parameters are checked before resources, and what is refused is not kept",
    aws=(["InvalidParameterException"] * 5, [], 1),
    stock=(["InvalidParameterException", *["accepted"] * 4], ["e", "e", "e", "e"], 2),
)
def case_refused_filters(account: Any) -> Any:
    logs = written(account)

    def put(pattern: str = "x", **made: Any) -> Any:
        changed = [{**ERRORS, **made}]
        parameters = {"logGroupName": "/app", "filterName": "e", "filterPattern": pattern}
        return outcome(lambda: logs.put_metric_filter(**parameters, metricTransformations=changed) and "accepted")

    refused = [
        outcome(lambda: logs.delete_metric_filter(logGroupName="nobody", filterName="a:b")),
        put("{ $.a"),
        put(metricValue="many"),
        put(dimensions={"a": "$.a"}),
        outcome(lambda: logs.put_retention_policy(logGroupName="/app", retentionInDays=2) and "accepted"),
    ]
    if refused[-1] == "accepted":
        put()
    kept = [each["filterName"] for each in logs.describe_metric_filters()["metricFilters"]]
    put("other")
    put("another")
    again = logs.describe_metric_filters()["metricFilters"]
    return refused, kept, len(again) - len(kept)


@case(
    "log groups are listed by pattern, with their class and the number of their filters",
    aws=([("/app", "STANDARD", 1)], ["/app"], "InvalidParameterException"),
    stock=([("/app", None, 0), ("/other", None, 0)], "500", 1),
)
def case_group_lists(account: Any) -> Any:
    logs = written(account)
    logs.create_log_group(logGroupName="/other")
    parameters = {"logGroupName": "/app", "filterName": "e", "filterPattern": "x"}
    logs.put_metric_filter(**parameters, metricTransformations=[ERRORS])
    groups = logs.describe_log_groups(logGroupNamePattern="pp")["logGroups"]
    both = {"logGroupNamePrefix": "/app", "logGroupNamePattern": "pp"}
    return (
        [(group["logGroupName"], group.get("logGroupClass"), group["metricFilterCount"]) for group in groups],
        outcome(
            lambda: [each["logGroupName"] for each in logs.list_log_groups(logGroupNamePattern="^/app")["logGroups"]]
        ),
        outcome(lambda: len(logs.describe_log_groups(**both)["logGroups"])),
    )
