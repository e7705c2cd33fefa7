"""A web UI: one page, which calls the APIs below its own address, where the load balancer forwards them.

A UI that is not behind the load balancer, as the managers' is, forwards these calls itself to `API_URL`.
"""

import os
from pathlib import Path

from microservice import Handler, HTTPError, Microservice, Request, Response, call

APIS = ("/sites-management-api/", "/intrusion-management-api/")

_PAGE = Path(__file__).parent / "page"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def web_ui(name: str, title: str) -> Microservice:
    """Return the service of a page with this title."""
    files = {
        f"GET /{'' if path.name == 'index.html' else path.name}": _file(path, title)
        for path in sorted(_PAGE.iterdir())
        if path.suffix in _TYPES
    }
    service = Microservice(name, files, health=False)

    def forward(request: Request) -> Response:
        api = os.environ.get("API_URL", "").rstrip("/")
        if not request.path.startswith(APIS):
            raise HTTPError(404, f"{name} has no {request.path}")
        if not api:
            raise HTTPError(404, f"{name} serves no API; the load balancer forwards {request.path} to another service")
        if name in request.headers.get("Via", ""):
            raise HTTPError(508, f"API_URL leads back to {name}; no rule of the load balancer takes {request.path}")
        content_type = request.headers.get("Content-Type", "application/octet-stream")
        headers = {"Via": f"1.1 {name}", "Content-Type": content_type}
        return call(request.method, api + request.target, request.body or None, headers)

    service.otherwise(forward)
    return service


def _file(path: Path, title: str) -> Handler:
    content = path.read_bytes().replace(b"{title}", title.encode())
    response = Response(content, content_type=f"{_TYPES[path.suffix]}; charset=utf-8", headers=_HEADERS)
    return lambda request: response
