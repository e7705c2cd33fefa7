"""Every answer to a question about a bill, known or not, has a table, a dictionary, a chart and a good look."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from rich.console import Console

from esaws import costs
from esaws.chart import Chart
from esaws.costs.bill.bill import Bill
from tests.bills.writing import Line, cur, hours, parquet

pytestmark = pytest.mark.slow

QUESTIONS = {
    name: getattr(costs, name)
    for name in (
        "anomalies",
        "breakdown",
        "breakdown_by_day",
        "credits",
        "free_tier",
        "idle_hours",
        "month_end",
        "month_over_month",
        "waste",
    )
}
FIRST = datetime(2026, 1, 25)


@pytest.fixture(scope="module")
def bills(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bill]:
    """A bill that answers every question, and one that answers only which service it is of."""
    folder = tmp_path_factory.mktemp("bills")
    lines = hours(24 * 14, FIRST, description="$0.00 per hour under monthly free tier", cost=Decimal(0))
    lines += [Line(FIRST + timedelta(hours=at), "AWSELB", "EUW3-LCUUsage") for at in range(24 * 14)]
    month = [Line(datetime(2026, 1, 1), hours=744, usage_type="", resource="", description="")]
    return {
        "hourly": costs.read_bill(parquet(folder / "hourly.parquet", [cur(line) for line in lines])),
        "monthly": costs.read_bill(parquet(folder / "monthly.parquet", [cur(line) for line in month])),
    }


@pytest.mark.parametrize("bill", ["hourly", "monthly"])
@pytest.mark.parametrize("question", QUESTIONS)
def test_an_answer_shows_itself(question: str, bill: str, bills: dict[str, Bill]) -> None:
    ask: Callable[[Bill], Any] = QUESTIONS[question]
    answer = ask(bills[bill])
    assert isinstance(answer, costs.Unknown) == (bill == "monthly" and question not in ("breakdown", "credits")), answer
    assert isinstance(answer.draw(), Chart) and answer.draw()._repr_svg_().startswith("<?xml")
    values = answer.to_dict()
    assert json.loads(json.dumps(values)) == values
    if isinstance(answer, costs.Unknown):
        assert values == {"unknown": answer.reason}
        assert "Unknown" in answer.draw().figure.get_suptitle()
    elif not answer.to_frame().empty:
        assert "<table" in answer._repr_html_()
    console = Console(width=200)
    with console.capture() as capture:
        console.print(answer)
    assert repr(answer) in capture.get()


@pytest.mark.parametrize("question", QUESTIONS)
def test_each_question_is_a_method_of_the_bill(question: str, bills: dict[str, Bill]) -> None:
    bill = bills["hourly"]
    assert repr(getattr(bill, question)()) == repr(QUESTIONS[question](bill))
    assert isinstance(bill.as_of(FIRST.date()), type(bill))
