"""A security audit of an account: findings, what the internet reaches, and what could not be looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from esaws._display import html_table
from esaws.aws import CALL_ERRORS
from esaws.cloud import Cloud
from esaws.errors import describe_error
from esaws.inspect.account import Account, MissingData, account_of, name_tag
from esaws.inspect.checks.finding import SEVERITIES, Finding
from esaws.inspect.checks.report import KEYS as FINDING_KEYS
from esaws.inspect.checks.report import findings
from esaws.inspect.classic_targets import classic_load_balancers
from esaws.inspect.fetch import Raw
from esaws.inspect.fixes import Fix
from esaws.inspect.load_balancers import list_load_balancers
from esaws.inspect.network.endpoint_catalog import KEYS as MATRIX_KEYS
from esaws.inspect.network.endpoints import INTERNET
from esaws.inspect.network.matrix import ReachabilityMatrix, matrix
from esaws.inspect.network.named_endpoints import network_load_balancer_interfaces
from esaws.inspect.network.reach import reach

if TYPE_CHECKING:
    import pandas

CODES = (
    "BUCKET_NOT_CLOSED",
    "INBOUND_OF_A_CLIENT",
    "NO_BACKUPS",
    "OPEN_ADMIN_PORT",
    "OPEN_ALL",
    "OPEN_ALL_PORTS_PROTOCOL",
    "OPEN_DATA_PORT",
    "OPEN_SERVICE_PORT",
    "PUBLIC_STORE",
    "UNATTACHED_GROUP",
    "UNENCRYPTED_STORE",
    "UNKNOWN_INSTANCE",
    "UNSERVED_PORT",
    "UNUSED_RULE",
    "WRONG_PORT",
)
"""The findings that belong to an audit; `esaws findings` has them and all others."""

_KEYS = tuple(dict.fromkeys([*FINDING_KEYS, *MATRIX_KEYS, "Listeners"]))
_ENCRYPTED = {"HTTPS": True, "TLS": True, "HTTP": False}


@dataclass(frozen=True)
class Exposure:
    """One port that the internet reaches, or may reach: `decision` is allow or unknown.

    `encrypted` is what the listener of a load balancer says; None where that is unknown.
    """

    destination: str
    port: int
    protocol: str
    decision: str
    encrypted: bool | None

    def to_dict(self) -> dict[str, Any]:
        """Return destination, port, protocol, decision, encrypted (true, false or null)."""
        return {
            "destination": self.destination,
            "port": self.port,
            "protocol": self.protocol,
            "decision": self.decision,
            "encrypted": self.encrypted,
        }


@dataclass(frozen=True, repr=False)
class SecurityAudit:
    """What is wrong, what is public, and what is unknown; `matrix` is None where interfaces are not described."""

    findings: tuple[Finding, ...]
    exposed: tuple[Exposure, ...]
    not_looked_at: tuple[str, ...]
    matrix: ReachabilityMatrix | None = None

    @property
    def verdict(self) -> str:
        """The audit in one line."""
        counts = [f"{count} {name}" for name in SEVERITIES if (count := len(self.of_severity(name)))]
        public = f"{len(self.exposed)} ports are public" if self.exposed else "no port is public"
        gaps = f"; {len(self.not_looked_at)} things were not looked at" if self.not_looked_at else ""
        return f"{', '.join(counts) or 'no'} findings; {public}{gaps}"

    def of_severity(self, severity: str) -> list[Finding]:
        """Return the findings of one severity."""
        return [finding for finding in self.findings if finding.severity == severity]

    def at_least(self, severity: str) -> list[Finding]:
        """Return the findings of a severity or a higher one."""
        limit = SEVERITIES.index(severity)
        return [finding for finding in self.findings if SEVERITIES.index(finding.severity) <= limit]

    def to_frame(self) -> pandas.DataFrame:
        """Return one row for each finding, the most severe first: severity, code, resource, detail, fix."""
        import pandas

        columns = ["severity", "code", "resource", "detail", "fix"]
        return pandas.DataFrame([finding.to_dict() for finding in self.findings], columns=columns)

    def exposed_frame(self) -> pandas.DataFrame:
        """Return one row for each port that is or may be public: destination, port, protocol, decision, encrypted."""
        import pandas

        words = {True: "yes", False: "no", None: "unknown"}
        rows = [{**item.to_dict(), "encrypted": words[item.encrypted]} for item in self.exposed]
        return pandas.DataFrame(rows, columns=["destination", "port", "protocol", "decision", "encrypted"])

    def to_dict(self) -> dict[str, Any]:
        """Return verdict, findings, exposed, not_looked_at, and reachable: ports with who reaches them."""
        return {
            "verdict": self.verdict,
            "findings": [finding.to_dict() for finding in self.findings],
            "exposed": [item.to_dict() for item in self.exposed],
            "not_looked_at": list(self.not_looked_at),
            "reachable": self.matrix.by_port() if self.matrix else None,
        }

    def __repr__(self) -> str:
        lines = [self.verdict, *(f"  {finding}" for finding in self.findings)]
        lines += [
            f"  public: {item.destination} {item.protocol} {item.port} ({item.decision})" for item in self.exposed
        ]
        return "\n".join([*lines, *(f"  not looked at: {gap}" for gap in self.not_looked_at)])

    def _repr_html_(self) -> str:
        import pandas

        gaps = pandas.DataFrame({"not looked at": self.not_looked_at})
        parts = [html_table(self.verdict, self.to_frame()), html_table("Public", self.exposed_frame())]
        return "".join(parts + ([html_table("", gaps)] if self.not_looked_at else []))


def security_audit(source: Account | Cloud) -> SecurityAudit:
    """Audit an account: findings of security, ports that the internet reaches, instances with unprotected metadata.

    What AWS did not describe is in `not_looked_at`; nothing is called safe because of that.
    """
    account = account_of(source, *_KEYS)
    found, gaps = [], [*_classic_gap(source)]
    for finding in findings(account):
        if finding.code in CODES:
            found.append(finding)
        elif finding.code == "NOT_LOOKED_AT" and any(code in CODES for code in finding.resource.split(", ")):
            gaps.append(f"{finding.resource}: {finding.detail}")
    if account.get("Instances") is None:
        gaps.append(f"instance metadata: {account.missing.get('Instances', 'not part of this snapshot')}")
    found += _open_metadata(account)
    exposed: list[Exposure] = []
    whole: ReachabilityMatrix | None = None
    try:
        whole = matrix(account)
        exposed = [*_exposed(account, whole.to_frame()), *_exposed_network(account)]
        gaps += [f"public ports: {note}" for note in whole.notes()]
    except MissingData as error:
        gaps.append(f"public ports: {error}")
    found += _plain_http(account, exposed)
    found.sort(key=lambda finding: finding.sort_key)
    return SecurityAudit(tuple(found), tuple(exposed), tuple(dict.fromkeys(gaps)), whole)


def _classic_gap(source: Account | Cloud) -> Iterator[str]:
    """Yield the Classic Load Balancers that are public: their ports are not evaluated."""
    if not isinstance(source, Cloud):
        yield "Classic Load Balancers, which snapshots do not hold"
        return
    try:
        for name, raw in classic_load_balancers(source).items():
            if raw.get("Scheme") == "internet-facing":
                ports = ", ".join(str(item["Listener"]["LoadBalancerPort"]) for item in raw["ListenerDescriptions"])
                yield f"whether the internet reaches the Classic Load Balancer {name}, which listens on {ports}"
    except CALL_ERRORS as error:
        yield f"Classic Load Balancers: {describe_error(error)}"


def _exposed(account: Account, rows: pandas.DataFrame) -> Iterator[Exposure]:
    public = rows[(rows.source == INTERNET) & (rows.decision != "deny")]
    for row in public.itertuples(index=False):
        encrypted = _encrypted(account, str(row.destination), int(row.port))
        yield Exposure(str(row.destination), int(row.port), str(row.protocol), str(row.decision), encrypted)


def _exposed_network(account: Account) -> Iterator[Exposure]:
    """Yield the public ports of Network Load Balancers, which the matrix leaves out."""
    for load_balancer in list_load_balancers(account, "network"):
        if not load_balancer.is_public:
            continue
        nodes = network_load_balancer_interfaces(account, load_balancer.raw)
        for listener in load_balancer.listeners() if account.get("Listeners") is not None else ():
            listened, port = str(listener.get("Protocol", "TCP")), int(listener["Port"])
            protocol = "udp" if listened in ("UDP", "QUIC") else "tcp"
            decisions = {reach(account, INTERNET, node, port, protocol).decision for node in nodes} or {"unknown"}
            if decisions != {"deny"}:
                decision = "allow" if "allow" in decisions else "unknown"
                encrypted = _ENCRYPTED.get(listened)
                yield Exposure(f"nlb/{load_balancer.name}", port, protocol, decision, encrypted)


def _encrypted(account: Account, destination: str, port: int) -> bool | None:
    listener = _listener(account, destination, port)
    return None if listener is None else _ENCRYPTED.get(listener.get("Protocol", ""))


def _listener(account: Account, destination: str, port: int) -> Raw | None:
    """Return the listener of a destination such as `alb/NAME`; None for others, and where it is not described."""
    kind, _, name = destination.partition("/")
    load_balancers = account.get("LoadBalancers") or () if kind == "alb" else ()
    names = {raw["LoadBalancerArn"]: raw["LoadBalancerName"] for raw in load_balancers}
    own = [arn for arn, each in names.items() if each == name] or [
        arn for arn, each in names.items() if each.endswith(f"-{name}")
    ]
    listeners = account.get("Listeners") or ()
    return next((raw for raw in listeners if raw["LoadBalancerArn"] in own and raw.get("Port") == port), None)


def _plain_http(account: Account, exposed: list[Exposure]) -> Iterator[Finding]:
    """Yield the public listeners that serve without encryption, except those that only redirect."""
    for item in exposed:
        listener = _listener(account, item.destination, item.port) if item.encrypted is False else None
        actions = [action.get("Type") for action in (listener or {}).get("DefaultActions", ())]
        if listener is not None and actions != ["redirect"]:
            detail = f"port {item.port} is public and speaks HTTP: passwords and cookies can be read on the way"
            fix = Fix("add an HTTPS listener with a certificate, and let this one redirect to it")
            yield Finding("PUBLIC_WITHOUT_TLS", "medium", item.destination, detail, fix)


def _open_metadata(account: Account) -> Iterator[Finding]:
    """Yield running instances whose metadata, with the keys of their role, needs no token.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
    """
    open_: dict[str, list[str]] = {}
    for raw in account.get("Instances") or ():
        options = raw.get("MetadataOptions", {})
        is_on = options.get("HttpEndpoint") != "disabled" and options.get("HttpTokens") == "optional"
        if raw["State"]["Name"] == "running" and is_on:
            open_.setdefault(name_tag(raw, raw["InstanceId"]), []).append(raw["InstanceId"])
    for name, ids in open_.items():
        which = f"of {len(ids)} instances: the" if len(ids) > 1 else "the"
        detail = f"{which} metadata, with the keys of the role, can be read without a token"
        calls = [("ec2", "ModifyInstanceMetadataOptions", {"InstanceId": id, "HttpTokens": "required"}) for id in ids]
        fix = Fix("require a token (IMDSv2), here and in the launch template", tuple(calls))
        yield Finding("METADATA_WITHOUT_TOKEN", "medium", name, detail, fix)
