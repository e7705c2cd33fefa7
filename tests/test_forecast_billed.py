"""Forecasts match the bills of the local AWS: a whole month, by usage type, to the cent, in each regime."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.costs.cost_explorer import spending
from esaws.costs.forecasting.account_regime import detect_regime
from esaws.costs.forecasting.assumptions import NO_TRAFFIC, Traffic
from esaws.costs.forecasting.forecast import forecast
from esaws.costs.forecasting.month import Month
from esaws.costs.forecasting.result import Forecast
from esaws.deploy.plan import plan_deploy
from esaws.pricelist import REGIMES, Regime
from esaws.reference.seccom import PROFILES, Profile, seccom
from tests.local.conftest import Account, Program
from tests.local.timing import control

pytestmark = pytest.mark.slow

BEFORE, FIRST, END = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)
SECONDS, BYTES_PER_REQUEST = 672 * 3600, 5000
REQUESTS_PER_SECOND = 1000
"""To `budget`, which does not scale. Responses exceed 10 TB in the month, so that the price tier changes within it."""
GB_OUT = REQUESTS_PER_SECOND * SECONDS * BYTES_PER_REQUEST / 2**30
TRAFFIC = Traffic(requests=REQUESTS_PER_SECOND * SECONDS, gb_out=GB_OUT)
EARNED_CREDITS = 120
"""USD: at sign-up, and for the first database."""
PLACEHOLDER_IMAGES = "EUW3-TimedStorage-ByteHrs"
"""A kilobyte of placeholder images, which costs nothing."""


@dataclass(frozen=True)
class BilledMonth:
    """A local AWS in which February has passed, billed in a regime; each profile has an account of its own."""

    regime: Regime
    clouds: dict[Profile, Cloud]

    def bill(self, profile: Profile, record_type: str = "Usage", start: date = FIRST, end: date = END) -> pd.DataFrame:
        """The bill by usage type."""
        filter = {"Dimensions": {"Key": "RECORD_TYPE", "Values": [record_type]}}
        cloud = self.clouds[profile]
        return spending(cloud, start, end, by="USAGE_TYPE", granularity="MONTHLY", filter=filter).to_frame()

    def forecast(self, profile: Profile, **assumptions: Any) -> Forecast:
        """The forecast of the month; the bucket is empty."""
        assumptions |= {"traffic": TRAFFIC if profile == "budget" else NO_TRAFFIC, "gb_stored": 0}
        month = Month.calendar(FIRST)
        return forecast(seccom(profile), regime=self.regime, month=month, include_aws_managed=True, **assumptions)


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Profile, Cloud]]:
    """All profiles, deployed on the last day of January on a clock that does not run between jumps."""
    program = Program(tmp_path_factory.mktemp("forecast"), {"ESAWS_STILL": "1"})
    # Credits are earned during the deploy, whatever the regime of the account is afterwards.
    url = program.json("start", "--at", "2026-01-31T00:00Z", "--regime", "credits")["url"]
    clouds = {profile: Cloud.at(url, account=f"60000000000{n}") for n, profile in enumerate(PROFILES)}
    for cloud in clouds.values():
        cloud.client("service-quotas").request_service_quota_increase(
            ServiceCode="ec2", QuotaCode="L-1216C47A", DesiredValue=64
        )
    simulation.advance(clouds["budget"], "30m")
    for profile, cloud in clouds.items():
        type_of_the_team = {} if profile == "fargate" else {"instance_type": "t2.micro"}
        plan_deploy(seccom(profile, **type_of_the_team), cloud).apply()
    simulation.advance(clouds["budget"], to=datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC))
    simulation.traffic(clouds["budget"], "steady", path="/", requests_per_second=REQUESTS_PER_SECOND)
    # With an hour of March, some of its free tier is in use.
    simulation.advance(clouds["budget"], to=datetime(END.year, END.month, END.day, 1, tzinfo=UTC))
    yield clouds
    program.run("stop", "--discard")


@pytest.fixture(params=REGIMES)
def billed_month(request: Any, clouds: dict[Profile, Cloud]) -> BilledMonth:
    for cloud in clouds.values():
        control(Account(cloud.endpoint or "", cloud.account), "POST", "regime", regime=request.param, plan="paid")
    return BilledMonth(request.param, clouds)


@pytest.mark.parametrize("profile", PROFILES)
def test_the_bill_matches_the_forecast_by_usage_type(billed_month: BilledMonth, profile: Profile) -> None:
    expected, bill = billed_month.forecast(profile), billed_month.bill(profile)
    billed = {row.usage_type: row.usd for row in bill.itertuples()}
    assert billed.pop(PLACEHOLDER_IMAGES) < 1e-6
    assert usd_by_usage_type(expected) == pytest.approx(billed, abs=1e-4)
    assert round(float(expected.total_usd), 2) == round(bill.usd.sum(), 2)


def test_traffic_beyond_ten_terabytes_is_billed_at_the_next_tier(billed_month: BilledMonth) -> None:
    (out,) = [row for row in billed_month.bill("budget").itertuples() if "DataTransfer-Out" in row.usage_type]
    first_tier, free = 10240, 100
    assert out.quantity == pytest.approx(GB_OUT) and out.quantity > first_tier + free
    beyond = out.quantity - first_tier - free
    assert out.usd == pytest.approx(first_tier * 0.09 + beyond * 0.085, abs=0.01)


def usd_by_usage_type(forecast: Forecast) -> dict[str, float]:
    sums: dict[str, float] = {}
    for line in forecast.lines:
        assert line.usd is not None
        sums[line.usage_type] = sums.get(line.usage_type, 0.0) + float(line.usd)
    return sums


@pytest.mark.parametrize("profile", PROFILES)
def test_what_credits_leave_to_pay_matches_the_forecast(billed_month: BilledMonth, profile: Profile) -> None:
    january = billed_month.bill(profile, "Credit", BEFORE, FIRST).credits_usd.sum()
    expected = billed_month.forecast(profile, credits=EARNED_CREDITS - january)
    billed = billed_month.bill(profile).usd.sum() - billed_month.bill(profile, "Credit").credits_usd.sum()
    assert round(float(expected.to_pay_usd), 2) == round(billed, 2)
    assert (january > 0) == (billed_month.regime == "credits")


def test_the_regime_of_an_account_is_detected(billed_month: BilledMonth) -> None:
    detected = detect_regime(billed_month.clouds["ha"])
    expected: dict[Regime, Regime | None] = {"legacy": "legacy", "credits": "none", "none": None}
    assert detected.regime == expected[billed_month.regime], detected.reason
    reasons = {"legacy": "first 12 months", "credits": "has no credits left", "none": "opened before 15 July 2025"}
    assert reasons[billed_month.regime] in detected.reason
