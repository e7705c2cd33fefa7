"""The runbooks cost_report and credit_runway: what they find, when they fail, and that they change nothing."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from esaws.cloud import Cloud
from esaws.operations import verify_month_end, verify_runway
from esaws.runbooks.pytest_plugin import RunbookResult, RunbookTester
from tests.conftest import post
from tests.test_credit_runway import FREE_PLAN, PAID_PLAN, pace, runway

NO_CLOUD = Cloud.at("http://127.0.0.1:9")


@pytest.fixture
def with_credits(runbook: RunbookTester) -> RunbookTester:
    """An account with credits in which an address has been idle for five days."""
    account = {"account": runbook.cloud.account, "regime": "credits", "plan": "free"}
    post(f"{runbook.endpoint}/_esaws/regime", json.dumps(account).encode())
    runbook.cloud.client("ec2").allocate_address(Domain="vpc")
    post(f"{runbook.endpoint}/_esaws/advance", b'{"by": "5d"}')
    return runbook


def changed_nothing(result: RunbookResult) -> bool:
    return result.record["changing_calls"] == 0 and result.record["changed"] == []


def test_the_credit_runway_is_done_while_credits_last_and_fails_under_the_threshold(
    with_credits: RunbookTester,
) -> None:
    done = with_credits.run("credit_runway")
    assert (done.exit_code, done.status, done.error) == (0, "done", None)
    (found,) = done.record["found"].values()
    assert found["plan"] == "free" and found["days_left"] > 14 and found["requests_usd"] == 0
    failed = with_credits.run("credit_runway", at_least_days=400)
    assert (failed.exit_code, failed.status) == (1, "failed")
    error = failed.record["error"]
    assert error["step"] == "verify" and "at least 400 days" in error["resource"]
    assert "until" in error["cause"] and "upgrade the account" in error["next_step"]  # the plan ends before the credits
    assert changed_nothing(done) and changed_nothing(failed)


def test_the_cost_report_of_cost_explorer_fails_above_the_limit(with_credits: RunbookTester) -> None:
    failed = with_credits.run("cost_report", at_most=0.05, profile="budget")
    assert (failed.exit_code, failed.record["error"]["step"]) == (1, "verify")
    assert "at most 0.05 USD" in failed.record["error"]["resource"]
    (found,) = failed.record["found"].values()
    assert found["source"] == "Cost Explorer"
    used = found["to_date"]["used"]
    assert 0 < used <= 0.6  # of the month that has begun since, if one has
    assert used == pytest.approx(found["to_date"]["paid_by_credits"])
    assert found["to_date"]["left"]  # the account says it
    assert found["decisions"]["total_usd"] == pytest.approx(used, abs=0.01)
    assert any("requests" in warning for warning in found["warnings"])
    assert changed_nothing(failed)


# --- the checks


@pytest.fixture(scope="module", autouse=True)
def _no_calls() -> Iterator[None]:
    yield
    assert not len(NO_CLOUD.calls)


@pytest.mark.parametrize(
    ("facts", "ok"),
    [
        ({"plan": PAID_PLAN, "pace": pace(2)}, True),  # 30 days
        ({"plan": PAID_PLAN, "pace": pace(3)}, False),  # 20 days
        ({"plan": PAID_PLAN, "pace": pace(0)}, True),
        ({"plan": PAID_PLAN}, None),  # nothing runs here, and what other regions cost is unknown
        ({"plan": FREE_PLAN}, None),
        ({"plan": replace(FREE_PLAN, left=Decimal(0))}, False),
        ({"has_no_plan": True, "pace": pace(3, paid=0)}, True),
        ({"has_no_plan": True, "pace": pace(3)}, None),
        ({}, None),
    ],
)
def test_a_runway_is_long_enough_or_not_or_unknown(facts: dict[str, Any], ok: bool | None) -> None:
    (check,) = verify_runway(NO_CLOUD, runway(**facts), 25)
    assert check.ok is ok
    assert check.next_step or ok
    assert check.found


@pytest.mark.parametrize(
    ("facts", "next_step"),
    [
        ({"plan": FREE_PLAN, "pace": pace(0.01)}, "upgrade the account to the paid plan: Billing"),
        ({"plan": FREE_PLAN, "pace": pace(20)}, "look at other regions"),  # credits end before the plan does
        ({"plan": replace(FREE_PLAN, status="EXPIRED")}, "which opens it again"),
        ({"plan": replace(PAID_PLAN, left=Decimal(0))}, "look at other regions"),
    ],
)
def test_the_next_step_is_the_one_that_helps(facts: dict[str, Any], next_step: str) -> None:
    (check,) = verify_runway(NO_CLOUD, runway(**facts), 400)
    assert check.ok is False and next_step in check.next_step


def test_a_limit_for_a_bill_in_another_currency_is_unknown() -> None:
    end = SimpleNamespace(currency="EUR", expected=Decimal(5), low=None, high=None)
    report: Any = SimpleNamespace(month=date(2026, 11, 1), month_end=end)
    (check,) = verify_month_end(NO_CLOUD, report, 10.0)
    assert check.ok is None and "EUR" in check.found
    assert verify_month_end(NO_CLOUD, report, None) == []
