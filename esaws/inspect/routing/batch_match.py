"""Match many requests at once against the rules of their listener, with the answers of a trace.

Each condition is evaluated once for each distinct value, and for paths in columns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from esaws.inspect.answers import Answer
from esaws.inspect.routing import regexes
from esaws.inspect.routing.conditions import Condition, HttpHeader, PathPattern
from esaws.inspect.routing.patterns import Pattern
from esaws.inspect.routing.request import MAX_LINE, Reading, Request, is_ambiguous, line_bytes, path_readings
from esaws.inspect.routing.rules import RoutingRule

if TYPE_CHECKING:
    import numpy
    import pyarrow

    Numbers = numpy.ndarray[Any, numpy.dtype[Any]]

UNKNOWN, NONE = -1, -2
"""Instead of a rule index: the rule is unknown; the load balancer answers before any rule."""

_NO, _UNKNOWN, _YES = 0, 1, 2
_LEVELS = {"no": _NO, "unknown": _UNKNOWN, "yes": _YES}


@dataclass(frozen=True)
class EncodedColumn:
    """A column as its distinct values, and for each request the number of its value."""

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
    """`rule_index` is the index of the matching rule for each request, or UNKNOWN, or NONE."""

    rule_index: Numbers
    may_match: Numbers
    """Whether each rule may match any request."""


def match_requests(rules: list[RoutingRule], requests: RequestColumns) -> MatchResult:
    """Return the rule that matches each request.

    It is UNKNOWN also where no rule matches with certainty, and NONE for TRACE and for a request line that is too long,
    which the load balancer answers.
    """
    import numpy

    rule_index = numpy.full(len(requests), UNKNOWN, dtype=numpy.int32)
    may_match = numpy.zeros(len(rules), dtype=bool)
    refused = _refused(requests)
    rule_index[refused] = NONE
    rows = numpy.flatnonzero(~refused)
    uncertain = numpy.zeros(len(rows), dtype=bool)
    matcher = _Matcher(requests)
    for index, rule in enumerate(rules):
        if not len(rows):
            break
        levels = matcher.match_rule(rule, rows)
        if not levels.any():
            continue
        may_match[index] = True
        matched = levels == _YES
        rule_index[rows[matched & ~uncertain]] = index
        uncertain |= levels == _UNKNOWN
        rows, uncertain = rows[~matched], uncertain[~matched]
    return MatchResult(rule_index, may_match)


def _refused(requests: RequestColumns) -> Numbers:
    """Return a mask of the requests that the load balancer answers before any rule: see `load_balancer_response`."""
    import numpy
    from pyarrow import compute

    is_trace = numpy.array([method == "TRACE" for method in requests.method.values], dtype=bool)
    method, query = (
        numpy.array([len(text.encode()) for text in column.values], dtype=int)[column.codes]
        for column in (requests.method, requests.query)
    )
    path = compute.binary_length(requests.path).to_numpy(zero_copy_only=False)
    mask: Numbers = is_trace[requests.method.codes] | (line_bytes(method, path, query) > MAX_LINE)
    return mask


class _Matcher:
    """Evaluates conditions on rows, once for each distinct value."""

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
        """Return the levels of a rule for some rows; each condition is evaluated on the rows that remain."""
        import numpy

        levels = numpy.full(len(rows), _YES, dtype=numpy.int8)
        for condition in sorted(rule.conditions, key=_cost):
            remaining = numpy.flatnonzero(levels)
            if len(remaining):
                levels[remaining] = numpy.minimum(levels[remaining], self._match_condition(condition, rows[remaining]))
        return levels

    def _match_condition(self, condition: Condition, rows: Numbers) -> Numbers:
        import numpy

        if isinstance(condition, PathPattern):
            return self.paths.match(condition, rows)
        name = condition.field
        if isinstance(condition, HttpHeader) and condition.name.lower() == "user-agent":
            name = "user-agent"
        if name not in self.columns:
            return numpy.full(len(rows), _level(condition.matches(Request(all_headers=False))), dtype=numpy.int8)
        texts, request = self.columns[name]
        codes = texts.codes[rows]
        levels = numpy.zeros(len(texts.values), dtype=numpy.int8)
        for code in numpy.flatnonzero(numpy.bincount(codes, minlength=len(texts.values))):
            levels[code] = _level(condition.matches(request(texts.values[code])))
        return levels[codes]


class _Paths:
    """All paths: those with a single reading in a column, the ambiguous ones by their readings."""

    def __init__(self, paths: pyarrow.Array) -> None:
        import numpy
        from pyarrow import compute

        suspicious = compute.match_substring_regex(paths, pattern=r"%|//|/\.").to_numpy(zero_copy_only=False)
        self.paths = paths
        self.readings: dict[tuple[Reading, ...], int] = {}
        self.reading_of = numpy.full(len(paths), -1, dtype=numpy.int32)
        for index in numpy.flatnonzero(suspicious):
            path = paths[int(index)].as_py()
            if is_ambiguous(path):
                self.reading_of[index] = self.readings.setdefault(path_readings(path), len(self.readings))

    def match(self, condition: PathPattern, rows: Numbers) -> Numbers:
        import numpy

        paths = self.paths if len(rows) == len(self.paths) else self.paths.take(rows)
        levels = numpy.zeros(len(rows), dtype=numpy.int8)
        for pattern in condition.patterns:
            levels[_matching(pattern, paths)] = _YES
        for regex in condition.regexes:
            numpy.maximum(levels, _regex_levels(regex, paths), out=levels)
        if self.readings:
            of_readings = numpy.array(
                [_level(condition.matches_path(variants)) for variants in self.readings], dtype=numpy.int8
            )
            doubtful = self.reading_of[rows]
            levels = numpy.where(doubtful >= 0, of_readings[doubtful], levels)
        return levels


def _matching(pattern: Pattern, texts: pyarrow.Array) -> Numbers:
    """Return a mask of the texts that a pattern matches."""
    import numpy
    from pyarrow import compute

    if pattern.is_literal:
        return _mask(compute.equal(texts, pattern.literal))
    begins = _mask(compute.starts_with(texts, pattern.literal))
    if not pattern.is_prefix:
        indices = numpy.flatnonzero(begins)
        begins[indices] = [pattern.matches(text) for text in texts.take(indices).to_pylist()]
    return begins


def _regex_levels(regex: str, texts: pyarrow.Array) -> Numbers:
    """Return the levels of a regex. Text without a case-insensitive search hit does not match in any reading."""
    import numpy
    import pyarrow
    from pyarrow import compute

    levels = numpy.zeros(len(texts), dtype=numpy.int8)
    try:
        indices = numpy.flatnonzero(_mask(compute.match_substring_regex(texts, pattern=regex, ignore_case=True)))
    except pyarrow.ArrowInvalid:
        indices = numpy.arange(len(texts))
    levels[indices] = [_level(regexes.match_text(regex, text)) for text in texts.take(indices).to_pylist()]
    return levels


def _mask(column: pyarrow.Array) -> Numbers:
    import numpy

    return numpy.array(column.to_numpy(zero_copy_only=False), dtype=bool)


def _with_user_agent(text: str) -> Request:
    """Return a request with a User-Agent; a log has `-` where there was none."""
    return Request(headers=() if text == "-" else (("User-Agent", text),))


def _level(answer: Answer) -> int:
    return _LEVELS[answer.value]


def _cost(condition: Condition) -> int:
    """Return the rank of a condition: cheap ones first, because they leave fewer rows."""
    order = ("http-request-method", "host-header", "path-pattern", "source-ip", "http-header", "query-string")
    return order.index(condition.field) if condition.field in order else len(order)
