"""The price list: every kind has its prices, history decides, a price is a row of data, and AWS may know better."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from esaws.cli import main
from esaws.cloud import Cloud
from esaws.costs.forecasting.forecast import forecast
from esaws.costs.forecasting.price_refresh import PriceRequest, match_prices, refresh_prices
from esaws.errors import EsawsError
from esaws.pricelist import (
    PriceList,
    Usage,
    allowances,
    bundled,
    current,
    is_charged,
    monthly_cost,
    save_prices,
    tiers,
    unit_price,
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
"""Kind → why nothing is known of what it costs."""


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
@pytest.mark.parametrize("kind", sorted(load_all()))
def test_every_kind_is_free_or_has_a_price_or_says_why_not(kind: str, region: str) -> None:
    usages = load_all()[kind].example().usage()
    assert bool(load_all()[kind].free) != bool(usages)
    unknown = [usage.usage_type for usage in usages if unit_price(usage, region) is None]
    assert bool(unknown) == (kind in WITHOUT_A_PRICE), unknown


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("profile", PROFILES)
def test_both_builds_have_a_whole_price(profile: str, region: str) -> None:
    assert forecast(seccom(profile), region=region, include_aws_managed=True).complete
    assert monthly_cost([usage for each in seccom(profile) for usage in each.usage()], region).usd


@pytest.mark.parametrize("multi_az", [False, True])
@pytest.mark.parametrize("region", REGIONS)
def test_a_database_in_two_zones_has_a_price_too(region: str, multi_az: bool) -> None:
    example = DBInstance.example()
    doubled = DBInstance(**(vars(example) | {"multi_az": multi_az}))
    assert monthly_cost(doubled.usage(), region).usd


def test_every_price_says_where_it_is_from_and_of_when() -> None:
    for each in ROWS:
        assert each["source"] and each["description"] and each["unit"], each
        assert date.fromisoformat(each["as_of"]) <= TODAY
        assert each["verified"] in (True, False, "derived")
        assert Decimal(str(each["usd"])) >= 0
        name = without_prefix(each["usage_type"], each["region"])
        assert with_prefix(name, each["region"]) == each["usage_type"], "as the bills of the region name it"


def test_what_nobody_published_is_not_verified() -> None:
    guesses = [each for each in ROWS if each["source"].startswith(("derived", "PRICE NOT FOUND", "no Paris"))]
    assert guesses and not any(each["verified"] is True for each in guesses)


def test_allowances_have_names_of_their_own() -> None:
    names = [each.id for each in allowances("legacy")]
    assert len(set(names)) == len(names)


# --- history and variants


@pytest.mark.parametrize("region", REGIONS)
def test_public_addresses_cost_nothing_before_february_2024(region: str) -> None:
    address = Usage.hours("AmazonVPC", "PublicIPv4:InUseAddress")
    assert unit_price(address, region, date(2022, 3, 1)) is None
    assert not is_charged("AmazonVPC", "PublicIPv4:InUseAddress", region, date(2024, 1, 31))
    assert (unit_price(address, region, date(2024, 2, 1)) or pytest.fail()).usd == Decimal("0.005")
    idle = Usage.hours("AmazonEC2", "ElasticIP:IdleAddress")
    assert unit_price(idle, region, date(2024, 1, 31)) and unit_price(idle, region) is None


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
    (price,) = tiers(service, usage_type, operation, "eu-west-3")
    assert (price.usd, price.verified) == (Decimal(usd), verified)


# --- adding one


def test_to_add_a_price_is_to_add_a_row() -> None:
    build = seccom("ha", instance_type="z9.giant")
    assert not forecast(build).complete
    more = PriceList.of([*ROWS, row("BoxUsage:z9.giant", 9.99)], "the bundled list and a row")
    found = forecast(build, prices=more)
    assert found.complete and found.prices_origin == "the bundled list and a row"
    assert found.total_usd - forecast(seccom("ha")).total_usd == 12 * 730 * (Decimal("9.99") - Decimal("0.0132"))


# --- what AWS tells


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of one's own, empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return cache_file()


def test_what_aws_told_lately_is_used_and_named(kept: Path) -> None:
    assert current(TODAY) is bundled(), "nothing is kept"
    save_prices("eu-west-3", [row("BoxUsage:t2.micro", 0.02, since="2026-11-01")], TODAY)
    now = current(TODAY)
    price = now.unit_price(box("t2.micro"), "eu-west-3")
    assert price and price.usd == Decimal("0.02")
    assert "for eu-west-3 of 2026-11-27" in now.origin and bundled().origin in now.origin
    before = now.unit_price(box("t2.micro"), "eu-west-3", IN_2022)
    assert before and before.usd == Decimal("0.0132"), "what it replaces held until then"
    assert now.unit_price(box("t3.micro"), "eu-west-3") == bundled().unit_price(box("t3.micro"), "eu-west-3")
    found = forecast(seccom("ha"), prices=now)
    assert found.total_usd - forecast(seccom("ha")).total_usd == 8760 * Decimal("0.0068")
    assert found.prices_origin == now.origin


IN_2022 = date(2022, 3, 1)


@pytest.mark.parametrize(("days", "used"), [(0, True), (30, True), (31, False), (-1, False)])
def test_what_aws_told_long_ago_is_not_used(kept: Path, days: int, used: bool) -> None:
    save_prices("eu-west-3", [row("BoxUsage:t2.micro", 0.02, since="2020-01-01")], TODAY - timedelta(days=days))
    assert (current(TODAY) is not bundled()) == used


def test_a_region_is_kept_beside_another_and_replaced_whole(kept: Path) -> None:
    save_prices("eu-west-3", [row("BoxUsage:t2.micro", 0.02, since="2026-11-01")], TODAY)
    save_prices("eu-west-1", [row("BoxUsage:z9.small", 1, since="2026-11-01", region="eu-west-1")], TODAY)
    save_prices("eu-west-3", [row("BoxUsage:t3.micro", 0.03, since="2026-11-01")], TODAY)
    assert (current(TODAY).unit_price(box("t2.micro"), "eu-west-3") or pytest.fail()).usd == Decimal("0.0132")
    assert (current(TODAY).unit_price(box("t3.micro"), "eu-west-3") or pytest.fail()).usd == Decimal("0.03")
    assert list(json.loads(kept.read_text())["regions"]) == ["eu-west-3", "eu-west-1"]
    assert [each.name for each in kept.parent.iterdir()] == ["prices.json"], "nothing half-written is left"


def test_a_write_that_fails_leaves_what_was_there(kept: Path) -> None:
    save_prices("eu-west-3", [row("BoxUsage:t2.micro", 0.02, since="2026-11-01")], TODAY)
    before = kept.read_bytes()
    with pytest.raises(TypeError):
        save_prices("eu-west-3", [{"usd": object()}], TODAY)
    assert kept.read_bytes() == before and [*kept.parent.iterdir()] == [kept]


@pytest.mark.parametrize("broken", ["", "{", "[]", '{"regions": {"eu-west-3": {}}}', '{"regions": []}'])
def test_a_broken_cache_is_said_and_mended_by_refreshing(kept: Path, broken: str) -> None:
    kept.parent.mkdir()
    kept.write_text(broken)
    with pytest.raises(EsawsError, match="is no file of prices"):
        current(TODAY)
    save_prices("eu-west-3", [], TODAY)
    assert current(TODAY).prices == bundled().prices


# --- asking for it


@pytest.mark.parametrize("region", REGIONS)
def test_the_local_aws_tells_what_is_bundled(new_cloud: Callable[..., Cloud], kept: Path, region: str) -> None:
    cloud = new_cloud(region=region)
    found = refresh_prices(cloud, TODAY)
    asked = {price.usage_type for (of, _, _), some in bundled().prices.items() for price in some if of == region}
    assert {each["usage_type"] for each in found.rows} == {
        name for name in asked if "?" not in name and "ElasticIP" not in name
    }
    assert all("?" not in name for name in found.missing)
    assert found.changes().empty
    assert found.file is None and not kept.exists(), "only what AWS tells is kept"
    newer = overlay(bundled(), found.rows, "told")
    for profile in PROFILES:
        assert forecast(seccom(profile), region=region, prices=newer).total_usd == (
            forecast(seccom(profile), region=region).total_usd
        )
    assert {call.service for call in cloud.calls} >= {"pricing"}, "its calls are in the ledger of the cloud"


def test_what_aws_tells_is_kept(new_cloud: Callable[..., Cloud], kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = new_cloud(region="us-east-1")
    cloud.client("pricing")  # of the local AWS, which stands in for the other
    monkeypatch.setattr(Cloud, "is_aws", True)
    found = refresh_prices(cloud, TODAY)
    assert found.file == kept
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


def wanted(operation: str | None, unit: str = "Hrs") -> PriceRequest:
    return PriceRequest("S", "EUW3-X", operation, unit, None)


@pytest.mark.parametrize(
    ("products", "asked", "usd"),
    [
        ([product("EUW3-X", "Run", ("0", "0.5"))], wanted("Run"), ["0.5"]),
        ([product("EUW3-X", "", ("0", "0.5000000000"))], wanted("Run"), ["0.5"]),
        ([product("EUW3-X", "Make:1", ("0", "1")), product("EUW3-X", "Make:2", ("0", "2"))], wanted("Make:2"), ["2"]),
        ([product("EUW3-X", "Make:1", ("0", "1"))], wanted("Make:2"), []),
        ([product("EUW3-X", "A", ("0", "1")), product("EUW3-X", "B", ("0", "1"))], wanted(None), ["1"]),
        ([product("EUW3-X", "A", ("0", "1")), product("EUW3-X", "B", ("0", "2"))], wanted(None), []),
        ([product("EUW3-X", "", ("10240", "0.085"), ("0", "0.09"))], wanted(None), ["0.09", "0.085"]),
        ([product("EUW3-X", "", ("0", "0"), ("5", "0.5"))], wanted(None), ["0.5"]),
        ([product("EUW3-X", "", ("0", "0"))], wanted(None), ["0"]),
        ([product("EUW3-X", "", ("0", "1"), unit="Quantity")], wanted(None), []),
        ([product("EUW3-X", "", ("0", "1"), per_unit={"CNY": "1"})], wanted(None), []),
        ([product("EUW3-Y", "", ("0", "1"))], wanted(None), []),
        ([], wanted(None), []),
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
def test_which_product_is_meant(products: list[Any], asked: PriceRequest, usd: list[str]) -> None:
    rows, missing = match_prices(products, [asked], "eu-west-3", TODAY)
    assert [each["usd"] for each in rows] == usd
    assert missing == ([] if usd else ["EUW3-X"])
    for each in rows:
        assert (each["since"], each["as_of"], each["verified"]) == ("2026-11-01", "2026-11-27", True)
    if rows:
        assert Decimal(rows[0]["begins"]) == 0


def test_other_prices_are_told_apart(kept: Path, new_cloud: Callable[..., Cloud]) -> None:
    found = refresh_prices(new_cloud(), TODAY)
    other = [each | {"usd": "1"} if each["usage_type"] == "EUW3-BoxUsage:t2.micro" else each for each in found.rows]
    changed = type(found)(found.region, TODAY, None, tuple(other), ()).changes()
    assert changed[["usage_type", "bundled_usd", "usd"]].to_numpy().tolist() == [
        ["EUW3-BoxUsage:t2.micro", 0.0132, 1.0]
    ]


def test_the_prices_of_a_region_can_be_listed(
    capsys: pytest.CaptureFixture[str], kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ESAWS_TARGET", raising=False)

    def said(*words: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as left:
            main(["cost", "prices", *words])
        told = capsys.readouterr()
        return int(left.value.code or 0), told.out + told.err

    code, text = said("--region", "us-east-1", "--json")
    (one,) = [each for each in json.loads(text) if each["usage_type"] == "BoxUsage:t2.micro"]
    assert (code, one["usd"], one["verified"], one["as_of"]) == (0, 0.0116, True, "2026-01-19")
    assert "the bundled price list of 2026-11-23" in said()[1]
    assert said("--refresh") == (
        2,
        "esaws: local has the bundled prices; with ESAWS_TARGET=aws they are asked of AWS\n",
    )
