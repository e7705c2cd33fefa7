"""GetCostForecast and GetUsageForecast: usage continues as in the last 14 days, rated with free tier and credits.

A forecast needs one day of history. AWS needs more, and uses a model of its own.
https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostForecast.html
https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetUsageForecast.html
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.billing.bill import get_bill
from local_aws_server.billing.charge import ChargeFilter, ChargeMeasure, charge_cost
from local_aws_server.billing.forecast import PeriodForecast, forecast_periods, history_days, recent_charges
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.errors import AwsError
from local_aws_server.hooks import replace
from local_aws_server.services.ce.aggregation import COST_METRICS, format_amount, metric_measure, parse_metric
from local_aws_server.services.ce.filters import COST_EXPLORER_LIMITS, compile_expression, validation_error
from local_aws_server.services.ce.periods import format_boundary, parse_forecast_period, split_period

BEHAVIOURS = (
    Behaviour(
        service="Cost Explorer",
        statement="Forecasts continue the usage of the last 14 days and include the free tier and credits.",
        documentation=(
            "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostForecast.html",
            "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetUsageForecast.html",
        ),
    ),
)

_DEFAULT_LEVEL = 80


@replace("ce", "GetCostForecast")
def get_cost_forecast(call: Call) -> dict[str, Any]:
    if parse_metric(call.params["Metric"]) not in COST_METRICS:
        raise validation_error(f"Metric {call.params['Metric']} is not valid for a forecast of costs.")
    return _response(call, charge_cost, _charge_filter(call), "USD")


@replace("ce", "GetUsageForecast")
def get_usage_forecast(call: Call) -> dict[str, Any]:
    name, matches = parse_metric(call.params["Metric"]), _charge_filter(call)
    if name in COST_METRICS:
        raise validation_error(f"Metric {call.params['Metric']} is not valid for a forecast of usage.")
    usage = [charge for charge in recent_charges(call.account) if charge.kind == "Usage" and matches(charge)]
    units = {charge.meter.unit for charge in usage}
    if len(units) > 1:
        raise AwsError(
            "UnresolvableUsageUnitException",
            "Unable to identify the usage unit: filter by usage types or usage type groups of one unit.",
        )
    return _response(call, metric_measure(name, get_bill(call.account)), matches, next(iter(units), "N/A"))


def _charge_filter(call: Call) -> ChargeFilter:
    return compile_expression(call.params.get("Filter"), call.account, COST_EXPLORER_LIMITS)


def _response(call: Call, measure: ChargeMeasure, matches: ChargeFilter, unit: str) -> dict[str, Any]:
    params = call.params
    granularity = params["Granularity"]
    periods = split_period(parse_forecast_period(params["TimePeriod"], granularity, CLOCK.now()), granularity)
    level = params.get("PredictionIntervalLevel", _DEFAULT_LEVEL)
    if not 51 <= level <= 99:
        raise validation_error("PredictionIntervalLevel must be between 51 and 99.")
    if not history_days(call.account, matches):
        raise AwsError("DataUnavailableException", "Insufficient amount of historical data")
    forecasts = forecast_periods(call.account, periods, matches=matches, measure=measure, level=level)
    total = sum((forecast.mean for forecast in forecasts), Decimal(0))
    with_interval = "PredictionIntervalLevel" in params
    return {
        "Total": {"Amount": format_amount(total), "Unit": unit},
        "ForecastResultsByTime": [_to_dict(forecast, with_interval) for forecast in forecasts],
    }


def _to_dict(forecast: PeriodForecast, with_interval: bool) -> dict[str, Any]:
    interval = {
        "PredictionIntervalLowerBound": format_amount(forecast.lower),
        "PredictionIntervalUpperBound": format_amount(forecast.upper),
    }
    return {
        "TimePeriod": {
            "Start": format_boundary(forecast.start, "DAILY"),
            "End": format_boundary(forecast.end, "DAILY"),
        },
        "MeanValue": format_amount(forecast.mean),
        **(interval if with_interval else {}),
    }
