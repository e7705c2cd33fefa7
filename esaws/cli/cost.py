"""`esaws cost …`: the group, and the module of each of its commands."""

from esaws.cli.common import LazyGroup
from esaws.cli.root import cli

COMMANDS = {
    "anomalies": ("bill_questions", "Find the days on which a service cost unusually much, and the usage behind it."),
    "bill": ("bill", "Read a bill of any format."),
    "breakdown": (
        "bill_questions",
        "Break a bill down by one dimension: the most expensive values, and all others together.",
    ),
    "credits": ("bill_questions", "Show what was used, what credits paid of it, how much a day, and when they ended."),
    "focus": ("focus", "Convert a bill to FOCUS."),
    "forecast": ("forecast", "Forecast the monthly cost of a profile."),
    "free-tier": (
        "bill_questions",
        "Show how much of each free-tier allowance was used in a month, and on which day it ran out.",
    ),
    "idle-hours": ("bill_questions", "Find the hours in which something ran but served no traffic."),
    "month-end": ("bill_questions", "Project what the last month of a bill will cost by its end."),
    "month-over-month": (
        "bill_questions",
        "Compare two months of a bill over the same days, and explain each difference.",
    ),
    "prices": ("prices", "List the unit prices of a region with their sources."),
    "waste": ("bill_questions", "Find resources that cost money in the last days of a bill, and show no use."),
}
"""Command → (its module in this package, its help on one line)."""


@cli.group(
    cls=LazyGroup,
    lazy_commands={name: (f"esaws.cli.{module}", text) for name, (module, text) in COMMANDS.items()},
)
def cost() -> None:
    """Forecast the cost of a profile, and read bills."""
