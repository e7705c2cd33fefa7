"""Decisions: their shares add up to the forecast or the bill; each has what it alone would save."""

import json
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esaws.costs.attribution.attribution import CostAttribution, attribute_forecast
from esaws.costs.attribution.billed import PRICED_DIFFERENTLY, decisions
from esaws.costs.attribution.decisions import Decision, find_decisions
from esaws.costs.attribution.shapley import shapley_values, split_cents
from esaws.costs.bill.read import read_bill
from esaws.costs.forecasting.forecast import forecast
from esaws.costs.forecasting.month import Month
from esaws.costs.forecasting.result import round_to_cent
from esaws.costs.forecasting.variations import Variation, forecast_variation
from esaws.errors import UsageError
from esaws.pricelist import REGIMES, Regime
from esaws.reference.seccom import PROFILES, Profile, seccom
from esaws.resources.auto_scaling_group import AutoScalingGroup
from esaws.resources.load_balancer import LoadBalancer
from tests.bills.writing import Line, cur, explorer, hours, parquet, total

THEN: dict[str, Any] = {"as_of": date(2022, 3, 1), "month": Month.average(432)}
NOW: dict[str, Any] = {"as_of": date(2026, 3, 1)}


# --- Shapley values


def costs(count: int) -> st.SearchStrategy[dict[frozenset[int], Decimal]]:
    """A cost for each set of `count` decisions."""
    sets = [frozenset(n for n in range(count) if number >> n & 1) for number in range(2**count)]
    amounts = st.decimals(-1000, 1000, places=4)
    return st.tuples(*(amounts for _ in sets)).map(lambda values: dict(zip(sets, values, strict=True)))


@given(st.integers(0, 4).flatmap(lambda count: st.tuples(st.just(count), costs(count))))
def test_shapley_values_add_up_to_the_cost_of_all(case: tuple[int, dict[frozenset[int], Decimal]]) -> None:
    count, paid = case
    parts, left = shapley_values(count, paid.__getitem__)
    assert sum(parts, left) == Fraction(paid[frozenset(range(count))])
    assert left == Fraction(paid[frozenset()])


@given(costs(3))
def test_a_decision_without_effect_costs_nothing_and_equal_ones_cost_the_same(
    paid: dict[frozenset[int], Decimal],
) -> None:
    parts, _ = shapley_values(3, lambda taken: paid[taken - {2}])
    assert parts[2] == 0
    parts, _ = shapley_values(3, lambda taken: paid[frozenset(range(len(taken)))])
    assert parts[0] == parts[1] == parts[2]


def test_two_decisions_that_cost_only_together_share_the_cost() -> None:
    parts, left = shapley_values(2, lambda taken: Decimal(10 if len(taken) == 2 else 4))
    assert (parts, left) == ([3, 3], 4)


@given(st.lists(st.fractions(-1000, 1000), max_size=8))
def test_cents_add_up_to_the_cents_of_the_sum(parts: list[Fraction]) -> None:
    cents = split_cents(parts)
    assert sum(cents) * 100 == round(sum(parts) * 100)
    assert all(abs(Fraction(cent) - part) < Fraction(1, 100) for cent, part in zip(cents, parts, strict=True))


# --- of a forecast


@pytest.mark.parametrize("when", [THEN, NOW], ids=["2022", "2026"])
@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("profile", PROFILES)
def test_decisions_add_up_to_the_forecast(profile: Profile, regime: Regime, when: dict[str, Any]) -> None:
    what = seccom(profile)
    result, whole = (
        attribute_forecast(what, regime=regime, **when),
        forecast(what, regime=regime, include_aws_managed=True, **when),
    )
    assert result.total_usd == whole.total_usd
    assert float(sum(part.usd for part in (*result.decisions, *result.rest))) == pytest.approx(float(whole.total_usd))
    assert Decimal(str(round(result.to_frame().usd.sum(), 2))) == round_to_cent(whole.total_usd)


def saved_alone(result: CostAttribution, word: str) -> float:
    frame = result.to_frame()
    (name,) = [name for name in frame.index if word in name]
    return float(frame.alone_usd[name])


@pytest.mark.parametrize(
    ("word", "variation"),
    [
        ("second zone", Variation(zones=1)),
        ("at least 2 instances", Variation(instances=1)),
        ("without users", Variation(hours_a_day=10)),
    ],
)
@pytest.mark.parametrize("regime", REGIMES)
def test_a_decision_alone_saves_what_the_variation_saves(word: str, variation: Variation, regime: Regime) -> None:
    ha, assumptions = seccom("ha"), THEN | {"regime": regime, "include_aws_managed": True}
    saved = forecast(ha, **assumptions).total_usd - forecast_variation(ha, variation, **assumptions).total_usd
    assert saved_alone(attribute_forecast(ha, regime=regime, **THEN), word) == pytest.approx(float(saved), abs=0.005)


@pytest.mark.parametrize(("profile", "instances"), [("ha", 4), ("budget", 2)])
def test_one_cluster_has_as_many_instances_as_its_tasks_need(profile: Profile, instances: int) -> None:
    """A task takes 256 of 1,024 MiB, and the system a tenth: three tasks fit on an instance."""
    (decision,) = [one for one in find_decisions(seccom(profile)) if "clusters" in one.name]
    left = decision.without(list(seccom(profile)))
    assert [one.desired_capacity for one in left if isinstance(one, AutoScalingGroup)] == [instances]


def test_only_decisions_that_were_taken_are_found() -> None:
    assert [one.name for one in find_decisions(seccom("budget"))] == [
        "6 clusters, one for each service",
        "a public address for each instance",
        "a load balancer",
        "running 14 hours a day without users",
    ]
    assert len(find_decisions(seccom("budget"), hours_of_use=24)) == 3
    assert find_decisions([]) == []


def test_instances_of_unknown_memory_are_not_merged_into_one_cluster() -> None:
    assert not any("clusters" in one.name for one in find_decisions(seccom("ha", instance_type="c7g.large")))


def test_the_cost_of_a_load_balancer_includes_its_addresses() -> None:
    result = attribute_forecast(seccom("budget"), **NOW)
    assert saved_alone(result, "load balancer") == pytest.approx(730 * (0.02646 + 2 * 0.005), abs=0.005)


def test_custom_decisions_can_be_attributed() -> None:
    without = Decision("balancing", lambda declared: [one for one in declared if not isinstance(one, LoadBalancer)])
    result = attribute_forecast(seccom("ha"), decisions=[without], **NOW)
    assert [part.name for part in result.decisions] == ["balancing"]
    with pytest.raises(UsageError, match="13 decisions are too many"):
        attribute_forecast(seccom("ha"), decisions=[without] * 13, **NOW)


def test_the_chart_names_the_total_and_what_was_free() -> None:
    result = attribute_forecast(seccom("ha"), regime="legacy", **THEN)
    chart = result.draw("18 days")
    assert chart.title == "80.18 of 80.20 USD were decided, 18 days"
    assert "for nothing: a public address for each instance" in chart.figure.axes[0].get_title("left")
    assert chart._repr_svg_() == result.draw("18 days")._repr_svg_()
    values = result.to_dict()
    assert values["total_usd"] == 80.2
    assert sum(one["usd"] for one in values["decisions"] + values["rest"]) == pytest.approx(80.2)
    assert json.loads(json.dumps(values)) == values


# --- of a bill

MARCH = datetime(2022, 3, 1)
FREE = Decimal(0)


def month_of_twelve(*more: Line) -> list[Line]:
    """432 hours of twelve instances without disks; 750 hours are free."""
    lines, left = [], Decimal(750)
    for number in range(12):
        for line in hours(432, MARCH, resource=f"i-{number}"):
            free, left = (True, left - 1) if left else (False, left)
            lines.append(line if not free else _free(line))
    return [*lines, *more]


def _free(line: Line) -> Line:
    return replace(line, rate=FREE, cost=FREE, description="$0.00 per hour under monthly free tier")


@pytest.fixture(scope="module")
def billed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bill")
    tax = Line(MARCH, usage_type="", operation="", kind="Tax", cost=Decimal("11.71"), quantity=Decimal(0))
    return parquet(folder / "march.parquet", [cur(line) for line in month_of_twelve(tax)])


def test_decisions_add_up_to_a_bill(billed: Path) -> None:
    bill = read_bill(billed)
    result = decisions(bill, seccom("ha"), regime="legacy")
    assert float(result.total_usd) == pytest.approx(float(total(month_of_twelve())) + 11.71)
    frame = result.to_frame()
    assert frame.usd.sum() == pytest.approx(round(float(result.total_usd), 2))
    assert frame.usd["what is left: AmazonEC2, tax"] == 11.71
    assert PRICED_DIFFERENTLY not in frame.index


def test_a_decision_alone_is_priced_with_the_free_tier(billed: Path) -> None:
    result = decisions(read_bill(billed), seccom("ha"), regime="legacy")
    # Half of 5,184 hours; 750 of the rest are still free.
    assert saved_alone(result, "second zone") == pytest.approx(2592 * 0.0132, abs=0.005)


def test_charges_that_differ_from_the_price_list_are_a_row_of_their_own(tmp_path: Path) -> None:
    dear = hours(100, MARCH, rate=Decimal("0.02"), cost=Decimal("0.02"))
    result = decisions(read_bill(parquet(tmp_path / "a.parquet", [cur(line) for line in dear])), seccom("ha"))
    assert result.to_frame().usd[PRICED_DIFFERENTLY] == pytest.approx(100 * (0.02 - 0.0132))
    assert float(result.total_usd) == pytest.approx(2.0)


def test_a_bill_that_cannot_be_attributed_is_an_error(tmp_path: Path) -> None:
    two = [*hours(2, MARCH), *hours(2, datetime(2022, 4, 1))]
    with pytest.raises(UsageError, match="choose a month"):
        decisions(read_bill(parquet(tmp_path / "two.parquet", [cur(line) for line in two])), seccom("ha"))
    euros = hours(2, MARCH, currency="EUR")
    with pytest.raises(UsageError, match="the bill is in EUR"):
        decisions(read_bill(parquet(tmp_path / "eur.parquet", [cur(line) for line in euros])), seccom("ha"))
    (tmp_path / "ce.json").write_text(json.dumps(explorer(hours(24, MARCH), "SERVICE")))
    with pytest.raises(UsageError, match="no usage types by product"):
        decisions(read_bill(tmp_path / "ce.json"), seccom("ha"))
