"""The requests to send to a load balancer: one for each path and host of each rule, and those that the caller adds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from esaws.errors import EsawsError, UsageError
from esaws.inspect.fetch import Raw
from esaws.inspect.load_balancers import LiveLoadBalancer
from esaws.inspect.routing.conditions import (
    Condition,
    HostHeader,
    HttpHeader,
    HttpRequestMethod,
    PathPattern,
    QueryString,
    SourceIp,
    UnknownCondition,
)
from esaws.inspect.routing.coverage import counterexample
from esaws.inspect.routing.patterns import SEPARATOR, Pattern, Wildcard
from esaws.inspect.routing.request import Request, parse_header
from esaws.inspect.routing.rules import RoutingRule
from esaws.inspect.routing.trace import trace_rules

METHODS = ("GET", "HEAD", "OPTIONS")
"""What is sent: methods that change nothing on a server, as HTTP defines them.

https://www.rfc-editor.org/rfc/rfc9110#section-9.2.1
"""

_OWN_HEADERS = (("User-Agent", "esaws"), ("Accept", "*/*"), ("Connection", "close"))
_NOT_OF_THE_CALLER = frozenset({"host", "connection", "content-length", "expect", "transfer-encoding", "upgrade"})
"""Headers that would change how a request without a body is read."""

_ADD_A_PATH = "give a path of it with -p paths"


@dataclass(frozen=True)
class Question:
    """A request to a listener, or the reason why none can be sent for a rule."""

    load_balancer: LiveLoadBalancer
    listener: Raw
    rule: str
    """Its priority, `default`, or `-` for a path that the caller adds."""
    pattern: str
    """What the rule matches, or the path of the caller."""
    request: Request | None
    not_asked: str = ""
    next_step: str = ""

    @property
    def text(self) -> str:
        """The request in a few words; without one, what the rule matches."""
        request = self.request
        if request is None:
            return self.pattern
        text = f"{request.method} {request.path}" + (f"?{request.query}" if request.query else "")
        if request.host != self.load_balancer.raw.get("DNSName"):
            text += f" at {request.host}"
        more = [f"{name}: {value}" for name, value in request.headers if (name, value) not in _OWN_HEADERS]
        return "; ".join([text, *more])


def questions(
    load_balancer: LiveLoadBalancer,
    *,
    host: str = "",
    paths: Sequence[str] = (),
    headers: Iterable[str] = (),
    source_ip: str = "",
) -> list[Question]:
    """Return the requests to each listener of a load balancer, in the order of its ports and rules.

    Args:
        load_balancer: an Application Load Balancer.
        host: the Host header of each request; by default the one that a rule matches, else the DNS name.
        paths: more paths to ask for at each listener, with a query if need be.
        headers: headers of each request, such as `User-Agent: curl`.
        source_ip: the address that the load balancer sees; empty where that is not known.

    Raises:
        UsageError: a path or a header can't be sent.
    """
    pairs = tuple(_checked_header(header) for header in headers)
    for path in paths:
        if not path.startswith("/") or not _is_plain(path):
            raise UsageError(f"{path!r} is not a path; write it like /sites?page=2, with %20 for a space")
    found = []
    for listener in load_balancer.listeners():
        base = Request(
            protocol=listener["Protocol"],
            port=int(listener["Port"]),
            host=host or str(load_balancer.raw.get("DNSName", "")),
            headers=with_headers(_OWN_HEADERS, pairs),
            source_ip=source_ip,
        )
        rules = load_balancer.rules(listener)
        for variant in (variant for rule in rules for variant in variants(rule)):
            request, not_asked, next_step = request_for(variant, rules, base, keeps_host=bool(host))
            found.append(
                Question(load_balancer, listener, variant.priority, describe(variant), request, not_asked, next_step)
            )
        for path in paths:
            before, _, query = path.partition("?")
            request = replace(base, path=before, query=query)
            found.append(Question(load_balancer, listener, "-", path, request))
    return found


def _checked_header(text: str) -> tuple[str, str]:
    """Return the name and the value of a header.

    Raises:
        UsageError: it is not a header, or one that can't be sent.
    """
    name, value = parse_header(text)
    if name.lower() in _NOT_OF_THE_CALLER:
        other = "give it as host" if name.lower() == "host" else "leave it out"
        raise UsageError(f"the header {name} belongs to the connection; {other}")
    if not (value.isascii() and value.isprintable()):
        raise UsageError(f"the header {name} has characters that HTTP does not send; write it in ASCII")
    return name, value


def variants(rule: RoutingRule) -> Iterator[RoutingRule]:
    """Yield a rule once for each combination of its paths and hosts, with these alone."""
    choices = [[*_single_values(condition)] for condition in rule.conditions]
    for conditions in product(*choices):
        yield replace(rule, conditions=conditions)


def _single_values(condition: Condition) -> Iterator[Condition]:
    if not isinstance(condition, PathPattern | HostHeader):
        yield condition
        return
    for value in condition.values:
        yield replace(condition, values=(value,), regexes=())
    for regex in condition.regexes:
        yield replace(condition, values=(), regexes=(regex,))


def describe(rule: RoutingRule) -> str:
    """Return what a rule matches in a few words."""
    return " and ".join(condition.description or condition.field for condition in rule.conditions) or "all other paths"


def request_for(
    variant: RoutingRule, rules: Sequence[RoutingRule], base: Request, *, keeps_host: bool = False
) -> tuple[Request | None, str, str]:
    """Return a request that takes a rule, or None with the reason and the next step.

    It is also returned where it is unknown whether it takes the rule, as for an address that is not known.
    """
    if reason := _why_impossible(variant, base):
        return None, *reason
    written = _as_written(variant, base, keeps_host=keeps_host)
    other = ""
    for request in (written, _found(variant, rules, base, keeps_host=keeps_host)):
        if request is None:
            continue
        trace = trace_rules(rules, request)
        taken = trace.rule.priority if trace.rule else ""
        if taken == variant.priority or variant.priority in trace.candidates:
            return request, "", ""
        other = other or (f"{trace.rule.name} takes {request.path}" if trace.rule else trace.reason)
    if keeps_host and any(isinstance(condition, HostHeader) for condition in variant.conditions):
        return None, f"the rule matches other hosts than {base.host}", "leave out -p host"
    return None, f"no request was found that takes it{f': {other}' if other else ''}", "run `esaws findings`"


def _why_impossible(rule: RoutingRule, base: Request) -> tuple[str, str] | None:
    for condition in rule.conditions:
        if isinstance(condition, UnknownCondition):
            return condition.reason, _ADD_A_PATH
        if condition.regexes and not condition.values:
            return f"no text is made up for the regex {condition.regexes[0]}", _ADD_A_PATH
        if isinstance(condition, HttpRequestMethod) and not set(METHODS) & set(condition.values):
            methods = " or ".join(condition.values)
            return f"it takes {methods} alone, which may change something", "send it where that does no harm"
        if isinstance(condition, SourceIp) and base.source_ip and condition.matches(base).is_no:
            return f"it takes requests from {condition.description} alone, not from {base.source_ip}", "ask from there"
    return None


def _as_written(rule: RoutingRule, base: Request, *, keeps_host: bool) -> Request | None:
    """Return the request that a reader of the rule would send: its values without their wildcards."""
    fields: dict[str, Any] = {"path": "/"}
    headers: list[tuple[str, str]] = []
    for condition in rule.conditions:
        match condition:
            case PathPattern():
                fields["path"] = _path(condition.patterns[0])
            case HostHeader():
                if not keeps_host:
                    fields["host"] = sample(condition.patterns[0], many="www")
            case HttpHeader():
                headers.append((condition.name, sample(condition.patterns[0]) or "x"))
            case QueryString():
                key, _, value = sample(condition.patterns[0]).partition(SEPARATOR)
                fields["query"] = "&".join(filter(None, [fields.get("query"), f"{key or 'x'}={value}"]))
            case HttpRequestMethod():
                fields["method"] = next(method for method in METHODS if method in condition.values)
    return _sendable(replace(base, **fields, headers=with_headers(base.headers, headers)))


def _found(rule: RoutingRule, rules: Sequence[RoutingRule], base: Request, *, keeps_host: bool) -> Request | None:
    """Return a request that the rule matches and no rule before it does."""
    before = []
    for other in rules:
        if other.priority == rule.priority:
            break
        before.append(other)
    try:
        point = counterexample(rule, before)
    except EsawsError:
        return None
    if point is None:
        return None
    fields: dict[str, Any] = {"query": ""}
    headers = []
    has_host = not keeps_host and any(isinstance(each, HostHeader) for each in rule.conditions)
    for part, texts in point.items():
        match part.field:
            case "path-pattern":
                fields["path"] = texts[0]
            case "host-header" if has_host and texts[0]:
                fields["host"] = texts[0]
            case "http-request-method" if texts[0] in METHODS:
                fields["method"] = texts[0]
            case "query-string":
                fields["query"] = "&".join(text.replace(SEPARATOR, "=") for text in texts)
            case "http-header":
                headers += [(part.name, text or "x") for text in texts]
    return _sendable(replace(base, **fields, headers=with_headers(base.headers, headers)))


def _path(pattern: Pattern) -> str:
    """Return a path that a pattern matches; where it may go on after a word, the path goes on with a slash."""
    path = sample(pattern)
    path = path if path.startswith("/") else f"/{path}"
    goes_on = pattern.tokens[-1:] == (Wildcard.MANY,) and not path.endswith("/")
    return f"{path}/" if goes_on else path


def sample(pattern: Pattern, *, many: str = "") -> str:
    """Return a text that a pattern matches: nothing, or `many`, for `*`, and x for `?`."""
    texts = {Wildcard.MANY: many, Wildcard.ONE: "x"}
    return "".join(texts[token] if isinstance(token, Wildcard) else token for token in pattern.tokens)


def with_headers(headers: Sequence[tuple[str, str]], others: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return headers with others, which replace those of the same name."""
    merged = {name.lower(): (name, value) for name, value in headers}
    merged |= {name.lower(): (name, value) for name, value in others}
    return tuple(merged.values())


def _sendable(request: Request) -> Request | None:
    """Return a request, or None if HTTP has no way to write it."""
    is_plain = all(map(_is_plain, (request.path, request.query, request.host)))
    values: Mapping[str, str] = dict(request.headers)
    return request if is_plain and all(value.isascii() and value.isprintable() for value in values.values()) else None


def _is_plain(text: str) -> bool:
    """Whether a text of a URL can be sent as it is."""
    return all("!" <= char <= "~" and char != "#" for char in text)
