"""Benchmark the replay of access logs against plain Python, which matches line by line.

`python benchmarks/replay.py` writes a log of a million lines over some thousand paths and replays it against 100 rules.
Plain Python matches a sample of the lines, with its rules compiled beforehand; its time is scaled to all lines, and the
results must be equal. Then the replay alone runs on ten times the lines.
"""

import argparse
import random
import re
import resource
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from esaws.inspect.routing.access_log import read_access_logs
from esaws.inspect.routing.replay import replay_rules

AIM, GROWTH_AIM = 50, 12
HOSTS = ["www.example.com", "api.example.com", "shop.example.com", "example.com"]
_LINE = re.compile(r'"([A-Z]+) (\S+) [^"]*" "([^"]*)"')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--rules", type=int, default=100)
    parser.add_argument("--sample", type=int, default=20_000, help="lines that plain Python matches")
    options = parser.parse_args()
    rules = described(options.rules)
    replay_rules(read_access_logs([("small.log", log(1000))]), rules)  # imports pandas and pyarrow
    text = log(options.lines)
    seconds, result = timed(text, rules)
    print(f"{options.lines:,} lines, {options.rules} rules")
    print(f"  replay        {seconds:8.2f} s, {len(result.requests):,} distinct requests, {megabytes():.0f} MB at most")
    plain = line_by_line(text, rules, result.lines["live"], options.sample) * options.lines
    print(f"  plain Python  {plain:8.2f} s, from a sample; {plain / seconds:.0f} × as long (aim: {AIM})")
    del result
    more, _ = timed(log(options.lines * 10), rules)
    print(f"  ten times the lines: {more:.2f} s, {more / seconds:.1f} × as long (aim: {GROWTH_AIM})")
    print(f"  {megabytes():.0f} MB at most")


def described(count: int) -> list[dict[str, Any]]:
    """Return typical rules: prefixes, half of them for a host, some for methods and files."""
    rng = random.Random(0)
    rules = []
    for number in range(1, count):
        prefix = f"/service-{number}"
        conditions = [{"Field": "path-pattern", "PathPatternConfig": {"Values": [prefix, f"{prefix}/*"]}}]
        if number % 2:
            host = {"Values": [rng.choice(["*.example.com", *HOSTS])]}
            conditions.append({"Field": "host-header", "HostHeaderConfig": host})
        if number % 10 == 0:
            conditions[0]["PathPatternConfig"] = {"Values": [f"/service-{number}*/*.png"]}
        if number % 7 == 0:
            methods = {"Values": ["GET", "HEAD"]}
            conditions.append({"Field": "http-request-method", "HttpRequestMethodConfig": methods})
        rules.append({"RuleArn": f"rule/{number}", "Priority": str(number), "Conditions": conditions, "Actions": []})
    return [*rules, {"RuleArn": "rule/default", "Priority": "default", "IsDefault": True, "Actions": []}]


def log(lines: int) -> bytes:
    """Return lines over paths of which few are frequent; some paths contain an id."""
    rng = random.Random(1)
    templates = [template(rng, number) for number in range(5000)]
    weights = [1 / (rank + 1) for rank in range(len(templates))]
    picked = rng.choices(templates, weights, k=lines)
    return "".join(text.replace("ID", str(n)) for n, text in enumerate(picked)).encode()


def template(rng: random.Random, number: int) -> str:
    path = f"/service-{rng.randrange(1, 130)}" + rng.choice(["", "/", "/items", "/a/b.png", "/users/ID", "xyz"])
    request = f"{rng.choice(['GET', 'GET', 'POST'])} http://{rng.choice(HOSTS)}:80{path}?n={number} HTTP/1.1"
    return (
        "http 2026-01-01T00:00:00.186641Z app/alb/50dc6c495c0c9188 192.0.2.1:46532 10.0.0.66:9000 0.000 0.001 0.000 "
        f'200 200 34 366 "{request}" "curl/8.0" - - arn:aws:elasticloadbalancing:eu-west-3:1:targetgroup/tg/7 '
        '"Root=1-58337262-36d228ad5d99923122bbe354" "-" "-" 1 2026-01-01T00:00:00.186000Z "forward" "-" "-" '
        '"10.0.0.66:9000" "200" "-" "-"\n'
    )


def timed(text: bytes, rules: list[dict[str, Any]]) -> tuple[float, Any]:
    """Return the seconds from the text of the log to the rule of each line, and the result."""
    started = time.perf_counter()
    result = replay_rules(read_access_logs([("access.log", text)]), rules)
    assert len(result.malformed) == 0
    return time.perf_counter() - started, result


def line_by_line(text: bytes, rules: list[dict[str, Any]], live: Any, sample: int) -> float:
    """Return the seconds of plain Python for a line; its rules are compared with the replay."""
    matchers = [(each["Priority"], matcher(each)) for each in rules]
    lines = text[: text.rfind(b"\n", 0, sample * 500) + 1].decode().splitlines()[:sample]
    started = time.perf_counter()
    served_rules = [served(line, matchers) for line in lines]
    seconds = (time.perf_counter() - started) / len(lines)
    assert served_rules == live.iloc[: len(served_rules)].tolist()
    return seconds


def served(line: str, matchers: list[tuple[str, Callable[[str, str, str], bool]]]) -> str:
    match = _LINE.search(line)
    assert match
    url = urlsplit(match[2])
    for priority, matches in matchers:
        if matches(match[1], url.hostname or "", url.path):
            return priority
    return "none"


def matcher(rule: dict[str, Any]) -> Callable[[str, str, str], bool]:
    """Return a function for a rule, with compiled patterns."""
    methods: set[str] = set()
    host: list[re.Pattern[str]] = []
    path: list[re.Pattern[str]] = []
    for condition in rule.get("Conditions", ()):
        match condition["Field"]:
            case "path-pattern":
                path = [compiled(value) for value in condition["PathPatternConfig"]["Values"]]
            case "host-header":
                host = [compiled(value) for value in condition["HostHeaderConfig"]["Values"]]
            case _:
                methods = set(condition["HttpRequestMethodConfig"]["Values"])

    def matches(asked_method: str, asked_host: str, asked_path: str) -> bool:
        return (
            (not methods or asked_method in methods)
            and (not path or any(each.fullmatch(asked_path) for each in path))
            and (not host or any(each.fullmatch(asked_host) for each in host))
        )

    return matches


def compiled(pattern: str) -> re.Pattern[str]:
    return re.compile("".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern))


def megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    main()
