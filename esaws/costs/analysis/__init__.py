"""To understand a bill: one question a module, over any bill that `read_bill` gives, in any format.

- `where`: where did the money go, by service, resource, account, region, tag or cluster, and on which days?
- `outlook`: what will the running month come to, when what is free has run out?
- `changes`: what changed since another month, and was it the quantity, the rate, the free tier, or something new?
- `burn_down`: how much is left of what is free, and on which day did it run out?
- `anomalies`: on which days did something cost unusually much, and what did it?
- `forgotten`: what still costs that nothing seems to use, and how much a month?
- `idle`: in how many hours did something run that served nobody?

Each answers with a frozen dataclass that has `to_frame()`, and is drawn by a `draw_…`; or with an `Unknown`, which says
why a bill can't tell. All are called alike: `fn(bill, …, metric=None, currency=None)`. Amounts of different currencies
are never added: of a mixed bill one has to be chosen.
"""
