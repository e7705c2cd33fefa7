"""Prices that AWS itself told, kept in a file of the user's cache, over the bundled ones for as long as they are fresh.

Nothing here asks AWS: `esaws.costs.forecasting.price_refresh` does, and saves what it was told.
"""

import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

from esaws.errors import EsawsError
from esaws.pricelist.prices import Key, Price, PriceList, bundled

FRESH_DAYS = 30
"""How long prices that AWS told are used; it changes few of them in a year."""

Row = Mapping[str, Any]
"""A price as in `prices.json`."""


def cache_file() -> Path:
    """Where they are kept: under XDG_CACHE_HOME, or in ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "esaws" / "prices.json"


def current(today: date | None = None) -> PriceList:
    """The bundled prices, and over them what AWS told in the last 30 days; its `origin` says which.

    Raises:
        EsawsError: the file of the cache can't be read.
    """
    today = today or date.today()
    fresh = {
        region: (asked, rows)
        for region, (asked, rows) in _kept().items()
        if today - timedelta(days=FRESH_DAYS) <= asked <= today
    }
    if not fresh:
        return bundled()
    told = ", ".join(f"for {region} of {asked}" for region, (asked, _) in sorted(fresh.items()))
    rows = chain.from_iterable(rows for _, rows in fresh.values())
    return laid_over(bundled(), rows, f"AWS's price list, {told}, and {bundled().origin} for what is not in it")


def laid_over(base: PriceList, rows: Iterable[Row], origin: str) -> PriceList:
    """A list in which newer rows hold from their `since` on, and what they replace until then."""
    newer = PriceList.of(rows, origin).prices
    return PriceList(dict(base.prices) | {key: _replaced(base, key, newer[key]) for key in newer}, origin)


def save_prices(region: str, rows: Sequence[Row], asked: date) -> Path:
    """Keep what AWS told of a region on a day in place of what it told before; all of it or nothing is written."""
    file = cache_file()
    try:
        kept = _kept()
    except EsawsError:
        kept = {}
    regions = {name: {"asked": f"{day}", "prices": before} for name, (day, before) in kept.items()}
    regions[region] = {"asked": f"{asked}", "prices": list(rows)}
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, beside = tempfile.mkstemp(dir=file.parent, prefix=file.name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as written:
            json.dump({"regions": regions}, written, indent=1)
        Path(beside).replace(file)
    except BaseException:
        Path(beside).unlink()
        raise
    return file


def _kept() -> dict[str, tuple[date, list[Row]]]:
    """Region → (the day on which AWS was asked, what it told)."""
    try:
        regions = json.loads(cache_file().read_text("utf-8"))["regions"]
        return {name: (date.fromisoformat(told["asked"]), told["prices"]) for name, told in regions.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise EsawsError(f"{cache_file()} is no file of prices ({error}); delete it, or refresh the prices") from error


def _replaced(base: PriceList, key: Key, newer: Sequence[Price]) -> list[Price]:
    begins = {price.operation: price.since for price in newer}
    before = [
        replace(price, until=begins[price.operation]) if price.operation in begins and price.until is None else price
        for price in base.prices.get(key, ())
    ]
    kept = [price for price in before if price.until is None or price.since is None or price.since < price.until]
    return sorted([*kept, *newer], key=lambda price: price.begins)
