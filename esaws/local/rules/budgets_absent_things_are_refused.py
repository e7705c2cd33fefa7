"""The notifications of a budget that does not exist are a NotFoundException.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_DescribeNotificationsForBudget.html
"""

from esaws.local.absent import Absent, by

Absent(
    "budgets",
    "NotFoundException",
    "Unable to get budget: {} - the budget doesn't exist.",
    lambda call: call.world.backend("budgets").budgets[call.account],
    by("BudgetName", "DescribeNotificationsForBudget"),
).install()
