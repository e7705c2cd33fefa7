"""What was forecast is what the local AWS bills: a whole month, by usage type, to the cent, in each regime."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.costs.forecasting.account_regime import my_regime
from esaws.costs.forecasting.assumptions import NO_TRAFFIC, Traffic
from esaws.costs.forecasting.forecast import forecast
from esaws.costs.forecasting.month import Month
from esaws.costs.forecasting.result import Forecast
from esaws.costs.spending_query import spending
from esaws.deploy.plan import plan_deploy
from esaws.pricelist import REGIMES, Regime
from esaws.reference.seccom import PROFILES, Profile, seccom
from tests.local.conftest import Account, Program
from tests.local.timing import control

BEFORE, FIRST, END = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)
SECONDS, BYTES_A_REQUEST = 672 * 3600, 5000
A_SECOND = 10
"""Requests a second, to `budget`: nothing scales there."""
BUSY = Traffic(requests=A_SECOND * SECONDS, gb_out=A_SECOND * SECONDS * BYTES_A_REQUEST / 2**30)
EARNED = 120
"""USD of credits: at sign-up, and for the first database."""
PLACEHOLDER_IMAGES = "EUW3-TimedStorage-ByteHrs"
"""A kilobyte of images that hold a place, which is worth no line."""


@dataclass(frozen=True)
class Lived:
    """A local AWS in which February has passed, as it is billed in a regime: each build in an account of its own."""

    regime: Regime
    clouds: dict[Profile, Cloud]

    def bill(self, profile: Profile, record: str = "Usage", since: date = FIRST, end: date = END) -> Any:
        """What was billed, by usage type."""
        where = {"Dimensions": {"Key": "RECORD_TYPE", "Values": [record]}}
        return spending(self.clouds[profile], since, end, by="USAGE_TYPE", each="MONTHLY", where=where)

    def forecast(self, profile: Profile, **more: Any) -> Forecast:
        """What its month was forecast to cost: nobody has put clips into the bucket."""
        more |= {"traffic": BUSY if profile == "budget" else NO_TRAFFIC, "gb_stored": 0, "count_below": True}
        return forecast(seccom(profile), regime=self.regime, month=Month.calendar(FIRST), **more)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Profile, Cloud]]:
    """It is deployed on the last day of January; the clock stands still between two jumps."""
    program = Program(tmp_path_factory.mktemp("forecast"), {"ESAWS_STILL": "1"})
    # Credits are earned as it is deployed, whatever the account is billed as afterwards.
    url = program.json("start", "--at", "2026-01-31T00:00Z", "--regime", "credits")["url"]
    clouds = {profile: Cloud.at(url, account=f"60000000000{n}") for n, profile in enumerate(PROFILES)}
    for profile, cloud in clouds.items():
        plan_deploy(seccom(profile), cloud).apply()
    simulation.advance(clouds["budget"], to=datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC))
    simulation.traffic(clouds["budget"], "steady", path="/", requests_per_second=A_SECOND)
    # An hour of March, too, so that something of its free tier is in use.
    simulation.advance(clouds["budget"], to=datetime(END.year, END.month, END.day, 1, tzinfo=UTC))
    yield clouds
    program.run("stop", "--discard")


@pytest.fixture(params=REGIMES)
def lived(request: Any, world: dict[Profile, Cloud]) -> Lived:
    for cloud in world.values():
        control(Account(cloud.endpoint or "", cloud.account), "POST", "regime", regime=request.param, plan="paid")
    return Lived(request.param, world)


@pytest.mark.parametrize("profile", PROFILES)
def test_the_local_aws_bills_what_was_forecast(lived: Lived, profile: Profile) -> None:
    found, billed = lived.forecast(profile), lived.bill(profile)
    by_usage_type = {row.usage_type: row.usd for row in billed.itertuples()}
    assert by_usage_type.pop(PLACEHOLDER_IMAGES) < 1e-6
    assert sums(found) == pytest.approx(by_usage_type, abs=1e-4)
    assert round(float(found.total_usd), 2) == round(billed.usd.sum(), 2)


def sums(found: Forecast) -> dict[str, float]:
    by_usage_type: dict[str, float] = {}
    for line in found.lines:
        assert line.usd is not None
        by_usage_type[line.usage_type] = by_usage_type.get(line.usage_type, 0.0) + float(line.usd)
    return by_usage_type


@pytest.mark.parametrize("profile", PROFILES)
def test_what_credits_leave_to_pay_is_what_was_forecast(lived: Lived, profile: Profile) -> None:
    january = lived.bill(profile, "Credit", BEFORE, FIRST).usd.sum()
    found = lived.forecast(profile, credits=EARNED + january)
    billed = lived.bill(profile).usd.sum() + lived.bill(profile, "Credit").usd.sum()
    assert round(float(found.to_pay_usd), 2) == round(billed, 2)
    assert (january < 0) == (lived.regime == "credits")


def test_an_account_says_which_regime_is_its_own(lived: Lived) -> None:
    mine = my_regime(lived.clouds["ha"])
    spent: dict[Regime, Regime | None] = {"legacy": "legacy", "credits": "none", "none": None}
    assert mine.regime == spent[lived.regime], mine.why
    said = {"legacy": "first 12 months", "credits": "has no credits left", "none": "opened before 15 July 2025"}
    assert said[lived.regime] in mine.why
