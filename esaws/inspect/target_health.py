"""Target health with diagnosis: why a target is unhealthy, from what its health check meets, and the fix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from esaws.cloud import Cloud
from esaws.inspect.account import Account, account_of, name_tag
from esaws.inspect.fixes import Fix
from esaws.inspect.network.endpoint_catalog import KEYS as NETWORK_KEYS
from esaws.inspect.target_causes import Cause, Diagnosis, short_name
from esaws.local_aws.withheld import require_tool

if TYPE_CHECKING:
    import pandas

KEYS = tuple(dict.fromkeys([*NETWORK_KEYS, "TargetGroups", "TargetGroupAttributes", "TargetHealth", "Functions"]))
"""What a snapshot needs for health."""


@dataclass(frozen=True)
class TargetState:
    """One target as the load balancer sees it, and the diagnosed cause; None where nothing is wrong."""

    target_group: str
    target: str
    """The name of its instance, else its id or address."""
    id: str
    zone: str
    port: int | None
    state: str
    reason: str
    cause: Cause | None

    @property
    def code(self) -> str:
        """HEALTHY, the code of the cause, a transitional state, or UNEXPLAINED for unhealthy without a cause.

        NOT_LOOKED_AT is the code of an unhealthy target with something that was not looked at.
        """
        if self.cause:
            return self.cause.code
        return "HEALTHY" if self.state == "healthy" else _TRANSITIONS.get(self.state, "UNEXPLAINED")

    @property
    def severity(self) -> str:
        if self.state == "healthy":
            return "low" if self.cause else "info"
        return "info" if self.code in _TRANSITIONS.values() else "high"

    @property
    def fix(self) -> Fix:
        """The fix of the cause; without calls where there is nothing to do, or only a person can."""
        return self.cause.fix if self.cause else _FIXES.get(self.code, Fix(""))

    @property
    def resource(self) -> str:
        zone = f" in {self.zone}" if self.zone else ""
        return f"{self.target}{zone}" + ("" if self.port is None else f" port {self.port}")

    def to_dict(self) -> dict[str, Any]:
        """Return code, severity, resource, detail, fix, target_group, id, zone, port, state, reason."""
        return {
            "code": self.code,
            "severity": self.severity,
            "resource": self.resource,
            "detail": self.cause.detail if self.cause else _DETAILS.get(self.code, self.reason),
            "fix": "; ".join(self.fix.cli()) or self.fix.description,
            "target_group": self.target_group,
            "id": self.id,
            "zone": self.zone,
            "port": self.port,
            "state": self.state,
            "reason": self.reason,
        }


_TRANSITIONS = {"initial": "REGISTERING", "draining": "DRAINING", "unavailable": "CHECKS_DISABLED"}
_DETAILS = {
    "HEALTHY": "",
    "REGISTERING": "its first health checks are in progress",
    "DRAINING": "it is being deregistered and finishes open requests",
    "CHECKS_DISABLED": "health checks are disabled",
    "UNEXPLAINED": "nothing is wrong from outside",
}
_FIXES = {"UNEXPLAINED": Fix("read the log of the container, and measure how long its health check takes")}


@dataclass(frozen=True, repr=False)
class HealthReport(Sequence[TargetState]):
    """The state of every target, by target group and name."""

    states: tuple[TargetState, ...]

    def __getitem__(self, index: Any) -> Any:
        return self.states[index]

    def __len__(self) -> int:
        return len(self.states)

    def __iter__(self) -> Iterator[TargetState]:
        return iter(self.states)

    def to_frame(self) -> pandas.DataFrame:
        """Return one row for each target: target_group, target, zone, port, state, reason, code, detail, fix."""
        import pandas

        columns = ["target_group", "target", "zone", "port", "state", "reason", "code", "detail", "fix"]
        rows = [{**state.to_dict(), "target": state.target} for state in self.states]
        return pandas.DataFrame(rows, columns=columns)

    def to_dict(self) -> list[dict[str, Any]]:
        """Return the states for JSON."""
        return [state.to_dict() for state in self.states]

    def __repr__(self) -> str:
        healthy = sum(state.state == "healthy" for state in self.states)
        return f"<HealthReport {healthy} of {len(self.states)} targets are healthy>"

    def _repr_html_(self) -> str | None:
        return self.to_frame()._repr_html_()


def health(account: Account | Cloud) -> HealthReport:
    """Return the state of every target with its diagnosed cause.

    It covers Application and Network Load Balancers, and targets that are instances, addresses or Lambda functions. An
    unhealthy target without a found cause is UNEXPLAINED only where everything was looked at; otherwise it is
    NOT_LOOKED_AT, with what was not.

    Raises:
        MissingData: AWS did not describe the targets.
        Refused: a lab of level 2 or 3 runs in this account of the local AWS.
    """
    account = account_of(account, *KEYS)
    require_tool("health", lambda: account.id)
    diagnosis = Diagnosis(account)
    states = []
    for raw in account["TargetHealth"]:
        group, target, target_health = diagnosis.groups[raw["TargetGroupArn"]], raw["Target"], raw["TargetHealth"]
        instance = diagnosis.instances.get(target["Id"])
        states.append(
            TargetState(
                target_group=group["TargetGroupName"],
                target=name_tag(instance, target["Id"]) if instance else short_name(target["Id"]),
                id=target["Id"],
                zone=instance["Placement"]["AvailabilityZone"] if instance else "",
                port=None if group.get("TargetType") == "lambda" else target.get("Port"),
                state=target_health["State"],
                reason=target_health.get("Reason", ""),
                cause=diagnosis.cause(group, target, target_health),
            )
        )
    states.sort(key=lambda state: (state.target_group, state.target, state.zone, state.id, state.port or 0))
    return HealthReport(tuple(states))
