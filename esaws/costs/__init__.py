"""Costs of AWS: forecasts before a deploy, and questions to a bill after it.

    from esaws import Cloud, costs, seccom

    costs.compare_forecasts(seccom("ha")).draw()              # a month in each free-tier regime
    bill = costs.read_bill("bills/*.parquet")                  # CUR, FOCUS or Cost Explorer, in any file format
    bill.breakdown(by="usage_type").draw()                     # where the money went: costs.breakdown(bill, …)
    costs.month_end(bill).to_dict()                            # what the running month will cost
    costs.credit_runway(Cloud.from_env())                      # when the account's credits end

Every answer has `to_frame()`, `to_dict()` and `draw()`. Where a bill can't answer a question, the answer is an
`Unknown` with the same methods, which says why. Every name is imported on first use.
"""

from typing import TYPE_CHECKING

from esaws._lazy import lazy_names

if TYPE_CHECKING:
    from esaws.costs.analysis.anomalies import anomalies
    from esaws.costs.analysis.breakdown import breakdown, breakdown_by_day
    from esaws.costs.analysis.credits import Credits, credits
    from esaws.costs.analysis.free_tier_usage import free_tier
    from esaws.costs.analysis.idle_hours import idle_hours
    from esaws.costs.analysis.month_end import month_end
    from esaws.costs.analysis.month_over_month import month_over_month
    from esaws.costs.analysis.selection import Unknown
    from esaws.costs.analysis.waste import waste
    from esaws.costs.attribution.attribution import attribute_forecast
    from esaws.costs.attribution.billed import decisions
    from esaws.costs.bill.report import report
    from esaws.costs.cost_explorer import spending
    from esaws.costs.data_export import end_export, export_bill
    from esaws.costs.focus.write import write_focus
    from esaws.costs.forecasting.account_regime import detect_regime
    from esaws.costs.forecasting.assumptions import Traffic
    from esaws.costs.forecasting.forecast import compare_forecasts, forecast
    from esaws.costs.forecasting.month import Month
    from esaws.costs.forecasting.price_refresh import refresh_prices
    from esaws.costs.forecasting.variations import Variation, compare_builds
    from esaws.costs.monthly_report import CostReport, cost_report
    from esaws.costs.questions import Bill, read_bill
    from esaws.costs.runway.result import CreditRunway
    from esaws.costs.runway.runway import credit_runway

__all__ = [
    "Bill",
    "CostReport",
    "CreditRunway",
    "Credits",
    "Month",
    "Traffic",
    "Unknown",
    "Variation",
    "anomalies",
    "attribute_forecast",
    "breakdown",
    "breakdown_by_day",
    "compare_builds",
    "compare_forecasts",
    "cost_report",
    "credit_runway",
    "credits",
    "decisions",
    "detect_regime",
    "end_export",
    "export_bill",
    "forecast",
    "free_tier",
    "idle_hours",
    "month_end",
    "month_over_month",
    "read_bill",
    "refresh_prices",
    "report",
    "spending",
    "waste",
    "write_focus",
]

_SOURCES = {
    "esaws.costs.analysis.anomalies": ("anomalies",),
    "esaws.costs.analysis.breakdown": ("breakdown", "breakdown_by_day"),
    "esaws.costs.analysis.credits": ("Credits", "credits"),
    "esaws.costs.analysis.free_tier_usage": ("free_tier",),
    "esaws.costs.analysis.idle_hours": ("idle_hours",),
    "esaws.costs.analysis.month_end": ("month_end",),
    "esaws.costs.analysis.month_over_month": ("month_over_month",),
    "esaws.costs.analysis.selection": ("Unknown",),
    "esaws.costs.analysis.waste": ("waste",),
    "esaws.costs.attribution.attribution": ("attribute_forecast",),
    "esaws.costs.attribution.billed": ("decisions",),
    "esaws.costs.bill.report": ("report",),
    "esaws.costs.cost_explorer": ("spending",),
    "esaws.costs.monthly_report": ("CostReport", "cost_report"),
    "esaws.costs.data_export": ("end_export", "export_bill"),
    "esaws.costs.focus.write": ("write_focus",),
    "esaws.costs.forecasting.account_regime": ("detect_regime",),
    "esaws.costs.forecasting.assumptions": ("Traffic",),
    "esaws.costs.forecasting.forecast": ("compare_forecasts", "forecast"),
    "esaws.costs.forecasting.month": ("Month",),
    "esaws.costs.forecasting.price_refresh": ("refresh_prices",),
    "esaws.costs.forecasting.variations": ("Variation", "compare_builds"),
    "esaws.costs.questions": ("Bill", "read_bill"),
    "esaws.costs.runway.result": ("CreditRunway",),
    "esaws.costs.runway.runway": ("credit_runway",),
}
__getattr__, __dir__ = lazy_names(__name__, {name: module for module, names in _SOURCES.items() for name in names})
