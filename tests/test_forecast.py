"""Forecasts: to the cent of real bills, in every regime, with their assumptions and warnings."""

import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esaws.cli import main
from esaws.cloud import Cloud
from esaws.costs.forecasting.account_regime import AccountFacts, regime_by_age, regime_from_facts
from esaws.costs.forecasting.assumptions import Traffic, with_hours_a_day
from esaws.costs.forecasting.cost_curve import charged_by
from esaws.costs.forecasting.forecast import compare_forecasts, forecast
from esaws.costs.forecasting.month import Month
from esaws.costs.forecasting.result import Forecast, round_to_cent
from esaws.costs.forecasting.variations import Variation, compare_builds, forecast_variation
from esaws.deploy.plan import plan_deploy
from esaws.errors import UsageError
from esaws.pricelist import REGIMES, PriceList, Regime, Usage
from esaws.reference.seccom import seccom

HA = seccom("ha")
IN_2022 = date(2022, 3, 1)
UNKNOWN = "m5.24xlarge"


class Consuming:
    """A resource with a given usage."""

    def __init__(self, *usages: Usage) -> None:
        self.usages = usages

    def usage(self) -> list[Usage]:
        return list(self.usages)


def boxes(**hours: float) -> Consuming:
    """Hours of instances by type, like t2_micro=730."""
    return Consuming(
        *(
            Usage("AmazonEC2", f"BoxUsage:{name.replace('_', '.')}", Decimal(str(some)), "Hrs", "RunInstances")
            for name, some in hours.items()
        )
    )


def ec2_usd(result: Forecast) -> Decimal:
    """The cost of instances and disks."""
    return sum((line.usd for line in result.lines if line.service == "AmazonEC2" and line.usd), Decimal(0))


# --- sums to the cent


@pytest.mark.parametrize(("hours", "usd"), [(365, "65.32"), (432, "79.76"), (730, "144.01")])
def test_the_bill_of_the_story_is_forecast_to_the_cent(hours: int, usd: str) -> None:
    found = forecast(HA, regime="legacy", month=Month.average(hours), as_of=IN_2022)
    assert round_to_cent(ec2_usd(found)) == Decimal(usd)
    assert not any("IPv4" in line.usage_type for line in found.lines), "public addresses were free in 2022"


def test_a_month_without_a_free_tier() -> None:
    found = forecast(HA, regime="none")
    assert round_to_cent(found.total_usd) == round_to_cent(found.list_usd) == Decimal("284.52")
    assert round_to_cent(forecast(seccom("budget"), regime="none").total_usd) == Decimal("183.92")


def test_twelve_instances_exhaust_the_allowance_in_62_and_a_half_hours() -> None:
    used = {one.allowance.id: one for one in forecast(HA, regime="legacy").free_tier}
    assert used["AmazonEC2 Hrs"].exhausted_after_h == Decimal("62.5")
    assert used["AmazonEBS GB-Mo"].exhausted_after_h == Decimal(30) / 360 * 730
    assert used["AWSELB Hrs"].exhausted_after_h is None


def test_tax_is_added_to_what_is_paid() -> None:
    found = forecast(HA, regime="legacy", month=Month.average(365), as_of=IN_2022, vat_percent=20)
    assert round_to_cent(found.to_pay_usd) == Decimal("78.38")


# --- credits


def test_credits_last_about_23_days_on_a_cheaper_instance_type() -> None:
    build: Any = [
        one if one.kind != "AutoScalingGroup" else one.__class__(**(vars(one) | {"template": gp3(one.template)}))
        for one in seccom("ha", instance_type="t3.micro")
    ]
    found = forecast(build, regime="credits")
    assert found.runway_days is not None and round(found.runway_days) == 23
    assert found.credits_usd == 200 and round_to_cent(found.to_pay_usd) == round_to_cent(found.total_usd) - 200
    assert [*found.runways] == [100, 120, 200], "at sign-up, with a database, and at most"
    assert forecast(build, regime="credits", credits=100).runway_days == pytest.approx(found.runway_days / 2)


def gp3(template: Any) -> Any:
    return template.__class__(**(vars(template) | {"root_type": "gp3"}))


def test_a_budget_earns_credits_too() -> None:
    assert [*forecast(seccom("budget", warn_at_usd=20), regime="credits").runways] == [100, 140, 200]


@pytest.mark.parametrize(
    ("usd_a_month", "credits", "days"),
    [
        (730, 365, 730 / 48),  # half a month of 730 hours
        (100, 200, 2 * 730 / 24),
        (100, 250, 2.5 * 730 / 24),
        (1, 200, 365),  # they expire after a year
    ],
)
def test_credits_are_used_up_month_after_month(usd_a_month: float, credits: float, days: float) -> None:
    one = PriceList.from_rows([price("S", "Hours", usd_a_month / 730)], "a test")
    found = forecast([Consuming(Usage.hours("S", "Hours"))], regime="credits", credits=credits, prices=one)
    assert float(found.runway_days or 0) == pytest.approx(days)
    part = forecast(
        [Consuming(Usage.hours("S", "Hours"))], regime="credits", credits=credits, prices=one, month=Month.average(73)
    )
    assert part.runway_days == found.runway_days, "the runway extends beyond the forecast time span"


def price(service: str, usage_type: str, usd: float, **more: Any) -> dict[str, Any]:
    """A row of a price list."""
    return {
        "service": service,
        "usage_type": f"EUW3-{usage_type}",
        "unit": "Hrs",
        "usd": usd,
        "region": "eu-west-3",
        "description": "per hour",
        "source": "a test",
        "as_of": "2026-01-01",
        "verified": True,
        **more,
    }


def test_credits_do_not_pay_for_free_usage() -> None:
    out = Traffic(gb_out=200)
    found = forecast([], regime="credits", credits=4.5, traffic=out)
    assert float(found.total_usd) == pytest.approx(9 + 200 * 2**30 / 1e9 * 0.0084)
    hour = Decimal(str(found.runway_days)) * 24
    assert hour > 365, "100 GB are always free; until then only capacity units are charged"
    assert charged_by(found.lines, found.month, hour) == pytest.approx(Decimal("4.5"))


def test_an_account_on_the_free_plan_is_warned() -> None:
    (note,) = forecast(HA, regime="credits").notes
    assert "closed when its credits are used up" in note and "does not launch t2.micro at all" in note
    (note,) = forecast(seccom("ha", instance_type="t3.micro"), regime="credits").notes
    assert "does not launch" not in note


# --- the regime of an account


@pytest.mark.parametrize(
    ("opened", "today", "regime"),
    [
        (date(2021, 10, 4), date(2022, 3, 1), "legacy"),
        (date(2021, 10, 4), date(2022, 10, 4), "none"),
        (date(2025, 7, 14), date(2026, 7, 13), "legacy"),
        (date(2025, 7, 14), date(2026, 7, 14), "none"),
        (date(2025, 7, 15), date(2026, 7, 14), "credits"),
        (date(2025, 7, 15), date(2026, 7, 15), "none"),
        (date(2024, 2, 29), date(2025, 2, 27), "legacy"),
        (date(2024, 2, 29), date(2025, 2, 28), "none"),
    ],
)
def test_the_age_of_an_account_determines_its_regime(opened: date, today: date, regime: Regime) -> None:
    assert regime_by_age(opened, today).regime == regime


TODAY = date(2026, 11, 27)
PAID = {"accountPlanType": "PAID", "accountPlanStatus": "ACTIVE"}


@pytest.mark.parametrize(
    ("facts", "regime", "credits"),
    [
        (
            AccountFacts(TODAY, plan=PAID | {"accountPlanRemainingCredits": {"amount": 42.5, "unit": "USD"}}),
            "credits",
            42.5,
        ),
        (AccountFacts(TODAY, plan=PAID | {"accountPlanRemainingCredits": {"amount": 0, "unit": "USD"}}), "none", 0.0),
        (AccountFacts(TODAY, plan={"accountPlanType": "FREE", "accountPlanStatus": "EXPIRED"}), "none", 0.0),
        (AccountFacts(TODAY, has_no_plan=True, opened=date(2020, 1, 1)), "none", None),
        (AccountFacts(date(2026, 2, 1), has_no_plan=True, opened=date(2025, 7, 1)), "legacy", None),
        (AccountFacts(date(2026, 2, 1), has_no_plan=True, offers=frozenset({"12 Months Free"})), "legacy", None),
        (AccountFacts(TODAY, has_no_plan=True), "none", None),
        (AccountFacts(date(2026, 2, 1), has_no_plan=True, offers=frozenset({"Always Free"})), None, None),
        (AccountFacts(TODAY, failures=("denied",)), None, None),
    ],
)
def test_the_facts_of_an_account_determine_its_regime(
    facts: AccountFacts, regime: Regime | None, credits: float | None
) -> None:
    detected = regime_from_facts(facts)
    assert (detected.regime, detected.credits) == (regime, credits)
    assert regime or "opened before 15 July 2025" in detected.reason


# --- assumptions


def test_traffic_becomes_capacity_units_and_gigabytes() -> None:
    busy = Traffic(requests=25 * 730 * 3600 * 2, gb_out=150, gb_between_zones=10, requests_per_connection=1)
    lines = {line.usage_type: line for line in forecast(HA, regime="none", traffic=busy).lines}
    assert lines["EUW3-LCUUsage"].quantity == 2 * 730, "a unit is 25 new connections a second"
    assert lines["EUW3-DataTransfer-Out-Bytes"].usd == 50 * Decimal("0.09"), "100 GB are always free"
    assert lines["EUW3-DataTransfer-Regional-Bytes"].usd == 20 * Decimal("0.01"), "both sides are charged"
    few = Traffic(gb_out=1460)
    assert float(next(few.usage()).quantity) == pytest.approx(1460 * 2**30 / 1e9), "a unit is 10^9 bytes an hour"


def test_data_transfer_is_charged_by_tier() -> None:
    (line, _) = forecast([], regime="none", traffic=Traffic(gb_out=100 + 10240 + 1000)).lines[::-1]
    assert line.usd == 10240 * Decimal("0.09") + 1000 * Decimal("0.085")


def test_stored_gigabytes_replace_the_declared_ones() -> None:
    def gigabytes(gb: float | None) -> list[Decimal]:
        found = forecast(HA, regime="none", gb_stored=gb)
        return [line.quantity for line in found.lines if line.service == "AmazonS3"]

    assert gigabytes(None) == [10]
    assert gigabytes(250) == [250]
    assert gigabytes(0) == []
    with pytest.raises(UsageError, match="no bucket"):
        forecast([boxes(t2_micro=1)], gb_stored=5)


def test_parking_at_night_stops_instances_but_not_the_load_balancer() -> None:
    usages = [
        Usage.hours("AmazonEC2", "BoxUsage:t2.micro", "RunInstances"),
        Usage.hours("AmazonVPC", "PublicIPv4:InUseAddress", "RunInstances"),
        Usage.hours("AmazonVPC", "PublicIPv4:InUseAddress", "CreateLoadBalancer"),
        Usage.hours("AWSELB", "LoadBalancerUsage"),
    ]
    assert [usage.quantity for usage in with_hours_a_day(usages, 12)] == [365, 365, 730, 730]


@pytest.mark.parametrize(
    "invalid",
    [
        {"regime": "free"},
        {"hours_a_day": 25},
        {"hours_a_day": -1},
        {"vat_percent": -1},
        {"credits": -1},
        {"gb_stored": -1},
    ],
)
def test_an_invalid_assumption_is_refused(invalid: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        forecast(HA, **invalid)


@pytest.mark.parametrize("invalid", [{"requests": -1}, {"gb_out": -1}, {"requests_per_connection": 0}])
def test_invalid_traffic_is_refused(invalid: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="can't be"):
        Traffic(**invalid)


@pytest.mark.parametrize("hours", [0, -1, 745])
def test_hours_beyond_a_month_are_refused(hours: int) -> None:
    with pytest.raises(UsageError, match="1 to 744 hours"):
        Month.average(hours)


@pytest.mark.parametrize(("day", "hours"), [((2026, 2, 10), 672), ((2024, 2, 1), 696), ((2026, 3, 31), 744)])
def test_a_calendar_month_has_its_true_hours_and_prices(day: tuple[int, int, int], hours: int) -> None:
    month = Month.calendar(date(*day))
    assert (month.hours, month.month_hours) == (hours, hours)
    found = forecast(HA, regime="none", month=month)
    lines = {line.usage_type: line.quantity for line in found.lines}
    assert lines["EUW3-BoxUsage:t2.micro"] == 12 * hours, "instances are charged by the hour"
    assert lines["EUW3-EBS:VolumeUsage.gp2"] == 360, "disks are charged by the month"
    assert found.as_of == date(*day).replace(day=1)


# --- sums


@given(
    st.lists(st.tuples(st.sampled_from(["t2.micro", "t3.micro"]), st.integers(1, 5000)), min_size=1, max_size=6),
    st.sampled_from(REGIMES),
)
def test_free_usage_never_exceeds_the_allowance(some: list[tuple[str, int]], regime: Regime) -> None:
    usages = (Usage("AmazonEC2", f"BoxUsage:{size}", Decimal(n), "Hrs", "RunInstances") for size, n in some)
    found = forecast([Consuming(*usages)], regime=regime)
    free = sum(line.free_quantity for line in found.lines)
    used = sum(n for size, n in some if size == "t2.micro")
    assert round(free, 9) == (min(750, used) if regime == "legacy" else 0)
    assert found.total_usd <= found.list_usd
    assert all(line.usd is not None and line.usd >= 0 for line in found.lines)
    assert charged_by(found.lines, found.month, found.month.hours) == pytest.approx(found.total_usd)


@given(st.integers(1, 40_000), st.integers(1, 40_000))
def test_usage_types_that_share_an_allowance_use_it_hour_by_hour(gp2: int, gp3: int) -> None:
    usages = (
        Usage("AmazonEC2", f"EBS:VolumeUsage.gp{n}", Decimal(gb) / 100, "GB-Mo") for n, gb in ((2, gp2), (3, gp3))
    )
    month = Month.calendar(date(2026, 2, 1))
    found = forecast([Consuming(*usages)], regime="legacy", month=month)
    left, free = Decimal(30), {}
    for _ in range(672):  # as a meter counts
        for name, gb in (("EUW3-EBS:VolumeUsage.gp2", gp2), ("EUW3-EBS:VolumeUsage.gp3", gp3)):
            part = min(left, Decimal(gb) / 100 / 672)
            left -= part
            free[name] = free.get(name, Decimal(0)) + part
    assert {line.usage_type: float(line.free_quantity) for line in found.lines} == pytest.approx(
        {name: float(amount) for name, amount in free.items()}, abs=1e-9
    )


def test_a_missing_price_is_in_no_total_and_has_a_warning() -> None:
    found = forecast(seccom("ha", instance_type=UNKNOWN), regime="none")
    assert found.unpriced == (f"EUW3-BoxUsage:{UNKNOWN}",)
    assert any(f"the total lacks EUW3-BoxUsage:{UNKNOWN}" in warning for warning in found.warnings())
    values = found.to_dict()
    assert (values["total_usd"], values["to_pay_usd"], values["verified"]) == (None, None, False)
    assert values["known_usd"] == pytest.approx(284.52 - 12 * 730 * 0.0132, abs=0.01)
    assert repr(found).startswith("<Forecast none: at least ")
    assert compare_builds({"big": seccom("ha", instance_type=UNKNOWN)}).drop(columns="verified").isna().all().all()


def test_unverified_prices_mark_every_total() -> None:
    found = forecast(HA, regime="none")
    assert any("EUW3-InstanceUsage:db.t3.micro" in warning for warning in found.warnings())
    assert repr(found) == "<Forecast none: ~284.52 USD for 730 hours>"
    assert not found.to_dict()["verified"]
    sure = forecast([boxes(t2_micro=730)])
    assert sure.verified and not sure.warnings() and repr(sure) == "<Forecast none: 9.64 USD for 730 hours>"
    assert compare_builds({"ha": HA, "one": [boxes(t2_micro=730)]}).verified.tolist() == [False, True]


def test_alarms_of_scaling_have_a_warning_and_are_included_on_request() -> None:
    apart, counted = forecast(HA, regime="none"), forecast(HA, regime="none", include_aws_managed=True)
    assert any("AWS creates 24 alarms for it, which cost 1.40 USD more" in warning for warning in apart.warnings())
    assert counted.total_usd - apart.total_usd == apart.aws_managed_usd == Decimal("1.4") and not counted.aws_managed
    warned = forecast(seccom("ha", warn_at_usd=80), regime="none")
    assert warned.aws_managed_usd == Decimal("2.4") - Decimal("0.1") * (10 - 3), (
        "three alarms of its own use the ten free ones first"
    )


def test_a_plan_is_forecast_as_its_architecture(cloud: Cloud) -> None:
    plan = plan_deploy(HA, cloud)
    assert forecast(plan, regime="none").total_usd == forecast(HA, regime="none").total_usd


# --- variations


def test_builds_are_compared() -> None:
    one_zone, nat, nights = Variation(zones=1), Variation(nat_gateways=1), Variation(hours_a_day=10)
    found = compare_builds(
        {"ha": HA, "budget": seccom("budget"), "one zone": (HA, one_zone), "nat": (HA, nat), "nights off": (HA, nights)}
    )
    assert found.loc["ha", ["list_usd", *REGIMES]].tolist() == [284.52, 191.48, 284.52, 284.52]
    assert found.loc["one zone", "none"] == found.loc["budget", "none"]
    assert found.loc["nat", "none"] == pytest.approx(284.52 + 730 * 0.055, abs=0.011)
    assert found.loc["nights off", "none"] < found.loc["ha", "none"]
    bigger = compare_builds({"small": (HA, Variation(instance_type="t3.small"))})
    assert bigger.loc["small", "none"] == pytest.approx(284.52 + 8760 * (0.0236 - 0.0132), abs=0.011)


def test_fewer_clusters_have_fewer_instances_and_alarms() -> None:
    three = forecast_variation(HA, Variation(clusters=3))
    hours = {line.usage_type: line.quantity for line in three.lines}
    assert hours["EUW3-BoxUsage:t2.micro"] == 6 * 730
    assert [line.quantity for line in three.aws_managed] == [12]
    assert forecast_variation(HA, Variation(clusters=6)).total_usd == forecast(HA).total_usd
    assert forecast_variation(HA, Variation(clusters=3, instances=1)).total_usd < three.total_usd


@pytest.mark.parametrize("invalid", [{"zones": 0}, {"clusters": -1}, {"instances": -1}, {"nat_gateways": -1}])
def test_an_invalid_variation_is_refused(invalid: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="can't be"):
        Variation(**invalid)


# --- charts and command line


def test_the_chart_labels_sums_and_free_periods(tmp_path: Path) -> None:
    comparison = compare_forecasts(HA)
    chart = comparison.draw()
    svg = chart._repr_svg_()
    for text in ("~284.52", "750 hours of instances, until day 2.6", "200 USD of credits, until day 21.4"):
        assert text in svg
    assert svg == compare_forecasts(HA).draw()._repr_svg_()
    chart.save(tmp_path / "f.png")
    assert "What is free" not in forecast([boxes(t2_micro=730)]).draw()._repr_svg_(), "nothing is free"


def test_a_comparison_has_a_row_and_a_key_for_each_regime() -> None:
    comparison = compare_forecasts(HA)
    assert comparison.to_frame().total_usd.to_dict() == {"legacy": 191.48, "credits": 284.52, "none": 284.52}
    assert comparison.to_dict().keys() == set(REGIMES)
    assert [one.regime for one in comparison] == [*REGIMES] and len(comparison) == 3


@dataclass
class Terminal:
    """The command line in this process: a forecast sends no requests."""

    captured: pytest.CaptureFixture[str]

    def __call__(self, *words: str, code: int = 0) -> str:
        with pytest.raises(SystemExit) as exit:
            main(["cost", "forecast", "--profile", "ha", *words])
        output = self.captured.readouterr()
        assert exit.value.code == code, output
        return output.out if code == 0 else output.err

    def json(self, *words: str) -> Any:
        return json.loads(self(*words, "--json"))


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Terminal:
    for name in ("ESAWS_TARGET", "ESAWS_REGION", "ESAWS_ACCOUNT"):
        monkeypatch.delenv(name, raising=False)
    return Terminal(capsys)


def test_the_command_line_prints_the_same_as_json(esaws: Any, terminal: Terminal) -> None:
    forecasts = esaws.json("cost", "forecast", "--profile", "ha")
    assert [(one["regime"], one["total_usd"]) for one in forecasts] == [
        ("legacy", 191.48),
        ("credits", 284.52),
        ("none", 284.52),
    ]
    found = terminal.json("--regime", "legacy", "--hours", "432", "--as-of", "2022-03-01")
    assert [*found][:6] == ["regime", "hours", "lines", "total_usd", "free_tier", "runway_days"]
    lines = ["service", "usage_type", "quantity", "unit", "rate", "list_usd", "free_usd", "usd", "verified"]
    assert [*found["lines"][0]][:9] == lines
    (hours,) = [one for one in found["free_tier"] if one["allowance"] == "AmazonEC2 Hrs"]
    assert (hours["cap"], hours["used"], hours["exhausted_after_h"]) == (750, 750, 62.5)
    assert found["total_usd"] == pytest.approx(sum(line["usd"] for line in found["lines"]), abs=0.005)


def test_the_terminal_shows_the_sum_then_the_lines_then_what_is_exhausted(terminal: Terminal) -> None:
    first, _, _, dearest, *rest = terminal("--regime", "legacy").splitlines()
    assert first.startswith("~191.48 USD to pay for 730 hours") and "1.40 more for resources that AWS creates" in first
    assert "EUW3-BoxUsage:t2.micro" in dearest
    assert "750 Hrs are free (AmazonEC2 Hrs), used up after 62.5 hours, on day 3" in rest
    sides = terminal()
    assert "Which one applies? An account opened before 15 July 2025" in sides
    assert "100 USD of credits last 10.7 days" in sides
    old = terminal("--opened", "2021-10-04", "--as-of", "2022-03-01")
    assert "legacy" in old.splitlines()[0]


def test_every_assumption_has_an_option(terminal: Terminal) -> None:
    words = "--regime none --requests 2e7 --gb-out 150 --gb-between-zones 10 --gb-stored 0 --vat 20 --hours-a-day 10"
    found, output = terminal.json(*words.split()), terminal(*words.split())
    usage_types = {line["usage_type"] for line in found["lines"]}
    assert {"EUW3-LCUUsage", "EUW3-DataTransfer-Out-Bytes", "EUW3-DataTransfer-Regional-Bytes"} <= usage_types
    assert found["to_pay_usd"] == pytest.approx(1.2 * found["total_usd"], abs=0.01)
    assert "20,000,000 requests, 150 GB out, 10 GB between zones, 10 requests a connection, 0 GB in buckets" in output
    variation = {"--clusters": "3", "--instances": "1", "--zones": "1", "--nat-gateways": "1"}
    less = ["--regime", "none", "--with-alarms", *(word for pair in variation.items() for word in pair)]
    assert terminal.json(*less)["total_usd"] == pytest.approx(133.62 + 730 * 0.055 + 0.2, abs=0.011)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--regime", "free"), "unknown regime 'free'"),
        (("--month", "2026-13"), "--month 2026-13 is not a date"),
        (("--as-of", "yesterday"), "--as-of yesterday is not a date"),
        (("--month", "2026-02", "--hours", "3"), "choose one of --hours"),
        (("--hours", "800"), "1 to 744 hours"),
        (("--hours", "nan"), "1 to 744 hours"),
        (("--hours-a-day", "nan"), "a day has 0 to 24 hours"),
        (("--requests", "-5"), "requests can't be -5"),
        (("--gb-out", "inf"), "gb out can't be inf"),
        (("--gb-stored", "nan"), "GB stored can't be nan"),
        (("--vat", "nan"), "a tax and credits must be 0 or more"),
        (("--zones", "0"), "zones can't be 0"),
        (("--opened", "2021-10-04", "--regime", "none"), "--opened determines the regime"),
    ],
)
def test_invalid_options_are_refused(terminal: Terminal, words: tuple[str, ...], message: str) -> None:
    assert message in terminal(*words, code=2)
