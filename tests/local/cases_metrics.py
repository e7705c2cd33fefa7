"""What CloudWatch returns of metrics, what it refuses, and Metrics Insights."""

import json
from datetime import UTC, datetime, timedelta
from time import time
from typing import Any

from tests.local import timing
from tests.local.cases import case, outcome


def clock(account: Any) -> datetime:
    """The middle of the current minute on the server's clock."""
    seconds = timing.now(account) if account.wrapped else time()
    return datetime.fromtimestamp(seconds, UTC).replace(second=30, microsecond=0)


def put(account: Any, at: datetime, *values: float, **more: Any) -> Any:
    cloudwatch = account.client("cloudwatch")
    data = [{"MetricName": "m", "Value": value, "Timestamp": at, **more} for value in values]
    cloudwatch.put_metric_data(Namespace="X", MetricData=data)
    return cloudwatch


def stat(name: str, period: int = 60, **more: Any) -> dict[str, Any]:
    metric = {"Namespace": "X", "MetricName": "m", "Dimensions": more.pop("Dimensions", [])}
    return {"MetricStat": {"Metric": metric, "Period": period, "Stat": name, **more}}


def read(account: Any, at: datetime, *queries: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    times = {"StartTime": at - timedelta(minutes=5), "EndTime": at + timedelta(minutes=5), **more}
    numbered = [{"Id": f"q{number}", **query} for number, query in enumerate(queries)]
    results: list[dict[str, Any]] = account.client("cloudwatch").get_metric_data(MetricDataQueries=numbered, **times)[
        "MetricDataResults"
    ]
    return results


@case(
    "what differs between the queries is added to the labels",  # as LocalStack's tests recorded on AWS
    aws=[["m Sum 60", "m Minimum 30"], ["m Sum", "m Minimum"], ["m 60", "m 30"], ["m", "m"], ["m"]],
    stock=[["m Sum", "m Minimum"], ["m Sum", "m Minimum"], ["m Sum", "m Sum"], ["m Sum", "m Sum"], ["m Sum"]],
)
def case_labels(account: Any) -> Any:
    at = clock(account)
    put(account, at, 1.0)
    pairs = [
        (stat("Sum"), stat("Minimum", 30)),
        (stat("Sum"), stat("Minimum")),
        (stat("Sum"), stat("Sum", 30)),
        (stat("Sum", Unit="Seconds"), stat("Sum", Unit="Bytes")),
        (stat("Sum"),),
    ]
    return [[result["Label"] for result in read(account, at, *queries)] for queries in pairs]


@case(
    "data is read in one unit: the requested one, or the one that CloudWatch prefers",
    aws=([[1.0], [], [5.0]], "Multiple units returned: '[Count, Seconds, None]'", 3),
    stock=([[1.0], [], [16.0]], "", 1),
)
def case_units(account: Any) -> Any:
    at = clock(account)
    cloudwatch = put(account, at, 1.0, Unit="Seconds")
    put(account, at, 5.0, Unit="Count")
    put(account, at, 10.0)
    results = read(account, at, stat("Sum", Unit="Seconds"), stat("Sum", Unit="Bytes"), stat("Sum"))
    messages = [message["Value"] for message in results[2].get("Messages", [])]
    points = cloudwatch.get_metric_statistics(
        Namespace="X",
        MetricName="m",
        StartTime=at - timedelta(minutes=1),
        EndTime=at + timedelta(minutes=1),
        Period=60,
        Statistics=["Sum"],
    )["Datapoints"]
    return [result["Values"] for result in results], "".join(messages), len(points)


@case("a metric is named by exactly its dimensions", aws=[[], [], [1.0]], stock=[[1.0], [], [1.0]])
def case_dimensions(account: Any) -> Any:
    at = clock(account)
    both = [{"Name": "a", "Value": "1"}, {"Name": "b", "Value": "2"}]
    put(account, at, 1.0, Dimensions=both)
    return [read(account, at, stat("Sum", Dimensions=each))[0]["Values"] for each in ([], both[:1], both)]


@case(
    "percentiles and trimmed statistics are computed",
    aws=[[10.0], [9.0], [5.0], [7.0], [4.5], [50.0], [5.5]],
    stock=["500"] * 7,
)
def case_extended_statistics(account: Any) -> Any:
    at = clock(account)
    put(account, at, *map(float, range(1, 11)))
    names = ("p100", "p90", "tm90", "TC(3:10)", "TM(:80%)", "PR(:5)", "IQM")
    return [outcome(lambda name=name: read(account, at, stat(name))[0]["Values"]) for name in names]


@case(
    "a metrics query that CloudWatch does not have is refused",
    aws=["ValidationError"] * 7,
    stock=["ValidationError", *["accepted"] * 4, *["ValidationError"] * 2],
)
def case_refused_queries(account: Any) -> Any:
    at = clock(account)
    queries = (
        [{"Label": "nothing"}],
        [{**stat("Sum"), "Expression": "1"}],
        [{**stat("Sum"), "Id": "Upper"}],
        [stat("Most")],
        [stat("Sum", 45)],
    )
    times = ({"EndTime": at - timedelta(minutes=5)}, {"EndTime": at - timedelta(minutes=9)})
    return [
        *(outcome(lambda asked=asked: read(account, at, *asked) and "accepted") for asked in queries),
        *(outcome(lambda time=time: read(account, at, stat("Sum"), **time)) for time in times),
    ]


def selected(account: Any, at: datetime, query: str) -> list[tuple[str, list[float]]]:
    results = read(account, at, {"Expression": query, "Period": 60})
    return [(result["Label"], result["Values"]) for result in results]


@case(
    "Metrics Insights selects, groups, orders and limits metrics",
    aws=[[("q0", [7.0])], [("b", [4.0]), ("a", [3.0])], [("a", [3.0])], [("b", [4.0])], "NotSimulated"],
    stock=[[("q0", [7.0])], [("q0", [7.0])], [("q0", [7.0])], [("q0", [7.0])], [("q0", [7.0])]],
)
def case_insights(account: Any) -> Any:
    at = clock(account)
    for zone, values in (("a", (1.0, 2.0)), ("b", (4.0,))):
        put(account, at, *values, Dimensions=[{"Name": "Zone", "Value": zone}])
    return [
        selected(account, at, 'SELECT SUM(m) FROM "X"'),
        selected(account, at, 'SELECT SUM(m) FROM SCHEMA("X", Zone) GROUP BY Zone ORDER BY SUM() DESC'),
        selected(account, at, "SELECT SUM(m) FROM X WHERE Zone = 'a' GROUP BY Zone"),
        selected(account, at, "SELECT MAX(m) FROM X GROUP BY Zone ORDER BY MAX() DESC LIMIT 1"),
        outcome(lambda: selected(account, at, "SELECT SUM(m) FROM X WHERE Zone LIKE 'a'")),
    ]


@case(
    "metric data that CloudWatch does not store is refused, all of it",
    aws=(
        ["InvalidParameterCombination", *["InvalidParameterValue"] * 6],
        [],
    ),
    stock=(
        ["InvalidParameterValue", *["InvalidParameterValue"] * 2, *["accepted"] * 4],
        ["m"],
    ),
)
def case_refused_data(account: Any) -> Any:
    at = clock(account)
    cloudwatch = account.client("cloudwatch")
    data: tuple[dict[str, Any], ...] = (
        {"Value": 1.0, "Values": [1.0]},
        {"Value": float("nan")},
        {"Values": [1.0], "Counts": [1.0, 2.0]},
        {"Value": float("inf")},
        {"Value": 1.0, "Timestamp": at - timedelta(days=15)},
        {"Value": 1.0, "Timestamp": at + timedelta(hours=3)},
        {"Values": [1.0] * 151},
    )
    refusals = [
        outcome(
            lambda datum=datum: (
                cloudwatch.put_metric_data(Namespace="X", MetricData=[{"MetricName": "m", **datum}]) and "accepted"
            )
        )
        for datum in data
    ]
    return refusals, sorted({metric["MetricName"] for metric in cloudwatch.list_metrics()["Metrics"]})


TEXT = {"type": "text", "width": 3, "height": 3, "properties": {"markdown": "Hello"}}
METRIC = {"type": "metric", "properties": {"metrics": [["X", "m"]], "region": "eu-west-3"}}


@case(
    "a dashboard needs a valid name, and widgets with their properties",
    aws=(["accepted", "InvalidParameterValue", *["InvalidParameterInput"] * 5], 1),
    stock=(["accepted"] * 7, 2),
)
def case_dashboards(account: Any) -> Any:
    cloudwatch = account.client("cloudwatch")

    def put(*widgets: Any, name: str = "d") -> Any:
        body = json.dumps({"widgets": list(widgets)} if widgets else {})
        return outcome(lambda: cloudwatch.put_dashboard(DashboardName=name, DashboardBody=body) and "accepted")

    outcomes = [
        put(TEXT, METRIC),
        put(TEXT, name="a name"),
        put(),
        put({**TEXT, "type": "picture"}),
        put({**TEXT, "width": 25}),
        put({**TEXT, "properties": {}}),
        put("text"),
    ]
    return outcomes, len(cloudwatch.list_dashboards()["DashboardEntries"])
