"""What a month costs, said beforehand: to the cent as it was, and as the local AWS bills it."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esaws import simulation
from esaws.cloud import Cloud
from esaws.costs.explorer import spending
from esaws.costs.forecast.assumptions import Traffic, parked
from esaws.costs.forecast.forecast import Forecast, cents, forecast, forecasts
from esaws.costs.forecast.mine import my_regime
from esaws.costs.forecast.month import Month
from esaws.costs.forecast.pictures import draw_forecasts
from esaws.costs.forecast.variations import Variation, compare
from esaws.errors import UsageError
from esaws.plan import plan_deploy
from esaws.pricelist import REGIMES, Regime, Usage
from esaws.resources.bucket import Bucket
from esaws.seccom import PROFILES, seccom
from tests.local.conftest import Program

HA = seccom("ha")
IN_2022 = date(2022, 3, 1)


def machines_and_disks(found: Forecast) -> Decimal:
    return sum((line.usd for line in found.lines if line.service == "AmazonEC2" and line.usd), Decimal(0))


# --- the story, to the cent


@pytest.mark.parametrize(("hours", "usd"), [(365, "65.32"), (432, "79.76"), (730, "144.01")])
def test_the_bill_of_the_story(hours: int, usd: str) -> None:
    found = forecast(HA, regime="legacy", month=Month.average(hours), as_of=IN_2022)
    assert cents(machines_and_disks(found)) == Decimal(usd)
    assert not any("IPv4" in line.usage_type for line in found.lines), "addresses cost nothing then"


def test_a_month_without_a_free_tier() -> None:
    found = forecast(HA, regime="none")
    assert cents(found.total_usd) == cents(found.list_usd) == Decimal("284.52")
    assert cents(forecast(seccom("budget"), regime="none").total_usd) == Decimal("183.92")


def test_twelve_machines_use_up_the_hours_in_62_and_a_half() -> None:
    used = {each.allowance.id: each for each in forecast(HA, regime="legacy").free_tier}
    assert used["AmazonEC2 Hrs"].exhausted_after_h == Decimal("62.5")
    assert used["AmazonEBS GB-Mo"].exhausted_after_h == Decimal(30) / 360 * 730
    assert used["AWSELB Hrs"].exhausted_after_h is None


def test_tax_is_on_what_is_paid() -> None:
    found = forecast(HA, regime="legacy", month=Month.average(365), as_of=IN_2022, vat_percent=20)
    assert cents(found.to_pay_usd) == Decimal("78.38")


def test_credits_last_about_23_days_on_a_cheaper_machine() -> None:
    build: Any = [
        each if each.kind != "AutoScalingGroup" else each.__class__(**(vars(each) | {"template": gp3(each.template)}))
        for each in seccom("ha", instance_type="t3.micro")
    ]
    found = forecast(build, regime="credits")
    assert found.runway_days is not None and round(found.runway_days) == 23
    assert found.credits_usd == 200 and cents(found.to_pay_usd) == cents(found.total_usd) - 200
    assert forecast(build, regime="credits", credits=100).runway_days == found.runway_days / 2


def gp3(template: Any) -> Any:
    return template.__class__(**(vars(template) | {"root_type": "gp3"}))


# --- what the local AWS bills


@pytest.fixture(scope="module", params=REGIMES)
def world(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Regime, str]]:
    """A local AWS of its own on the last day of January, whose clock stands still between two jumps."""
    program = Program(tmp_path_factory.mktemp("forecast"), {"ESAWS_STILL": "1"})
    started = program.json("start", "--at", "2026-01-31T00:00Z", "--regime", request.param)
    yield request.param, started["url"]
    program.run("stop", "--discard")


def test_the_local_aws_bills_what_was_forecast(world: tuple[Regime, str]) -> None:
    regime, url = world
    clouds = {profile: Cloud.at(url, account=f"60000000000{n}") for n, profile in enumerate(PROFILES)}
    for profile, cloud in clouds.items():
        plan_deploy(seccom(profile), cloud).apply()
    first, end = date(2026, 2, 1), date(2026, 3, 1)
    for day in (first, end):
        simulation.advance(next(iter(clouds.values())), to=datetime(day.year, day.month, day.day, tzinfo=UTC))
    for profile, cloud in clouds.items():
        # Nobody has put clips into the bucket, and an hour of January was paid with credits.
        build = [each for each in seccom(profile) if not isinstance(each, Bucket)]
        found = forecast(build, regime=regime, month=Month.calendar(first), as_of=first, count_below=True)
        usage = {"Dimensions": {"Key": "RECORD_TYPE", "Values": ["Usage"]}}
        billed = spending(cloud, first, end, by="USAGE_TYPE", each="MONTHLY", where=usage)
        assert by_usage_type(found) == pytest.approx(
            {row.usage_type: row.usd for row in billed.itertuples() if row.usage_type != "EUW3-TimedStorage-ByteHrs"},
            abs=1e-6,
        )
        assert float(found.total_usd) == pytest.approx(billed.usd.sum(), abs=1e-4)


def by_usage_type(found: Forecast) -> dict[str, float]:
    sums: dict[str, float] = {}
    for line in found.lines:
        assert line.usd is not None
        sums[line.usage_type] = sums.get(line.usage_type, 0.0) + float(line.usd)
    return sums


def test_an_account_says_which_regime_is_its_own(world: tuple[Regime, str]) -> None:
    regime, url = world
    cloud = Cloud.at(url, account="600000000009")
    cloud.client("ec2").run_instances(ImageId="ami-1", InstanceType="t2.micro", MinCount=1, MaxCount=1)
    simulation.advance(cloud, "2h")
    mine = my_regime(cloud)
    assert mine.regime == regime, mine.why
    assert (mine.credits is not None) == (regime == "credits")


# --- assumptions


def test_traffic_becomes_capacity_units_and_gigabytes() -> None:
    busy = Traffic(requests=25 * 730 * 3600 * 2, gb_out=150, gb_between_zones=10)
    lines = {line.usage_type: line for line in forecast(HA, regime="none", traffic=busy).lines}
    assert lines["EUW3-LCUUsage"].quantity == 2 * 730
    assert lines["EUW3-DataTransfer-Out-Bytes"].usd == 50 * Decimal("0.09"), "100 GB are free for all"
    assert lines["EUW3-DataTransfer-Regional-Bytes"].usd == 20 * Decimal("0.01"), "both sides are charged"
    few = Traffic(gb_out=1460)
    assert next(few.usage()).quantity == 1460, "2 GB an hour are two units"


def test_what_goes_out_is_charged_by_tier() -> None:
    nothing_else: Any = []
    (line, _) = forecast(nothing_else, regime="none", traffic=Traffic(gb_out=100 + 10240 + 1000)).lines[::-1]
    assert line.usd == 10240 * Decimal("0.09") + 1000 * Decimal("0.085")


def test_nights_off_stop_machines_and_not_the_load_balancer() -> None:
    usages = [
        Usage.hours("AmazonEC2", "BoxUsage:t2.micro", "RunInstances"),
        Usage.hours("AmazonVPC", "PublicIPv4:InUseAddress", "RunInstances"),
        Usage.hours("AmazonVPC", "PublicIPv4:InUseAddress", "CreateLoadBalancer"),
        Usage.hours("AWSELB", "LoadBalancerUsage"),
    ]
    assert [each.quantity for each in parked(usages, 12)] == [365, 365, 730, 730]


@pytest.mark.parametrize("wrong", [{"regime": "free"}, {"hours_a_day": 25}, {"vat_percent": -1}])
def test_an_assumption_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        forecast(HA, **wrong)


@pytest.mark.parametrize("hours", [0, -1, 745])
def test_a_time_that_is_no_month_is_refused(hours: int) -> None:
    with pytest.raises(UsageError, match="1 to 744 hours"):
        Month.average(hours)


@pytest.mark.parametrize(("day", "hours"), [((2026, 2, 10), 672), ((2024, 2, 1), 696), ((2026, 3, 31), 744)])
def test_a_calendar_month_has_its_true_hours(day: tuple[int, int, int], hours: int) -> None:
    assert Month.calendar(date(*day)) == Month(Decimal(hours), Decimal(hours))


# --- sums


@given(
    st.lists(st.tuples(st.sampled_from(["t2.micro", "t3.micro"]), st.integers(1, 5000)), min_size=1, max_size=6),
    st.sampled_from(REGIMES),
)
def test_what_is_free_is_never_more_than_the_allowance(some: list[tuple[str, int]], regime: Regime) -> None:
    class Declared:
        def usage(self) -> list[Usage]:
            return [Usage("AmazonEC2", f"BoxUsage:{size}", Decimal(n), "Hrs", "RunInstances") for size, n in some]

    build: Any = [Declared()]
    found = forecast(build, regime=regime)
    free = sum(line.free_quantity for line in found.lines)
    used = sum(n for size, n in some if size == "t2.micro")
    assert round(free, 9) == (min(750, used) if regime == "legacy" else 0)
    assert found.total_usd <= found.list_usd
    assert all(line.usd is not None and line.usd >= 0 for line in found.lines)


def test_a_price_that_nobody_knows_is_in_no_total_and_said() -> None:
    found = forecast(seccom("ha", instance_type="m5.large"), regime="none")
    assert found.unpriced == ("EUW3-BoxUsage:m5.large",)
    assert any("the total lacks EUW3-BoxUsage:m5.large" in warning for warning in found.warnings())
    assert compare({"big": seccom("ha", instance_type="m5.large")}).isna().all().all()


def test_what_no_list_confirms_is_said() -> None:
    assert any("EUW3-InstanceUsage:db.t3.micro" in warning for warning in forecast(HA, regime="none").warnings())


def test_alarms_that_scaling_makes_are_told_and_counted_when_asked() -> None:
    apart, counted = forecast(HA, regime="none"), forecast(HA, regime="none", count_below=True)
    assert any("24 alarms, 1.40 USD" in warning for warning in apart.warnings())
    assert counted.total_usd - apart.total_usd == Decimal("1.4") and not counted.below


def test_a_plan_is_forecast_as_its_architecture(cloud: Cloud) -> None:
    plan = plan_deploy(HA, cloud)
    assert forecast(plan, regime="none").total_usd == forecast(HA, regime="none").total_usd


def test_builds_side_by_side() -> None:
    one_zone, nat, nights = Variation(zones=1), Variation(nat_gateways=1), Variation(hours_a_day=10)
    found = compare(
        {"ha": HA, "budget": seccom("budget"), "one zone": (HA, one_zone), "nat": (HA, nat), "nights off": (HA, nights)}
    )
    assert found.loc["ha"].tolist() == [284.52, 191.48, 284.52, 284.52]
    assert found.loc["one zone", "none"] == found.loc["budget", "none"]
    assert found.loc["nat", "none"] == pytest.approx(284.52 + 730 * 0.055, abs=0.011)
    assert found.loc["nights off", "none"] < found.loc["ha", "none"]
    three = compare({"three": (HA, Variation(clusters=3, instances=1))})
    assert three.loc["three", "none"] < found.loc["budget", "none"]


# --- as people see it


def test_the_picture_names_what_ends_when(tmp_path: Path) -> None:
    chart = draw_forecasts(forecasts(HA))
    shown = chart._repr_svg_()
    assert "750 hours and 30 GB of disk are used up" in shown and "200 USD of credits are used up" in shown
    assert shown == draw_forecasts(forecasts(HA))._repr_svg_()
    chart.save(tmp_path / "f.png")


def test_the_command_line_says_it_too(esaws: Any) -> None:
    each = esaws.json("cost", "forecast", "--profile", "ha")
    assert [(one["regime"], one["total_usd"]) for one in each] == [
        ("legacy", 191.48),
        ("credits", 284.52),
        ("none", 284.52),
    ]
    words = ("cost", "forecast", "--profile", "ha", "--regime", "legacy", "--hours", "432", "--as-of", "2022-03-01")
    found = esaws.json(*words)
    assert set(found) >= {"regime", "hours", "lines", "total_usd", "free_tier", "runway_days"}
    assert set(found["lines"][0]) >= {
        "service",
        "usage_type",
        "quantity",
        "unit",
        "rate",
        "list_usd",
        "free_usd",
        "usd",
    }
    (hours,) = [each for each in found["free_tier"] if each["allowance"] == "AmazonEC2 Hrs"]
    assert (hours["cap"], hours["used"], hours["exhausted_after_h"]) == (750, 750, 62.5)
    assert "284.52 USD to pay for 730 hours" in esaws("cost", "forecast", "--profile", "ha", "--regime", "none")
    assert "Which is yours?" in esaws("cost", "forecast", "--profile", "ha")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--regime", "free"), "there is no regime 'free'"),
        (("--month", "2026-13"), "--month 2026-13 is no date"),
        (("--as-of", "yesterday"), "--as-of yesterday is no date"),
        (("--month", "2026-02", "--hours", "3"), "take one of them"),
        (("--hours", "800"), "1 to 744 hours"),
        (("--requests", "-5"), "requests can't be -5"),
    ],
)
def test_what_cannot_be_forecast_is_refused(esaws: Any, words: tuple[str, ...], said: str) -> None:
    assert said in esaws("cost", "forecast", "--profile", "ha", *words, code=2)
