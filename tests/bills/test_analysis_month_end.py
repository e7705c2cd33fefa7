"""Month end: free usage is charged once the allowance is used up, and ranges of 80 % hold in 8 of 10 months."""

import json
from collections import defaultdict
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import fmean, median

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from benchmarks.month_end import HARDER_KINDS, KINDS, OTHER_KINDS, Cut, cuts, made_month
from esaws import costs
from esaws.costs.analysis.month_end import MonthEnd, month_end
from esaws.costs.analysis.month_end_range import month_range
from esaws.costs.analysis.month_end_weights import _trend, is_monthly_charge, rest_weights
from esaws.costs.analysis.selection import Unknown
from esaws.costs.bill.bill import Bill
from esaws.costs.bill.read import read_bill
from tests.bills.writing import Line, cur, explorer, focus, parquet, text

pytestmark = pytest.mark.slow

CASES = Path(__file__).parent / "cases"
FIRST = datetime(2026, 3, 1)
MONTH = Decimal(12 * 744 - 750) * Decimal("0.0132") + Decimal(360 - 30) * Decimal("0.116")
"""The bill of March for 12 t2.micro with 30 GB each, of which 750 hours and 30 GB are free."""


def metered(usage: Line, quantity: Decimal, cap: Decimal, steps: int, hours: int) -> list[Line]:
    """Usage with `cap` free: like AWS, each step of some hours is split into a free line and a charged line."""
    lines, left = [], cap
    for step in range(steps):
        free = min(quantity, left)
        left -= free
        line = replace(usage, start=FIRST + timedelta(hours=step * hours), hours=hours)
        if free:
            zero, description = Decimal(0), "per hour under monthly free tier"
            list_cost = free * line.rate
            free_line = replace(line, quantity=free, rate=zero, cost=zero, list_cost=list_cost, description=description)
            lines.append(free_line)
        if charged := quantity - free:
            lines.append(replace(line, quantity=charged, cost=charged * line.rate, list_cost=charged * line.rate))
    return lines


def march(hours: int, step: int = 1) -> list[Line]:
    disk = Line(FIRST, usage_type="EUW3-EBS:VolumeUsage.gp2", operation="CreateVolume-Gp2", unit="GB-Mo")
    disk = replace(disk, resource="vol-1", rate=Decimal("0.116"), list_rate=Decimal("0.116"))
    lines = metered(Line(FIRST), Decimal(12 * step), Decimal(750), hours // step, step)
    return lines + metered(disk, round(Decimal(360 * step) / 744, 10), Decimal(30), hours // step, step)


def bill_of(folder: Path, lines: list[Line]) -> Bill:
    return read_bill(parquet(folder / "bill.parquet", [cur(line) for line in lines]))


def project(bill: Bill) -> MonthEnd:
    result = month_end(bill)
    assert isinstance(result, MonthEnd), result
    return result


@pytest.mark.parametrize("hours", [24, 48, 63, 10 * 24 + 7])
def test_days_that_were_free_do_not_promise_a_free_month(tmp_path: Path, hours: int) -> None:
    result = project(bill_of(tmp_path, march(hours)))
    assert result.complete_days == hours // 24
    assert float(result.expected) == pytest.approx(float(MONTH), abs=0.01)
    assert (result.low is None) == (hours < 72), "the range needs three complete days"
    if hours <= 48:
        assert result.so_far == 0
        assert dict(result.exhausted)["AmazonEC2 Hrs"] == pytest.approx(Decimal("2.604"), abs=Decimal("0.001"))


def test_a_complete_month_has_a_range_of_width_zero(tmp_path: Path) -> None:
    result = project(bill_of(tmp_path, march(744)))
    assert result.low == result.expected == result.high == result.so_far
    assert float(result.expected) == pytest.approx(float(MONTH), abs=0.01)


def test_free_usage_without_a_list_cost_is_charged_by_the_price_list(tmp_path: Path) -> None:
    rows = [{**focus(line), "x_Operation": line.operation} for line in march(48)]
    result = project(read_bill(text(tmp_path / "bill.csv", rows)))
    assert float(result.expected) == pytest.approx(float(MONTH), abs=0.01)


def test_cost_explorer_without_quantities_says_that_free_usage_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / "ce.json"
    path.write_text(json.dumps(explorer(march(48, 24), "SERVICE")))
    result = project(read_bill(path))
    assert any("free usage is projected as free" in note for note in result.notes)
    assert (result.low, result.high) == (None, None)


def test_tax_grows_with_the_charges_and_credits_are_beside_it(tmp_path: Path) -> None:
    days = [Line(FIRST + timedelta(days=at), hours=24, cost=Decimal(1), list_cost=Decimal(1)) for at in range(4)]
    tax = Line(FIRST, kind="Tax", usage_type="", cost=Decimal(1), list_cost=Decimal(0), hours=744)
    credit = Line(FIRST, kind="Credit", resource="i-9", cost=Decimal(-2), list_cost=Decimal(0))
    result = project(bill_of(tmp_path, [*days, tax, credit]))
    assert (result.one_off, result.so_far) == (0, 5)
    assert float(result.expected) == pytest.approx(31 * 1.25)
    assert result.to_frame()["month"].to_dict()["tax"] == pytest.approx(31 * 0.25)
    assert result.to_frame()["month"].sum() == pytest.approx(31 * 1.25)
    assert float(result.cumulative[-1][1]) == pytest.approx(31 * 1.25)
    assert "tax grows with the charges, of which it is 25.0% so far" in result.notes


@pytest.mark.parametrize(("kind", "tax"), [("Fee", 2), ("Refund", 4)])
def test_fees_are_taxed_once_and_a_refund_does_not_raise_the_rate(kind: str, tax: int, tmp_path: Path) -> None:
    days = [Line(FIRST + timedelta(days=at), hours=24, cost=Decimal(1), list_cost=Decimal(1)) for at in range(4)]
    once = Line(FIRST, kind=kind, cost=Decimal(4 if kind == "Fee" else -3), list_cost=Decimal(0), hours=744)
    taxed = Line(FIRST, kind="Tax", usage_type="", cost=Decimal(tax) / 4, list_cost=Decimal(0), hours=744)
    result = project(bill_of(tmp_path, [*days, once, taxed]))
    rate = Decimal(tax) / 4 / (8 if kind == "Fee" else 4)
    assert float(result.expected) == pytest.approx(float(31 + result.one_off + taxed.cost + 27 * rate))


def test_a_bill_with_monthly_lines_is_unknown() -> None:
    path = Path(__file__).parent / "data" / "ce_sample_chunk_monthly_services_per_account_spa_Apache2.json"
    assert isinstance(month_end(read_bill(path)), Unknown)


def test_the_range_contains_the_expected_amount_and_the_charges_so_far(tmp_path: Path) -> None:
    costs = [30, 22, 41, 35, 20, 60, 33, 28]
    lines = [Line(FIRST + timedelta(days=at), hours=24, cost=Decimal(cost)) for at, cost in enumerate(costs)]
    result = project(bill_of(tmp_path, [replace(line, list_cost=line.cost) for line in lines]))
    assert result.low is not None and result.high is not None
    assert result.so_far <= result.low < result.expected < result.high
    assert float(result.cumulative[-1][1]) == pytest.approx(float(result.expected))


@given(st.integers(20, 60), st.lists(st.integers(0, 9), min_size=3, max_size=7), st.integers(1, 28))
def test_the_range_is_wider_where_days_differ_more(mean: int, deviations: list[int], days_left: int) -> None:
    widths = []
    for scale in (1, 2):
        sizes = [scale * sign * size for size in deviations for sign in (1, -1)]  # which leaves the mean as it is
        daily = [float(mean + size) for size in sizes]
        bounds = month_range(Decimal(0), Decimal(mean * days_left), daily, days_left)
        assert bounds is not None
        widths.append(bounds[1] - bounds[0])
    assert widths[0] <= widths[1]


WEEK = [10.0, 10, 10, 10, 10, 4, 4]


@pytest.mark.parametrize(
    ("daily", "days_left", "rest"),
    [
        ([5.0], 30, 150),
        ([3.0, 5, 4, 4], 20, 80),  # the mean
        ([*WEEK, *WEEK], 7, 58),  # a week as the last ones
        ([*WEEK, *WEEK], 3, 30),  # its first days are no weekend
        ([1.0, 1, 1, 1, 1, 1, 1, 1, 21, 1], 10, 26),  # of one expensive day, four fifths are expected again
        ([1.0, 1, 1, 1, 1, 9], 10, 10 * 12.4 / 6),  # one day is no level yet
        ([1.0, 9, 1, 9, 1, 9, 1, 9], 8, 40),  # no level lasts
        ([10.0, 11, 12, 13, 14, 15, 16, 17, 18, 19], 10, 245),  # a straight line goes on
        ([9.0, 8, 7, 6, 5, 4, 3, 2, 1], 20, 0),  # and stops at zero
        ([0.0, 0, 0, 0], 10, 0),
        ([2.0, 2], 0, 0),
    ],
)
def test_the_rest_goes_on_by_the_mean_a_week_or_a_trend(daily: list[float], days_left: int, rest: float) -> None:
    weights = rest_weights(daily, days_left)
    assert sum(weight * cost for weight, cost in zip(weights, daily, strict=True)) == pytest.approx(rest)


def test_a_new_level_counts_the_more_the_longer_it_has_lasted() -> None:
    shares = []
    for lasted in (3, 4, 6, 8):
        shares.append(sum(rest_weights([1.0] * (12 - lasted) + [3.0] * lasted, 10)[-lasted:]) / 10)
        assert lasted / 12 < shares[-1] < 1, "more than their share of the days"
    assert shares == sorted(shares)


@example([3, 2, 2, 1, 1], 3)
@given(st.lists(st.integers(1, 20), min_size=1, max_size=30), st.integers(0, 30))
def test_a_usage_that_costs_the_same_each_day_goes_on_at_that_cost(others: list[int], days_left: int) -> None:
    daily = [float(cost) for cost in others]
    weights, falls_to_nothing = rest_weights(daily, days_left), len(daily) > 1 and not any(_trend(daily, days_left))
    assert sum(weights) == pytest.approx(days_left) or falls_to_nothing, "whatever other usages cost"
    assert 0 <= sum(weights) <= days_left + 1e-6


def test_usages_that_each_come_once_a_week_are_no_bursts() -> None:
    month = {f"job {weekday}": [7.0 if day % 7 == weekday else 0.0 for day in range(28)] for weekday in range(7)}
    assert [float(cut.result.expected) for cut in cuts(month, days=(8, 12, 20))] == pytest.approx([196] * 3)


@pytest.mark.parametrize(
    ("costs", "monthly"),
    [([1, 0, 0], True), ([1, 0], False), ([3, 1, 1], True), ([2, 1, 1], False), ([0, 0, 0], False)],
)
def test_what_is_charged_on_the_first_day_alone_is_a_monthly_charge(costs: list[int], *, monthly: bool) -> None:
    assert is_monthly_charge([Decimal(cost) for cost in costs]) == monthly


def test_a_range_of_80_percent_holds_the_cost_in_8_of_10_cuts() -> None:
    """Made months that the numbers of the range were not chosen on, cut at five days."""
    kinds = {
        kind: [cut for seed in range(101, 121, 2) for cut in cuts(made_month(kind, seed), days=(4, 9, 14, 20, 26))]
        for kind in (*KINDS, *HARDER_KINDS, *OTHER_KINDS)
    }
    unannounced = {"bursts", "sessions"}
    held = {kind: share(some) for kind, some in kinds.items()}
    assert min(held[kind] for kind in held.keys() - unannounced) >= 0.8, held
    assert min(held[kind] for kind in unannounced) >= 0.65, "a first burst is announced by no day"
    for some in (KINDS, HARDER_KINDS, OTHER_KINDS):
        every = [cut for kind in some for cut in kinds[kind]]
        assert fmean(cut.error for cut in every) < fmean(cut.run_rate_error for cut in every)
        assert median(cut.width for cut in every) <= 0.9, "a range that holds everything says nothing"
        assert all(cut.result.at_least is None for cut in every), "a refund can take back any charge of a running month"


def test_steps_and_bursts_are_in_range_and_nearer_than_the_run_rate() -> None:
    days = (5, 8, 11, 14, 16, 19, 22, 26)
    up, bursts = (list(cuts(daily_costs(CASES / f"month_{name}.json"), days=days)) for name in ("step_up", "bursts"))
    assert {round(cut.actual, 2) for cut in up} == {3998.28}
    assert {round(cut.actual, 2) for cut in bursts} == {3.6}
    for some in (up, bursts):
        assert len(some) == len(days)
        assert fmean(cut.error for cut in some) < fmean(cut.run_rate_error for cut in some)
    assert share([*up, *bursts]) >= 0.8
    assert not any("at least" in repr(cut.result) for cut in (*up, *bursts))


def daily_costs(path: Path) -> dict[str, list[float]]:
    """The costs of each service by day, from Cost Explorer's JSON."""
    days = json.loads(path.read_text())["ResultsByTime"]
    costs: dict[str, list[float]] = defaultdict(lambda: [0.0] * len(days))
    for at, day in enumerate(days):
        for group in day["Groups"]:
            costs[group["Keys"][0]][at] += float(group["Metrics"]["UnblendedCost"]["Amount"])
    return costs


def share(cuts: list[Cut]) -> float:
    return fmean(cut.holds for cut in cuts)


def test_a_bill_as_of_a_day_is_the_bill_that_ended_there(tmp_path: Path) -> None:
    whole, cut = bill_of(tmp_path, march(744)), bill_of(tmp_path / "cut", march(240))
    as_of = month_end(whole.as_of(date(2026, 3, 10)))
    assert isinstance(as_of, MonthEnd)
    assert as_of.to_dict() == project(cut).to_dict()


def test_days_before_the_first_usage_are_no_days_without_cost(tmp_path: Path) -> None:
    lines = [Line(FIRST + timedelta(days=at), hours=24, cost=Decimal(1), list_cost=Decimal(1)) for at in range(20, 25)]
    result = project(bill_of(tmp_path, lines))
    assert result.expected == 11
    assert "no usage is before 21 March: the days before it count as days without cost" in result.notes
    assert result.low is not None and result.high is not None and result.low >= 5


def test_a_month_that_has_only_begun_leaves_the_question_to_the_one_before(tmp_path: Path) -> None:
    days = [Line(FIRST + timedelta(days=at), hours=24, cost=Decimal(1), list_cost=Decimal(1)) for at in range(31)]
    lines = [*days, Line(FIRST + timedelta(days=31), cost=Decimal(1))]
    result = project(bill_of(tmp_path, lines))
    assert (f"{result.period:%Y-%m}", result.expected, result.at_least) == ("2026-03", 31, 31)
    april = month_end(bill_of(tmp_path, lines), period=date(2026, 4, 1))
    assert isinstance(april, Unknown) and april.reason == "the bill has no complete day of 2026-04 yet"


def test_days_without_any_cost_give_no_range(tmp_path: Path) -> None:
    lines = [Line(FIRST + timedelta(days=at), hours=24, cost=Decimal(0), list_cost=Decimal(0)) for at in range(5)]
    result = project(bill_of(tmp_path, lines))
    assert (result.expected, result.low, result.high) == (0, None, None)
    assert "no range: no day has a cost yet" in result.notes


@pytest.mark.parametrize(
    ("file", "expected", "paid", "if_credits_end"),
    [("credits_cover_all_daily.csv", 93.967, 42.4368, 51.53), ("credits_ce_record_type.json", 108.5, 35.0, 73.5)],
)
def test_credits_that_pay_day_by_day_leave_nothing_to_pay_while_they_last(
    file: str, expected: float, paid: float, if_credits_end: float
) -> None:
    result = project(read_bill(CASES / file))
    values = result.to_dict()
    assert values["expected"] == pytest.approx(expected, abs=0.001)
    assert values["paid_by_credits"] == pytest.approx(paid)
    assert (values["to_pay"], values["to_pay_while_credits_last"]) == (None, 0.0), "what is left is not in the bill"
    assert values["to_pay_if_credits_end"] == pytest.approx(if_credits_end, abs=0.001)
    assert any("left of the credits is not in the bill" in note for note in result.notes)
    assert "0.00 USD to pay while credits last" in str(result.draw().title)


def test_what_is_to_pay_is_known_once_credits_ended(tmp_path: Path) -> None:
    lines = [Line(FIRST + timedelta(hours=at), cost=Decimal(1), list_cost=Decimal(1)) for at in range(240)]
    paid = [replace(line, kind="Credit", resource="", cost=Decimal(-1), quantity=Decimal(0)) for line in lines[:100]]
    result = project(bill_of(tmp_path, [*lines, *paid]))
    assert (result.expected, result.credits, result.to_pay.to_pay) == (744, 100, 644)
    assert repr(result).endswith("; 644.00 USD to pay after credits")


def test_a_bill_in_two_currencies_is_projected_in_each() -> None:
    bill = read_bill(CASES / "two_currencies.csv")
    report = costs.report(bill)
    assert (report.main_currency, report.totals) == ("USD", {"EUR": 3, "USD": 4})
    so_far = {name: month_end(bill, currency=name).to_dict()["so_far"] for name in report.totals}
    assert so_far == {"EUR": 3.0, "USD": 4.0}


def test_the_amounts_are_json_with_the_documented_keys(tmp_path: Path) -> None:
    values = project(bill_of(tmp_path, march(48))).to_dict()
    assert values["period"] == "2026-03"
    amounts = {name: values[name] for name in ("low", "high", "at_least")}
    assert round(values["expected"], 2) == 146.23
    assert amounts == {"low": None, "high": None, "at_least": None}
    assert json.loads(json.dumps(values)) == values


def test_the_chart_names_the_expected_amount(tmp_path: Path) -> None:
    result = project(bill_of(tmp_path, march(48)))
    assert result.draw().title == "March will come to 146.23 USD if the rest is like the 2 days so far"
    assert result.draw()._repr_svg_() == result.draw()._repr_svg_()


@pytest.mark.parametrize(
    ("silent", "note"), [((6,), "6 March has no line"), ((6, 7), "2 days have no line"), ((), "no line")]
)
def test_days_without_a_line_are_named(silent: tuple[int, ...], note: str, tmp_path: Path) -> None:
    lines = [Line(datetime(2026, 3, day), hours=24) for day in range(1, 12) if day not in silent]
    result = month_end(read_bill(text(tmp_path / "bill.csv", [cur(line) for line in lines])))
    assert isinstance(result, MonthEnd)
    assert any(note in line for line in result.notes) == bool(silent)
