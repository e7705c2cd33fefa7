"""Select metrics in the query language of Metrics Insights, and aggregate them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-querylanguage.html
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from local_aws_server.errors import AwsError
from local_aws_server.services.cloudwatch.metrics import Metric, MetricSources, Series, Source
from local_aws_server.services.cloudwatch.step_series import Summary

_NAME = r"""("[^"]+"|[A-Za-z_][\w]*)"""
_QUERY = re.compile(
    rf"SELECT\s+(?P<function>\w+)\s*\(\s*(?P<metric>{_NAME})\s*\)"
    rf"(\s+FROM\s+(SCHEMA\s*\((?P<schema>[^)]*)\)|(?P<namespace>{_NAME})))?"
    rf"(\s+WHERE\s+(?P<where>.+?))?"
    rf"(\s+GROUP\s+BY\s+(?P<group>{_NAME}(\s*,\s*{_NAME})*))?"
    rf"(\s+ORDER\s+BY\s+(?P<order>\w+)\s*\(\s*\)(\s+(?P<direction>ASC|DESC))?)?"
    rf"(\s+LIMIT\s+(?P<limit>\d+))?\s*",
    re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(rf"""({_NAME})\s*(=|!=)\s*('([^']*)'|{_NAME})""")

_FUNCTIONS: dict[str, Callable[[Summary], float]] = {
    "AVG": lambda summary: summary.average,
    "COUNT": lambda summary: summary.samples,
    "MAX": lambda summary: summary.high,
    "MIN": lambda summary: summary.low,
    "SUM": lambda summary: summary.total,
}
_MAX_SERIES = 500


@dataclass(frozen=True)
class Query:
    """A parsed query."""

    function: str
    metric: str
    namespace: str | None
    dimensions: frozenset[str] | None
    """The exact dimensions of the metrics; None for any."""
    conditions: tuple[tuple[str, bool, str], ...]
    """(dimension, whether it must have the value or must not, value)."""
    group_by: tuple[str, ...]
    order_by: str | None
    is_descending: bool
    limit: int

    def selects(self, metric: Metric) -> bool:
        dimensions = dict(metric.dimensions)
        return (
            metric.name == self.metric
            and self.namespace in (None, metric.namespace)
            and self.dimensions in (None, frozenset(dimensions))
            and all(name in dimensions for name in self.group_by)
            and all((dimensions.get(name) == value) is equal for name, equal, value in self.conditions)
        )


def is_insights_query(expression: str) -> bool:
    return bool(re.match(r"\s*SELECT\s", expression, re.IGNORECASE))


def parse(expression: str) -> Query:
    """Parse a query. Raises AwsError NotSimulated for one with other conditions than `a = 'b' AND c != 'd'`."""
    match = _QUERY.fullmatch(expression.strip())
    if match is None or match["function"].upper() not in _FUNCTIONS:
        raise AwsError("NotSimulated", f"the local AWS does not simulate the query {expression}", 501)
    namespace, *schema = [_unquote(each) for each in (match["schema"] or match["namespace"] or "").split(",")]
    conditions = []
    for text in re.split(r"\s+AND\s+", match["where"], flags=re.IGNORECASE) if match["where"] else ():
        condition = _CONDITION.fullmatch(text.strip())
        if condition is None:
            raise AwsError("NotSimulated", f"the local AWS does not simulate the condition {text.strip()}", 501)
        value = condition[5] if condition[5] is not None else _unquote(condition[4])
        conditions.append((_unquote(condition[1]), condition[3] == "=", value))
    return Query(
        match["function"].upper(),
        _unquote(match["metric"]),
        namespace or None,
        frozenset(schema) if match["schema"] else None,
        tuple(conditions),
        tuple(_unquote(each) for each in match["group"].split(",")) if match["group"] else (),
        match["order"].upper() if match["order"] else None,
        (match["direction"] or "ASC").upper() == "DESC",
        int(match["limit"] or _MAX_SERIES),
    )


def select(
    sources: MetricSources, expression: str, period: float, start: float, end: float, now: float
) -> list[tuple[str, dict[float, float]]]:
    """Return (values of the group's dimensions, or "", period → value) of each group with data."""
    query = parse(expression)
    groups: defaultdict[str, list[Source]] = defaultdict(list)
    for metric in {*sources.series, *sources.custom}:
        if query.selects(metric):
            dimensions = dict(metric.dimensions)
            groups[" ".join(dimensions[name] for name in query.group_by)] += sources.find_all(metric)
    summaries = {name: dict(_summarize(members, period, start, end, now)) for name, members in sorted(groups.items())}
    found = {name: by_time for name, by_time in summaries.items() if by_time}
    names = list(found)
    if query.order_by in _FUNCTIONS:
        order = _FUNCTIONS[query.order_by]
        names.sort(key=lambda name: order(_add(found[name].values())), reverse=query.is_descending)
    function = _FUNCTIONS[query.function]
    return [
        (name, {time: round(function(summary), 6) for time, summary in found[name].items()})
        for name in names[: query.limit]
    ]


def _summarize(
    sources: Iterable[Source], period: float, start: float, end: float, now: float
) -> Iterable[tuple[float, Summary]]:
    by_time: defaultdict[float, list[Summary]] = defaultdict(list)
    for source in sources:
        last = min(end, now) if isinstance(source, Series) else end
        for time in source.period_starts(period, start - start % period, last):
            summary = source.summarize_whole(time, time + period)
            if summary is not None and summary.samples:
                by_time[time].append(summary)
    return ((time, _add(summaries)) for time, summaries in sorted(by_time.items()))


def _add(summaries: Iterable[Summary]) -> Summary:
    every = list(summaries)
    return Summary(
        sum(each.samples for each in every),
        sum(each.total for each in every),
        min(each.low for each in every),
        max(each.high for each in every),
    )


def _unquote(name: str) -> str:
    return name.strip().strip('"')
