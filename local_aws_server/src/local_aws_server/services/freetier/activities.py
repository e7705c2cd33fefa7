"""Five activities earn credits, each once: a first instance, database, function and cost budget, and a prompt.

What stands in for Amazon Bedrock's playground is not there, so its credits can't be earned here.
https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/free-tier-credits.html
"""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import md5
from typing import Any

from local_aws_server.billing.account import ACTIVITIES, Customer, customer
from local_aws_server.billing.free_tier import page
from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import AwsError, after, replace

BEHAVIOURS = (
    Behaviour(
        service="Free Tier",
        statement="Five activities earn credits, each once: a first instance, database, function and cost budget, "
        "and a prompt.",
        documentation=("https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/free-tier-credits.html",),
    ),
)

_DONE_BY = {
    ("ec2", "RunInstances"): "ec2",
    ("rds", "CreateDBInstance"): "rds",
    ("lambda", "CreateFunction"): "lambda",
    ("budgets", "CreateBudget"): "budgets",
}
_INSTRUCTIONS = {
    "ec2": "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/EC2_GetStarted.html",
    "rds": "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_GettingStarted.html",
    "lambda": "https://docs.aws.amazon.com/lambda/latest/dg/getting-started.html",
    "bedrock": "https://docs.aws.amazon.com/bedrock/latest/userguide/playgrounds.html",
    "budgets": "https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-create.html",
}


def activity_is_done(call: Call) -> None:
    activity = _DONE_BY[call.service, call.operation]
    if activity != "budgets" or call.params["Budget"]["BudgetType"] == "COST":
        customer(call.account).did(activity)


for _service, _operation in _DONE_BY:
    after(_service, _operation)(activity_is_done)


@replace("freetier", "ListAccountActivities")
def list_account_activities(call: Call) -> dict[str, Any]:
    who, wanted = customer(call.account), call.params.get("filterActivityStatuses")
    found = [_summary(who, activity) for activity in _offered(who)]
    return page(call.params, "activities", [each for each in found if not wanted or each["status"] in wanted])


@replace("freetier", "GetAccountActivity")
def get_account_activity(call: Call) -> dict[str, Any]:
    who, wanted = customer(call.account), call.params["activityId"]
    for activity in _offered(who):
        if _id(activity) == wanted:
            done = who.earned.get(activity)
            moments = {"startedAt": _date(done), "completedAt": _date(done)} if done is not None else {}
            return {
                **_summary(who, activity),
                "description": f"{ACTIVITIES[activity]}, and get {who.reward} USD of credits.",
                "instructionsUrl": _INSTRUCTIONS[activity],
                "expiresAt": _date(who.free_plan_ends),
                **moments,
            }
    raise AwsError("ResourceNotFoundException", f"The activity {wanted} was not found.", 400)


def _offered(who: Customer) -> list[str]:
    return list(ACTIVITIES) if who.regime == "credits" else []


def _summary(who: Customer, activity: str) -> dict[str, Any]:
    return {
        "activityId": _id(activity),
        "title": ACTIVITIES[activity],
        "reward": {"credit": {"amount": float(who.reward), "unit": "USD"}},
        "status": "COMPLETED" if activity in who.earned else "NOT_STARTED",
    }


def _id(activity: str) -> str:
    return md5(activity.encode(), usedforsecurity=False).hexdigest()


def _date(moment: int) -> datetime:
    return datetime.fromtimestamp(moment, UTC)
