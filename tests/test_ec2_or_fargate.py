"""The table of `docs/ec2_or_fargate.md` has the figures of the forecast."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from esaws import seccom
from esaws.costs import forecast
from esaws.costs.forecasting.lines import ForecastLine
from esaws.reference.seccom import Profile

PAGE = (Path(__file__).parents[1] / "docs" / "ec2_or_fargate.md").read_text(encoding="utf-8")
COLUMNS: tuple[Profile, ...] = ("budget", "fargate", "ha")


def figures(beginning: str) -> list[Decimal]:
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| {beginning}")]
    return [Decimal(text) for text in re.findall(r"\d+\.\d\d", row)]


def part_of(line: ForecastLine) -> str:
    if "BoxUsage" in line.usage_type or "Fargate" in line.usage_type:
        return "compute"
    if "VolumeUsage" in line.usage_type:
        return "disks"
    of_tasks = line.operation in ("RunInstances", "FargateTask")
    return "public addresses" if "PublicIPv4" in line.usage_type and of_tasks else "load balancer"


@pytest.mark.parametrize("profile", COLUMNS)
def test_the_parts_of_each_column_are_those_of_the_forecast(profile: Profile) -> None:
    lines, column = forecast(seccom(profile)).lines, COLUMNS.index(profile)
    for part in ("compute", "disks", "public addresses", "load balancer"):
        expected = sum((line.usd or Decimal(0) for line in lines if part_of(line) == part), Decimal(0))
        assert figures(part)[column] == round(expected, 2), part


@pytest.mark.parametrize("profile", COLUMNS)
def test_the_sums_of_each_column_are_those_of_the_forecast(profile: Profile) -> None:
    column, architecture = COLUMNS.index(profile), seccom(profile)
    assert figures("**list price")[column] == round(forecast(architecture).total_usd, 2)
    assert figures("in an account")[column] == round(forecast(architecture, regime="legacy").total_usd, 2)
    assert figures("parked")[column] == round(forecast(architecture, hours_a_day=10).total_usd, 2)


def test_a_nat_gateway_costs_more_than_six_addresses() -> None:
    (addresses,) = {figures("public addresses")[0], figures("public addresses")[1]}
    assert Decimal("0.05") * 730 > addresses
