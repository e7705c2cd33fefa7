"""The requests with which proposed rules do something else than the live ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from esaws.inspect.routing.batch_match import NONE, UNKNOWN
from esaws.inspect.routing.effects import (
    Difference,
    depends_on_request,
    difference,
    is_same,
    possible_difference,
    same_rules,
)
from esaws.inspect.routing.request import Request
from esaws.inspect.routing.rules import RoutingRule
from esaws.inspect.routing.trace import trace_rules

if TYPE_CHECKING:
    import numpy
    import pandas

    Numbers = numpy.ndarray[Any, numpy.dtype[Any]]
    Rules = Mapping[int, Sequence[RoutingRule]]

LOG_REQUEST_FIELDS: dict[str, Any] = {"all_headers": False, "known_headers": ("user-agent",)}
"""The fields of a request from an access log, which records only two headers: Host and User-Agent."""


def logged_request(row: pandas.Series[Any]) -> Request:
    """Return the request of a row of a replay's `requests`."""
    headers = () if row["user_agent"] == "-" else (("User-Agent", row["user_agent"]),)
    fields = {key: row[key] for key in ("protocol", "method", "host", "path", "query", "source_ip")}
    return Request(**fields, port=int(row["port"]), headers=headers, **LOG_REQUEST_FIELDS)


def changed_requests(
    frame: pandas.DataFrame, live: Rules, proposed: Rules, live_index: Numbers, proposed_index: Numbers
) -> Numbers:
    """Return for each row of `frame` whether the proposed rules do something else: `yes`, `no` or `unknown`.

    Rules are given by the port of their listener, and the matching one of each row by its index there, or as UNKNOWN or
    NONE.
    """
    import numpy

    ports = frame["port"].to_numpy()
    changed = numpy.full(len(frame), "no", dtype=object)
    for port in live.keys() | proposed.keys():
        of_port = numpy.flatnonzero(ports == port)
        if port not in live or port not in proposed:
            changed[of_port] = "yes"
        elif not same_rules(live[port], proposed[port]):
            rows = of_port[live_index[of_port] != NONE]
            pairs = numpy.stack([live_index[rows], proposed_index[rows]], axis=1)
            for pair in numpy.unique(pairs, axis=0):
                of_pair = rows[(pairs == pair).all(axis=1)]
                changed[of_pair] = _changed_pair(frame, of_pair, live[port], proposed[port], *map(int, pair))
    return changed


def _changed_pair(
    frame: pandas.DataFrame,
    rows: Numbers,
    live: Sequence[RoutingRule],
    proposed: Sequence[RoutingRule],
    live_index: int,
    proposed_index: int,
) -> Difference | list[Difference]:
    """Compare two rules: once where what they do does not depend on the request, else for each row."""
    if UNKNOWN not in (live_index, proposed_index):
        one, other = live[live_index], proposed[proposed_index]
        if is_same(one, other):
            return "no"
        if not depends_on_request(one) and not depends_on_request(other):
            return difference(one, other, Request())
    requests = [logged_request(frame.iloc[row]) for row in rows]
    return [
        possible_difference(_candidates(live, request), _candidates(proposed, request), request) for request in requests
    ]


def _candidates(rules: Sequence[RoutingRule], request: Request) -> list[RoutingRule]:
    """Return the rules that may match a request; none where not even these are known."""
    result = trace_rules(rules, request)
    if result.rule:
        return [result.rule]
    found = [rule for rule in rules if rule.priority in result.candidates]
    return found if found and found[-1].matches(request).is_yes else []
