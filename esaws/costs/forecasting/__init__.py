"""Forecasts of a month: usage of an architecture, priced by region and day, with free tier, credits and tax.

Use `forecast` and `compare_forecasts` of `esaws.costs`.
"""
