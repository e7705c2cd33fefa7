"""The bill of the local AWS: usage is metered, rated hour by hour, and every view of a bill reads the same charges.

`meter` records usage, `rating` turns an hour of it into charges, `bill` holds the charges of an account. The free tier,
credits and account plans are in `account`, `plan_limits` and `plan_expiry`. Cost Explorer, Budgets, Data Exports, the
Price List API and the Free Tier API read from here; they are in `local_aws_server.services`.
"""
