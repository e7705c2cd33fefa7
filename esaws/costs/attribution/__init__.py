"""Attribution of costs to design decisions, of a forecast or of a bill, by Shapley values (ADR 7).

Use `decisions` and `attribute_forecast` of `esaws.costs`.
"""
