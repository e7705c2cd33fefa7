"""The page about the cost of ECS with a load balancer. Its figures are forecasts, computed when the page is made."""

from collections.abc import Collection
from decimal import Decimal
from functools import partial
from pathlib import Path
from string import Template

from esaws import costs, seccom
from esaws.costs.forecasting.assumptions import NO_TRAFFIC, Traffic
from esaws.costs.forecasting.lines import ForecastLine
from esaws.costs.forecasting.result import Forecast
from esaws.pricelist import Regime

TEMPLATE = Path(__file__).with_name("load_balancer_cost.md")
PURPOSES = {
    "LoadBalancerUsage": "the load balancer, for each hour it exists",
    "LCUUsage": "what the load balancer carries",
    "PublicIPv4:InUseAddress": "public IPv4 addresses",
    "BoxUsage": "the instance that runs the containers",
    "EBS:VolumeUsage": "its disk",
    "DataTransfer-Out-Bytes": "responses to the internet",
}
"""What a line pays for, by a part of its usage type."""
BALANCER = ("LoadBalancing:Application", "CreateLoadBalancer")
"""The operations of a load balancer in a bill: its hours, and its addresses."""


def one_service(regime: Regime = "none", traffic: Traffic = NO_TRAFFIC) -> Forecast:
    """Forecast a month of one service behind a load balancer on one instance."""
    return costs.forecast(seccom("budget", services=("client-web-ui",)), regime=regime, traffic=traffic)


def whole_system(profile: str, regime: Regime) -> Forecast:
    """Forecast a month of a profile of SecCom."""
    return costs.forecast(seccom(profile), regime=regime)


def cost_page() -> str:
    """Return the page as Markdown."""
    one = one_service()
    busy = one_service(traffic=Traffic(requests=10_000_000, gb_out=100))
    balancer = sum((line.usd or Decimal(0) for line in one.lines if line.operation in BALANCER), Decimal(0))
    text = Template(TEMPLATE.read_text(encoding="utf-8"))
    return text.substitute(
        total=usd(one.total_usd),
        balancer=usd(balancer),
        hour=f"{one.total_usd / 730:.3f}",
        lines=lines_table(one),
        busy=usd(busy.total_usd),
        busy_lines=lines_table(busy, {(line.usage_type, line.operation) for line in one.lines}),
        regimes=regimes_table(),
        as_of=day(one),
        origin=one.prices_origin,
    )


def lines_table(forecast: Forecast, without: Collection[tuple[str, str | None]] = ()) -> str:
    """Return the lines of a forecast as a table, the dearest first; `~` marks a price that is not confirmed."""
    lines = [line for line in forecast.lines if (line.usage_type, line.operation) not in without]
    rows = [line_row(line) for line in sorted(lines, key=lambda line: -(line.usd or 0))]
    return "\n".join(["| what | usage type | a month | USD |", "|---|---|---:|---:|", *rows])


def line_row(line: ForecastLine) -> str:
    """Return a row: what the line pays for, its usage type, its quantity, its cost."""
    purpose = next((text for part, text in PURPOSES.items() if part in line.usage_type), line.service)
    if "Address" in line.usage_type:
        purpose += " of the load balancer" if line.operation in BALANCER else " of the instance"
    amount = usd(line.usd) + ("" if line.verified else " ~")
    return f"| {purpose} | `{line.usage_type}` | {quantity(line.quantity)} {line.unit} | {amount} |"


def regimes_table() -> str:
    """Return what is to pay for each system under each free tier."""
    systems = {
        "one service on one instance": one_service,
        "the small build of SecCom": partial(whole_system, "budget"),
        "SecCom on Fargate": partial(whole_system, "fargate"),
        "the large build of SecCom": partial(whole_system, "ha"),
    }
    rows = []
    for name, forecast in systems.items():
        credit = forecast("credits")
        paid = f"{usd(credit.to_pay_usd)}, after {usd(credit.credits_usd)} of credits"
        rows.append(f"| {name} | {usd(forecast('legacy').to_pay_usd)} | {paid} | {usd(forecast('none').to_pay_usd)} |")
    head = "| | account from before 15 July 2025, in its first 12 months | later account, with credits | no free tier |"
    return "\n".join([head, "|---|---:|---:|---:|", *rows])


def usd(amount: Decimal | None) -> str:
    """Return an amount with two decimals; `unknown` without a price."""
    return "unknown" if amount is None else f"{amount:,.2f}"


def quantity(amount: Decimal) -> str:
    """Return a quantity without needless decimals."""
    return f"{amount:,.2f}".rstrip("0").rstrip(".")


def day(forecast: Forecast) -> str:
    """Return the day whose prices apply."""
    return f"{forecast.as_of.day} {forecast.as_of:%B %Y}"
