"""Replays of access logs: the rule of each line, changes, dead rules, and malformed lines."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from esaws.cloud import Cloud
from esaws.errors import UsageError
from esaws.inspect.routing.access_log import local_log_files, read_access_logs, s3_log_files
from esaws.inspect.routing.replay import replay_rules
from esaws.inspect.routing.request import Request
from esaws.inspect.routing.trace import trace_request
from tests.inspect.access_logs import line
from tests.inspect.routing_worlds import rule


def paths(*values: str) -> list[dict[str, Any]]:
    return [{"Field": "path-pattern", "PathPatternConfig": {"Values": list(values)}}]


LIVE = [rule("1", paths("/sites*")), rule("2", paths("/old/*")), rule("default", [])]
PROPOSED = [rule("1", paths("/sites", "/sites/*")), rule("default", [])]


def of(*lines: str) -> Any:
    return read_access_logs([("a.log", "".join(lines).encode())])


def test_each_line_has_its_live_and_its_proposed_rule() -> None:
    log = of(line({"path": "/sites/1"}), line({"path": "/sitesfoo"}), line({"path": "/"}, logged="0"))
    found = replay_rules(log, LIVE, PROPOSED)
    shown = found.lines[["path", "logged", "live", "proposed"]]
    assert shown.values.tolist() == [
        ["/sites/1", "1", "1", "1"],
        ["/sitesfoo", "1", "1", "default"],
        ["/", "default", "default", "default"],
    ]
    (change,) = found.changes.to_dict("records")
    assert (change["path"], change["live"], change["proposed"], change["requests"]) == ("/sitesfoo", "1", "default", 1)


def test_rules_without_requests_are_dead() -> None:
    header = [{"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Beta", "Values": ["1"]}}]
    live = [rule("1", paths("/a")), rule("2", paths("/b")), rule("3", [*paths("/c"), *header]), rule("default", [])]
    found = replay_rules(of(line({"path": "/a"}), line({"path": "/c"})), live)
    dead = dict(zip(found.rules["priority"], found.rules["live_dead"], strict=True))
    assert dead == {"1": "no", "2": "yes", "3": "unknown", "default": "unknown"}
    assert found.unknown["path"].tolist() == ["/c"], "a log does not tell of a header X-Beta"
    assert "X-Beta" in str(found.explain(int(found.unknown.index[0])))


def test_distinct_requests_are_counted() -> None:
    found = replay_rules(of(*[line({"path": "/x"})] * 5, line({"path": "/x", "source_ip": "10.9.8.7"})), LIVE)
    assert found.requests["requests"].tolist() == [6], (
        "no rule looks at the client, so it does not distinguish requests"
    )
    assert len(found.lines) == 6


def test_each_port_has_its_own_rules() -> None:
    log = of(line({"path": "/sites"}), line({"path": "/sites"}, port=443, scheme="https"), line({}, port=8443))
    found = replay_rules(log, {80: [rule("default", [])], 443: LIVE})
    assert found.lines[["port", "live"]].values.tolist() == [[80, "default"], [443, "1"], [8443, "no listener"]]


BAD = {
    "an empty line": "\n",
    "another text": "hello\n",
    "too few fields": 'http 2026-01-01T00:00:00Z app/alb/1 192.0.2.1:1 - "GET http://x:80/ HTTP/1.1"\n',
    "a quote that never ends": line({"path": "/x"})[:180] + "\n",
    "no request": line({}).replace('"GET http://-:80/ HTTP/1.1"', '"- http://alb-1.elb.amazonaws.com:80- -"'),
}


@pytest.mark.parametrize("what", BAD)
@pytest.mark.parametrize("place", ["first", "between", "last"])
def test_malformed_lines_are_reported_and_the_others_read(what: str, place: str) -> None:
    good = [line({"path": f"/{n}"}) for n in range(4)]
    at = {"first": 0, "between": 2, "last": 4}[place]
    found = replay_rules(of(*good[:at], BAD[what], *good[at:]), LIVE)
    assert found.lines["path"].tolist() == ["/0", "/1", "/2", "/3"]
    shown = [item.text for item in found.malformed]
    assert len(shown) == (0 if what == "an empty line" else 1)
    assert found.to_dict()["lines"] == 4


ODD = [
    (line({"path": "/x", "source_ip": "2001:db8::1"}), ("/x", "2001:db8::1")),
    (line({"path": "/x", "headers": [["user-agent", r"Mozilla \x22odd\x22"]]}), ("/x", "192.0.2.1")),
    (line({"path": "/x"}, port=443, scheme="h2"), ("/x", "192.0.2.1")),
    (line({"path": "/x"}, scheme="wss", port=443), ("/x", "192.0.2.1")),
    (line({"path": "/x"}, more=' "new" "fields"'), ("/x", "192.0.2.1")),
    (line({"path": "/x"}).replace("\n", "\r\n"), ("/x", "192.0.2.1")),
    (line({"path": "/x", "query": "a=b,c=%22"}), ("/x", "192.0.2.1")),
    (line({"path": "/x", "host": "[2001:db8::2]"}), ("/x", "192.0.2.1")),
    (line({"path": "/x", "headers": [["user-agent", r"Mozilla (\"odd\")"]]}), ("/x", "192.0.2.1")),
    (line({"path": "/x", "headers": [["user-agent", r"Mozilla (\"Foo\" 1.0)"]]}), ("/x", "192.0.2.1")),
    (line({"path": "/x", "headers": [["user-agent", "ends in a backslash\\"]]}), ("/x", "192.0.2.1")),
    (line({"path": "/x", "headers": [["user-agent", "in two \\\\"]]}), ("/x", "192.0.2.1")),
    (line({"path": "/x", "query": r"q=\"x\""}).replace("\n", "\r\n"), ("/x", "192.0.2.1")),
    (line({"path": ""}), ("/", "192.0.2.1")),
    (line({"path": "", "query": "a=1"}), ("/", "192.0.2.1")),
]


@pytest.mark.parametrize(("text", "expected"), ODD)
def test_unusual_lines_are_read(text: str, expected: tuple[str, str]) -> None:
    by_client = [
        rule("1", [{"Field": "source-ip", "SourceIpConfig": {"Values": ["192.0.2.0/24"]}}]),
        rule("default", []),
    ]
    found = replay_rules(of(line({}), text, line({})), by_client)
    assert found.malformed == ()
    row = found.lines.iloc[1]
    assert (row["path"], row["source_ip"]) == expected


ESCAPED = {
    r"Mozilla/5.0 (\"Foo\" 1.0)": 'Mozilla/5.0 ("Foo" 1.0)',
    r"(\"Foo\")": '("Foo")',
    r"\"": '"',
    r"a\x22b": r"a\x22b",
    "a\\": "a\\",
    r"C:\\": r"C:\\",
}
"""The text of a field in a log, and the value of the header."""


@pytest.mark.parametrize("written", ESCAPED)
@pytest.mark.parametrize("first", [True, False])
def test_a_backslash_escapes_a_quote(written: str, first: bool) -> None:
    odd, plain = line({"path": "/x", "headers": [["user-agent", written]]}), line({"path": "/y"})
    log = of(*((odd, plain, plain) if first else (plain, odd, plain)))
    assert log.malformed == ()
    assert log.lines["user_agent"].to_pylist()[0 if first else 1] == ESCAPED[written]
    assert log.lines.num_rows == 3


def test_a_log_with_escaped_quotes_loses_only_the_line_that_is_cut_off() -> None:
    log = read_access_logs(local_log_files([Path(__file__).parent / "cases" / "mixed.log"]))
    assert (log.lines.num_rows, len(log.malformed)) == (31, 1)
    result = replay_rules(log, LIVE)
    assert 'q="x"' in set(result.requests["query"])
    reasons = [item.reason for item in result.malformed]
    assert len(reasons) == 3 and "the request is not for a path" in reasons, "such as OPTIONS *"


def test_a_request_line_of_more_than_16_kib_reaches_no_rule() -> None:
    just, over = "/" + "x" * (16 * 1024 - len("GET / HTTP/1.1")), "/" + "x" * (16 * 1024 - len("GET  HTTP/1.1"))
    found = replay_rules(of(line({"path": just}), line({"path": over})), LIVE)
    assert found.lines["live"].tolist() == ["default", "none"]
    assert found.changes.empty
    explained = found.explain(int(found.requests.index[found.requests["path"] == over][0]))
    assert (explained.status, explained.outcome) == (414, "elb_response")


HEADERS = {
    "a header of 16 K": ([["X-Long", "x" * (16 * 1024 - len("X-Long: "))]], None),
    "a longer header": ([["X-Long", "x" * 16 * 1024]], (400, "the header X-Long has")),
    "a long Cookie among others": ([["A", "1"], ["Cookie", "x" * 20_000]], (400, "the header Cookie has")),
    "headers of more than 64 K": ([["X-Long", "x" * 16_000]] * 5, (400, "all headers together have")),
    "headers of less than 64 K": ([["X-Long", "x" * 16_000]] * 4, None),
}
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html"""


@pytest.mark.parametrize("what", HEADERS)
def test_the_load_balancer_refuses_long_headers(what: str) -> None:
    headers, expected = HEADERS[what]
    result = trace_request(LIVE, Request.from_dict({"path": "/x", "host": "example.com", "headers": headers}))
    if expected is None:
        assert result.outcome == "match"
    else:
        assert result.status == expected[0] and result.reason.startswith(expected[1])


@pytest.mark.parametrize("url", ["http://example.com", "http://example.com?a=1"])
def test_an_empty_path_is_a_slash(url: str) -> None:
    assert Request.for_url(url).path == Request.from_dict({"path": ""}).path == "/"


def test_old_lines_have_fewer_fields() -> None:
    old = " ".join(line({"path": "/old"}).split(" ")[:20]).replace('"curl', "curl") + "\n"
    for text in (old + old, line({"path": "/new"}) + old, old + line({"path": "/new"})):
        found = replay_rules(of(text), LIVE)
        assert found.malformed == () and "/old" in found.lines["path"].tolist()
        assert found.lines[found.lines["path"] == "/old"]["logged"].eq("unknown").all(), "they don't tell which rule"


def test_an_invalid_logged_priority_has_no_rule() -> None:
    found = replay_rules(of(line({"path": "/sites"}, logged="abc"), line({"path": "/sites"})), LIVE)
    assert found.rules["priority"].tolist() == ["1", "2", "default"]
    assert found.lines["live"].tolist() == ["1", "1"]


@pytest.mark.parametrize("client", ["2001:db8::1", "[2001:db8::1]"])
def test_a_client_with_an_ipv6_address(client: str) -> None:
    block = {"Field": "source-ip", "SourceIpConfig": {"Values": ["2001:db8::/32"]}}
    found = replay_rules(of(line({"path": "/", "source_ip": client})), [rule("1", [block]), rule("default", [])])
    assert found.lines["live"].tolist() == ["1"]


def test_an_empty_log_is_valid() -> None:
    for content in (b"", b"\n\n"):
        found = replay_rules(read_access_logs([("a.log", content)]), LIVE)
        assert len(found.lines) == 0 and found.changes.empty
        assert found.rules["live"].sum() == 0


def test_files_and_folders_gzipped_or_not(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.log").write_text(line({"path": "/1"}))
    (tmp_path / "deep" / "b.log.gz").write_bytes(gzip.compress(line({"path": "/2"}).encode()))
    log = read_access_logs(local_log_files([tmp_path]))
    assert log.lines.num_rows == 2 and log.malformed == ()
    broken = tmp_path / "c.log.gz"
    broken.write_bytes(gzip.compress(line({}).encode() * 100)[:-20])
    (bad,) = read_access_logs(local_log_files([broken])).malformed
    assert bad.source == str(broken) and "can't be decompressed" in bad.reason
    damaged = bytearray(gzip.compress(b"hello world " * 1000))
    damaged[15] ^= 0xFF
    damaged[16] ^= 0xFF
    (bad,) = read_access_logs([("d.log.gz", bytes(damaged))]).malformed
    assert "can't be decompressed" in bad.reason
    with pytest.raises(UsageError, match="no access log found"):
        list(local_log_files([tmp_path / "absent"]))


def test_logs_in_a_bucket(cloud: Cloud) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="logs-here", CreateBucketConfiguration={"LocationConstraint": cloud.region})
    key = "AWSLogs/1/elasticloadbalancing/eu-west-3/2026/01/01/x.log.gz"
    s3.put_object(Bucket="logs-here", Key=key, Body=gzip.compress(line({"path": "/1"}).encode()))
    s3.put_object(Bucket="logs-here", Key="AWSLogs/1/ELBAccessLogTestFile", Body=b"enabled")
    log = read_access_logs(s3_log_files(cloud, "s3://logs-here/AWSLogs"))
    assert log.lines.num_rows == 1 and log.malformed == ()
    with pytest.raises(UsageError, match="no access log found"):
        list(s3_log_files(cloud, "s3://logs-here/elsewhere"))
    with pytest.raises(UsageError, match="no bucket"):
        list(s3_log_files(cloud, "s3://no-such-bucket-here/"))
