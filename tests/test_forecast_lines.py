"""Pricing of usage: shared allowances, tiers, and the differences between forecasts."""

from collections.abc import Sequence
from dataclasses import FrozenInstanceError, replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from esaws.costs.forecasting import lines as lines_module
from esaws.costs.forecasting.lines import AllowanceUsage, ForecastLine, RatedUsage, added_lines, rate_usage
from esaws.costs.forecasting.month import Month
from esaws.pricelist import Allowance, PriceList, Regime, Usage

DAY = date(2026, 1, 1)
SHORT = Month(Decimal(10), Decimal(730))
"""The first ten hours of a month of 730."""


def allowance(id: str, amount: str, *usage_types: str, verified: bool = True) -> Allowance:
    return Allowance(id, "S", Decimal(amount), "GB", usage_types, (), (), False, verified, "a test")


ALLOWANCES = (allowance("small", "100", "Shared", "Other"), allowance("alone", "750", "Alone", verified=False))


@pytest.fixture(autouse=True)
def small_free_tier(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two allowances in the legacy regime, none in the others."""
    monkeypatch.setattr(lines_module, "allowances", lambda regime: ALLOWANCES if regime == "legacy" else ())


def price(usage_type: str, usd: str, begins: int = 0, verified: bool = True, **more: Any) -> dict[str, Any]:
    """A row of a price list."""
    row = {"service": "S", "usage_type": f"EUW3-{usage_type}", "unit": "GB", "usd": usd, "region": "eu-west-3"}
    return {
        **row,
        "description": "",
        "source": "",
        "as_of": "2026-01-01",
        "begins": begins,
        "verified": verified,
        **more,
    }


PRICES = PriceList.from_rows(
    [
        price("Shared", "2"),
        price("Other", "3"),
        price("Alone", "1"),
        price("Tiered", "10"),
        price("Tiered", "5", 100, verified=False),
        price("Tiered", "1", 300),
        price("Since February", "1", since="2026-02-01"),
    ],
    "a test",
)


def usage(usage_type: str, quantity: str, operation: str | None = None) -> Usage:
    """Usage of which the quantity falls into the ten hours."""
    return Usage("S", usage_type, Decimal(quantity) * 73, "GB", operation)


def rate(usages: Sequence[Usage], regime: Regime = "legacy", month: Month = SHORT, day: date = DAY) -> RatedUsage:
    return rate_usage(usages, month, regime, "eu-west-3", day, PRICES)


def numbers(*values: str | int) -> list[Decimal]:
    return [Decimal(value) for value in values]


# --- allowances


@pytest.mark.parametrize(
    ("parts", "free", "exhausted_after"),
    [
        (["40"], ["40"], None),
        (["99.5"], ["99.5"], None),
        (["100"], ["100"], None),
        (["125"], ["100"], "8"),
        (["200"], ["100"], "5"),
        (["40", "60"], ["40", "60"], None),
        (["150", "50"], ["75", "25"], "5"),
        # 17 and 13 an hour: 3 whole hours are 90, and of the 10 left the first gets all.
        (["170", "130"], ["61", "39"], "3.333333"),
        # 6, 3 and 5 an hour: 7 whole hours are 98, and of the 2 left the first gets all.
        (["60", "30", "50"], ["44", "21", "35"], "7.142857"),
        # 1, 4 and 25 an hour: 3 whole hours are 90, and of the 10 left the last gets what remains.
        (["10", "40", "250"], ["4", "16", "80"], "3.333333"),
        (["1000000", "1"], ["100", "0"], "0.001"),
    ],
)
def test_an_allowance_is_shared_hour_by_hour(parts: list[str], free: list[str], exhausted_after: str | None) -> None:
    """In the last hour, usage is free by usage type, then by operation, whatever the order in the forecast."""
    usages = [usage("Other" if n == 0 else "Shared", part, f"op-{n}" if n else None) for n, part in enumerate(parts)]
    for order in (usages, usages[::-1]):
        rated = rate(order)
        by_usage = {(line.usage_type, line.operation): line for line in rated.lines}
        sorted_lines = [by_usage[f"EUW3-{used.usage_type}", used.operation] for used in usages]
        assert [line.free_quantity for line in sorted_lines] == numbers(*free)
        (used,) = rated.allowances
        assert (used.allowance.id, used.quantity) == ("small", sum(numbers(*parts)))
        assert used.exhausted_after_h == (None if exhausted_after is None else pytest.approx(Decimal(exhausted_after)))
        for line, part, free_part in zip(sorted_lines, numbers(*parts), numbers(*free), strict=True):
            assert line.free_until_h == (10 if used.exhausted_after_h is None else used.exhausted_after_h)
            rate_usd = Decimal(3) if line.usage_type == "EUW3-Other" else Decimal(2)
            assert (line.list_usd, line.usd) == (part * rate_usd, (part - free_part) * rate_usd)


def test_usage_without_an_operation_shares_before_usage_with_one() -> None:
    usages = [usage("Shared", "150", "b"), usage("Shared", "100", "a"), usage("Shared", "60")]
    rated = rate(usages)
    # 6, 10 and 15 an hour: 3 whole hours are 93, and of the 7 left the first gets 6 and the second 1.
    assert [line.free_quantity for line in rated.lines] == numbers(45, 31, 24)


def test_usage_that_just_fits_an_allowance_is_free_to_the_last_digit() -> None:
    """Hourly parts such as 250 / 730 are rounded, so the sum must not come from them."""
    month = Month(Decimal(730), Decimal(730))
    usages = [Usage("S", "Alone", Decimal(quantity), "GB", str(quantity)) for quantity in (250, 499, 1)]
    lines = rate(usages, month=month).lines
    assert [(line.quantity, line.free_quantity, line.usd, line.free_until_h) for line in lines] == [
        (250, 250, 0, 730),
        (499, 499, 0, 730),
        (1, 1, 0, 730),
    ]


@pytest.mark.parametrize("regime", ["credits", "none"])
def test_usage_without_an_allowance_is_charged_from_the_first_hour(regime: Regime) -> None:
    rated = rate([usage("Shared", "7")], regime)
    assert rated.allowances == ()
    (line,) = rated.lines
    assert (line.free_quantity, line.free_until_h, line.usd, line.free_usd) == (0, 0, 14, 0)


def test_each_allowance_has_its_own_users() -> None:
    rated = rate([usage("Shared", "200"), usage("Alone", "700"), usage("Tiered", "1")])
    assert [(used.allowance.id, used.quantity) for used in rated.allowances] == [("small", 200), ("alone", 700)]
    assert [line.free_quantity for line in rated.lines] == numbers(100, 700, 0)
    assert [line.free_until_h for line in rated.lines] == numbers(5, 10, 0)


# --- tiers


@pytest.mark.parametrize(
    ("quantity", "usd"),
    [
        ("0", "0"),
        ("1", "10"),
        ("100", "1000"),
        ("100.5", "1002.5"),
        ("300", "2000"),
        ("301", "2001"),
        ("1000", "2700"),
    ],
)
def test_each_part_of_a_quantity_has_the_price_of_its_tier(quantity: str, usd: str) -> None:
    (line,) = rate([usage("Tiered", quantity)]).lines
    assert (line.rate, line.list_usd, line.usd) == (10, Decimal(usd), Decimal(usd))
    assert not line.verified, "one of its prices is not verified"


def test_usage_without_a_price_has_no_cost_and_is_not_verified() -> None:
    (line,) = rate([usage("Unknown", "3")]).lines
    assert (line.rate, line.list_usd, line.usd, line.free_usd, line.verified) == (None, None, None, None, False)


def test_usage_is_left_out_before_aws_charges_for_it() -> None:
    usages = [usage("Since February", "1"), usage("Shared", "1")]
    assert [line.usage_type for line in rate(usages).lines] == ["EUW3-Shared"]
    assert len(rate(usages, day=date(2026, 2, 1)).lines) == 2


# --- lines and what they show


LINE = ForecastLine(
    "S", "EUW3-X", "op", Decimal("12.3456789"), "GB", Decimal("0.5"), *numbers(2, 3), *numbers(9, 4), verified=True
)


@pytest.mark.parametrize(
    ("list_usd", "usd", "free_usd"), [("9", "4", "5"), ("9", "0", "9"), (None, "0", None), ("9", None, None)]
)
def test_what_is_free_is_the_list_price_minus_the_cost(
    list_usd: str | None, usd: str | None, free_usd: str | None
) -> None:
    line = replace(LINE, list_usd=list_usd and Decimal(list_usd), usd=usd and Decimal(usd))
    assert line.free_usd == (free_usd and Decimal(free_usd))
    assert (line.to_dict()["list_usd"], line.to_dict()["usd"], line.to_dict()["free_usd"]) == tuple(
        value and float(value) for value in (list_usd, usd, free_usd)
    )


def test_a_line_is_json_with_six_decimals() -> None:
    assert replace(LINE, list_usd=Decimal("0.12345678"), usd=Decimal(0)).to_dict() == {
        "service": "S",
        "usage_type": "EUW3-X",
        "quantity": 12.345679,
        "unit": "GB",
        "rate": 0.5,
        "list_usd": 0.123457,
        "free_usd": 0.123457,
        "usd": 0.0,
        "verified": True,
        "operation": "op",
    }
    assert replace(LINE, rate=None).to_dict()["rate"] is None


@pytest.mark.parametrize(
    ("quantity", "exhausted_after", "used", "hours"),
    [
        ("12.34567891", None, 12.345679, None),
        ("100", None, 100.0, None),
        ("250", "7.12345", 100.0, 7.12),
    ],
)
def test_an_allowance_is_json_with_what_is_used_of_it(
    quantity: str, exhausted_after: str | None, used: float, hours: float | None
) -> None:
    after = None if exhausted_after is None else Decimal(exhausted_after)
    assert AllowanceUsage(ALLOWANCES[0], Decimal(quantity), after).to_dict() == {
        "allowance": "small",
        "cap": 100.0,
        "used": used,
        "exhausted_after_h": hours,
        "unit": "GB",
        "verified": True,
    }


def test_lines_and_allowances_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        LINE.usd = Decimal(0)  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        AllowanceUsage(ALLOWANCES[0], Decimal(0), None).quantity = Decimal(1)  # type: ignore[misc]


# --- differences


def forecast_line(operation: str, quantity: str, free: str, list_usd: str | None, usd: str | None) -> ForecastLine:
    amounts = [None if value is None else Decimal(value) for value in (list_usd, usd)]
    return replace(
        LINE,
        operation=operation,
        quantity=Decimal(quantity),
        free_quantity=Decimal(free),
        list_usd=amounts[0],
        usd=amounts[1],
    )


@pytest.mark.parametrize(
    ("whole", "part", "added"),
    [
        (("5", "2", "9", "4"), ("3", "1", "7", "3"), ("2", "1", "2", "1")),
        (("5", "2", "9", "4"), ("5", "1", "7", "3"), None),
        (("5", "2", None, "4"), ("3", "1", "7", "3"), ("2", "1", None, "1")),
        (("5", "2", "9", None), ("3", "1", "7", "3"), ("2", "1", "2", None)),
        (("5", "2", "9", "4"), ("3", "1", None, None), ("2", "1", None, None)),
    ],
)
def test_a_larger_forecast_adds_lines_and_parts_of_lines(
    whole: tuple[str, str, str | None, str | None],
    part: tuple[str, str, str | None, str | None],
    added: tuple[str, str, str | None, str | None] | None,
) -> None:
    new = forecast_line("new", "1", "0", "1", "1")
    lines = added_lines([forecast_line("old", *whole), new], [forecast_line("old", *part)])
    assert lines == (*([forecast_line("old", *added)] if added else []), new)
