"""The five activities that earn credits, each once: a first instance, database, function, cost budget and prompt.

The Amazon Bedrock playground is not simulated, so its credits cannot be earned here.
https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/free-tier-credits.html
"""

from __future__ import annotations

from hashlib import md5
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.billing.account import ACTIVITIES, Customer, get_customer
from local_aws_server.billing.calendar import to_datetime
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, replace
from local_aws_server.services.freetier.pagination import page

BEHAVIOURS = (
    Behaviour(
        service="Free Tier",
        statement="Five activities earn credits, each once: a first EC2 instance, RDS database, Lambda function, cost "
        "budget and Bedrock prompt.",
        documentation=("https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/free-tier-credits.html",),
    ),
)

_OPERATIONS = {
    ("ec2", "RunInstances"): "ec2",
    ("rds", "CreateDBInstance"): "rds",
    ("lambda", "CreateFunction"): "lambda",
    ("budgets", "CreateBudget"): "budgets",
}
"""(service, operation) → the activity that it completes."""
_INSTRUCTIONS = {
    "ec2": "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/EC2_GetStarted.html",
    "rds": "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_GettingStarted.html",
    "lambda": "https://docs.aws.amazon.com/lambda/latest/dg/getting-started.html",
    "bedrock": "https://docs.aws.amazon.com/bedrock/latest/userguide/playgrounds.html",
    "budgets": "https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-create.html",
}


def complete_activity(call: Call) -> None:
    activity = _OPERATIONS[call.service, call.operation]
    if activity != "budgets" or call.params["Budget"]["BudgetType"] == "COST":
        get_customer(call.account).complete_activity(activity)


for _service, _operation in _OPERATIONS:
    after(_service, _operation)(complete_activity)


@replace("freetier", "ListAccountActivities")
def list_account_activities(call: Call) -> dict[str, Any]:
    customer, statuses = get_customer(call.account), call.params.get("filterActivityStatuses")
    summaries = [_summary(customer, activity) for activity in _available_activities(customer)]
    return page(call, "activities", [row for row in summaries if not statuses or row["status"] in statuses])


@replace("freetier", "GetAccountActivity")
def get_account_activity(call: Call) -> dict[str, Any]:
    customer, activity_id = get_customer(call.account), call.params["activityId"]
    for activity in _available_activities(customer):
        if _activity_id(activity) == activity_id:
            times = {}
            if (completed := customer.completed_activities.get(activity)) is not None:
                times = {"startedAt": to_datetime(completed), "completedAt": to_datetime(completed)}
            return {
                **_summary(customer, activity),
                "description": f"{ACTIVITIES[activity]}, and get {customer.activity_credit} USD of credits.",
                "instructionsUrl": _INSTRUCTIONS[activity],
                "expiresAt": to_datetime(customer.free_plan_end),
                **times,
            }
    raise AwsError("ResourceNotFoundException", f"The activity {activity_id} was not found.", 400)


def _available_activities(customer: Customer) -> list[str]:
    return list(ACTIVITIES) if customer.regime == "credits" else []


def _summary(customer: Customer, activity: str) -> dict[str, Any]:
    return {
        "activityId": _activity_id(activity),
        "title": ACTIVITIES[activity],
        "reward": {"credit": {"amount": float(customer.activity_credit), "unit": "USD"}},
        "status": "COMPLETED" if activity in customer.completed_activities else "NOT_STARTED",
    }


def _activity_id(activity: str) -> str:
    return md5(activity.encode(), usedforsecurity=False).hexdigest()
