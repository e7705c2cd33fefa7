"""Replay access logs through the rules of a load balancer, live and proposed: changed answers and dead rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from esaws.cloud import Cloud
from esaws.inspect.account import Account, account_of
from esaws.inspect.load_balancers import KEYS, find_load_balancer
from esaws.inspect.routing.access_log import AccessLog, MalformedLine
from esaws.inspect.routing.batch_match import NONE, UNKNOWN, EncodedColumn, RequestColumns, match_requests
from esaws.inspect.routing.changes import changed_requests, logged_request
from esaws.inspect.routing.conditions import Condition, HttpHeader, SourceIp
from esaws.inspect.routing.effects import describe_effect
from esaws.inspect.routing.proposed_rules import DescribedRules, proposed_by_port
from esaws.inspect.routing.request_stats import DistinctRequests, distinct_requests
from esaws.inspect.routing.rules import DEFAULT, RoutingRule, parse_rules
from esaws.inspect.routing.trace import RuleTrace, trace_rules

if TYPE_CHECKING:
    import numpy
    import pandas
    import pyarrow

    Numbers = numpy.ndarray[Any, numpy.dtype[Any]]

RULE_COLUMNS = ("port", "priority", "logged", "live", "proposed", "live_dead", "proposed_dead")
CHANGE_COLUMNS = (
    *("port", "method", "host", "path", "query"),
    *("live", "proposed", "live_action", "proposed_action", "certain", "requests"),
)

_NOT_ROUTED = {"-", "-1"}
_NO_LISTENER = "no listener"
_OUTCOMES = {NONE: "none", UNKNOWN: "unknown"}


@dataclass(frozen=True, kw_only=True, repr=False)
class ReplayResult:
    """The rule that matches each request of a log, live and proposed.

    A rule is given by its priority. It is `unknown` where the log or AWS's documentation leaves it open, `none` where
    the load balancer answers before any rule, `no listener` where the port has no rules.
    """

    requests: pandas.DataFrame
    """One row for each distinct request: port, protocol, method, host, path, query, source_ip, user_agent, requests
    (the count), live, proposed, changed (`yes`, `no` or `unknown`: whether the proposed rule does something else)."""
    rules: pandas.DataFrame
    """One row for each rule, live or proposed: port, priority; logged, live, proposed (numbers of requests); live_dead,
    proposed_dead: `yes` if it matches none, `unknown` if it may match one, `no`; empty where the rule is missing."""
    malformed: tuple[MalformedLine, ...]
    """The lines that could not be read, or that contain no request."""
    _row_of_line: Numbers
    _lines: pyarrow.Table
    _live: Mapping[int, list[RoutingRule]]
    _proposed: Mapping[int, list[RoutingRule]]

    @cached_property
    def changes(self) -> pandas.DataFrame:
        """The requests with which the proposed rules do something else, or may do so; the most frequent first.

        Rules are compared by what they do: target groups and their shares, redirects, fixed responses, authentication
        and transforms; not by their priorities. `live_action` and `proposed_action` say what they do; `certain` is
        false where it is unknown whether that differs.
        """
        changed = self.requests[self.requests["changed"] != "no"].copy()
        changed["certain"] = changed["changed"] == "yes"
        for side, rules in (("live", self._live), ("proposed", self._proposed)):
            actions = {(port, rule.priority): describe_effect(rule) for port in rules for rule in rules[port]}
            keys = zip(changed["port"], changed[side], strict=True)
            changed[f"{side}_action"] = [actions.get((int(port), name), "") for port, name in keys]
        counts = changed.groupby(list(CHANGE_COLUMNS[:-1]), as_index=False, observed=True)["requests"].sum()
        return counts.sort_values("requests", ascending=False, kind="stable", ignore_index=True)

    @property
    def unknown(self) -> pandas.DataFrame:
        """The requests whose live or proposed rule is unknown."""
        return self.requests[(self.requests["live"] == "unknown") | (self.requests["proposed"] == "unknown")]

    @cached_property
    def lines(self) -> pandas.DataFrame:
        """One row for each line: time, method, host, path, query, source_ip, logged, live, proposed."""
        frame = (
            self.requests.take(self._row_of_line)
            .drop(columns=["protocol", "requests", "user_agent", "changed"])
            .reset_index(drop=True)
        )
        frame.insert(0, "time", self._lines["time"].to_pandas())
        outcomes = {"0": DEFAULT, **dict.fromkeys(_NOT_ROUTED, "none")}
        frame["logged"] = self._lines["logged"].to_pandas().replace(outcomes)
        return frame

    def explain(self, row: int) -> RuleTrace:
        """Return the trace of the request in a row of `requests` through the live rules."""
        request = logged_request(self.requests.loc[row])
        return trace_rules(self._live.get(request.port, []), request)

    def to_frame(self) -> pandas.DataFrame:
        """Return `rules`."""
        return self.rules

    def to_dict(self) -> dict[str, Any]:
        """Return {lines (how many were read), malformed, rules, changes} for JSON."""
        return {
            "lines": len(self._row_of_line),
            "malformed": [{"source": line.source, "text": line.text, "why": line.reason} for line in self.malformed],
            "rules": self.rules.to_dict("records"),
            "changes": self.changes.to_dict("records"),
        }

    def __repr__(self) -> str:
        return repr(self.rules)

    def _repr_html_(self) -> str | None:
        return self.rules._repr_html_()


def replay(
    account: Account | Cloud,
    log: AccessLog,
    proposed: DescribedRules | Mapping[int, DescribedRules] | None = None,
    *,
    alb: str | None = None,
    port: int | None = None,
) -> ReplayResult:
    """Replay the requests of a log through the rules of a load balancer, and through proposed ones.

    `alb` is the name of the load balancer, not needed where there is only one. The proposed rules belong to the
    listeners that their RuleArn or ListenerArn names, or to the listener on `port`; the other listeners, and a default
    rule that is not given, stay as they are. See `replay_rules`.

    Raises:
        NotDeployed, UsageError: the load balancer does not exist, the listener of the proposed rules is unknown, or a
            rule has an invalid priority.
    """
    load_balancer = find_load_balancer(account_of(account, *KEYS), alb)
    live = {int(listener["Port"]): load_balancer.described_rules(listener) for listener in load_balancer.listeners()}
    return replay_rules(log, live, None if proposed is None else proposed_by_port(load_balancer, proposed, port))


def replay_rules(
    log: AccessLog,
    live: DescribedRules | Mapping[int, DescribedRules],
    proposed: DescribedRules | Mapping[int, DescribedRules] | None = None,
) -> ReplayResult:
    """Replay the requests of a log through live rules, and through proposed ones.

    Rules are given as from describe_rules, by the port of their listener or once for every port in the log. Without
    proposed rules the live ones are used. A log has only the headers Host and User-Agent: a rule with a condition on
    another header makes the result unknown.

    Raises:
        UsageError: a rule has an invalid priority.
    """
    requests = distinct_requests(
        log,
        by_client=_any_condition((live, proposed), SourceIp),
        by_user_agent=_any_condition((live, proposed), HttpHeader),
    )
    frame = requests.frame.copy()
    ports = frame["port"].unique()
    live_rules = _rules_by_port(live, ports)
    proposed_rules = live_rules if proposed is None else _rules_by_port(proposed, ports)
    live_matches = _match(frame, live_rules)
    proposed_matches = live_matches if proposed is None else _match(frame, proposed_rules)
    frame["live"], frame["proposed"] = live_matches.names, proposed_matches.names
    frame["changed"] = changed_requests(
        frame, live_rules, proposed_rules, live_matches.indices, proposed_matches.indices
    )
    logged = _logged(frame["port"].to_numpy(), requests)
    return ReplayResult(
        requests=frame,
        rules=_rule_table({"live": live_matches.tally, "proposed": proposed_matches.tally}, logged),
        malformed=(*log.malformed, *requests.malformed),
        _row_of_line=requests.row_of_line,
        _lines=requests.lines,
        _live=live_rules,
        _proposed=proposed_rules,
    )


def _rules_by_port(
    described: DescribedRules | Mapping[int, DescribedRules], ports: Iterable[int]
) -> dict[int, list[RoutingRule]]:
    """Return the rules of each listener; rules that are given once apply to every port in the log."""
    if isinstance(described, Mapping):
        return {int(port): parse_rules(listener_rules) for port, listener_rules in described.items()}
    rules = parse_rules(described)
    return {int(port): rules for port in ports}


def _any_condition(
    described: Iterable[DescribedRules | Mapping[int, DescribedRules] | None], kind: type[Condition]
) -> bool:
    """Return whether any rule has a condition of a kind. Otherwise it does not distinguish requests."""
    listeners = [
        listener_rules
        for rules in described
        if rules
        for listener_rules in (rules.values() if isinstance(rules, Mapping) else [rules])
    ]
    conditions = (
        condition
        for listener_rules in listeners
        for rule in parse_rules(listener_rules)
        for condition in rule.conditions
    )
    return any(isinstance(condition, kind) for condition in conditions)


@dataclass(frozen=True)
class _Matches:
    """For each request the name and the index of its rule (or UNKNOWN, NONE); for each rule how many it has."""

    names: Numbers
    indices: Numbers
    tally: pandas.DataFrame


def _match(frame: pandas.DataFrame, by_port: Mapping[int, list[RoutingRule]]) -> _Matches:
    """Match each request, and count the requests of each rule and whether it is dead."""
    import numpy
    import pandas

    names = numpy.full(len(frame), _NO_LISTENER, dtype=object)
    indices = numpy.full(len(frame), NONE, dtype=numpy.int32)
    tallies = []
    for port, rules in by_port.items():
        rows = numpy.flatnonzero((frame["port"] == port).to_numpy())
        result = match_requests(rules, _columns(frame.iloc[rows]))
        outcomes = numpy.array([*(rule.priority for rule in rules), _OUTCOMES[NONE], _OUTCOMES[UNKNOWN]], dtype=object)
        names[rows] = outcomes[result.rule_index]  # NONE is the last but one, UNKNOWN the last
        indices[rows] = result.rule_index
        counts = frame["requests"].to_numpy()[rows]
        taken = [int(counts[result.rule_index == index].sum()) for index in range(len(rules))]
        dead = [
            "no" if count else "unknown" if may_match else "yes"
            for count, may_match in zip(taken, result.may_match, strict=True)
        ]
        tally = {"port": port, "priority": [rule.priority for rule in rules], "taken": taken, "dead": dead}
        tallies.append(pandas.DataFrame(tally))
    empty = pandas.DataFrame(columns=["port", "priority", "taken", "dead"])
    return _Matches(names, indices, pandas.concat(tallies, ignore_index=True) if tallies else empty)


def _columns(frame: pandas.DataFrame) -> RequestColumns:
    import pyarrow

    def column(name: str) -> pyarrow.Array:
        return pyarrow.array(frame[name], pyarrow.string())

    encoded = {name: EncodedColumn.of(column(name)) for name in ("method", "host", "query", "source_ip", "user_agent")}
    return RequestColumns(path=column("path"), **encoded)


def _logged(ports: numpy.ndarray[Any, Any], requests: DistinctRequests) -> pandas.DataFrame:
    """Return the number of requests of each rule according to the log."""
    import pandas

    priorities = requests.lines["logged"].to_pandas().replace("0", DEFAULT)
    logged = pandas.DataFrame({"port": ports[requests.row_of_line], "priority": priorities})
    logged = logged[logged["priority"].str.fullmatch(rf"[0-9]+|{DEFAULT}")]
    return logged.groupby(["port", "priority"], as_index=False).size().rename(columns={"size": "logged"})


def _rule_table(tallies: Mapping[str, pandas.DataFrame], logged: pandas.DataFrame) -> pandas.DataFrame:
    """Return one row for each rule that is live, proposed or logged, by port and priority."""
    frame = logged
    for name, tally in tallies.items():
        renamed = tally.rename(columns={"taken": name, "dead": f"{name}_dead"})
        frame = frame.merge(renamed, how="outer", on=["port", "priority"])
    counts = {name: frame[name].fillna(0).astype(int) for name in ("logged", "live", "proposed")}
    dead = {name: frame[name].fillna("") for name in ("live_dead", "proposed_dead")}
    frame = frame.assign(**counts, **dead)
    order = frame["priority"].map(lambda priority: 10**9 if priority == DEFAULT else int(priority))
    ordered = frame.assign(order=order).sort_values(["port", "order"], kind="stable", ignore_index=True)
    return ordered[list(RULE_COLUMNS)]
