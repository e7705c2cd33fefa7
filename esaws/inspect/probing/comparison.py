"""Compare what answered with what the trace says, as far as that can be seen from outside.

AWS does not name the target group or the target in an answer. What can be compared is who speaks (the load balancer
signs its own answers with `Server: awselb/2.0`), status, location, content, and the service where an answer names it:
in the header X-Served-By, or as the whole body, as the images of the reference system do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from esaws.inspect.probing.expectation import Expectation, location_text
from esaws.inspect.probing.sending import Reply

Verdict = Literal["agrees", "unclear", "not probed", "not reached", "fails", "differs"]
SEVERITY: tuple[Verdict, ...] = ("agrees", "unclear", "not probed", "not reached", "fails", "differs")
"""The verdicts, the worst last.

`agrees`: what answered is what the trace names. `differs`: it is not. `fails`: an error that the trace foresees, or
one of the application. `not reached`: from here; the service may answer others. `not probed`: no request could be sent.
`unclear`: something answered, and the trace can't tell whether that is right.
"""
BAD = ("fails", "differs")

_LOAD_BALANCER = "awselb/2.0"
_PORTS = {"http": 80, "https": 443}
_OWN_STATUSES = frozenset(
    {400, 401, 403, 405, 408, 411, 413, 414, 460, 463, 464, 500, 501, 502, 503, 504, 505, 507, 561}
)
"""With which a load balancer answers a request that its rules forward."""
_MEANINGS = {
    400: "it refuses the request as malformed",
    403: "AWS WAF may block the request",
    502: "a target closed the connection, refused it, or sent no valid HTTP",
    503: "no target is registered, or AWS has no capacity",
    504: "a target did not answer, or not in time",
}
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html"""
_READ_LOG = "read the log of the service; then run why_is_it_unhealthy"
_IMAGES = "run `esaws image list`: the image may not run on this machine; if it does, read the log of the service"
_UNHEALTHY = "run again in a minute; then run why_is_it_unhealthy"
_GIVE_SOURCE = "give the public address of this computer with -p source_ip"


@dataclass(frozen=True)
class Finding:
    """One verdict: what answered, and unless it agrees the reason and the next step."""

    verdict: Verdict
    answered: str
    why: str = ""
    next_step: str = ""


def compare(expected: Expectation, reply: Reply, *, is_local: bool, is_internal: bool = False) -> Finding:
    """Compare one reply with what a trace says.

    `is_local`: nothing but this machine is between the client and the service. `is_internal`: the load balancer has no
    address of the internet.
    """
    if reply.stage == "not connected":
        return _not_connected(expected, reply, is_local=is_local, is_internal=is_internal)
    if reply.stage == "no answer":
        return _no_answer(expected, reply)
    if gap := _not_comparable(reply, is_local=is_local):
        return gap
    match expected.outcome:
        case "unknown":
            return Finding("unclear", answered(reply), expected.reason, _GIVE_SOURCE)
        case "nothing":
            return _unexpected_answer(expected, reply, is_local=is_local)
        case "target":
            return _of_target(expected, reply, is_local=is_local)
        case "error":
            return _of_error(expected, reply)
        case _:
            return _of_load_balancer(expected, reply)


def combine(findings: Sequence[Finding], replies: Sequence[Reply]) -> Finding:
    """Return the worst of the findings about one request, with all that answered and where the worst is from."""
    worst = max(findings, key=lambda finding: SEVERITY.index(finding.verdict))
    counts = Counter(finding.answered for finding in findings)
    texts = [*counts] if len(counts) == 1 else [f"{count} × {text}" for text, count in counts.most_common()]
    nodes = {reply.node for reply in replies}
    of_worst = {
        reply.node for finding, reply in zip(findings, replies, strict=True) if finding.verdict == worst.verdict
    }
    why = worst.why
    if why and of_worst != nodes:
        why = f"in {', '.join(sorted(node.text for node in of_worst))}: {why}"
    return Finding(worst.verdict, ", ".join(texts), why, worst.next_step)


def served_by(reply: Reply, services: frozenset[str] = frozenset()) -> str:
    """Return the service that an answer names; empty where it names none. A body counts where it is one of `services`.

    See docs/images.md for X-Served-By.
    """
    if named := reply.headers.get("x-served-by", "").split():
        return named[0]
    body = reply.body[:256].decode("utf-8", "replace").strip()
    return body if body in services else ""


def answered(reply: Reply, services: frozenset[str] = frozenset()) -> str:
    """Return what answered in a few words."""
    if reply.stage != "answered":
        return reply.error
    if (location := reply.headers.get("location")) and 300 <= reply.status < 400:
        return f"{reply.status} to {location}"
    if is_of_load_balancer(reply):
        return f"{reply.status} from the load balancer"
    if service := served_by(reply, services):
        return f"{reply.status} from {service}"
    return f"{reply.status} from {'the load balancer or ' * _may_be_of_load_balancer(reply)}a target"


def is_of_load_balancer(reply: Reply) -> bool:
    """Whether the load balancer itself answered, as far as its signature shows it."""
    return reply.headers.get("server", "").lower() == _LOAD_BALANCER


def _may_be_of_load_balancer(reply: Reply) -> bool:
    """Whether the load balancer may have answered: the attribute of a listener removes its signature."""
    return "server" not in reply.headers and reply.status in _OWN_STATUSES


def _not_connected(expected: Expectation, reply: Reply, *, is_local: bool, is_internal: bool) -> Finding:
    if expected.outcome == "nothing":
        return Finding("not reached", reply.error, expected.reason, "ask from a network that reaches it")
    if is_local:
        return Finding("differs", reply.error, "the load balancer does not listen", "read supervisor.log")
    if reply.error.startswith("TLS"):
        why = "the listener may demand a certificate of the client, or another version of TLS"
        return Finding("not reached", reply.error, why, "look at the security policy of the listener")
    if is_internal:
        why = "the load balancer is internal: only its VPC and networks connected to it reach it"
        return Finding("not reached", reply.error, why, "run it in the VPC, such as in AWS CloudShell with a VPC")
    why = "the packets do not arrive, or a firewall between here and AWS drops them"
    return Finding("not reached", reply.error, why, "run who_can_reach; ask from another network")


def _no_answer(expected: Expectation, reply: Reply) -> Finding:
    if expected.outcome == "nothing":
        return Finding("not reached", reply.error, expected.reason, "ask from a network that reaches it")
    if expected.outcome == "unknown":
        return Finding("unclear", reply.error, expected.reason, _GIVE_SOURCE)
    if reason := expected.failures.get(504):
        return Finding("fails", reply.error, reason, _UNHEALTHY)
    return Finding("differs", reply.error, "the load balancer took the connection, and nothing came back", _READ_LOG)


def _not_comparable(reply: Reply, *, is_local: bool) -> Finding | None:
    """What a load balancer answers to this client alone, whatever the service does."""
    if not is_of_load_balancer(reply):
        return None
    if is_local and reply.status == 501 and reply.body.startswith(b"NotSimulated:"):
        why = reply.body.decode("utf-8", "replace").strip()
        return Finding("not probed", answered(reply), why, "ask on AWS")
    if reply.status == 464:
        why = "the target group takes HTTP/2 or gRPC, and requests are sent as HTTP/1.1"
        return Finding("not probed", answered(reply), why, "ask with curl --http2")
    return None


def _unexpected_answer(expected: Expectation, reply: Reply, *, is_local: bool) -> Finding:
    if is_local:
        return Finding("differs", answered(reply), f"no answer was expected: {expected.reason}", "run `esaws reach`")
    why = f"it answers here, though not every client of the internet: {expected.reason}"
    return Finding("unclear", answered(reply), why, _GIVE_SOURCE)


def _of_target(expected: Expectation, reply: Reply, *, is_local: bool) -> Finding:
    text = answered(reply, expected.services)
    if is_of_load_balancer(reply) and reply.status in _OWN_STATUSES:
        meaning = _MEANINGS.get(reply.status, "it does not forward the request")
        if reason := expected.failures.get(reply.status):
            return Finding("fails", text, reason, _UNHEALTHY)
        return Finding("differs", text, meaning, _IMAGES if is_local and reply.status == 502 else _READ_LOG)
    service = served_by(reply, expected.services)
    if service and expected.services and service not in expected.services:
        names = " or ".join(sorted(expected.services))
        return Finding("differs", text, f"{service} answers, not {names}", "run trace_a_request; look at the targets")
    if reply.status in _OWN_STATUSES and _may_be_of_load_balancer(reply) and not service and reply.status != 401:
        why = "the load balancer or the application answers with an error; no header says which of them"
        return Finding("fails" if reply.status >= 500 else "unclear", text, why, _READ_LOG)
    if reply.status >= 500:
        return Finding("fails", text, "the application answers with an error of its own", "read the log of the service")
    return Finding("agrees", text)


def _of_error(expected: Expectation, reply: Reply) -> Finding:
    text = answered(reply)
    if is_of_load_balancer(reply) and reply.status == expected.status:
        return Finding("fails", text, expected.reason, _UNHEALTHY)
    return Finding("differs", text, f"the trace says {expected.text}: {expected.reason}", "run trace_a_request")


def _of_load_balancer(expected: Expectation, reply: Reply) -> Finding:
    """Compare a redirect, a fixed response or a refusal of a client that is not signed in."""
    text = answered(reply)
    wrong = []
    if reply.status != expected.status:
        wrong.append(f"the status is {reply.status}, not {expected.status}")
    elif expected.outcome == "redirect":
        location = reply.headers.get("location", "")
        if _parts(location) != _parts(location_text(expected.location)):
            wrong.append(f"the location is {location or 'missing'}, not {location_text(expected.location)}")
    elif expected.outcome == "fixed response":
        content_type = reply.headers.get("content-type", "").partition(";")[0].strip()
        if expected.body and content_type.lower() != expected.content_type.lower():
            wrong.append(f"the content type is {content_type or 'missing'}, not {expected.content_type}")
        if reply.body.decode("utf-8", "replace") != expected.body:
            wrong.append("the body is not that of the rule")
    if wrong:
        return Finding("differs", text, "; ".join(wrong), "run trace_a_request; look at the rule")
    return Finding("agrees", expected.text)


def _parts(url: str) -> tuple[str, str, int | None, str, str]:
    """The parts of a URL that make it the same, with the default port of its scheme."""
    try:
        split = urlsplit(url)
        port = split.port or _PORTS.get(split.scheme)
    except ValueError:
        return url, "", None, "", ""
    return split.scheme, split.hostname or "", port, split.path or "/", split.query
