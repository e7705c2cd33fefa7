"""The Human Detection Module: a worker without a port, which reports intrusions through the load balancer.

The real one reads frames of cameras from the broker. Here no frame is read: an intrusion is made up every
`DETECTION_SECONDS` (default 20), for a site of the Sites Management API, and reported to the Intrusion Management API
with its clip. Both are below `API_URL`, the address of the load balancer; without it nothing is reported.
"""

import json
import os
import random
from typing import Any

from clip import make_clip
from microservice import HTTPError, call, log, stop_event

LONGEST_PAUSE = 60.0
CONTENT = {"Content-Type": "application/json"}


def report(api: str, chance: random.Random) -> str:
    """Report one intrusion, and return what happened as text.

    Raises:
        HTTPError: an API does not answer, or not with success.
    """
    site = chance.choice(_sites(api))
    cameras = [device["name"] for building in site["buildings"] for device in building["devices"]] or ["camera-1"]
    camera = chance.choice(cameras)
    intrusion = {"site": site["name"], "camera": camera, "confidence": round(chance.uniform(0.7, 0.99), 2)}
    intrusions = f"{api}/intrusion-management-api/intrusions"
    added = _send("POST", intrusions, json.dumps(intrusion).encode(), CONTENT)
    if added["clip"] is None:
        clip = make_clip(f"{site['name']}/{camera}")
        _send("PUT", f"{intrusions}/{added['id']}/clip", clip, {"Content-Type": "image/gif"})
    return f"intrusion {added['id']} at {site['name']}, {camera}: reported to task {added['reported_to']}"


def _sites(api: str) -> list[dict[str, Any]]:
    """Return the sites that the Sites Management API has, or a made-up one while it has none or no database."""
    try:
        sites = _send("GET", f"{api}/sites-management-api/sites")["sites"]
    except HTTPError as error:
        log(f"hdm: the sites are not known: {error}")
        sites = []
    return sites or [{"name": "demonstration", "buildings": []}]


def _send(method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> dict[str, Any]:
    response = call(method, url, body, headers)
    try:
        content = json.loads(response.body)
    except ValueError:
        content = {}
    if not 200 <= response.status < 300:
        raise HTTPError(502, f"{method} {url} answered {response.status}: {content.get('error', 'no reason')}")
    return dict(content)


def main() -> None:
    """Report an intrusion at intervals until SIGTERM, less often while none arrives."""
    stop = stop_event()
    api = os.environ.get("API_URL", "").rstrip("/")
    seconds = float(os.environ.get("DETECTION_SECONDS", "20"))
    log(f"hdm: the broker is simulated, so no frames are read; an intrusion is made up every {seconds:g} seconds")
    if not api:
        log("hdm: API_URL is not set, so nothing is reported")
        stop.wait()
    chance, pause = random.Random(os.environ.get("ESAWS_TASK", "hdm")), seconds
    while not stop.wait(pause):
        try:
            log(f"hdm: {report(api, chance)}")
            pause = seconds
        except HTTPError as error:
            pause = min(2 * pause, max(LONGEST_PAUSE, seconds))
            log(f"hdm: nothing was reported: {error}; the next attempt is in {pause:g} seconds")
    log("hdm has ended")


if __name__ == "__main__":
    main()
