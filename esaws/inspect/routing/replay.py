"""Access logs against the rules of a load balancer, live and proposed: what would change, and what is dead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from esaws.inspect.routing.access_log import AccessLog, MalformedLine
from esaws.inspect.routing.batch_match import NONE, UNKNOWN, EncodedColumn, RequestColumns, match_requests
from esaws.inspect.routing.conditions import Condition, HttpHeader, SourceIp
from esaws.inspect.routing.request import Request
from esaws.inspect.routing.request_stats import DistinctRequests, distinct_requests
from esaws.inspect.routing.rules import DEFAULT, RoutingRule, parse_rules
from esaws.inspect.routing.trace import RuleTrace, trace_rules

if TYPE_CHECKING:
    import numpy
    import pandas
    import pyarrow

    Numbers = numpy.ndarray[Any, numpy.dtype[Any]]

Described = Sequence[Mapping[str, Any]]
"""What describe_rules gave for one listener."""

RULE_COLUMNS = ("port", "priority", "logged", "live", "proposed", "live_dead", "proposed_dead")
CHANGE_COLUMNS = ("port", "method", "host", "path", "query", "live", "proposed", "requests")

LOG_REQUEST_FIELDS: dict[str, Any] = {"all_headers": False, "known_headers": ("user-agent",)}
"""What a request out of an access log knows of its headers."""

_NOT_ROUTED = {"-", "-1"}
_NO_LISTENER = "no listener"
_WORDS = {NONE: "none", UNKNOWN: "unknown"}


@dataclass(frozen=True, kw_only=True)
class Replay:
    """What became of each request of a log, and what would become of it.

    A rule is told by its priority; `unknown` where the log or AWS's documentation leaves it open, `none` where the load
    balancer answered before any rule, `no listener` where no rules are given for the port.
    """

    requests: pandas.DataFrame
    """One row for each distinct request: port, method, host, path, query, source_ip, user_agent, requests (how many),
    live, proposed."""
    rules: pandas.DataFrame
    """One row for each rule, live or proposed: port, priority; logged, live, proposed (how many requests it took);
    live_dead, proposed_dead: `yes` if it took none, `unknown` if it may have, `no`; empty where it is not there."""
    malformed: tuple[MalformedLine, ...]
    """The lines that could not be read, or that tell of no request."""
    _row_of_line: Numbers
    _lines: pyarrow.Table
    _live: Mapping[int, list[RoutingRule]]

    @property
    def changes(self) -> pandas.DataFrame:
        """The requests that another rule would take, or may take; the most frequent first."""
        found = self.requests[self.requests["live"] != self.requests["proposed"]]
        told = found.groupby(list(CHANGE_COLUMNS[:-1]), as_index=False, observed=True)["requests"].sum()
        return told.sort_values("requests", ascending=False, kind="stable", ignore_index=True)

    @property
    def unknown(self) -> pandas.DataFrame:
        """The requests of which it can't be said where they went, or would go."""
        return self.requests[(self.requests["live"] == "unknown") | (self.requests["proposed"] == "unknown")]

    @cached_property
    def lines(self) -> pandas.DataFrame:
        """One row for each line: time, method, host, path, query, source_ip, logged, live, proposed."""
        frame = self.requests.take(self._row_of_line).drop(columns=["requests", "user_agent"]).reset_index(drop=True)
        frame.insert(0, "time", self._lines["time"].to_pandas())
        words = {"0": DEFAULT, **dict.fromkeys(_NOT_ROUTED, "none")}
        frame["logged"] = self._lines["logged"].to_pandas().replace(words)
        return frame

    def explain(self, row: int) -> RuleTrace:
        """Why the request in a row of `requests` goes where it goes through the live rules."""
        told = self.requests.loc[row]
        headers = () if told["user_agent"] == "-" else (("User-Agent", told["user_agent"]),)
        asked = {key: told[key] for key in ("method", "host", "path", "query", "source_ip")}
        request = Request(**asked, port=int(told["port"]), headers=headers, **LOG_REQUEST_FIELDS)
        return trace_rules(self._live.get(int(told["port"]), []), request)

    def to_dict(self) -> dict[str, Any]:
        """For JSON: lines (how many were read), malformed, rules, changes."""
        return {
            "lines": len(self._row_of_line),
            "malformed": [line._asdict() for line in self.malformed],
            "rules": self.rules.to_dict("records"),
            "changes": self.changes.to_dict("records"),
        }


def replay(
    log: AccessLog,
    live: Described | Mapping[int, Described],
    proposed: Described | Mapping[int, Described] | None = None,
) -> Replay:
    """Send the requests of a log through the live rules, and through proposed ones.

    Rules are given as describe_rules gives them, by the port of their listener, or once for all listeners; without
    proposed ones the live ones stand in for them. A log does not have the headers but Host and User-Agent: a rule
    that asks for another leaves open where a request goes.

    Raises:
        UsageError: a rule has no readable priority.
    """
    requests = distinct_requests(
        log, ip=_look_at((live, proposed), SourceIp), agent=_look_at((live, proposed), HttpHeader)
    )
    frame = requests.frame.copy()
    ports = frame["port"].unique()
    rules_now = _by_port(live, ports)
    frame["live"], tally = _decided(frame, rules_now)
    frame["proposed"], other = (
        (frame["live"], tally) if proposed is None else _decided(frame, _by_port(proposed, ports))
    )
    logged = _logged(frame["port"].to_numpy(), requests)
    return Replay(
        requests=frame,
        rules=_rules({"live": tally, "proposed": other}, logged),
        malformed=(*log.malformed, *requests.malformed),
        _row_of_line=requests.row_of_line,
        _lines=requests.lines,
        _live=rules_now,
    )


def _by_port(given: Described | Mapping[int, Described], ports: Iterable[int]) -> dict[int, list[RoutingRule]]:
    """The rules of each listener; those that are given once are those of every port in the log."""
    if isinstance(given, Mapping):
        return {int(port): parse_rules(described) for port, described in given.items()}
    rules = parse_rules(given)
    return {int(port): rules for port in ports}


def _look_at(given: Iterable[Described | Mapping[int, Described] | None], kind: type[Condition]) -> bool:
    """Does any of the rules have a condition of a kind? What none looks at tells no two requests apart."""
    listeners = [
        each for rules in given if rules for each in (rules.values() if isinstance(rules, Mapping) else [rules])
    ]
    conditions = (one for described in listeners for rule in parse_rules(described) for one in rule.conditions)
    return any(isinstance(one, kind) for one in conditions)


def _decided(
    frame: pandas.DataFrame, by_port: Mapping[int, list[RoutingRule]]
) -> tuple[numpy.ndarray[Any, Any], pandas.DataFrame]:
    """For each request what takes it; and for each rule how many it took, and whether it is dead."""
    import numpy
    import pandas

    words = numpy.full(len(frame), _NO_LISTENER, dtype=object)
    tallies = []
    for port, rules in by_port.items():
        rows = numpy.flatnonzero((frame["port"] == port).to_numpy())
        decided = match_requests(rules, _columns(frame.iloc[rows]))
        names = numpy.array([*(rule.priority for rule in rules), _WORDS[NONE], _WORDS[UNKNOWN]], dtype=object)
        words[rows] = names[decided.rule_index]  # NONE is the last but one, UNKNOWN the last
        counts = frame["requests"].to_numpy()[rows]
        taken = [int(counts[decided.rule_index == place].sum()) for place in range(len(rules))]
        dead = [
            "no" if took else "unknown" if touched else "yes"
            for took, touched in zip(taken, decided.may_match, strict=True)
        ]
        tally = {"port": port, "priority": [rule.priority for rule in rules], "taken": taken, "dead": dead}
        tallies.append(pandas.DataFrame(tally))
    empty = pandas.DataFrame(columns=["port", "priority", "taken", "dead"])
    return words, pandas.concat(tallies, ignore_index=True) if tallies else empty


def _columns(frame: pandas.DataFrame) -> RequestColumns:
    import pyarrow

    def column(name: str) -> pyarrow.Array:
        return pyarrow.array(frame[name], pyarrow.string())

    texts = {name: EncodedColumn.of(column(name)) for name in ("method", "host", "query", "source_ip", "user_agent")}
    return RequestColumns(path=column("path"), **texts)


def _logged(ports: numpy.ndarray[Any, Any], requests: DistinctRequests) -> pandas.DataFrame:
    """How many requests the log says that each rule took."""
    import pandas

    priorities = requests.lines["logged"].to_pandas().replace("0", DEFAULT)
    told = pandas.DataFrame({"port": ports[requests.row_of_line], "priority": priorities})
    told = told[told["priority"].str.fullmatch(rf"[0-9]+|{DEFAULT}")]
    return told.groupby(["port", "priority"], as_index=False).size().rename(columns={"size": "logged"})


def _rules(tallies: Mapping[str, pandas.DataFrame], logged: pandas.DataFrame) -> pandas.DataFrame:
    """One row for each rule that is live, proposed or logged, by port and priority."""
    frame = logged
    for name, tally in tallies.items():
        named = tally.rename(columns={"taken": name, "dead": f"{name}_dead"})
        frame = frame.merge(named, how="outer", on=["port", "priority"])
    counts = {name: frame[name].fillna(0).astype(int) for name in ("logged", "live", "proposed")}
    dead = {name: frame[name].fillna("") for name in ("live_dead", "proposed_dead")}
    frame = frame.assign(**counts, **dead)
    order = frame["priority"].map(lambda priority: 10**9 if priority == DEFAULT else int(priority))
    ordered = frame.assign(order=order).sort_values(["port", "order"], kind="stable", ignore_index=True)
    return ordered[list(RULE_COLUMNS)]
