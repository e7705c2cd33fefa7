"""A line of a plan: what happens to one thing."""

from dataclasses import dataclass, field
from typing import Any, Literal

from esaws.pricelist import MonthlyCost
from esaws.resource import Difference, Live, Resource

Action = Literal["create", "keep", "update", "differs", "extra", "foreign", "delete"]
ACTIONS: tuple[Action, ...] = ("create", "update", "keep", "differs", "extra", "foreign", "delete")


@dataclass(frozen=True)
class Change:
    """One line of a plan: what happens to one thing.

    create: it is absent. keep: it is as declared. update: AWS can change in place what differs. differs: it can't.
    extra: it is ours and not in this architecture. foreign: somebody else's part inside something of ours.
    delete: it goes.
    """

    action: Action
    kind: str
    name: str
    resource: Resource | None = None
    live: Live | None = None
    drift: dict[str, Difference] = field(default_factory=dict)
    cost: MonthlyCost | None = None

    def __str__(self) -> str:
        return f"{self.action} {self.kind} {self.name}"

    def to_dict(self) -> dict[str, Any]:
        """action, kind, name, usd_month (None where a price is unknown or nothing is declared), verified, drift."""
        usd = None if self.cost is None or self.cost.usd is None else float(round(self.cost.usd, 4))
        return {
            "action": self.action,
            "kind": self.kind,
            "name": self.name,
            "usd_month": usd,
            "verified": self.cost is None or self.cost.verified,
            "drift": {name: list(map(str, difference)) for name, difference in self.drift.items()},
        }
