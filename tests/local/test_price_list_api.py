"""The Price List API: services, attributes and products of the bundled price list."""

import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from esaws.pricelist import bundled
from local_aws_server.billing.products import Product, location_name
from tests.local.conftest import Account

PARIS = {"Type": "TERM_MATCH", "Field": "regionCode", "Value": "eu-west-3"}


def find_products(account: Account, service: str, *filters: dict[str, str]) -> list[dict[str, Any]]:
    """The products of a service, from all pages."""
    pages = account.client("pricing").get_paginator("get_products")
    pages = pages.paginate(ServiceCode=service, Filters=list(filters), PaginationConfig={"PageSize": 3})
    return [json.loads(product) for page in pages for product in page["PriceList"]]


def term(field: str, value: str, kind: str = "TERM_MATCH") -> dict[str, str]:
    return {"Type": kind, "Field": field, "Value": value}


def usage_types(products: list[dict[str, Any]]) -> set[str]:
    return {product["product"]["attributes"]["usagetype"] for product in products}


def test_the_price_of_an_instance_is_found_with_the_usual_filters(billing_account: Account) -> None:
    (product,) = find_products(
        billing_account,
        "AmazonEC2",
        term("location", "EU (Paris)"),
        term("instanceType", "t2.micro"),
        term("operatingSystem", "Linux"),
        term("tenancy", "Shared"),
        term("preInstalledSw", "NA"),
        term("capacitystatus", "Used"),
    )
    assert product["serviceCode"] == "AmazonEC2"
    assert product["product"]["productFamily"] == "Compute Instance"
    sku = product["product"]["sku"]
    (offer,) = product["terms"]["OnDemand"].values()
    (code,) = offer["priceDimensions"]
    dimension = offer["priceDimensions"][code]
    assert list(product["terms"]["OnDemand"]) == [f"{sku}.JRTCKXETXF"]
    assert (offer["sku"], offer["offerTermCode"]) == (sku, "JRTCKXETXF")
    assert code == dimension["rateCode"] == f"{sku}.JRTCKXETXF.6YS6EN2CT7"
    assert dimension["pricePerUnit"] == {"USD": "0.0132000000"}
    assert (dimension["unit"], dimension["beginRange"], dimension["endRange"]) == ("Hrs", "0", "Inf")
    assert dimension["description"] == "$0.0132 per On Demand Linux t2.micro Instance Hour"


def test_tiers_are_consecutive(billing_account: Account) -> None:
    (product,) = find_products(billing_account, "AWSDataTransfer", term("usagetype", "EUW3-DataTransfer-Out-Bytes"))
    (offer,) = product["terms"]["OnDemand"].values()
    tiers = sorted(offer["priceDimensions"].values(), key=lambda tier: int(tier["beginRange"]))
    assert len(tiers) == 4
    assert [each["endRange"] for each in tiers] == [*(each["beginRange"] for each in tiers[1:]), "Inf"]
    usd = [float(each["pricePerUnit"]["USD"]) for each in tiers]
    assert usd == sorted(usd, reverse=True) == [0.09, 0.085, 0.07, 0.05]


@pytest.mark.parametrize(
    ("service", "filters", "expected"),
    [
        ("AmazonElastiCache", [term("cacheEngine", "Valkey")], {"cache.t3.micro", "cache.t4g.micro"}),
        (
            "AmazonRDS",
            [term("databaseEngine", "PostgreSQL"), term("deploymentOption", "Multi-AZ")],
            {"db.t3.micro", "db.t3.small", "db.t4g.micro", "db.t4g.small"},
        ),
        ("AmazonEC2", [term("instanceType", "t2.micro", "EQUALS")], {"t2.micro"}),
        ("AmazonEC2", [term("instanceType", "t4g", "CONTAINS")], {"t4g.micro", "t4g.small"}),
        ("AmazonEC2", [term("instanceType", "t2.micro,t3.micro", "ANY_OF")], {"t2.micro", "t3.micro"}),
        (
            "AmazonEC2",
            [term("instanceType", "t2.micro,t3.micro", "NONE_OF"), term("instanceType", "micro", "CONTAINS")],
            {"t4g.micro"},
        ),
        ("AmazonEC2", [term("ServiceCode", "AmazonEC2"), term("instanceType", "t3.micro")], {"t3.micro"}),
        ("AmazonEC2", [term("instanceType", "m5.24xlarge")], set()),
        ("AmazonEC2", [term("colour", "red")], set()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_products_pass_every_filter(
    billing_account: Account, service: str, filters: list[dict[str, str]], expected: set[str]
) -> None:
    products = find_products(billing_account, service, PARIS, *filters)
    types = {each["product"]["attributes"]["instanceType"] for each in products}
    assert types == expected


def test_load_balancers_have_the_family_of_their_type(billing_account: Account) -> None:
    products = find_products(billing_account, "AWSELB", PARIS)
    assert {each["product"]["productFamily"] for each in products} == {"Load Balancer-Application"}


def test_a_usage_type_that_is_no_longer_charged_is_not_a_product(billing_account: Account) -> None:
    today = usage_types(find_products(billing_account, "AmazonVPC")) | usage_types(
        find_products(billing_account, "AmazonEC2")
    )
    assert "EUW3-PublicIPv4:InUseAddress" in today
    assert "EUW3-ElasticIP:IdleAddress" not in today, "it was charged until January 2024"


def test_every_product_has_a_sku_of_its_own() -> None:
    named = {
        Product(region, service, usage_type, price.operation or "")
        for (region, service, usage_type), tiers in bundled().prices.items()
        for price in tiers
    }
    skus = {product.sku for product in named}
    assert len(skus) == len(named)
    assert all(re.fullmatch("[A-Z0-9]{16}", sku) for sku in skus)


def test_regions_have_the_names_of_the_price_list() -> None:
    assert (location_name("eu-west-3"), location_name("us-east-1")) == ("EU (Paris)", "US East (N. Virginia)")
    assert location_name("eu-nowhere-1") == "eu-nowhere-1"


def test_services_list_the_attributes_of_their_products(billing_account: Account) -> None:
    pricing = billing_account.client("pricing")
    described = pricing.describe_services()
    assert described["FormatVersion"] == "aws_v1"
    codes = [each["ServiceCode"] for each in described["Services"]]
    assert {"AmazonEC2", "AWSELB", "AmazonRDS", "AmazonVPC"} <= set(codes)
    paged = pricing.get_paginator("describe_services").paginate(PaginationConfig={"PageSize": 2})
    assert [each["ServiceCode"] for page in paged for each in page["Services"]] == codes
    (ec2,) = pricing.describe_services(ServiceCode="AmazonEC2")["Services"]
    for name in ec2["AttributeNames"]:
        assert pricing.get_attribute_values(ServiceCode="AmazonEC2", AttributeName=name)["AttributeValues"]
    volumes = pricing.get_attribute_values(ServiceCode="AmazonEC2", AttributeName="volumeApiName")["AttributeValues"]
    assert volumes == [{"Value": "gp2"}, {"Value": "gp3"}]


@pytest.mark.parametrize(
    ("operation", "params", "code"),
    [
        ("get_products", {"ServiceCode": "AmazonMoon"}, "NotFoundException"),
        ("get_products", {"ServiceCode": ""}, "InvalidParameterException"),
        ("get_products", {"ServiceCode": "Compute Instance"}, "InvalidParameterException"),
        ("get_products", {"ServiceCode": "AmazonEC2", "FormatVersion": "aws_v2"}, "InvalidParameterException"),
        ("get_products", {"ServiceCode": "AmazonEC2", "MaxResults": 101}, "InvalidParameterException"),
        ("get_products", {"ServiceCode": "AmazonEC2", "NextToken": "nothing"}, "InvalidNextTokenException"),
        ("describe_services", {"ServiceCode": "AmazonMoon"}, "NotFoundException"),
        ("get_attribute_values", {"ServiceCode": "AmazonEC2", "AttributeName": "colour"}, "NotFoundException"),
        ("list_price_lists", {"ServiceCode": "AmazonEC2", "EffectiveDate": 0, "CurrencyCode": "USD"}, "NotSimulated"),
    ],
)
def test_invalid_requests_are_refused(
    billing_account: Account, operation: str, params: dict[str, Any], code: str
) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(billing_account.client("pricing"), operation)(**params)
    assert refused.value.response["Error"]["Code"] == code


def test_a_token_is_valid_for_its_own_request_only(billing_account: Account) -> None:
    pricing = billing_account.client("pricing")
    token = pricing.get_products(ServiceCode="AmazonEC2", MaxResults=1)["NextToken"]
    assert pricing.get_products(ServiceCode="AmazonEC2", MaxResults=2, NextToken=token)["PriceList"]
    with pytest.raises(ClientError, match="InvalidNextTokenException"):
        pricing.get_products(ServiceCode="AmazonRDS", MaxResults=1, NextToken=token)
