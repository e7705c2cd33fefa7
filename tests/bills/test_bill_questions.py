"""The commands that ask a bill: the right values for bills that went wrong once, JSON keys, months and currencies."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from esaws import costs
from esaws.cli import main
from esaws.cli.bill_questions import question
from esaws.cli.root import cli
from esaws.costs.bill.bill import Bill

pytestmark = pytest.mark.slow

CASES = Path(__file__).parent / "cases"
NAT, ALB, BOX = "NatGateway-Hours", "LoadBalancerUsage", "BoxUsage:t3.micro"
ADDRESS, DATABASE = "USE1-PublicIPv4:InUseAddress", "InstanceUsage:db.t3.micro"


def run(*words: str) -> Any:
    """The JSON that a command prints."""
    result = CliRunner().invoke(cli, ["cost", *words, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def parts(values: dict[str, Any]) -> dict[str, float]:
    return {part["name"]: round(part["cost"], 6) for part in values["parts"]}


@pytest.mark.parametrize(
    ("file", "words", "expected"),
    [
        (
            "credits_cover_all_daily.csv",
            ("breakdown", "--by", "usage_type"),
            {NAT: 15.12, ALB: 7.56, BOX: 6.9888, ADDRESS: 6.72, DATABASE: 6.048},
        ),
        ("cur2_tags_column_only.csv", ("breakdown", "--by", "tag:team"), {"red": 0.2496, "blue": 0.2496}),
        ("cur2_tags_column_only.csv", ("breakdown", "--by", "tag:accountTag/cost_center"), {"c1": 0.4992}),
        ("split_costs_of_ecs.csv", ("breakdown", "--by", "cluster"), {"web": 2.88, "api": 2.496}),
        ("ce_cost_category.json", ("breakdown", "--by", "tag:Team"), {"red": 10.5, "without Team": 3}),
        ("ce_cost_category.json", ("breakdown", "--by", "cost_category:Team"), {"red": 10.5, "without Team": 3}),
        ("two_currencies.csv", ("breakdown", "--currency", "EUR"), {"Compute": 3}),
        ("two_currencies.csv", ("breakdown", "--currency", "USD"), {"Compute": 4}),
    ],
)
def test_where_the_money_went(file: str, words: tuple[str, ...], expected: dict[str, float]) -> None:
    values = run(*words, str(CASES / file))
    assert parts(values) == expected
    assert values["total"] == pytest.approx(sum(expected.values()))


@pytest.mark.parametrize(
    ("file", "used", "per_day", "month"),
    [("credits_cover_all_daily.csv", 42.4368, 3.0312, 93.9672), ("credits_ce_record_type.json", 35, 3.5, 108.5)],
)
def test_credits_that_cover_all(file: str, used: float, per_day: float, month: float) -> None:
    path = str(CASES / file)
    bill = run("bill", path)
    assert (bill["before_credits"], bill["credits"], bill["to_pay"]) == ({"USD": used}, {"USD": used}, {"USD": 0})
    values = run("credits", path)
    amounts = {"used": used, "paid_by_credits": used, "to_pay": 0, "per_day": per_day, "ended_on": None, "left": None}
    assert values.items() >= amounts.items()
    outlook = run("month-end", path)
    assert outlook["expected"] == pytest.approx(month)
    assert (outlook["to_pay"], outlook["to_pay_while_credits_last"]) == (None, 0)
    assert outlook["to_pay_if_credits_end"] == pytest.approx(month - used)
    assert run("anomalies", path) == []


def test_months_that_are_not_in_the_bill_are_not_days_of_zero() -> None:
    path = str(CASES / "two_months_with_a_gap.csv")
    assert run("anomalies", path) == []
    bill = run("bill", path)
    assert bill["periods"] == ["2026-03", "2026-05"]
    assert "2026-04 is not in the bill" in bill["warnings"]
    days = costs.breakdown_by_day(costs.read_bill(path)).to_dict()
    assert len(days["days"]) == 62 and {*days["parts"][0]["costs"]} == {6}
    assert not any(day.startswith("2026-04") for day in days["days"])


def test_a_bill_of_two_currencies_needs_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["cost", "month-end", str(CASES / "two_currencies.csv")])
    assert stopped.value.code == 2
    assert "--currency EUR" in capsys.readouterr().err


KEYS = {
    "breakdown": {"by", "currency", "total", "before_credits", "credits", "to_pay", "parts", "others"},
    "month-over-month": {"before", "after", "total_before", "total_after", "credits", "to_pay", "effects", "changes"},
    "month-end": {"period", "expected", "low", "high", "at_least"},
    "anomalies": {"start", "end", "service", "usual", "actual"},
    "idle-hours": {"idle", "hours"},
    "waste": {"currency", "a_month", "resources"},
    "free-tier": {"period", "currency", "allowances"},
    "credits": {"used", "paid_by_credits", "to_pay", "per_day", "ended_on", "left"},
}


@pytest.fixture
def bill() -> str:
    """A bill of two months that answers every question, with an expensive day."""
    return str(CASES / "every_question.csv")


@pytest.fixture(scope="module")
def read_once() -> Bill:
    return costs.read_bill(CASES / "every_question.csv")


@pytest.mark.parametrize("command", KEYS)
def test_each_answer_has_its_keys_and_a_sentence(command: str, bill: str, read_once: Bill) -> None:
    answer = getattr(costs, command.replace("-", "_"))(read_once)
    values = answer.to_dict()
    assert (values["anomalies"][0] if command == "anomalies" else values).keys() >= KEYS[command]
    result = CliRunner().invoke(cli, ["cost", command, bill], catch_exceptions=False)
    assert result.output.splitlines()[0] == repr(answer)


def test_this_file_covers_every_question() -> None:
    from esaws.cli import bill_questions
    from esaws.cli.cost import COMMANDS

    assert question.__module__ == bill_questions.__name__
    assert {name for name, (module, _) in COMMANDS.items() if module == "bill_questions"} == KEYS.keys()


def test_a_bill_is_as_it_was_on_a_day(bill: str) -> None:
    assert run("month-end", bill, "--as-of", "2026-01-27")["complete_days"] == 27
    assert run("anomalies", bill, "--as-of", "2026-02-04") == []
    assert run("breakdown", bill, "--month", "2026-02")["total"] < run("breakdown", bill)["total"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--as-of", "yesterday"), "--as-of yesterday is not a date"),
        (("--as-of", "2020-01-01"), "no line of the bill begins on 2020-01-01 or before"),
        (("--month", "2026-13"), "--month 2026-13 is not a date"),
        (("--month", "2026-05"), "the bill does not cover 2026-05"),
        (("--by", "weather"), "unknown dimension 'weather'"),
    ],
)
def test_wrong_options_are_usage_errors(
    words: tuple[str, ...], message: str, bill: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["cost", "breakdown", bill, *words])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_a_bill_by_account_has_names_and_what_is_to_pay(bill: str) -> None:
    values = run("bill", bill, "--by", "account")
    assert values["by_account"] == {"123456789012": pytest.approx(values["total"])}
    text = CliRunner().invoke(cli, ["cost", "bill", bill, "--by", "account"], catch_exceptions=False).output
    assert "123456789012" in text


def test_accounts_of_cost_explorer_have_their_names(tmp_path: Path) -> None:
    groups = [{"Keys": ["111122223333"], "Metrics": {"UnblendedCost": {"Amount": "2.5", "Unit": "USD"}}}]
    response = {
        "GroupDefinitions": [{"Type": "DIMENSION", "Key": "LINKED_ACCOUNT"}],
        "ResultsByTime": [{"TimePeriod": {"Start": "2026-10-01", "End": "2026-10-02"}, "Groups": groups}],
        "DimensionValueAttributes": [{"Value": "111122223333", "Attributes": {"description": "shop"}}],
    }
    (tmp_path / "ce.json").write_text(json.dumps(response))
    values = run("breakdown", str(tmp_path / "ce.json"), "--by", "account")
    assert values["parts"][0]["account_name"] == "shop"
    assert run("bill", str(tmp_path / "ce.json"), "--by", "account")["account_names"] == {"111122223333": "shop"}
    output = CliRunner().invoke(cli, ["cost", "breakdown", str(tmp_path / "ce.json"), "--by", "account"]).output
    assert "shop (111122223333)" in output
