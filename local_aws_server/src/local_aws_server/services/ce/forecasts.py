"""Cost Explorer forecasts what is charged if usage goes on as in the last 14 days, free tier and credits included.

It wants a day of history; AWS wants more, and learns from it with a model of its own.
https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostForecast.html
https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetUsageForecast.html
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from local_aws_server.billing.bill import get_bill
from local_aws_server.billing.forecast import PeriodForecast, charge_cost, history_days, forecast_periods, recent_charges
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import AwsError, replace
from local_aws_server.services.ce.aggregation import COSTS, Measure, metric_measure, parse_metric, format_amount
from local_aws_server.services.ce.filters import COST_EXPLORER, Keep, validation_error, compile_expression
from local_aws_server.services.ce.periods import parse_forecast_period, split_period, format_timestamp

BEHAVIOURS = (
    Behaviour(
        service="Cost Explorer",
        statement="Cost Explorer forecasts what is charged if usage goes on as in the last 14 days, free tier and "
        "credits included.",
        documentation=(
            "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostForecast.html",
            "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetUsageForecast.html",
        ),
    ),
)

_LEVEL = 80


@replace("ce", "GetCostForecast")
def cost_forecast(call: Call) -> dict[str, Any]:
    if parse_metric(call.params["Metric"]) not in COSTS:
        raise validation_error(f"Metric {call.params['Metric']} is not valid for a forecast of costs.")
    return _answer(call, charge_cost, _keep(call), "USD")


@replace("ce", "GetUsageForecast")
def usage_forecast(call: Call) -> dict[str, Any]:
    name, keep = parse_metric(call.params["Metric"]), _keep(call)
    if name in COSTS:
        raise validation_error(f"Metric {call.params['Metric']} is not valid for a forecast of usage.")
    units = {charge.meter.unit for charge in recent_charges(call.account) if charge.kind == "Usage" and keep(charge)}
    if len(units) > 1:
        raise AwsError(
            "UnresolvableUsageUnitException",
            "Unable to identify the usage unit: filter by usage types or usage type groups of one unit.",
        )
    return _answer(call, metric_measure(name, get_bill(call.account)), keep, next(iter(units), "N/A"))


def _keep(call: Call) -> Keep:
    return compile_expression(call.params.get("Filter"), call.account, COST_EXPLORER)


def _answer(call: Call, amount: Measure, keep: Keep, unit: str) -> dict[str, Any]:
    asked = call.params
    granularity = asked["Granularity"]
    periods = split_period(parse_forecast_period(asked["TimePeriod"], granularity, CLOCK.now()), granularity)
    level = asked.get("PredictionIntervalLevel", _LEVEL)
    if not 51 <= level <= 99:
        raise validation_error("PredictionIntervalLevel must be between 51 and 99.")
    if not history_days(call.account, keep):
        raise AwsError("DataUnavailableException", "Insufficient amount of historical data")
    forecasts = forecast_periods(
        call.account, [(each.start, each.end) for each in periods], keep=keep, measure=amount, level=level
    )
    return {
        "Total": {"Amount": format_amount(sum((each.mean for each in forecasts), Decimal(0))), "Unit": unit},
        "ForecastResultsByTime": [_told(each, "PredictionIntervalLevel" in asked) for each in forecasts],
    }


def _told(found: PeriodForecast, with_interval: bool) -> dict[str, Any]:
    bounds = {"PredictionIntervalLowerBound": format_amount(found.lower), "PredictionIntervalUpperBound": format_amount(found.upper)}
    return {
        "TimePeriod": {"Start": format_timestamp(found.start, "DAILY"), "End": format_timestamp(found.end, "DAILY")},
        "MeanValue": format_amount(found.mean),
        **(bounds if with_interval else {}),
    }
