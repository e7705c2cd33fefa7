"""The six conditions of listener rules: whether a request matches, with yes, no or unknown.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html
"""

from __future__ import annotations

import ipaddress
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from esaws.inspect.answers import NO, YES, Answer, any_of, from_bool, unknown
from esaws.inspect.routing import regexes
from esaws.inspect.routing.patterns import SEPARATOR, Pattern
from esaws.inspect.routing.request import Reading, Request, host_readings, path_readings, query_readings

_NORMALISATION = "AWS does not document how it normalises a path"
_PORT_IN_HOST = "AWS does not document how it compares a Host header that has a port or ends in a dot"
_DECODING = "AWS documents neither percent-decoding of a query nor parameters without a value"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Condition(ABC):
    """One condition; it matches if one of its values or regexes does."""

    field: ClassVar[str]
    values: tuple[str, ...] = ()
    regexes: tuple[str, ...] = ()

    @abstractmethod
    def matches(self, request: Request) -> Answer:
        """Return whether a request matches."""

    @abstractmethod
    def observed(self, request: Request) -> str:
        """Return the part of a request that it evaluates, as a phrase."""

    def why_not(self, request: Request) -> str:
        """Return why a request does not match, as a sentence."""
        return f"{self.observed(request)} doesn't match {self.description}"

    @property
    def description(self) -> str:
        """Its values as a phrase."""
        return " or ".join([*self.values, *(f"the regex {regex}" for regex in self.regexes)])

    @property
    def described_values(self) -> tuple[Any, ...]:
        """Its values in the shape of describe_rules."""
        return self.values


@dataclass(frozen=True)
class PathPattern(Condition):
    """path-pattern: compared with the whole path, case-sensitive, never with the query."""

    field = "path-pattern"

    def matches(self, request: Request) -> Answer:
        return self.matches_path(path_readings(request.path))

    def matches_path(self, readings: tuple[Reading, ...]) -> Answer:
        """Return whether a path matches, given its possible readings."""
        patterns = [[_pattern_answer(pattern, reading) for reading in readings] for pattern in self.patterns]
        by_regex = [[_regex_answer(regex, reading) for reading in readings] for regex in self.regexes]
        return any_of(_agreement(answers, _NORMALISATION) for answers in patterns + by_regex)

    def observed(self, request: Request) -> str:
        return f"path {request.path}"

    @cached_property
    def patterns(self) -> tuple[Pattern, ...]:
        return tuple(Pattern.of(value) for value in self.values)


@dataclass(frozen=True)
class HostHeader(Condition):
    """host-header: compared with the first Host header, case-insensitive."""

    field = "host-header"

    def matches(self, request: Request) -> Answer:
        readings = host_readings(request.host)
        patterns = [[from_bool(pattern.matches(host)) for host in readings] for pattern in self.patterns]
        by_regex = [[regexes.match_text(regex, host) for host in readings] for regex in self.regexes]
        return any_of(_agreement(answers, _PORT_IN_HOST) for answers in patterns + by_regex)

    def observed(self, request: Request) -> str:
        return f"host {request.host or '(none)'}"

    @cached_property
    def patterns(self) -> tuple[Pattern, ...]:
        return tuple(Pattern.of(value, ignore_case=True) for value in self.values)


@dataclass(frozen=True)
class HttpHeader(Condition):
    """http-header: compared with each value of a header, case-insensitive; an absent header never matches."""

    field = "http-header"
    name: str = ""

    def matches(self, request: Request) -> Answer:
        answers = [
            answer
            for value in request.values(self.name)
            for answer in [
                *(from_bool(pattern.matches(value)) for pattern in self.patterns),
                *(regexes.match_text(regex, value) for regex in self.regexes),
            ]
        ]
        if not answers and not request.is_header_known(self.name):
            return unknown(f"the header {self.name} is not known")
        return any_of(answers)

    def observed(self, request: Request) -> str:
        values = request.values(self.name)
        return f"header {self.name}: {', '.join(values)}" if values else f"header {self.name}, which is absent,"

    @cached_property
    def patterns(self) -> tuple[Pattern, ...]:
        return tuple(Pattern.of(value, ignore_case=True) for value in self.values)


@dataclass(frozen=True)
class HttpRequestMethod(Condition):
    """http-request-method: the exact method, without wildcards, case-sensitive."""

    field = "http-request-method"

    def matches(self, request: Request) -> Answer:
        return from_bool(request.method in self.values)

    def observed(self, request: Request) -> str:
        return f"method {request.method}"


@dataclass(frozen=True)
class QueryString(Condition):
    """query-string: compared with each parameter, case-insensitive; a value without a key matches any key."""

    field = "query-string"
    keys: tuple[str | None, ...] = ()
    """The key of each value, None for any."""

    def matches(self, request: Request) -> Answer:
        return any_of(
            _agreement(
                [from_bool(pair is not None and pattern.matches(SEPARATOR.join(pair))) for pair in pairs], _DECODING
            )
            for pairs in query_readings(request.query)
            for pattern in self.patterns
        )

    def observed(self, request: Request) -> str:
        return f"query {request.query or '(none)'}"

    @property
    def description(self) -> str:
        pairs = zip(self.keys, self.values, strict=True)
        return " or ".join(value if key is None else f"{key}={value}" for key, value in pairs)

    @property
    def described_values(self) -> tuple[Any, ...]:
        pairs = zip(self.keys, self.values, strict=True)
        return tuple({"Value": value} if key is None else {"Key": key, "Value": value} for key, value in pairs)

    @cached_property
    def patterns(self) -> tuple[Pattern, ...]:
        """Each key and value as one pattern, joined by the separator."""
        pairs = zip(self.keys, self.values, strict=True)
        return tuple(_pair("*" if key is None else key, value) for key, value in pairs)


@dataclass(frozen=True)
class SourceIp(Condition):
    """source-ip: whether the peer's address is in one of the CIDR blocks; X-Forwarded-For is ignored."""

    field = "source-ip"
    networks: tuple[Network, ...] = ()

    def matches(self, request: Request) -> Answer:
        try:
            address = ipaddress.ip_address(request.source_ip)
        except ValueError:
            return unknown("the address of the client is not known")
        return from_bool(any(address in network for network in self.networks))

    def observed(self, request: Request) -> str:
        return f"source address {request.source_ip}"


@dataclass(frozen=True)
class UnknownCondition(Condition):
    """A condition that esaws does not support, or that is incomplete."""

    field = "unknown"
    reason: str = ""

    def matches(self, request: Request) -> Answer:
        return unknown(self.reason)

    def observed(self, request: Request) -> str:
        return "the request"


_CONFIGS = {
    "path-pattern": "PathPatternConfig",
    "host-header": "HostHeaderConfig",
    "http-header": "HttpHeaderConfig",
    "http-request-method": "HttpRequestMethodConfig",
    "query-string": "QueryStringConfig",
    "source-ip": "SourceIpConfig",
}


_WITH_REGEXES = ("path-pattern", "host-header", "http-header")


def parse_condition(described: Mapping[str, Any]) -> Condition:
    """Parse a condition from describe_rules: its `XxxConfig`, else the `Values` of old rules."""
    name = str(described.get("Field")) if isinstance(described, Mapping) else str(described)
    if name not in _CONFIGS or not isinstance(described, Mapping):
        return UnknownCondition(reason=f"the condition {name} is not supported")
    try:
        config = described.get(_CONFIGS[name]) or {}
        values = tuple(config.get("Values") or described.get("Values") or ())
        regex_values = tuple(config.get("RegexValues") or described.get("RegexValues") or ())
        if not values and not regex_values:
            return UnknownCondition(reason=f"a {name} condition without values is not supported")
        if unread := _unread_keys(name, described, config):
            return UnknownCondition(reason=f"a {name} condition with {', '.join(unread)} is not supported")
        return _build(name, config, values, regex_values)
    except (AttributeError, KeyError, TypeError, ValueError):
        return UnknownCondition(reason=f"a {name} condition of this shape is not supported: {dict(described)}")


def _unread_keys(name: str, described: Mapping[str, Any], config: Mapping[str, Any]) -> list[str]:
    """Return the keys of a condition that esaws does not read; they may change its meaning."""
    known = {"Values", "HttpHeaderName"} | ({"RegexValues"} if name in _WITH_REGEXES else set())
    around = known | {"Field", _CONFIGS[name]}
    in_config = [key for key in config if key not in known and config[key]]
    return in_config + [key for key in described if key not in around and described[key]]


def _build(name: str, config: Mapping[str, Any], values: tuple[Any, ...], regex_values: tuple[str, ...]) -> Condition:
    match name:
        case "path-pattern":
            return PathPattern(_texts(values), _texts(regex_values))
        case "host-header":
            return HostHeader(_texts(values), _texts(regex_values))
        case "http-header":
            return HttpHeader(_texts(values), _texts(regex_values), name=_texts([config["HttpHeaderName"]])[0])
        case "http-request-method":
            return HttpRequestMethod(_texts(values))
        case "query-string":
            keys = tuple(value.get("Key") for value in values)
            return QueryString(_texts(value["Value"] for value in values), keys=keys)
        case _:
            networks = tuple(ipaddress.ip_network(value, strict=False) for value in values)
            return SourceIp(_texts(values), networks=networks)


def _texts(values: Any) -> tuple[str, ...]:
    texts = tuple(values)
    if not all(isinstance(value, str) for value in texts):
        raise TypeError("a value of a condition is not a string")
    return texts


def _pair(key: str, value: str) -> Pattern:
    left, right = (Pattern.of(text, ignore_case=True, escapes=True) for text in (key, value))
    return Pattern((*left.tokens, SEPARATOR, *right.tokens), ignore_case=True)


def _pattern_answer(pattern: Pattern, reading: Reading) -> Answer:
    if not reading.open:
        return from_bool(pattern.matches(reading.text))
    if pattern.matches_all_from(reading.text):
        return YES
    return unknown(_NORMALISATION) if pattern.matches_some_from(reading.text) else NO


def _regex_answer(regex: str, reading: Reading) -> Answer:
    return regexes.match_prefix(regex, reading.text) if reading.open else regexes.match_text(regex, reading.text)


def _agreement(answers: list[Answer], reason: str) -> Answer:
    """Return the answer that all readings share, else unknown with the reason for the different readings."""
    if all(answer.value == answers[0].value for answer in answers):
        return answers[0]
    reasons = [answer.reason for answer in answers if answer.is_unknown]
    return unknown(reasons[0] if reasons else reason)
