"""An invented access log of the reference system in AWS's format, the same lines on every run."""

from __future__ import annotations

import random

REQUESTS = {
    "/": 300,
    "/assets/app.js": 260,
    "/sites-management-api/sites": 180,
    "/sites-management-api/owners/17": 60,
    "/sites-management-api": 8,
    "/intrusion-management-api/intrusions?since=2022-02-28": 220,
    "/intrusion-management-api/intrusions/4711/clip": 30,
    "/sites-management-apis": 5,
    "/sites-management-api-backup.zip": 3,
    "/intrusion-management-api.bak": 2,
    "/wp-login.php": 21,
    "/.env": 9,
}
"""Path → the number of its requests."""

_LINE = (
    "http 2022-02-28T{time}.000000Z app/seccom-alb/50dc6c495c0c9188 {client}:46532 172.31.0.{node}:4201 "
    '0.000 0.012 0.000 {status} {status} 250 1024 "GET http://seccom-alb:80{path} HTTP/1.1" "Mozilla/5.0" - - '
    "arn:aws:elasticloadbalancing:eu-west-3:123456789012:targetgroup/seccom-{group}/73e2d6bc24d8a067 "
    '"Root=1-58337262-36d228ad5d99923122bbe354" "-" "-" {rule} 2022-02-28T{time}.000000Z "forward" "-" "-" '
    '"172.31.0.{node}:4201" "{status}" "-" "-"\n'
)
_RULES = {
    "/sites-management-api": ("1", "sites-management-api-tg"),
    "/intrusion-management-api": ("2", "intrusion-api-tg"),
}


def sample_access_log() -> bytes:
    """Return 1,098 requests between 8:00 and noon in order of time, and one truncated line."""
    rng = random.Random(2022)
    paths = [path for path, times in REQUESTS.items() for _ in range(times)]
    rng.shuffle(paths)
    lines = [_line(index, path, rng) for index, path in enumerate(paths)]
    return ("".join(lines) + lines[0][:90] + "\n").encode()


def _line(index: int, path: str, rng: random.Random) -> str:
    seconds = 8 * 3600 + index * 13
    time = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    rule, group = next(
        (match for prefix, match in _RULES.items() if path.startswith(prefix)), ("0", "client-web-ui-tg")
    )
    client = f"198.51.100.{rng.randrange(1, 60)}"
    status = 404 if path.count(".") and "app.js" not in path else 200
    return _LINE.format(
        time=time, client=client, node=rng.choice((11, 27)), status=status, path=path, rule=rule, group=group
    )
