"""`esaws cost …`: the group, and the module of each of its commands."""

from esaws.cli.common import LazyGroup
from esaws.cli.root import cli

COMMANDS = {
    "bill": ("bill", "Read a bill of any format."),
    "focus": ("focus", "Convert a bill to FOCUS."),
    "forecast": ("forecast", "Forecast the monthly cost of a profile."),
    "prices": ("prices", "List the unit prices of a region with their sources."),
}
"""Command → (its module in this package, its help on one line)."""


@cli.group(
    cls=LazyGroup,
    lazy_commands={name: (f"esaws.cli.{module}", text) for name, (module, text) in COMMANDS.items()},
)
def cost() -> None:
    """Forecast the cost of a profile, and read bills."""
