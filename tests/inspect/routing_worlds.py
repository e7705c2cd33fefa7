"""Random rules and requests in boto3's shape, and a plain matcher that shares no code with esaws."""

import ipaddress
from typing import Any

from hypothesis import strategies as st

Raw = dict[str, Any]

PATHS = ["/", "/a", "/A", "/a/", "/ab", "/a/b", "/b!", "/img/x.png", "/a*b"]
PATH_PATTERNS = ["*", "/*", "/a", "/a*", "/a/*", "/?", "/??", "*b", "/*/b", "/A", "/img/*.png", "/a?b"]
HOSTS = ["example.com", "www.example.com", "EXAMPLE.com", "a.b.example.com"]
HOST_PATTERNS = ["example.com", "*.example.com", "www.*", "*.COM", "?.b.example.com"]
METHODS = ["GET", "HEAD", "POST", "get"]
HEADERS = ["X-One", "x-two", "User-Agent"]
HEADER_VALUES = ["yes", "Yes", "no", "curl/8"]
HEADER_PATTERNS = ["yes", "Y*", "curl*", "n?"]
QUERIES = ["", "k=v", "K=V", "k=v&j=w", "j=", "k=*", "other=v"]
QUERY_VALUES = [
    {"Key": "k", "Value": "v"},
    {"Key": "k", "Value": "*"},
    {"Value": "v"},
    {"Value": "?"},
    {"Key": "j", "Value": "*"},
    {"Key": "k", "Value": r"\*"},
]
ADDRESSES = ["10.0.0.1", "10.0.1.1", "192.0.2.7", "2001:db8::1"]
CIDRS = ["10.0.0.0/24", "10.0.0.0/16", "0.0.0.0/0", "2001:db8::/32", "192.0.2.7/32"]


def _values(options: list[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(options), min_size=1, max_size=3, unique_by=str)


def conditions() -> st.SearchStrategy[list[Raw]]:
    """At most one condition of each kind, except for two headers or queries."""
    path = _values(PATH_PATTERNS).map(lambda drawn: {"Field": "path-pattern", "PathPatternConfig": {"Values": drawn}})
    old_path = _values(PATH_PATTERNS).map(lambda drawn: {"Field": "path-pattern", "Values": drawn})
    host = _values(HOST_PATTERNS).map(lambda drawn: {"Field": "host-header", "HostHeaderConfig": {"Values": drawn}})
    method = _values(METHODS).map(
        lambda drawn: {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": drawn}}
    )
    header = st.tuples(st.sampled_from(HEADERS), _values(HEADER_PATTERNS)).map(
        lambda drawn: {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": drawn[0], "Values": drawn[1]}}
    )
    query = _values(QUERY_VALUES).map(lambda drawn: {"Field": "query-string", "QueryStringConfig": {"Values": drawn}})
    source = _values(CIDRS).map(lambda drawn: {"Field": "source-ip", "SourceIpConfig": {"Values": drawn}})
    once = st.lists(st.one_of(path, old_path, host, method, source), max_size=2, unique_by=lambda drawn: drawn["Field"])
    return st.tuples(once, st.lists(st.one_of(header, query), max_size=2)).map(
        lambda both: [*both[0], *both[1]] or [{"Field": "path-pattern", "Values": ["/a*"]}]
    )


@st.composite
def rules(draw: st.DrawFn, most: int = 6) -> list[Raw]:
    """Rules in random order, including the default rule."""
    numbers = draw(st.lists(st.integers(1, 50_000), min_size=0, max_size=most, unique=True))
    rules_ = [rule(str(number), draw(conditions())) for number in numbers]
    return draw(st.permutations([*rules_, rule("default", [])]))


def rule(priority: str, conditions: list[Raw]) -> Raw:
    arn = f"arn:aws:elasticloadbalancing:eu-west-3:1:listener-rule/app/alb/1/2/{priority}"
    group = f"arn:aws:elasticloadbalancing:eu-west-3:1:targetgroup/tg-{priority}/1"
    return {
        "RuleArn": arn,
        "Priority": priority,
        "IsDefault": priority == "default",
        "Conditions": conditions,
        "Actions": [{"Type": "forward", "TargetGroupArn": group}],
    }


def requests() -> st.SearchStrategy[Raw]:
    header = st.tuples(st.sampled_from(["x-one", "X-Two", "user-agent"]), st.sampled_from(HEADER_VALUES)).map(list)
    return st.fixed_dictionaries(
        {
            "method": st.sampled_from(METHODS),
            "host": st.sampled_from(HOSTS),
            "path": st.sampled_from(PATHS),
            "query": st.sampled_from(QUERIES),
            "headers": st.lists(header, max_size=3),
            "source_ip": st.sampled_from(ADDRESSES),
        }
    )


# A plain matcher, one character at a time


def which(described: list[Raw], request: Raw) -> str:
    """Return the priority of the first rule whose conditions all match."""
    numbered = sorted(
        (rule_ for rule_ in described if not rule_["IsDefault"]), key=lambda rule_: int(rule_["Priority"])
    )
    for rule_ in numbered:
        if all(meets(condition, request) for condition in rule_["Conditions"]):
            return str(rule_["Priority"])
    return "default"


def meets(condition: Raw, request: Raw) -> bool:
    field = condition["Field"]
    if field == "path-pattern":
        values = condition.get("PathPatternConfig", condition)["Values"]
        return any(like(value, request["path"]) for value in values)
    if field == "host-header":
        values = condition["HostHeaderConfig"]["Values"]
        return any(like(value.lower(), request["host"].lower()) for value in values)
    if field == "http-request-method":
        return request["method"] in condition["HttpRequestMethodConfig"]["Values"]
    if field == "http-header":
        config = condition["HttpHeaderConfig"]
        values_ = [value for name, value in request["headers"] if name.lower() == config["HttpHeaderName"].lower()]
        return any(like(pattern.lower(), value.lower()) for pattern in config["Values"] for value in values_)
    if field == "query-string":
        pairs = [tuple(pair.split("=", 1)) for pair in request["query"].split("&") if pair]
        return any(
            like(value.get("Key", "*").lower(), key.lower(), escapes=True)
            and like(value["Value"].lower(), text.lower(), escapes=True)
            for value in condition["QueryStringConfig"]["Values"]
            for key, text in pairs
        )
    address = ipaddress.ip_address(request["source_ip"])
    return any(address in ipaddress.ip_network(cidr) for cidr in condition["SourceIpConfig"]["Values"])


def like(pattern: str, text: str, escapes: bool = False) -> bool:
    if not pattern:
        return not text
    if escapes and pattern[0] == "\\" and pattern[1:2] in ("*", "?"):
        return text[:1] == pattern[1] and like(pattern[2:], text[1:], escapes)
    if pattern[0] == "*":
        return like(pattern[1:], text, escapes) or (bool(text) and like(pattern, text[1:], escapes))
    return bool(text) and pattern[0] in ("?", text[0]) and like(pattern[1:], text[1:], escapes)
