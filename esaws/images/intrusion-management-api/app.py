"""The Intrusion Management API: intrusions in the cache, their clips in S3.

    GET    /intrusions              the latest 50
    POST   /intrusions              {"site": …, "camera": …, "confidence": 0.93}
    GET    /intrusions/{id}
    DELETE /intrusions/{id}
    PUT    /intrusions/{id}/clip    a GIF, from the service that detected the intrusion
    GET    /intrusions/{id}/clip

Its environment: `CACHE_URL` such as redis://host:6379, and `CLIPS_BUCKET`. If `CAMERAS_API_URL` is set, the API itself
asks the Cameras API for the clip of a new intrusion.
"""

import json
import os
import threading
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import quote, urlsplit

from microservice import HTTPError, Microservice, Request, Response, call, log

KEPT = 1000
"""Older intrusions are forgotten."""

INDEX, COUNTER = "intrusions", "intrusions:last"


def list_intrusions(request: Request) -> Any:
    """Return the latest intrusions, the newest first."""

    def read(connection: Any) -> list[Any]:
        ids = connection.zrevrange(INDEX, 0, 49)
        return connection.mget([key(id) for id in ids]) if ids else []

    return {"intrusions": [json.loads(text) for text in cached(read) if text]}


def get_intrusion(request: Request) -> Any:
    """Return one intrusion."""
    return find(request)


def add_intrusion(request: Request) -> Response:
    """Keep an intrusion, and the clip of its camera if the Cameras API is known."""
    fields = request.json()
    site, camera = (text(fields, name) for name in ("site", "camera"))
    confidence = fields.get("confidence")
    if isinstance(confidence, bool) or not isinstance(confidence, int | float) or not 0 <= confidence <= 1:
        raise HTTPError(400, "confidence is not a number from 0 to 1")
    intrusion = {
        "site": site,
        "camera": camera,
        "confidence": confidence,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "clip": None,
        "reported_to": service.task,
    }

    def keep(connection: Any) -> None:
        intrusion["id"] = connection.incr(COUNTER)
        connection.set(key(intrusion["id"]), json.dumps(intrusion))
        connection.zadd(INDEX, {intrusion["id"]: intrusion["id"]})
        for old in connection.zrange(INDEX, 0, -KEPT - 1):
            connection.delete(key(old))
            connection.zrem(INDEX, old)

    cached(keep)
    if cameras := os.environ.get("CAMERAS_API_URL"):
        try:
            found = call("GET", f"{cameras.rstrip('/')}/cameras/{quote(camera, safe='')}/clip")
            if found.status != 200:
                raise HTTPError(502, f"the Cameras API answered {found.status}")
            store_clip(intrusion, found.body)
        except HTTPError as error:
            log(f"intrusion {intrusion['id']} has no clip: {error}")
    location = f"{service.prefix}/intrusions/{intrusion['id']}"
    return Response(intrusion, 201, headers={"Location": location})


def delete_intrusion(request: Request) -> Response:
    """Delete an intrusion and its clip."""
    intrusion = find(request)
    if intrusion["clip"]:
        stored(lambda s3, bucket: s3.delete_object(Bucket=bucket, Key=intrusion["clip"]))
    cached(lambda connection: (connection.delete(key(intrusion["id"])), connection.zrem(INDEX, intrusion["id"])))
    return Response(status=204)


def put_clip(request: Request) -> Any:
    """Keep the clip of an intrusion."""
    intrusion = find(request)
    if not request.body.startswith(b"GIF8"):
        raise HTTPError(415, "a clip is a GIF")
    store_clip(intrusion, request.body)
    return intrusion


def get_clip(request: Request) -> Response:
    """Return the clip of an intrusion."""
    intrusion = find(request)
    if not intrusion["clip"]:
        raise HTTPError(404, f"intrusion {intrusion['id']} has no clip")
    body = stored(lambda s3, bucket: s3.get_object(Bucket=bucket, Key=intrusion["clip"])["Body"].read())
    return Response(body, content_type="image/gif", headers={"Cache-Control": "private, max-age=300"})


def store_clip(intrusion: dict[str, Any], clip: bytes) -> None:
    """Put a clip into the bucket, and its key into the intrusion."""
    name = f"clips/{intrusion['id']:08d}.gif"
    stored(lambda s3, bucket: s3.put_object(Bucket=bucket, Key=name, Body=clip, ContentType="image/gif"))
    intrusion["clip"] = name
    cached(lambda connection: connection.set(key(intrusion["id"]), json.dumps(intrusion), xx=True))


def find(request: Request) -> dict[str, Any]:
    """Return the intrusion whose id the path has."""
    id = request.parts["id"]
    found = cached(lambda connection: connection.get(key(id))) if id.isascii() and id.isdigit() else None
    if not found:
        raise HTTPError(404, f"there is no intrusion {id}")
    return json.loads(found)


def key(id: Any) -> str:
    """Return the cache's key of an intrusion."""
    return f"intrusion:{id}"


def text(fields: dict[str, Any], name: str) -> str:
    """Return a text of an object, without spaces around it."""
    value = fields.get(name)
    if not isinstance(value, str) or not 0 < len(value.strip()) <= 200:
        raise HTTPError(400, f"{name} is missing, or not a text of 1 to 200 characters")
    return value.strip()


# -- the cache and the bucket ------------------------------------------------------------------------------------------


def cached(work: Any) -> Any:
    """Return `work(connection)` of the cache. Raises HTTPError 503 if no cache answers."""
    url = os.environ.get("CACHE_URL")
    if not url:
        raise HTTPError(503, "no cache: CACHE_URL is not set")
    import redis

    try:
        return work(_cache(url))
    except redis.RedisError as error:
        raise HTTPError(503, f"no cache answers at {urlsplit(url).netloc.rpartition('@')[2]}: {error}") from None


@cache
def _cache(url: str) -> Any:
    import redis

    return redis.Redis.from_url(url, socket_connect_timeout=5, socket_timeout=5, decode_responses=True)


def stored(work: Any) -> Any:
    """Return `work(s3, bucket)`. Raises HTTPError 503 if S3 refuses or does not answer."""
    bucket = os.environ.get("CLIPS_BUCKET")
    if not bucket:
        raise HTTPError(503, "no bucket for clips: CLIPS_BUCKET is not set")
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return work(_s3(), bucket)
    except (BotoCoreError, ClientError) as error:
        raise HTTPError(503, f"bucket {bucket}: {error}") from None


_making = threading.Lock()


def _s3() -> Any:
    with _making:  # boto3 does not make clients in several threads at once
        return _client()


@cache
def _client() -> Any:
    import boto3
    from botocore.config import Config

    return boto3.client("s3", config=Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 2}))


service = Microservice(
    "intrusion-management-api",
    {
        "GET /intrusions": list_intrusions,
        "POST /intrusions": add_intrusion,
        "GET /intrusions/{id}": get_intrusion,
        "DELETE /intrusions/{id}": delete_intrusion,
        "PUT /intrusions/{id}/clip": put_clip,
        "GET /intrusions/{id}/clip": get_clip,
    },
)

if __name__ == "__main__":
    service.run()
