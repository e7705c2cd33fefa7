"""Analyses of a bill, one question a module, for any bill that `read_bill` returns.

- `breakdown`: where the money went, by service, resource, account, region, tag or cluster, in all or by day
- `month_end`: what the running month will cost, with the free tier counted
- `month_over_month`: what changed between two months, and why: quantity, rate, free tier, new or gone usage
- `credits`: what credits paid, a day and in all, when they ended, and what is to pay since
- `free_tier`: how much of each allowance is used, and on which day it ran out
- `anomalies`: on which days a service cost unusually much, and what caused it
- `waste`: which resources still cost money but show no use
- `idle_hours`: in which hours something ran but served no traffic

Use them through `esaws.costs`. Each returns a frozen dataclass with `to_frame()`, `to_dict()` and `draw()`; or an
`Unknown`, which has the same methods and says why the bill can't answer. All take `metric=` and `currency=`. Amounts of
different currencies are never added: for a bill with several, `currency` is required.
"""
