"""Cookies that keep a client at its target group or target: AWSALB, AWSALBAPP-0, AWSALBTG and their CORS twins.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html#sticky-sessions
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from email.utils import formatdate

from esaws.data_plane.load_balancer.configuration import Target, TargetGroup

GROUP_COOKIE = "AWSALBTG"
DURATION_COOKIE = "AWSALB"
APPLICATION_COOKIE = "AWSALBAPP-0"

_DAY = "86400"


@dataclass(frozen=True)
class Sealer:
    """Writes what a cookie stands for so that a client can't choose it, and reads it until it expires."""

    key: bytes
    now: Callable[[], float] = time.time

    def seal(self, text: str, seconds: float) -> str:
        """Return the value of a cookie."""
        payload = f"{self.now() + seconds:.3f} {text}".encode()
        return base64.urlsafe_b64encode(self._signature(payload) + payload).decode().rstrip("=")

    def open(self, value: str) -> str | None:
        """Return what a value stands for; None where it is not from here or has expired."""
        try:
            raw = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
        except ValueError:
            return None
        signature, payload = raw[:16], raw[16:]
        if not hmac.compare_digest(signature, self._signature(payload)):
            return None
        expires, _, text = payload.decode().partition(" ")
        return text if float(expires) > self.now() else None

    def _signature(self, payload: bytes) -> bytes:
        return hashlib.blake2b(payload, key=self.key, digest_size=16).digest()


def parse_cookies(headers: Iterable[str]) -> dict[str, str]:
    """Return the cookies of a request by name, the first of each, from its Cookie headers."""
    cookies: dict[str, str] = {}
    for pair in ";".join(headers).split(";"):
        name, equals, value = pair.strip().partition("=")
        if equals:
            cookies.setdefault(name, value)
    return cookies


def sticky_target(sealer: Sealer, group: TargetGroup, cookies: Mapping[str, str]) -> str | None:
    """Return the target that the cookies of a request name, as `sticky_value` writes it."""
    name = {"lb_cookie": DURATION_COOKIE, "app_cookie": APPLICATION_COOKIE}.get(_type(group), "")
    for cookie in (name, _cors(name)):
        text = sealer.open(cookies[cookie]) if cookie in cookies else None
        if text and text.startswith(f"{group.arn} "):
            return text
    return None


def sticky_value(group: TargetGroup, target: Target) -> str:
    """Return what a cookie stands for."""
    return f"{group.arn} {target.id} {target.port}"


def target_cookies(
    sealer: Sealer, group: TargetGroup, target: Target, response_cookies: Iterable[str], *, secure: bool, seconds: float
) -> list[str]:
    """Return the Set-Cookie headers that keep a client at a target; `seconds` is how long one second of AWS lasts.

    `response_cookies` are the names of the cookies that the target sets: application-based stickiness begins with
    the application's own cookie.
    """
    match _type(group):
        case "lb_cookie":
            duration = float(group.setting("stickiness.lb_cookie.duration_seconds", _DAY)) * seconds
            return _both(DURATION_COOKIE, sealer.seal(sticky_value(group, target), duration), duration, secure)
        case "app_cookie" if group.setting("stickiness.app_cookie.cookie_name", "") in response_cookies:
            duration = float(group.setting("stickiness.app_cookie.duration_seconds", _DAY)) * seconds
            return _both(APPLICATION_COOKIE, sealer.seal(sticky_value(group, target), duration), duration, secure)
    return []


def group_cookies(sealer: Sealer, group: TargetGroup, duration: float, *, secure: bool) -> list[str]:
    """Return the Set-Cookie headers that keep a client at a target group for so many seconds."""
    return _both(GROUP_COOKIE, sealer.seal(group.arn, duration), duration, secure)


def sticky_group(sealer: Sealer, cookies: Mapping[str, str]) -> str | None:
    """Return the ARN of the target group that the cookies of a request name."""
    for name in (GROUP_COOKIE, _cors(GROUP_COOKIE)):
        if name in cookies and (arn := sealer.open(cookies[name])):
            return arn
    return None


def _type(group: TargetGroup) -> str:
    return group.setting("stickiness.type", "lb_cookie") if group.setting("stickiness.enabled", "") == "true" else ""


def _both(name: str, value: str, duration: float, secure: bool) -> list[str]:
    """Return a cookie and its twin for requests from other origins."""
    plain = f"={value}; Expires={formatdate(time.time() + duration, usegmt=True)}; Path=/"
    return [f"{name}{plain}", f"{_cors(name)}{plain}; SameSite=None" + ("; Secure" if secure else "")]


def _cors(name: str) -> str:
    """Return AWSALBCORS for AWSALB, AWSALBAPPCORS-0 for AWSALBAPP-0."""
    stem, dash, number = name.partition("-")
    return f"{stem}CORS{dash}{number}"
