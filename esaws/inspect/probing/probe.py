"""Send requests to each path of load balancers, and compare what answers with what the trace says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from esaws._display import html_table
from esaws.cloud import Cloud
from esaws.errors import NotDeployed
from esaws.inspect.account import Account, snapshot
from esaws.inspect.load_balancers import LiveLoadBalancer, find_load_balancer, list_load_balancers, target_group_name
from esaws.inspect.probing.comparison import BAD, Finding, Verdict, combine, compare, served_by
from esaws.inspect.probing.expectation import Expectation, expectation
from esaws.inspect.probing.nodes import LOCAL_CLIENT, Node, Nodes, Unreachable
from esaws.inspect.probing.questions import Question, questions
from esaws.inspect.probing.sending import Reply, send
from esaws.inspect.request_path import KEYS, path_of
from esaws.resources.load_balancer import LoadBalancer
from esaws.simulation import cloud_time

if TYPE_CHECKING:
    import pandas

_WORKERS = 8
_BLIND = "which target group answered: AWS does not name it, and these answers do not name their service either"


@dataclass(frozen=True)
class PathProbe:
    """One request, what the trace says of it, and what answered."""

    question: Question
    expected: Expectation | None
    finding: Finding
    replies: tuple[Reply, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """agrees, differs, fails, unclear, not reached or not probed."""
        return self.finding.verdict

    @property
    def listener(self) -> str:
        """The load balancer and the port of its listener."""
        return f"{self.question.load_balancer.name}:{self.question.listener['Port']}"

    @property
    def is_blind(self) -> bool:
        """Whether it agrees, although the answer does not say which target group it is from."""
        expected = self.expected
        is_of_target = self.verdict == "agrees" and expected is not None and expected.outcome == "target"
        return is_of_target and not all(served_by(reply, expected.services) for reply in self.replies)  # type: ignore[union-attr]

    def to_dict(self) -> dict[str, Any]:
        """Return listener, rule, request, trace, requests (sent), answered, verdict, why, next_step, target_groups."""
        return {
            "listener": self.listener,
            "rule": self.question.rule,
            "request": self.question.text,
            "trace": self.expected.text if self.expected else "",
            "requests": len(self.replies),
            "answered": self.finding.answered,
            "verdict": self.verdict,
            "why": self.finding.why,
            "next_step": self.finding.next_step,
            "target_groups": [target_group_name(arn) for arn in self.expected.groups] if self.expected else [],
        }


@dataclass(frozen=True, repr=False)
class PathProbes:
    """What answers at each path of load balancers, beside what the trace says."""

    probes: tuple[PathProbe, ...]
    nothing_runs: str = ""
    """Why nothing could be asked at all, with the next step; empty where something runs."""
    not_looked_at: tuple[str, ...] = ()
    began: datetime | None = None
    """When the first request was sent, on the clock of AWS; None if none was."""

    def __iter__(self) -> Iterator[PathProbe]:
        return iter(self.probes)

    def of(self, *verdicts: str) -> list[PathProbe]:
        """Return the probes with one of the verdicts."""
        return [probe for probe in self.probes if probe.verdict in verdicts]

    @property
    def verdict(self) -> str:
        """The result in one line."""
        if self.nothing_runs:
            return f"not probed: {self.nothing_runs}"
        if not self.probes:
            return "not probed: no listener was found"
        counts = {
            verdict: len(self.of(verdict))
            for verdict in ("agrees", "differs", "fails", "not reached", "not probed", "unclear")
        }
        words = {"agrees": "as traced", "differs": "otherwise", "fails": "with an error"}
        parts = [f"{count} {words.get(verdict, verdict)}" for verdict, count in counts.items() if count]
        paths = f"{len(self.probes)} path{'s' * (len(self.probes) != 1)}"
        if counts["agrees"] == len(self.probes):
            return f"{paths} answer as traced" if len(self.probes) > 1 else f"{paths} answers as traced"
        return f"{paths}: {', '.join(parts)}"

    @property
    def blind_spots(self) -> list[str]:
        """What the comparison can't see, a sentence each."""
        blind = [probe.question.text for probe in self.probes if probe.is_blind]
        return [*([f"{_BLIND} ({', '.join(blind)})"] if blind else []), *self.not_looked_at]

    def to_frame(self) -> pandas.DataFrame:
        """Return one row for each path: listener, rule, request, trace, answered, verdict."""
        import pandas

        columns = ["listener", "rule", "request", "trace", "answered", "verdict"]
        return pandas.DataFrame([probe.to_dict() for probe in self.probes], columns=columns)

    def open_frame(self) -> pandas.DataFrame:
        """Return one row for each path that does not agree, the worst first: request, verdict, why, next_step."""
        import pandas

        order = {verdict: number for number, verdict in enumerate((*BAD[::-1], "not reached", "not probed", "unclear"))}
        rows = [probe.to_dict() for probe in self.probes if probe.verdict != "agrees"]
        rows.sort(key=lambda row: order[row["verdict"]])
        return pandas.DataFrame(rows, columns=["request", "verdict", "why", "next_step"])

    def to_dict(self) -> dict[str, Any]:
        """Return verdict, nothing_runs, a list of probes, and what the comparison can't see."""
        return {
            "verdict": self.verdict,
            "nothing_runs": self.nothing_runs,
            "probes": [probe.to_dict() for probe in self.probes],
            "not_seen": self.blind_spots,
        }

    def __repr__(self) -> str:
        lines = [f"  {each.listener} {each.question.text}: {each.verdict}; {each.finding.answered}" for each in self]
        return "\n".join([self.verdict, *lines, *(f"  not seen: {gap}" for gap in self.blind_spots)])

    def _repr_html_(self) -> str:
        import pandas

        frame = self.to_frame()
        if frame["listener"].nunique() == 1:
            frame = frame.drop(columns="listener")
        if self.nothing_runs:
            frame = frame.drop(columns=["answered", "verdict"])
        open_ = self.open_frame()
        parts = [html_table(self.verdict, frame)]
        parts += [html_table("Why, and what to do", open_)] if len(open_) and not self.nothing_runs else []
        gaps = pandas.DataFrame({"not seen": self.blind_spots})
        return "".join(parts + ([html_table("", gaps)] if len(gaps) else []))


def probe_paths(
    cloud: Cloud,
    load_balancer: str | None = None,
    *,
    host: str | None = None,
    paths: Sequence[str] = (),
    headers: Sequence[str] = (),
    source_ip: str | None = None,
    requests: int = 2,
    seconds: float = 15,
) -> PathProbes:
    """Send requests to each path of each listener rule, and compare what answers with what the trace says.

    Only GET, HEAD and OPTIONS are sent. On a local AWS they go to where its load balancers run on this machine; where
    nothing runs, no request is sent, and the result has what the trace says.

    Args:
        cloud: any account, deployed by esaws or not; it needs the read-only policy.
        load_balancer: an Application Load Balancer by name or ARN; by default those of the deployment.
        host: the Host header of each request; by default the one that a rule matches, else the DNS name.
        paths: more paths to ask for at each listener.
        headers: headers of each request, such as `User-Agent: curl`.
        source_ip: the public address of this computer, for rules and groups that depend on it.
        requests: how many requests go to each address of the load balancer for each path.
        seconds: how long a connection and its answer may take.

    Raises:
        UsageError: there is no such load balancer, or a path or header can't be sent.
        NotDeployed: the deployment, or the account, has none.
        MissingData: AWS did not describe the rules.
    """
    account = snapshot(cloud, *KEYS)
    nodes = Nodes(cloud)
    source = source_ip or ("" if cloud.is_aws else LOCAL_CLIENT)
    chosen = _select(cloud, account, load_balancer)
    asked = [
        question
        for each in chosen
        for question in questions(each, host=host or "", paths=paths, headers=headers, source_ip=source)
    ]
    where = {id(question): nodes.of(question.load_balancer, question.listener["Port"]) for question in asked}
    began = None if nodes.nothing_runs else cloud_time(cloud)
    with ThreadPoolExecutor(_WORKERS) as pool:
        sent = [
            [pool.submit(send, node, question.request, seconds) for node in found for _ in range(requests)]
            if question.request and not isinstance(found := where[id(question)], Unreachable)
            else []
            for question in asked
        ]
        replies = [tuple(future.result() for future in futures) for futures in sent]
    judged = _Judge(cloud, account, where)
    probes = [judged.probe(question, found) for question, found in zip(asked, replies, strict=True)]
    if any(probe.verdict == "differs" for probe in probes):  # the account may have changed meanwhile
        later = _Judge(cloud, snapshot(cloud, *KEYS), where)
        probes = [
            _milder(probe, later.probe(probe.question, probe.replies)) if probe.verdict == "differs" else probe
            for probe in probes
        ]
    nothing = nodes.nothing_runs
    text = f"{nothing.reason}; {nothing.next_step}" if nothing else ""
    gaps = [f"{key}: {reason}" for key, reason in account.missing.items()]
    return PathProbes(tuple(probes), text, tuple(gaps), began)


def _select(cloud: Cloud, account: Account, name: str | None) -> list[LiveLoadBalancer]:
    """Return the load balancer of a name, or those of the deployment.

    Raises:
        NotDeployed: the deployment has none.
    """
    if name:
        return [find_load_balancer(account, name)]
    own = {live.id for live in LoadBalancer.list(cloud)}
    found = [each for each in list_load_balancers(account) if each.raw["LoadBalancerArn"] in own]
    if not found:
        names = ", ".join(each.name for each in list_load_balancers(account))
        others = f"name one of the account with load_balancer: {names}" if names else "deploy it with `esaws deploy`"
        raise NotDeployed(f"{cloud.deployment} has no Application Load Balancer in {cloud.region}; {others}")
    return found


@dataclass(frozen=True)
class _Judge:
    """Compares replies with what one snapshot of the account lets expect."""

    cloud: Cloud
    account: Account
    where: Mapping[int, list[Node] | Unreachable]

    def probe(self, question: Question, replies: tuple[Reply, ...]) -> PathProbe:
        request = question.request
        if request is None:
            finding = Finding("not probed", "", question.not_asked, question.next_step)
            return PathProbe(question, None, finding)
        arn = question.load_balancer.raw["LoadBalancerArn"]
        load_balancer = find_load_balancer(self.account, arn)
        expected = expectation(path_of(self.account, load_balancer, request), request, self.cloud.deployment)
        if request.method == "HEAD":
            expected = replace(expected, body="")
        node = self.where[id(question)]
        if isinstance(node, Unreachable):
            verdict: Verdict = "not probed" if node.is_simulated else "not reached"
            return PathProbe(question, expected, Finding(verdict, "", node.reason, node.next_step))
        is_internal = not load_balancer.is_public
        is_local = not self.cloud.is_aws
        findings = [compare(expected, reply, is_local=is_local, is_internal=is_internal) for reply in replies]
        return PathProbe(question, expected, combine(findings, replies), replies)


def _milder(before: PathProbe, after: PathProbe) -> PathProbe:
    """Return the probe that agrees with what the account was before the requests, or after them."""
    return before if after.verdict == "differs" else after
