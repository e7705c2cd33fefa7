"""Declarations of what is simulated.

A module of `services` or `billing` that changes what moto does declares it:

    BEHAVIOURS = (
        Behaviour(
            service="RDS",
            statement="A DB instance takes six minutes to be created and five to be deleted.",
            documentation=("https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html",),
        ),
    )
"""

from __future__ import annotations

from dataclasses import dataclass

REAL = "real"
SIMULATED = "simulated"
NOT_SIMULATED = "not simulated"

LEVELS = {
    REAL: "moto stores and describes it; nothing changes by itself",
    SIMULATED: "this project corrects moto's response or simulates the behaviour",
    NOT_SIMULATED: "it does not happen; a call that cannot be answered returns HTTP 501, `NotSimulated`",
}
"""Level of fidelity → its meaning, in the order of the table."""

ANYTHING_ELSE = "anything else"


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """One behaviour of one AWS service, and how faithfully it is simulated."""

    service: str
    """The service's name as AWS's documentation writes it."""
    statement: str
    """A sentence that says what AWS does."""
    documentation: tuple[str, ...]
    """AWS's pages about it; the table links to the first."""
    fidelity: str = SIMULATED

    def to_dict(self) -> dict[str, str]:
        """The row of `esaws local fidelity --json`: service, fidelity, behaviour, documentation (one URL)."""
        return {
            "service": self.service,
            "fidelity": self.fidelity,
            "behaviour": self.statement,
            "documentation": self.documentation[0],
        }
