"""What each decision costs: its share and what it alone would save; the shares add up to the bill."""

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

from esaws.costs.attribution.attribution import Decided, decided
from esaws.costs.attribution.billed import OTHER_PRICES, decided_in
from esaws.costs.attribution.chart import draw_decided
from esaws.costs.attribution.decisions import Decision, decisions_of
from esaws.costs.attribution.shapley import in_cents, shares
from esaws.costs.bill.read import read_bill
from esaws.costs.forecasting.forecast import forecast
from esaws.costs.forecasting.month import Month
from esaws.costs.forecasting.result import cents
from esaws.costs.forecasting.variations import Variation, varied
from esaws.errors import UsageError
from esaws.pricelist import REGIMES, Regime
from esaws.reference.seccom import PROFILES, Profile, seccom
from esaws.resources.auto_scaling_group import AutoScalingGroup
from esaws.resources.load_balancer import LoadBalancer
from tests.bills.writing import Line, cur, explorer, hours, parquet, total

THEN: dict[str, Any] = {"as_of": date(2022, 3, 1), "month": Month.average(432)}
NOW: dict[str, Any] = {"as_of": date(2026, 3, 1)}


# --- shares


def costs(count: int) -> st.SearchStrategy[dict[frozenset[int], Decimal]]:
    """What is paid for each set of so many decisions."""
    sets = [frozenset(n for n in range(count) if number >> n & 1) for number in range(2**count)]
    amounts = st.decimals(-1000, 1000, places=4)
    return st.tuples(*(amounts for _ in sets)).map(lambda found: dict(zip(sets, found, strict=True)))


@given(st.integers(0, 4).flatmap(lambda count: st.tuples(st.just(count), costs(count))))
def test_shares_add_up_to_what_is_paid_for_all(world: tuple[int, dict[frozenset[int], Decimal]]) -> None:
    count, paid = world
    parts, left = shares(count, paid.__getitem__)
    assert sum(parts, left) == Fraction(paid[frozenset(range(count))])
    assert left == Fraction(paid[frozenset()])


@given(costs(3))
def test_what_changes_nothing_costs_nothing_and_equals_cost_alike(paid: dict[frozenset[int], Decimal]) -> None:
    parts, _ = shares(3, lambda taken: paid[taken - {2}])
    assert parts[2] == 0
    parts, _ = shares(3, lambda taken: paid[frozenset(range(len(taken)))])
    assert parts[0] == parts[1] == parts[2]


def test_two_decisions_that_only_together_cost_share_it() -> None:
    parts, left = shares(2, lambda taken: Decimal(10 if len(taken) == 2 else 4))
    assert (parts, left) == ([3, 3], 4)


@given(st.lists(st.fractions(-1000, 1000), max_size=8))
def test_cents_add_up_to_the_cents_of_the_sum(parts: list[Fraction]) -> None:
    found = in_cents(parts)
    assert sum(found) * 100 == round(sum(parts) * 100)
    assert all(abs(Fraction(cent) - part) < Fraction(1, 100) for cent, part in zip(found, parts, strict=True))


# --- of a forecast


@pytest.mark.parametrize("when", [THEN, NOW], ids=["2022", "2026"])
@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("profile", PROFILES)
def test_decisions_add_up_to_the_forecast(profile: Profile, regime: Regime, when: dict[str, Any]) -> None:
    what = seccom(profile)
    found, whole = decided(what, regime=regime, **when), forecast(what, regime=regime, count_below=True, **when)
    assert found.total_usd == whole.total_usd
    assert float(sum(part.share for part in (*found.parts, *found.rest))) == pytest.approx(float(whole.total_usd))
    assert Decimal(str(round(found.to_frame().usd.sum(), 2))) == cents(whole.total_usd)


def alone(found: Decided, word: str) -> float:
    frame = found.to_frame()
    (name,) = [name for name in frame.index if word in name]
    return float(frame.alone_usd[name])


@pytest.mark.parametrize(
    ("word", "variation"),
    [
        ("second zone", Variation(zones=1)),
        ("at least 2 machines", Variation(instances=1)),
        ("for nobody", Variation(hours_a_day=10)),
    ],
)
@pytest.mark.parametrize("regime", REGIMES)
def test_one_decision_alone_saves_what_the_variation_does(word: str, variation: Variation, regime: Regime) -> None:
    what, told = seccom("ha"), THEN | {"regime": regime, "count_below": True}
    saved = forecast(what, **told).total_usd - varied(what, variation, **told).total_usd
    assert alone(decided(what, regime=regime, **THEN), word) == pytest.approx(float(saved), abs=0.005)


@pytest.mark.parametrize(("profile", "machines"), [("ha", 4), ("budget", 2)])
def test_one_cluster_has_as_many_machines_as_the_tasks_need(profile: Profile, machines: int) -> None:
    """Of 1,024 MiB a task takes 256, and the system a tenth: three tasks on a machine."""
    (decision,) = [each for each in decisions_of(seccom(profile)) if "clusters" in each.name]
    left = decision.without(list(seccom(profile)))
    assert [each.desired_capacity for each in left if isinstance(each, AutoScalingGroup)] == [machines]


def test_only_what_is_there_can_be_taken_away() -> None:
    assert [each.name for each in decisions_of(seccom("budget"))] == [
        "6 clusters, one for each service",
        "a public address for each machine",
        "a load balancer",
        "running 14 hours a day for nobody",
    ]
    assert len(decisions_of(seccom("budget"), hours_of_use=24)) == 3
    assert decisions_of([]) == []


def test_machines_whose_memory_is_not_known_are_put_on_no_common_cluster() -> None:
    assert not any("clusters" in each.name for each in decisions_of(seccom("ha", instance_type="c7g.large")))


def test_a_load_balancer_takes_its_addresses_along() -> None:
    found = decided(seccom("budget"), **NOW)
    assert alone(found, "load balancer") == pytest.approx(730 * (0.02646 + 2 * 0.005), abs=0.005)


def test_other_decisions_can_be_asked_about() -> None:
    without = Decision("balancing", lambda declared: [each for each in declared if not isinstance(each, LoadBalancer)])
    found = decided(seccom("ha"), decisions=[without], **NOW)
    assert [part.name for part in found.parts] == ["balancing"]
    with pytest.raises(UsageError, match="13 decisions are too many"):
        decided(seccom("ha"), decisions=[without] * 13, **NOW)


def test_a_picture_says_what_was_decided(tmp_path: Path) -> None:
    chart = draw_decided(decided(seccom("ha"), regime="legacy", **THEN), "18 days")
    assert chart.title == "80.18 of 80.20 USD were decided, 18 days"
    assert "for nothing: a public address for each machine" in chart.figure.axes[0].get_title("left")
    assert chart._repr_svg_() == draw_decided(decided(seccom("ha"), regime="legacy", **THEN), "18 days")._repr_svg_()


# --- of a bill

MARCH = datetime(2022, 3, 1)
FREE = Decimal(0)


def month_of_twelve(*more: Line) -> list[Line]:
    """432 hours of twelve machines: 750 of them free, and their disks left out."""
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
    found = decided_in(bill, seccom("ha"), regime="legacy")
    assert float(found.total_usd) == pytest.approx(float(total(month_of_twelve())) + 11.71)
    frame = found.to_frame()
    assert frame.usd.sum() == pytest.approx(round(float(found.total_usd), 2))
    assert frame.usd["what is left: AmazonEC2, tax"] == 11.71
    assert OTHER_PRICES not in frame.index


def test_a_decision_alone_is_priced_with_what_stays_free(billed: Path) -> None:
    found = decided_in(read_bill(billed), seccom("ha"), regime="legacy")
    # Half of 5,184 hours, of which 750 are still free.
    assert alone(found, "second zone") == pytest.approx(2592 * 0.0132, abs=0.005)


def test_what_was_charged_otherwise_is_said(tmp_path: Path) -> None:
    dear = hours(100, MARCH, rate=Decimal("0.02"), cost=Decimal("0.02"))
    found = decided_in(read_bill(parquet(tmp_path / "a.parquet", [cur(line) for line in dear])), seccom("ha"))
    assert found.to_frame().usd[OTHER_PRICES] == pytest.approx(100 * (0.02 - 0.0132))
    assert float(found.total_usd) == pytest.approx(2.0)


def test_what_a_bill_does_not_tell_is_an_error(tmp_path: Path) -> None:
    two = [*hours(2, MARCH), *hours(2, datetime(2022, 4, 1))]
    with pytest.raises(UsageError, match="say which month"):
        decided_in(read_bill(parquet(tmp_path / "two.parquet", [cur(line) for line in two])), seccom("ha"))
    euros = hours(2, MARCH, currency="EUR")
    with pytest.raises(UsageError, match="the bill is in EUR"):
        decided_in(read_bill(parquet(tmp_path / "eur.parquet", [cur(line) for line in euros])), seccom("ha"))
    (tmp_path / "ce.json").write_text(json.dumps(explorer(hours(24, MARCH), "SERVICE")))
    with pytest.raises(UsageError, match="tells no usage types by product"):
        decided_in(read_bill(tmp_path / "ce.json"), seccom("ha"))
