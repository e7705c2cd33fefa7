"""The price list: every kind has prices, prices have a history, and prices retrieved from AWS replace bundled ones."""

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from esaws import draw
from esaws.cli import main
from esaws.cloud import Cloud
from esaws.costs.forecasting.forecast import forecast
from esaws.costs.forecasting.price_refresh import PriceRequest, match_prices, refresh_prices
from esaws.errors import EsawsError
from esaws.inspect.account import snapshot
from esaws.inspect.recurring_costs import KEYS, cost_items
from esaws.leases.estimate import estimate_spend
from esaws.leases.park import remaining_costs
from esaws.pricelist import (
    PriceList,
    Usage,
    allowances,
    bundled,
    current,
    save_prices,
    with_prefix,
    without_prefix,
)
from esaws.pricelist.price_cache import cache_file, overlay
from esaws.reference.seccom import PROFILES, seccom
from esaws.resources import load_all
from esaws.resources.db_instance import DBInstance

REGIONS = ("eu-west-3", "us-east-1")
TODAY = date(2026, 11, 27)
ROWS: list[dict[str, Any]] = json.loads((files("esaws") / "data" / "prices.json").read_text("utf-8"))

WITHOUT_A_PRICE: dict[str, str] = {}
"""Kind → why its price is not known."""


def row(usage_type: str, usd: float, **more: Any) -> dict[str, Any]:
    """A price of an instance in Paris."""
    return {
        "service": "AmazonEC2",
        "usage_type": f"EUW3-{usage_type}",
        "operation": "RunInstances",
        "unit": "Hrs",
        "usd": usd,
        "region": "eu-west-3",
        "description": "per hour",
        "source": "a test",
        "as_of": "2026-11-01",
        "verified": True,
        **more,
    }


def box(name: str) -> Usage:
    return Usage.hours("AmazonEC2", f"BoxUsage:{name}", "RunInstances")


# --- what it covers


@pytest.mark.parametrize("region", REGIONS)
def test_every_kind_is_free_or_has_a_price_or_a_reason(region: str) -> None:
    unpriced = set()
    for kind, resource in load_all().items():
        usages = resource.example().usage()
        assert bool(resource.free) != bool(usages), kind
        unpriced |= {kind for usage in usages if bundled().unit_price(usage, region) is None}
    assert unpriced == WITHOUT_A_PRICE.keys()


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("profile", PROFILES)
def test_all_profiles_have_a_complete_price(profile: str, region: str) -> None:
    assert forecast(seccom(profile), region=region, include_aws_managed=True).complete
    assert bundled().monthly_cost([usage for resource in seccom(profile) for usage in resource.usage()], region).usd


@pytest.mark.parametrize("multi_az", [False, True])
@pytest.mark.parametrize("region", REGIONS)
def test_a_database_in_two_zones_has_a_price(region: str, multi_az: bool) -> None:
    example = DBInstance.example()
    doubled = DBInstance(**(vars(example) | {"multi_az": multi_az}))
    assert bundled().monthly_cost(doubled.usage(), region).usd


def test_every_price_has_a_source_and_a_date() -> None:
    for each in ROWS:
        assert each["source"] and each["description"] and each["unit"], each
        assert date.fromisoformat(each["as_of"]) <= TODAY
        assert each["verified"] in (True, False, "derived")
        assert Decimal(str(each["usd"])) >= 0
        name = without_prefix(each["usage_type"], each["region"])
        assert with_prefix(name, each["region"]) == each["usage_type"], (
            "the prefix is the one in the bills of the region"
        )


def test_derived_prices_are_not_verified() -> None:
    guesses = [each for each in ROWS if each["source"].startswith(("derived", "PRICE NOT FOUND", "no Paris"))]
    assert guesses and not any(each["verified"] is True for each in guesses)


def test_allowances_have_unique_ids() -> None:
    names = [each.id for each in allowances("legacy")]
    assert len(set(names)) == len(names)


# --- history and variants


@pytest.mark.parametrize("region", REGIONS)
def test_public_addresses_were_free_before_february_2024(region: str) -> None:
    address = Usage.hours("AmazonVPC", "PublicIPv4:InUseAddress")
    assert bundled().unit_price(address, region, date(2022, 3, 1)) is None
    assert not bundled().is_charged("AmazonVPC", "PublicIPv4:InUseAddress", region, date(2024, 1, 31))
    assert (bundled().unit_price(address, region, date(2024, 2, 1)) or pytest.fail()).usd == Decimal("0.005")
    idle = Usage.hours("AmazonEC2", "ElasticIP:IdleAddress")
    assert bundled().unit_price(idle, region, date(2024, 1, 31)) and bundled().unit_price(idle, region) is None


@pytest.mark.parametrize(
    ("service", "usage_type", "operation", "usd", "verified"),
    [
        ("AmazonElastiCache", "NodeUsage:cache.t3.micro", "CreateCacheCluster:0002", "0.019", True),
        ("AmazonElastiCache", "NodeUsage:cache.t3.micro", "CreateCacheCluster:Valkey", "0.0152", True),
        ("AmazonRDS", "InstanceUsage:db.t4g.micro", "CreateDBInstance:0014", "0.018", True),
        ("AmazonRDS", "InstanceUsage:db.t4g.micro", "CreateDBInstance:0002", "0.018", False),
        ("AmazonEC2", "BoxUsage:t2.micro", "RunInstances:0002", "0.0132", False),
        ("AmazonVPC", "PublicIPv4:InUseAddress", "CreateLoadBalancer", "0.005", True),
        ("AmazonS3", "Requests-Tier1", "ListBucket", "0.0000053", True),
    ],
)
def test_the_price_of_another_variant_is_not_verified(
    service: str, usage_type: str, operation: str, usd: str, verified: bool
) -> None:
    (price,) = bundled().tiers(service, usage_type, operation, "eu-west-3")
    assert (price.usd, price.verified) == (Decimal(usd), verified)


# --- adding one


def test_a_new_row_adds_a_price() -> None:
    build = seccom("ha", instance_type="z9.giant")
    assert not forecast(build).complete
    more = PriceList.from_rows([*ROWS, row("BoxUsage:z9.giant", 9.99)], "the bundled list and a row")
    found = forecast(build, prices=more)
    assert found.complete and found.prices_origin == "the bundled list and a row"
    assert found.total_usd - forecast(seccom("ha")).total_usd == 12 * 730 * (Decimal("9.99") - Decimal("0.0132"))


# --- cached prices


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return cache_file()


def test_fresh_prices_are_used_and_named(cache: Path) -> None:
    assert current(TODAY) is bundled(), "the cache is empty"
    save_prices("eu-west-3", [row("BoxUsage:t2.micro", 0.02, since="2026-11-01")], TODAY)
    now = current(TODAY)
    price = now.unit_price(box("t2.micro"), "eu-west-3")
    assert price and price.usd == Decimal("0.02")
    assert "for eu-west-3 of 2026-11-27" in now.origin and bundled().origin in now.origin
    before = now.unit_price(box("t2.micro"), "eu-west-3", IN_2022)
    assert before and before.usd == Decimal("0.0132"), "the replaced price is valid until then"
    assert now.unit_price(box("t3.micro"), "eu-west-3") == bundled().unit_price(box("t3.micro"), "eu-west-3")
    found = forecast(seccom("ha"), prices=now)
    assert found.total_usd - forecast(seccom("ha")).total_usd == 8760 * Decimal("0.0068")
    assert found.prices_origin == now.origin


IN_2022 = date(2022, 3, 1)


@pytest.mark.parametrize(("days", "used"), [(0, True), (30, True), (31, False), (-1, False)])
def test_old_prices_are_not_used(cache: Path, days: int, used: bool) -> None:
    save_prices("eu-west-3", [row("BoxUsage:t2.micro", 0.02, since="2020-01-01")], TODAY - timedelta(days=days))
    assert (current(TODAY) is not bundled()) == used


def test_each_region_is_cached_by_itself_and_replaced_completely(cache: Path) -> None:
    save_prices("eu-west-3", [row("BoxUsage:t2.micro", 0.02, since="2026-11-01")], TODAY)
    save_prices("eu-west-1", [row("BoxUsage:z9.small", 1, since="2026-11-01", region="eu-west-1")], TODAY)
    save_prices("eu-west-3", [row("BoxUsage:t3.micro", 0.03, since="2026-11-01")], TODAY)
    assert (current(TODAY).unit_price(box("t2.micro"), "eu-west-3") or pytest.fail()).usd == Decimal("0.0132")
    assert (current(TODAY).unit_price(box("t3.micro"), "eu-west-3") or pytest.fail()).usd == Decimal("0.03")
    assert list(json.loads(cache.read_text())["regions"]) == ["eu-west-3", "eu-west-1"]
    assert [each.name for each in cache.parent.iterdir()] == ["prices.json"], "temporary files are removed"


def test_a_failed_write_leaves_the_old_file(cache: Path) -> None:
    save_prices("eu-west-3", [row("BoxUsage:t2.micro", 0.02, since="2026-11-01")], TODAY)
    before = cache.read_bytes()
    with pytest.raises(TypeError):
        save_prices("eu-west-3", [{"usd": object()}], TODAY)
    assert cache.read_bytes() == before and [*cache.parent.iterdir()] == [cache]


@pytest.mark.parametrize("broken", ["", "{", "[]", '{"regions": {"eu-west-3": {}}}', '{"regions": []}'])
def test_a_damaged_cache_is_an_error_until_prices_are_refreshed(cache: Path, broken: str) -> None:
    cache.parent.mkdir()
    cache.write_text(broken)
    with pytest.raises(EsawsError, match="is not a price cache"):
        current(TODAY)
    save_prices("eu-west-3", [], TODAY)
    assert current(TODAY).prices == bundled().prices


# --- retrieving prices


@pytest.mark.parametrize("region", REGIONS)
def test_the_local_aws_returns_the_bundled_prices(new_cloud: Callable[..., Cloud], cache: Path, region: str) -> None:
    cloud = new_cloud(region=region)
    found = refresh_prices(cloud, TODAY)
    asked = {price.usage_type for (of, _, _), some in bundled().prices.items() for price in some if of == region}
    assert {each["usage_type"] for each in found.rows} == {
        name for name in asked if "?" not in name and "ElasticIP" not in name
    }
    assert all("?" not in name for name in found.missing)
    assert found.changes().empty
    assert found.file is None and not cache.exists(), "only prices of AWS are cached"
    newer = overlay(bundled(), found.rows, "a test")
    for profile in PROFILES:
        assert forecast(seccom(profile), region=region, prices=newer).total_usd == (
            forecast(seccom(profile), region=region).total_usd
        )
    assert {call.service for call in cloud.calls} >= {"pricing"}, "the calls are in the call log of the cloud"


def test_prices_of_aws_are_cached(
    new_cloud: Callable[..., Cloud], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = new_cloud(region="us-east-1")
    cloud.client("pricing")  # made for the local AWS, which stands in for AWS
    monkeypatch.setattr(Cloud, "is_aws", True)
    found = refresh_prices(cloud, TODAY)
    assert found.file == cache
    price = current(TODAY).unit_price(box("t3.medium"), "us-east-1")
    assert price and (price.source, price.as_of) == ("AWS Price List API", TODAY)


def product(usage_type: str, operation: str, *prices: tuple[str, str], unit: str = "Hrs", **more: Any) -> Any:
    """A product of the Price List API: prices are (first unit, USD)."""
    dimensions = {
        f"rate{n}": {
            "unit": unit,
            "beginRange": begins,
            "endRange": "Inf",
            "description": f"${usd} per {unit}",
            "pricePerUnit": more.get("per_unit", {"USD": usd}),
        }
        for n, (begins, usd) in enumerate(prices)
    }
    offer = {"effectiveDate": "2026-11-01T00:00:00Z", "priceDimensions": dimensions}
    return {
        "serviceCode": "S",
        "product": {"attributes": {"usagetype": usage_type, "operation": operation}},
        "terms": {"OnDemand": {"term": offer}},
    }


def request(operation: str | None, unit: str = "Hrs") -> PriceRequest:
    return PriceRequest("S", "EUW3-X", operation, unit, None)


@pytest.mark.parametrize(
    ("products", "requested", "usd"),
    [
        ([product("EUW3-X", "Run", ("0", "0.5"))], request("Run"), ["0.5"]),
        ([product("EUW3-X", "", ("0", "0.5000000000"))], request("Run"), ["0.5"]),
        ([product("EUW3-X", "Make:1", ("0", "1")), product("EUW3-X", "Make:2", ("0", "2"))], request("Make:2"), ["2"]),
        ([product("EUW3-X", "Make:1", ("0", "1"))], request("Make:2"), []),
        ([product("EUW3-X", "A", ("0", "1")), product("EUW3-X", "B", ("0", "1"))], request(None), ["1"]),
        ([product("EUW3-X", "A", ("0", "1")), product("EUW3-X", "B", ("0", "2"))], request(None), []),
        ([product("EUW3-X", "", ("10240", "0.085"), ("0", "0.09"))], request(None), ["0.09", "0.085"]),
        ([product("EUW3-X", "", ("0", "0"), ("5", "0.5"))], request(None), ["0.5"]),
        ([product("EUW3-X", "", ("0", "0"))], request(None), ["0"]),
        ([product("EUW3-X", "", ("0", "1"), unit="Quantity")], request(None), []),
        ([product("EUW3-X", "", ("0", "1"), per_unit={"CNY": "1"})], request(None), []),
        ([product("EUW3-Y", "", ("0", "1"))], request(None), []),
        ([], request(None), []),
    ],
    ids=[
        "the one of the same operation",
        "the only one",
        "a variant",
        "another variant",
        "all the same",
        "several could be meant",
        "tiers",
        "a first tier that is an allowance",
        "what costs nothing",
        "another unit",
        "another currency",
        "another usage type",
        "nothing",
    ],
)
def test_a_price_is_matched_to_the_right_product(products: list[Any], requested: PriceRequest, usd: list[str]) -> None:
    rows, missing = match_prices(products, [requested], "eu-west-3", TODAY)
    assert [each["usd"] for each in rows] == usd
    assert missing == ([] if usd else ["EUW3-X"])
    for each in rows:
        assert (each["since"], each["as_of"], each["verified"]) == ("2026-11-01", "2026-11-27", True)
    if rows:
        assert Decimal(rows[0]["begins"]) == 0


def test_changed_prices_are_listed(cache: Path, new_cloud: Callable[..., Cloud]) -> None:
    found = refresh_prices(new_cloud(), TODAY)
    other = [each | {"usd": "1"} if each["usage_type"] == "EUW3-BoxUsage:t2.micro" else each for each in found.rows]
    changed = type(found)(found.region, TODAY, None, tuple(other), ()).changes()
    assert changed[["usage_type", "bundled_usd", "usd"]].to_numpy().tolist() == [
        ["EUW3-BoxUsage:t2.micro", 0.0132, 1.0]
    ]


def test_the_prices_of_a_region_can_be_listed(
    capsys: pytest.CaptureFixture[str], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ESAWS_TARGET", raising=False)

    def run(*words: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as exit:
            main(["cost", "prices", *words])
        output = capsys.readouterr()
        return int(exit.value.code or 0), output.out + output.err

    code, text = run("--region", "us-east-1", "--json")
    (one,) = [each for each in json.loads(text) if each["usage_type"] == "BoxUsage:t2.micro"]
    assert (code, one["usd"], one["verified"], one["as_of"]) == (0, 0.0116, True, "2026-01-19")
    assert "the bundled price list of 2026-11-23" in run()[1]
    assert run("--refresh") == (
        2,
        "esaws: local uses the bundled prices; set ESAWS_TARGET=aws to fetch them from AWS\n",
    )


# --- one price list for all


def test_a_cached_price_is_the_same_in_forecast_lease_parking_and_drawing(
    new_cloud: Callable[..., Cloud], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = new_cloud()
    ec2 = cloud.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    tags = [{"Key": key, "Value": value} for key, value in cloud.tags("box").items()]
    tag_specifications = [{"ResourceType": "instance", "Tags": tags}]
    one = {"InstanceType": "t2.micro", "SubnetId": subnet, "MinCount": 1, "MaxCount": 1}
    ec2.run_instances(ImageId="ami-760aaa0f", TagSpecifications=tag_specifications, **one)

    def monthly_usd() -> list[float]:
        """The price of a month from a forecast, the list of a parked deployment, its lease, and its drawing."""
        usages = [usage for item in cost_items(snapshot(cloud, *KEYS)) for usage in item.usages]
        workload: Any = [SimpleNamespace(usage=lambda: usages)]
        (usd_per_day,) = remaining_costs(cloud).usd_per_day
        spend = estimate_spend(cloud, datetime.now(UTC), datetime.now(UTC))
        drawn = re.findall(r"([\d.]+) USD/mo", draw(cloud).svg)
        forecast_usd = float(forecast(workload, prices=cloud.prices).total_usd)
        return [forecast_usd, usd_per_day * 730 / 24, (spend.usd_per_hour or 0) * 730, float(drawn[0])]

    before = monthly_usd()
    assert before == pytest.approx([before[0]] * 4, rel=0.01)
    save_prices("eu-west-3", [row("BoxUsage:t2.micro", 1, since="2020-01-01")], date.today())
    assert monthly_usd() == before, "the local AWS has the bundled prices"
    monkeypatch.setattr(Cloud, "is_aws", True)  # the clients of the local AWS stand in for those of AWS
    assert monthly_usd() == pytest.approx([before[0] + 730 * (1 - 0.0132)] * 4, rel=0.001)
