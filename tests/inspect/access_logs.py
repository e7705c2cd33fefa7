"""Lines of access logs as a load balancer writes them."""

from typing import Any

_BEFORE = "2026-01-01T00:00:00.186641Z app/seccom-alb/50dc6c495c0c9188"
_AFTER = (
    "- - arn:aws:elasticloadbalancing:eu-west-3:1:targetgroup/tg/73e2d6bc24d8a067 "
    '"Root=1-58337262-36d228ad5d99923122bbe354" "-" "-"'
)


def line(request: dict[str, Any], *, logged: str = "1", port: int = 80, scheme: str = "http", more: str = "") -> str:
    """Return one line with its line end.

    `logged` is the priority of the matching rule, `more` the fields that newer logs add.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html
    """
    host, query = request.get("host") or "-", request.get("query")
    target = f"{request.get('path', '/')}{'?' + query if query else ''}"
    request_line = (
        f"{request.get('method', 'GET')} {'https' if port == 443 else 'http'}://{host}:{port}{target} HTTP/1.1"
    )
    agent = next((value for name, value in request.get("headers", ()) if name.lower() == "user-agent"), "-")
    ip = request.get("source_ip") or "192.0.2.1"
    return (
        f'{scheme} {_BEFORE} {ip}:46532 10.0.0.66:9000 0.000 0.001 0.000 200 200 34 366 "{request_line}" "{agent}" '
        f'{_AFTER} {logged} 2026-01-01T00:00:00.186000Z "forward" "-" "-" "10.0.0.66:9000" "200" "-" "-"{more}\n'
    )
