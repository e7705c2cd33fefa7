"""`esaws cost prices`."""

from typing import TYPE_CHECKING

import click

from esaws.cli.common import cloud_options, print_table
from esaws.cli.cost import cost
from esaws.errors import UsageError

if TYPE_CHECKING:
    from esaws.cloud import Cloud


@cost.command("prices")
@cloud_options
@click.option("--refresh", is_flag=True, help="Fetch the prices from AWS first, and cache them for 30 days.")
def prices_command(cloud: "Cloud", refresh: bool, as_json: bool) -> None:
    """List the unit prices of a region with their sources."""
    from esaws.costs.forecasting.price_refresh import refresh_prices
    from esaws.pricelist import current

    if refresh and not cloud.is_aws:
        raise UsageError(f"{cloud.target} uses the bundled prices; set ESAWS_TARGET=aws to fetch them from AWS")
    if refresh:
        refresh_prices(cloud)
    price_list = current()
    rows = [
        {
            "service": price.service,
            "usage_type": price.usage_type,
            "operation": price.operation,
            "unit": price.unit,
            "usd": float(price.usd),
            "from": float(price.begins),
            "as_of": price.as_of.isoformat(),
            "verified": price.verified,
            "source": price.source,
        }
        for (region, _, _), prices in sorted(price_list.prices.items())
        for price in prices
        if region == cloud.region and price.is_valid_on(None)
    ]
    table = [
        {name: row[name] for name in ("service", "usage_type", "operation", "unit")}
        | {"usd": f"{row['usd']:.10g}{'' if row['verified'] else ' ~'}", "as_of": row["as_of"]}
        for row in rows
    ]
    print_table(
        rows,
        f"{len(rows)} prices of {cloud.region}, from {price_list.origin}; ~ not confirmed by a published list",
        as_json,
        table,
    )
