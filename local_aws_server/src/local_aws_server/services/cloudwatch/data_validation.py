"""Refuse metric data that CloudWatch does not store.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before
from local_aws_server.services.cloudwatch.metrics import to_timestamp

BEHAVIOURS = (
    Behaviour(
        service="CloudWatch",
        statement="PutMetricData takes finite values, at most 1,000 data, 150 values and 30 dimensions each, with a "
        "time within the past two weeks or the next two hours.",
        documentation=("https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html",),
    ),
)

_MAX_DATA, _MAX_VALUES, _MAX_DIMENSIONS = 1000, 150, 30
_OLDEST_SECONDS = 14 * 86400.0
_NEWEST_SECONDS = 2 * 3600.0
_LARGEST = 2.0**360
_STATISTIC_VALUES = ("SampleCount", "Sum", "Minimum", "Maximum")


@before("cloudwatch", "PutMetricData")
def validate_data(call: Call) -> None:
    data = call.params.get("MetricData") or []
    if not data and not call.params.get("EntityMetricData"):
        raise AwsError("MissingRequiredParameterException", "The parameter MetricData is required.", 400)
    if call.params.get("EntityMetricData"):
        raise AwsError("NotSimulated", "the local AWS does not simulate entities of metrics", 501)
    _check_size("MetricData", data, _MAX_DATA)
    for number, datum in enumerate(data, start=1):
        _check_datum(datum, f"MetricData.member.{number}")


def _check_datum(datum: Mapping[str, Any], path: str) -> None:
    for first, second in (("Value", "Values"), ("Value", "StatisticValues"), ("Values", "StatisticValues")):
        if first in datum and second in datum:
            raise AwsError(
                "InvalidParameterCombination",
                f"The parameters {path}.{first} and {path}.{second} are mutually exclusive and you have specified "
                "both.",
            )
    dimensions = datum.get("Dimensions") or []
    _check_size(f"{path}.Dimensions", dimensions, _MAX_DIMENSIONS)
    for number, dimension in enumerate(dimensions, start=1):
        for name in ("Name", "Value"):
            if not dimension.get(name):
                text = f"The parameter {path}.Dimensions.member.{number}.{name} is required."
                raise AwsError("MissingParameter", text, 400)
    _check_size(f"{path}.Values", datum.get("Values") or [], _MAX_VALUES)
    if "Counts" in datum and len(datum["Counts"]) != len(datum.get("Values") or []):
        raise _invalid(f"The parameters {path}.Values and {path}.Counts must be of the same size.")
    for parameter, value in _numbers(datum, path):
        if not isfinite(value) or abs(value) > _LARGEST:
            shown = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(str(value), str(value))
            raise _invalid(f"The value {shown} for parameter {parameter} is invalid.")
    if datum.get("StorageResolution", 60) not in (1, 60):
        raise _invalid(f"The value {datum['StorageResolution']} for parameter {path}.StorageResolution is invalid.")
    if "Timestamp" in datum:
        age = CLOCK.now() - to_timestamp(datum["Timestamp"])
        if age > _OLDEST_SECONDS:
            raise _invalid(f"The parameter {path}.Timestamp must specify a time within the past two weeks.")
        if age < -_NEWEST_SECONDS:
            raise _invalid(f"The parameter {path}.Timestamp must specify a time no more than two hours in the future.")


def _numbers(datum: Mapping[str, Any], path: str) -> Iterator[tuple[str, float]]:
    """Yield every (parameter, number) of a datum."""
    if "Value" in datum:
        yield f"{path}.Value", float(datum["Value"])
    for name in ("Values", "Counts"):
        for number, value in enumerate(datum.get(name) or (), start=1):
            yield f"{path}.{name}.member.{number}", float(value)
    for name in _STATISTIC_VALUES if "StatisticValues" in datum else ():
        yield f"{path}.StatisticValues.{name}", float(datum["StatisticValues"][name])


def _check_size(parameter: str, entries: list[Any], size: int) -> None:
    if len(entries) > size:
        raise _invalid(f"The collection {parameter} must not have a size greater than {size}.")


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterValue", message, 400)
