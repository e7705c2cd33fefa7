"""A change: one line of a plan, about one resource."""

from dataclasses import dataclass, field
from typing import Any, Literal

from esaws.pricelist import MonthlyCost
from esaws.resource import Difference, Live, Resource

Action = Literal["create", "keep", "update", "differs", "extra", "foreign", "delete"]
ACTIONS: tuple[Action, ...] = ("create", "update", "keep", "differs", "extra", "foreign", "delete")


@dataclass(frozen=True)
class Change:
    """One line of a plan. `action` is one of:

    - create: the resource does not exist.
    - keep: it is as declared.
    - update: AWS can change the differing fields in place.
    - differs: AWS can't change a differing field in place.
    - extra: the deployment owns it, and the architecture does not declare it.
    - foreign: it is inside a resource of the deployment but not made by it.
    - delete: it will be deleted.
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
        """Return action, kind, name, usd_month, verified and drift.

        `usd_month` is None if a price is unknown or nothing is declared. `drift` maps fields to [declared, actual].
        """
        usd = None if self.cost is None or self.cost.usd is None else float(round(self.cost.usd, 4))
        return {
            "action": self.action,
            "kind": self.kind,
            "name": self.name,
            "usd_month": usd,
            "verified": self.cost is None or self.cost.verified,
            "drift": {name: list(map(str, difference)) for name, difference in self.drift.items()},
        }
