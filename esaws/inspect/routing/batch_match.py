"""Many requests at once through the rules of their listener: which rule takes each, or that this is unknown.

Each condition is asked once for each text that occurs, and paths in columns; the answers are those of a trace.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from esaws.inspect.answers import Answer
from esaws.inspect.routing import regexes
from esaws.inspect.routing.conditions import Condition, HttpHeader, PathPattern
from esaws.inspect.routing.patterns import Pattern
from esaws.inspect.routing.request import Reading, Request, is_doubtful, path_readings
from esaws.inspect.routing.rules import RoutingRule

if TYPE_CHECKING:
    import numpy
    import pyarrow

    Numbers = numpy.ndarray[Any, numpy.dtype[Any]]

UNKNOWN, NONE = -1, -2
"""In place of a rule: it is unknown which; the load balancer answers before any rule."""

_NO, _MAYBE, _YES = 0, 1, 2
_WORDS = {"no": _NO, "unknown": _MAYBE, "yes": _YES}


@dataclass(frozen=True)
class EncodedColumn:
    """A column as its distinct texts, and for each request the number of its text."""

    values: list[str]
    codes: Numbers

    @classmethod
    def of(cls, column: pyarrow.Array) -> EncodedColumn:
        encoded = column.dictionary_encode()
        return cls(encoded.dictionary.to_pylist(), encoded.indices.to_numpy(zero_copy_only=False))


@dataclass(frozen=True)
class RequestColumns:
    """Requests in columns; of the headers only User-Agent is known, besides the host."""

    method: EncodedColumn
    host: EncodedColumn
    path: pyarrow.Array
    query: EncodedColumn
    source_ip: EncodedColumn
    user_agent: EncodedColumn

    def __len__(self) -> int:
        return len(self.path)


@dataclass(frozen=True)
class MatchResult:
    """For each request the place of the rule that takes it, or UNKNOWN, or NONE."""

    rule_index: Numbers
    may_match: Numbers
    """For each rule: may it take a request?"""


def match_requests(rules: list[RoutingRule], requests: RequestColumns) -> MatchResult:
    """Which rule takes each request: UNKNOWN also where none does for certain; NONE for TRACE, which meets no rule."""
    import numpy

    places = numpy.full(len(requests), UNKNOWN, dtype=numpy.int32)
    touched = numpy.zeros(len(rules), dtype=bool)
    refused = numpy.array([method == "TRACE" for method in requests.method.values], dtype=bool)[requests.method.codes]
    places[refused] = NONE
    rows = numpy.flatnonzero(~refused)
    doubt = numpy.zeros(len(rows), dtype=bool)
    asker = _Matcher(requests)
    for place, rule in enumerate(rules):
        if not len(rows):
            break
        answers = asker.match_rule(rule, rows)
        if not answers.any():
            continue
        touched[place] = True
        taken = answers == _YES
        places[rows[taken & ~doubt]] = place
        doubt |= answers == _MAYBE
        rows, doubt = rows[~taken], doubt[~taken]
    return MatchResult(places, touched)


class _Matcher:
    """Asks conditions of rows, and remembers what they say to each text."""

    def __init__(self, requests: RequestColumns) -> None:
        self.paths = _Paths(requests.path)
        self.columns: dict[str, tuple[EncodedColumn, Callable[[str], Request]]] = {
            "http-request-method": (requests.method, lambda text: Request(method=text)),
            "host-header": (requests.host, lambda text: Request(host=text)),
            "query-string": (requests.query, lambda text: Request(query=text)),
            "source-ip": (requests.source_ip, lambda text: Request(source_ip=text)),
            "user-agent": (requests.user_agent, _with_user_agent),
        }

    def match_rule(self, rule: RoutingRule, rows: Numbers) -> Numbers:
        """The answers of a rule to some rows; its conditions are asked in turn, of the rows that are left."""
        import numpy

        answers = numpy.full(len(rows), _YES, dtype=numpy.int8)
        for condition in sorted(rule.conditions, key=_effort):
            left = numpy.flatnonzero(answers)
            if len(left):
                answers[left] = numpy.minimum(answers[left], self._match_condition(condition, rows[left]))
        return answers

    def _match_condition(self, condition: Condition, rows: Numbers) -> Numbers:
        import numpy

        if isinstance(condition, PathPattern):
            return self.paths.match(condition, rows)
        name = condition.field
        if isinstance(condition, HttpHeader) and condition.name.lower() == "user-agent":
            name = "user-agent"
        if name not in self.columns:
            return numpy.full(len(rows), _number(condition.matches(Request(all_headers=False))), dtype=numpy.int8)
        texts, request = self.columns[name]
        codes = texts.codes[rows]
        answers = numpy.zeros(len(texts.values), dtype=numpy.int8)
        for code in numpy.flatnonzero(numpy.bincount(codes, minlength=len(texts.values))):
            answers[code] = _number(condition.matches(request(texts.values[code])))
        return answers[codes]


class _Paths:
    """All paths: those that are read in one way only in a column, the doubtful ones by the ways to read them."""

    def __init__(self, paths: pyarrow.Array) -> None:
        import numpy
        from pyarrow import compute

        suspect = compute.match_substring_regex(paths, pattern=r"%|//|/\.").to_numpy(zero_copy_only=False)
        self.paths = paths
        self.readings: dict[tuple[Reading, ...], int] = {}
        self.reading_of = numpy.full(len(paths), -1, dtype=numpy.int32)
        for place in numpy.flatnonzero(suspect):
            path = paths[int(place)].as_py()
            if is_doubtful(path):
                self.reading_of[place] = self.readings.setdefault(path_readings(path), len(self.readings))

    def match(self, condition: PathPattern, rows: Numbers) -> Numbers:
        import numpy

        taken = self.paths if len(rows) == len(self.paths) else self.paths.take(rows)
        answers = numpy.zeros(len(rows), dtype=numpy.int8)
        for pattern in condition.patterns:
            answers[_matching(pattern, taken)] = _YES
        for regex in condition.regexes:
            numpy.maximum(answers, _regex_answers(regex, taken), out=answers)
        if self.readings:
            of_readings = numpy.array([_number(condition.matches_path(one)) for one in self.readings], dtype=numpy.int8)
            doubtful = self.reading_of[rows]
            answers = numpy.where(doubtful >= 0, of_readings[doubtful], answers)
        return answers


def _matching(pattern: Pattern, texts: pyarrow.Array) -> Numbers:
    """Which texts a pattern matches, as a mask."""
    import numpy
    from pyarrow import compute

    if pattern.is_literal:
        return _mask(compute.equal(texts, pattern.literal))
    begins = _mask(compute.starts_with(texts, pattern.literal))
    if not pattern.is_prefix:
        found = numpy.flatnonzero(begins)
        begins[found] = [pattern.matches(text) for text in texts.take(found).to_pylist()]
    return begins


def _regex_answers(regex: str, texts: pyarrow.Array) -> Numbers:
    """The answers to a regex. What it does not find in any case, anywhere, it does not match in any reading."""
    import numpy
    import pyarrow
    from pyarrow import compute

    answers = numpy.zeros(len(texts), dtype=numpy.int8)
    try:
        found = numpy.flatnonzero(_mask(compute.match_substring_regex(texts, pattern=regex, ignore_case=True)))
    except pyarrow.ArrowInvalid:
        found = numpy.arange(len(texts))
    answers[found] = [_number(regexes.match_text(regex, text)) for text in texts.take(found).to_pylist()]
    return answers


def _mask(column: pyarrow.Array) -> Numbers:
    import numpy

    return numpy.array(column.to_numpy(zero_copy_only=False), dtype=bool)


def _with_user_agent(text: str) -> Request:
    """A log has `-` where there was none."""
    return Request(headers=() if text == "-" else (("User-Agent", text),))


def _number(answer: Answer) -> int:
    return _WORDS[answer.value]


def _effort(condition: Condition) -> int:
    """Cheap conditions first: they leave fewer rows."""
    order = ("http-request-method", "host-header", "path-pattern", "source-ip", "http-header", "query-string")
    return order.index(condition.field) if condition.field in order else len(order)
