"""Cost Explorer forecasts what is charged if usage goes on as in the last 14 days, free tier and credits included.

It wants a day of history; AWS wants more, and learns from it with a model of its own.
https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostForecast.html
https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetUsageForecast.html
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from local_aws_server.billing.bill import bill
from local_aws_server.billing.forecast import Forecast, cost, days_of_history, forecast, recent
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.hooks import AwsError, replace
from local_aws_server.services.ce.aggregation import COSTS, Measure, measure, metric, plain
from local_aws_server.services.ce.filters import COST_EXPLORER, Keep, invalid, matcher
from local_aws_server.services.ce.periods import coming, cut, shown

_LEVEL = 80


@replace("ce", "GetCostForecast")
def cost_forecast(call: Call) -> dict[str, Any]:
    if metric(call.params["Metric"]) not in COSTS:
        raise invalid(f"Metric {call.params['Metric']} is not valid for a forecast of costs.")
    return _answer(call, cost, _keep(call), "USD")


@replace("ce", "GetUsageForecast")
def usage_forecast(call: Call) -> dict[str, Any]:
    name, keep = metric(call.params["Metric"]), _keep(call)
    if name in COSTS:
        raise invalid(f"Metric {call.params['Metric']} is not valid for a forecast of usage.")
    units = {charge.meter.unit for charge in recent(call.account) if charge.kind == "Usage" and keep(charge)}
    if len(units) > 1:
        raise AwsError(
            "UnresolvableUsageUnitException",
            "Unable to identify the usage unit: filter by usage types or usage type groups of one unit.",
        )
    return _answer(call, measure(name, bill(call.account)), keep, next(iter(units), "N/A"))


def _keep(call: Call) -> Keep:
    return matcher(call.params.get("Filter"), call.account, COST_EXPLORER)


def _answer(call: Call, amount: Measure, keep: Keep, unit: str) -> dict[str, Any]:
    asked = call.params
    granularity = asked["Granularity"]
    periods = cut(coming(asked["TimePeriod"], granularity, CLOCK.now()), granularity)
    level = asked.get("PredictionIntervalLevel", _LEVEL)
    if not 51 <= level <= 99:
        raise invalid("PredictionIntervalLevel must be between 51 and 99.")
    if not days_of_history(call.account, keep):
        raise AwsError("DataUnavailableException", "Insufficient amount of historical data")
    forecasts = forecast(
        call.account, [(each.start, each.end) for each in periods], keep=keep, measure=amount, level=level
    )
    return {
        "Total": {"Amount": plain(sum((each.mean for each in forecasts), Decimal(0))), "Unit": unit},
        "ForecastResultsByTime": [_told(each, "PredictionIntervalLevel" in asked) for each in forecasts],
    }


def _told(found: Forecast, with_interval: bool) -> dict[str, Any]:
    bounds = {"PredictionIntervalLowerBound": plain(found.lower), "PredictionIntervalUpperBound": plain(found.upper)}
    return {
        "TimePeriod": {"Start": shown(found.start, "DAILY"), "End": shown(found.end, "DAILY")},
        "MeanValue": plain(found.mean),
        **(bounds if with_interval else {}),
    }
