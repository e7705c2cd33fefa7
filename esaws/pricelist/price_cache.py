"""Cache prices retrieved from AWS, and use them over the bundled ones while they are fresh.

Nothing here sends requests: `esaws.costs.forecasting.price_refresh` retrieves prices and saves them here.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

from esaws.errors import EsawsError
from esaws.files import user_cache_folder, write_atomically
from esaws.pricelist.prices import Key, Price, PriceList, bundled

FRESH_DAYS = 30
"""The days that retrieved prices are used; AWS changes few prices in a year."""

PriceRow = Mapping[str, Any]
"""A price as in `prices.json`."""


def cache_file() -> Path:
    """The file of the cache, in the user's cache folder."""
    return user_cache_folder() / "prices.json"


def current(today: date | None = None) -> PriceList:
    """The bundled prices, overlaid by those that AWS returned in the last 30 days; its `origin` names both.

    Raises:
        EsawsError: the cache file is damaged.
    """
    today = today or date.today()
    fresh = {
        region: (retrieved_on, rows)
        for region, (retrieved_on, rows) in _load_cache().items()
        if today - timedelta(days=FRESH_DAYS) <= retrieved_on <= today
    }
    if not fresh:
        return bundled()
    regions = ", ".join(f"for {region} of {day}" for region, (day, _) in sorted(fresh.items()))
    rows = chain.from_iterable(rows for _, rows in fresh.values())
    return overlay(bundled(), rows, f"AWS's price list, {regions}, and {bundled().origin} for what is not in it")


def overlay(base: PriceList, rows: Iterable[PriceRow], origin: str) -> PriceList:
    """A list in which newer prices are valid from their `since` on, and the ones they replace until then."""
    newer = PriceList.from_rows(rows, origin).prices
    return PriceList(dict(base.prices) | {key: _replace_prices(base, key, newer[key]) for key in newer}, origin)


def save_prices(region: str, rows: Sequence[PriceRow], retrieved_on: date) -> Path:
    """Cache the prices of a region in place of those retrieved before; the file is written completely or not at all."""
    file = cache_file()
    try:
        cached = _load_cache()
    except EsawsError:
        cached = {}
    regions = {name: {"asked": f"{day}", "prices": before} for name, (day, before) in cached.items()}
    regions[region] = {"asked": f"{retrieved_on}", "prices": list(rows)}
    content = json.dumps({"regions": regions}, indent=1)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, content)
    return file


def _load_cache() -> dict[str, tuple[date, list[PriceRow]]]:
    """Region → (the day on which the prices were retrieved, the prices)."""
    try:
        regions = json.loads(cache_file().read_text("utf-8"))["regions"]
        return {name: (date.fromisoformat(cached["asked"]), cached["prices"]) for name, cached in regions.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise EsawsError(f"{cache_file()} is not a price cache ({error}); delete it, or refresh the prices") from error


def _replace_prices(base: PriceList, key: Key, newer: Sequence[Price]) -> list[Price]:
    since = {price.operation: price.since for price in newer}
    older = [
        replace(price, until=since[price.operation]) if price.operation in since and price.until is None else price
        for price in base.prices.get(key, ())
    ]
    older = [price for price in older if price.until is None or price.since is None or price.since < price.until]
    return sorted([*older, *newer], key=lambda price: price.begins)
