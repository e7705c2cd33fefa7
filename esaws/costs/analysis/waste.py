"""Forgotten things: what still costs on the last days of a bill although nothing in it shows that anybody uses it.

A bill tells of usage, not of purpose: what it shows for sure is `yes`, what only looks like it `perhaps`. In a live
account `esaws.inspect.checks` looks at the things themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from esaws.chart import Chart
from esaws.costs.analysis.breakdown import tag
from esaws.costs.analysis.charts import COLOURS, OTHERS, bars, brief, canvas, draw_unknown, height_of
from esaws.costs.analysis.selection import Chosen, Unknown, chosen, hours_of, money, spans

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas

    from esaws.costs.bill.bill import Bill

RECENT_DAYS = 3
"""What costs nothing in the last so many days is gone, or free."""
USED_DAYS = 7
"""What nothing has used in the last so many days is not used."""

_DAYS_A_MONTH = Decimal(730) / 24
_QUESTION = "what was forgotten?"
_LEAST = Decimal("0.005")


@dataclass(frozen=True)
class Rule:
    """A kind of thing that people forget."""

    what: str
    costs: str
    """Usage types of its cost, without the region, as a pattern."""
    used: str | None
    """Usage types, on the same thing, that show its use; None where it has none to show."""
    sure: Literal["yes", "perhaps"]
    why: str
    fix: str
    without_machines: bool = False
    """Only what stood in hours in which no machine ran in its region."""


RULES = (
    Rule("an address", r"IdleAddress", None, "yes", "AWS bills it as idle", "release it"),
    Rule(
        "a disk",
        r"^EBS:VolumeUsage|^EBS:VolumeP-IOPS",
        None,
        "perhaps",
        "it stood in hours in which no machine ran in its region",
        "look whether it is attached; make a snapshot and delete it",
        without_machines=True,
    ),
    Rule(
        "a load balancer",
        r"^LoadBalancerUsage",
        r"LCUUsage|DataProcessing-Bytes",
        "yes",
        f"it had no connections in {USED_DAYS} days",
        "delete it",
    ),
    Rule(
        "a NAT gateway",
        r"^NatGateway-(Prvd-)?Hours",
        r"^NatGateway-(Prvd-)?Bytes",
        "yes",
        f"no byte went through it in {USED_DAYS} days",
        "delete it, and release its address",
    ),
    Rule(
        "a stopped database",
        r"^RDS:.*(Storage|PIOPS)|^Aurora:.*Storage",
        r"InstanceUsage|Multi-AZ.*Usage|ServerlessV\d?Usage",
        "yes",
        f"it did not run in {USED_DAYS} days, and its storage goes on",
        "make a snapshot and delete it",
    ),
    Rule(
        "snapshots",
        r"^EBS:SnapshotUsage|^RDS:ChargedBackupUsage",
        None,
        "perhaps",
        "nobody reads a snapshot until it is needed",
        "delete those of machines that are gone",
    ),
    Rule(
        "a secret",
        r"SecretsManager-Secrets",
        r"SecretsManagerAPIRequest",
        "perhaps",
        f"nobody asked for it in {USED_DAYS} days",
        "delete it",
    ),
    Rule(
        "a key", r"^KMS-Keys", r"^KMS-Requests", "perhaps", f"nothing used it in {USED_DAYS} days", "disable it first"
    ),
    Rule(
        "alarms",
        r"^CW:AlarmMonitorUsage",
        None,
        "perhaps",
        "there are more than ten, of which each costs",
        "delete those that alarm nobody",
    ),
    Rule(
        "logs",
        r"^TimedStorage-ByteHrs\|AmazonCloudWatch",
        None,
        "perhaps",
        "logs are kept for ever unless told otherwise",
        "set a retention for the log groups",
    ),
)
"""In the order in which they are asked; what is found by one is not looked for by the others."""


@dataclass(frozen=True)
class Found:
    """Something that still costs, and that nothing seems to use."""

    rule: Rule
    resource: str
    """Its id or ARN; the usage type where the bill does not go down to resources."""
    name: str
    """Of its tag `Name`, where the bill has that, else the same as `resource`."""
    cost: Decimal
    """In the whole bill."""
    monthly: Decimal
    """If it goes on as on the last days."""


@dataclass(frozen=True)
class Forgotten:
    """What was found, the dearest first."""

    things: tuple[Found, ...]
    currency: str

    @property
    def monthly(self) -> Decimal:
        """What all of it costs a month."""
        return sum((each.monthly for each in self.things), Decimal(0))

    def to_frame(self) -> pandas.DataFrame:
        """One row a thing: what, name, sure (yes or perhaps), cost (in the bill), a_month, why, fix; by resource."""
        import pandas

        columns = ["what", "name", "sure", "cost", "a_month", "why", "fix"]
        rows = [
            (one.rule.what, one.name, one.rule.sure, float(one.cost), float(one.monthly), one.rule.why, one.rule.fix)
            for one in self.things
        ]
        index = pandas.Index([one.resource for one in self.things], name="resource", dtype=object)
        return pandas.DataFrame(rows, columns=columns, index=index).astype({"cost": float, "a_month": float})

    def __repr__(self) -> str:
        if not self.things:
            return "nothing in the bill looks forgotten"
        what = "1 thing looks" if len(self.things) == 1 else f"{len(self.things)} things look"
        return f"{what} forgotten, for {money(self.monthly, self.currency)} a month"


def forgotten(bill: Bill, metric: str | None = None, currency: str | None = None) -> Forgotten | Unknown:
    """What still costs in the last three days of a bill, and that nothing in it shows the use of, by `RULES`.

    Raises:
        UsageError: the bill does not have the metric or the currency.
    """
    of = chosen(bill, metric, currency)
    if spans(of) == "months":
        return Unknown(_QUESTION, f"{bill.format} tells months here: what still costs can't be seen; ask for days")
    lines = of.lines.mutate(type=_without_region(of.lines), on=of.lines.resource_id.fill_null(""))
    lines = lines.mutate(on=(lines.on == "").ifelse(lines.type, lines.on))
    (last,) = bill.rows_of(lines.aggregate(at=lines.start.max()))
    if last["at"] is None:
        return Unknown(_QUESTION, "no line of the bill says when it was")
    ended = last["at"].replace(tzinfo=None) + timedelta(hours=1)
    table = _of_things(lines, ended)
    rows = [{**row, "type": _typed(row)} for row in of.rows_of(table)]
    alone = _alone(of, lines, ended)
    things: list[Found] = []
    taken: set[str] = set()
    for rule in RULES:
        for found in _found(rule, rows, alone):
            if found.resource not in taken:
                things.append(found)
                taken.add(found.resource)
    return Forgotten(tuple(sorted(things, key=lambda each: (-each.monthly, each.resource))), of.currency)


def draw_forgotten(found: Forgotten | Unknown) -> Chart:
    """A bar for each forgotten thing, by what it costs a month; what is not sure is grey."""
    if isinstance(found, Unknown):
        return draw_unknown(found)
    if not found.things:
        figure, axes = canvas(repr(found), 0.8)
        axes.axis("off")
        return Chart(figure, repr(found))
    figure, axes = canvas(repr(found), height_of(len(found.things)), f"{found.currency} a month; grey: perhaps")
    names = [f"{each.rule.what}: {brief(each.name)}" for each in found.things]
    values = [float(each.monthly) for each in found.things]
    said = [money(each.monthly, found.currency) for each in found.things]
    colours = [COLOURS[0] if each.rule.sure == "yes" else OTHERS for each in found.things]
    bars(axes, names, values, said, colours)
    return Chart(figure, repr(found))


def _of_things(lines: ir.Table, ended: datetime) -> ir.Table:
    """By thing and usage type: what it costs in all and lately, and how much was used lately."""
    recent = lines.start >= ended - timedelta(days=RECENT_DAYS)
    used = lines.start >= ended - timedelta(days=USED_DAYS)
    zero = lines.amount * 0
    return lines.group_by("type", "product_code", "service", "on").aggregate(
        name=tag(lines, "Name").max(),
        cost=lines.amount.sum(),
        lately=recent.ifelse(lines.amount, zero).sum(),
        used=used.ifelse(lines.quantity, lines.quantity * 0).sum(),
    )


def _found(rule: Rule, rows: Iterable[dict[str, Any]], alone: set[str]) -> Iterable[Found]:
    rows = list(rows)
    in_use = {row["on"] for row in rows if rule.used and re.search(rule.used, row["type"]) and (row["used"] or 0) > 0}
    costs: dict[str, tuple[Decimal, Decimal]] = {}
    names = {row["on"]: row["name"] for row in rows if row["name"]}
    for row in rows:
        if re.search(rule.costs, row["type"]) and row["on"] not in in_use:
            before = costs.get(row["on"], (Decimal(0), Decimal(0)))
            costs[row["on"]] = before[0] + (row["cost"] or 0), before[1] + (row["lately"] or 0)
    if rule.used and any(re.search(rule.used, name) for name in in_use):
        return  # the bill does not go down to resources, and something of the kind is in use
    for on, (cost, lately) in costs.items():
        monthly = lately / RECENT_DAYS * _DAYS_A_MONTH
        if monthly >= _LEAST and (not rule.without_machines or on in alone):
            yield Found(rule, on, names.get(on, on), cost, monthly)


def _alone(of: Chosen, lines: ir.Table, ended: datetime) -> set[str]:
    """The disks that stood in hours, or days, in which no machine ran in their region and account."""
    hourly = lines.filter(hours_of(lines) <= 25).mutate(
        place=lines.account.fill_null("") + " " + lines.region.fill_null("")
    )
    unit = "h" if spans(of) == "hours" else "D"
    hourly = hourly.mutate(when=hourly.start.truncate(unit))
    machines = hourly.filter(hourly.type.re_search("^(BoxUsage|SpotUsage)")).select("place", "when").distinct()
    disks = hourly.filter(hourly.type.re_search("^EBS:Volume"))
    return {row["on"] for row in of.rows_of(disks.anti_join(machines, ["place", "when"]).select("on").distinct())}


def _without_region(lines: ir.Table) -> ir.StringValue:
    """The usage type without what names a region, by its look: `EUW3-`, `USE1-`, `EU-`."""
    return lines.usage_type.fill_null("").re_replace("^(([A-Z]{3}[0-9]|[A-Z]{2}|[a-z]{2}(-[a-z]+)+-[0-9])-)", "")


def _typed(row: dict[str, Any]) -> str:
    """The usage type; with the product where two of them share it."""
    product = row["product_code"] or row["service"] or ""
    return f"{row['type']}|{product}" if row["type"] == "TimedStorage-ByteHrs" else str(row["type"])
