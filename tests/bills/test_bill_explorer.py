"""Answers of Cost Explorer as they were saved, and Cost Explorer itself: counted, kept and capped."""

import json
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from esaws.costs import cost_explorer
from esaws.costs.bill.files import Unreadable
from esaws.costs.bill.queries import by_account, by_day
from esaws.costs.bill.read import read_bill
from esaws.costs.bill.report import report
from esaws.costs.spending_query import spending
from esaws.errors import Refused, UsageError
from tests.bills.writing import Line, explorer, hours, total

LINES = [
    *hours(24 * 86, datetime(2025, 10, 7)),
    *hours(
        24 * 60, datetime(2025, 10, 7), service="AmazonS3", usage_type="EUW3-TimedStorage-ByteHrs", cost=Decimal("0.01")
    ),
]
"""86 days of two services."""


def days(answer: dict[str, Any], size: int) -> list[dict[str, Any]]:
    """An answer in pages, or in one answer a day."""
    results = answer["ResultsByTime"]
    return [{**answer, "ResultsByTime": results[at : at + size]} for at in range(0, len(results), size)]


def one_file(folder: Path, answer: dict[str, Any]) -> list[Path]:
    return [write(folder / "ce.json", json.dumps(answer, indent=2))]


def pages_as_list(folder: Path, answer: dict[str, Any]) -> list[Path]:
    return [write(folder / "pages.json", json.dumps(days(answer, 10)))]


def results_alone(folder: Path, answer: dict[str, Any]) -> list[Path]:
    return [write(folder / "results.json", json.dumps(answer["ResultsByTime"]))]


def json_lines(folder: Path, answer: dict[str, Any]) -> list[Path]:
    return [write(folder / "ce.jsonl", "\n".join(json.dumps(each) for each in days(answer, 7)) + "\n")]


def lines_of_results(folder: Path, answer: dict[str, Any]) -> list[Path]:
    return [write(folder / "ce.ndjson", "\n".join(json.dumps([each]) for each in answer["ResultsByTime"]))]


def a_file_a_day(folder: Path, answer: dict[str, Any]) -> list[Path]:
    for number, each in enumerate(days(answer, 1)):
        write(folder / f"day-{number}.json", json.dumps(each))
    return [folder]


def numbers(folder: Path, answer: dict[str, Any]) -> list[Path]:
    """Amounts as numbers, as some tools save them."""
    text = json.dumps(answer)
    return [write(folder / "numbers.json", re.sub(r'"Amount": "([^"]+)"', r'"Amount": \1', text))]


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


FORMS = [one_file, pages_as_list, results_alone, json_lines, lines_of_results, a_file_a_day, numbers]


@pytest.mark.parametrize("by", [("SERVICE",), ("SERVICE", "USAGE_TYPE"), ("LINKED_ACCOUNT", "SERVICE"), ()], ids=str)
@pytest.mark.parametrize("form", FORMS)
def test_86_days_add_up_however_they_were_saved(
    form: Callable[[Path, dict[str, Any]], list[Path]], by: tuple[str, ...], tmp_path: Path
) -> None:
    found = report(read_bill(*form(tmp_path, explorer(LINES, *by))))
    assert (found.bill.format, found.bill.period) == ("Cost Explorer", "2025-10/2025-12")
    assert found.total == total(LINES)
    assert found.bill.rows == len({(line.start.date(), line.service if by else "") for line in LINES})
    if "SERVICE" in by:
        sums = {"Amazon AmazonEC2": total(LINES[: 24 * 86]), "Amazon AmazonS3": total(LINES[24 * 86 :])}
        assert {service: cost for (service, _), cost in found.by_service.items()} == sums
    daily = found.bill.rows_of(by_day(found.bill.lines))
    assert len(daily) == 86 and sum(row["cost"] for row in daily) == total(LINES)


def test_dimensions_become_columns_and_tags_become_tags(tmp_path: Path) -> None:
    answer = explorer(hours(2, account="222222222222"), "LINKED_ACCOUNT", "SERVICE")
    answer["GroupDefinitions"][1] = {"Type": "TAG", "Key": "team"}
    answer["ResultsByTime"][0]["Groups"][0]["Keys"][1] = "team$web"
    bill = read_bill(*one_file(tmp_path, answer))
    assert [row["account"] for row in bill.rows_of(by_account(bill.lines))] == ["222222222222"]
    assert bill.rows_of(bill.lines.select(tag=bill.lines.tags.get("team"))) == [{"tag": "web"}]


def test_all_metrics_are_told_and_the_first_that_is_there_is_taken(tmp_path: Path) -> None:
    answer = explorer(hours(2), "SERVICE")
    metrics = answer["ResultsByTime"][0]["Groups"][0]["Metrics"]
    metrics["AmortizedCost"] = {"Amount": "7", "Unit": "USD"}
    metrics["UsageQuantity"] = {"Amount": "2", "Unit": "Hrs"}
    del metrics["UnblendedCost"]
    bill = read_bill(*one_file(tmp_path, answer))
    found = report(bill)
    assert (found.metric, found.total, bill.metrics) == ("amortized", 7, ("amortized",))
    assert "the bill tells no unblended costs: counted by amortized" in found.warnings
    with pytest.raises(UsageError, match="does not tell unblended"):
        report(bill, "unblended")


def test_a_span_that_was_fetched_again_counts_once(tmp_path: Path) -> None:
    old, new = explorer(LINES[:48], "SERVICE"), explorer(hours(48, LINES[0].start, cost=Decimal(2)), "SERVICE")
    found = report(read_bill(write(tmp_path / "ce.json", json.dumps([old, new]))))
    assert found.total == 96
    assert any("fetched anew" in warning for warning in found.warnings)


def test_pages_of_one_day_are_added(tmp_path: Path) -> None:
    answers = [explorer(hours(3), "SERVICE"), explorer(hours(3, service="AmazonS3"), "SERVICE")]
    assert report(read_bill(write(tmp_path / "ce.json", json.dumps(answers)))).total == total(hours(6))


def pages(answer: dict[str, Any], size: int) -> list[dict[str, Any]]:
    """An answer as AWS sends it: each page says that another follows, but for the last."""
    *first, last = days(answer, size)
    return [*({**page, "NextPageToken": f"page {number}"} for number, page in enumerate(first, start=2)), last]


@pytest.mark.parametrize("missing", [1, 2])
def test_a_bill_of_which_a_page_is_missing_is_refused_and_never_a_total(missing: int, tmp_path: Path) -> None:
    found = pages(explorer(LINES, "SERVICE"), 40)
    for number, page in enumerate(found):
        write(tmp_path / f"page-{number}.json", json.dumps(page))
    assert report(read_bill(tmp_path)).total == total(LINES)
    (tmp_path / f"page-{missing}.json").unlink()
    with pytest.raises(Unreadable, match="another page follows") as caught:
        read_bill(tmp_path)
    assert caught.value.file == str(tmp_path / f"page-{missing - 1}.json")


def test_days_on_which_nothing_was_charged_are_a_page_too(tmp_path: Path) -> None:
    quiet = explorer(hours(24 * 20), "SERVICE")
    for result in quiet["ResultsByTime"][:14]:
        result["Groups"] = []
    found = report(read_bill(write(tmp_path / "ce.json", json.dumps(pages(quiet, 7)))))
    assert found.total == total(hours(24 * 6))


def test_a_page_may_end_within_a_day(tmp_path: Path) -> None:
    first, second = explorer(LINES[:48], "SERVICE"), explorer(hours(48, LINES[24].start, service="AmazonS3"), "SERVICE")
    answers = [first | {"NextPageToken": "2"}, second]
    assert report(read_bill(write(tmp_path / "ce.json", json.dumps(answers)))).total == total(hours(96))
    with pytest.raises(Unreadable, match="ends with 2025-10-08"):
        read_bill(write(tmp_path / "ce.json", json.dumps([answers[0], answers[0]])))


@pytest.mark.parametrize(
    "answers",
    [
        [explorer(LINES[:48], "SERVICE"), explorer(LINES[:48], "USAGE_TYPE")],
        [explorer(LINES[:48], "SERVICE"), explorer(LINES[:48])],
        [
            explorer(LINES[:48], "SERVICE"),
            {
                "GroupDefinitions": [{"Type": "DIMENSION", "Key": "SERVICE"}],
                "ResultsByTime": [
                    {
                        "TimePeriod": {"Start": "2025-10-01", "End": "2025-11-01"},
                        "Groups": [{"Keys": ["x"], "Metrics": {"UnblendedCost": {"Amount": "1", "Unit": "USD"}}}],
                    }
                ],
            },
        ],
    ],
    ids=["two dimensions", "with and without", "day and month"],
)
def test_days_that_are_told_in_two_ways_are_refused(answers: Sequence[dict[str, Any]], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="tells the same days twice"):
        read_bill(write(tmp_path / "ce.json", json.dumps(answers)))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda result: result["Groups"][0]["Metrics"]["UnblendedCost"].update(Amount="a lot"), r"ResultsByTime\[1\]"),
        (lambda result: result["Groups"][0]["Metrics"]["UnblendedCost"].update(Amount="NaN"), "is no number"),
        (lambda result: result["Groups"][0]["Keys"].append("x"), "2 keys for 1 dimensions"),
        (lambda result: result["TimePeriod"].pop("End"), "KeyError 'End'"),
        (lambda result: result["TimePeriod"].update(End="soon"), "Invalid isoformat"),
        (lambda result: result["Groups"][0].update(Metrics=None), r"ResultsByTime\[1\]"),
    ],
)
def test_an_answer_that_can_not_be_read_is_named(change: Callable[[Any], Any], reason: str, tmp_path: Path) -> None:
    answer = explorer(hours(48), "SERVICE")
    change(answer["ResultsByTime"][1])
    with pytest.raises(Unreadable, match=reason) as caught:
        read_bill(*one_file(tmp_path, answer))
    assert (caught.value.file, caught.value.row) == (str(tmp_path / "ce.json"), 2)


def test_currencies_are_never_added(tmp_path: Path) -> None:
    answer = explorer([Line(datetime(2026, 1, 1)), Line(datetime(2026, 1, 1), "AmazonS3")], "SERVICE")
    answer["ResultsByTime"][0]["Groups"][1]["Metrics"]["UnblendedCost"]["Unit"] = "CNY"
    found = report(read_bill(*one_file(tmp_path, answer))).to_dict()
    assert (found["total"], found["total_usd"], found["currency"]) == (None, None, None)
    assert found["totals"] == {"USD": 0.0132, "CNY": 0.0132}
    assert found["by_service"] == {"Amazon AmazonEC2": {"USD": 0.0132}, "Amazon AmazonS3": {"CNY": 0.0132}}
    assert any("never added" in warning for warning in found["warnings"])


# --- Cost Explorer itself, on AWS


class Explorer:
    """What stands for AWS: a cloud whose Cost Explorer answers in pages, and counts how often."""

    is_aws = True
    account = "123456789012"

    def __init__(self, pages: int, estimated: bool = False):
        self.pages, self.estimated, self.asked = pages, estimated, list[dict[str, Any]]()

    def client(self, service: str) -> "Explorer":
        assert service == "ce"
        return self

    def get_cost_and_usage(self, **question: Any) -> dict[str, Any]:
        self.asked.append(question)
        number = int(question.get("NextPageToken", "0"))
        day = datetime(2026, 1, 1) + timedelta(days=number)
        answer = explorer([Line(day)], "SERVICE", "USAGE_TYPE")
        answer["ResultsByTime"][0]["Estimated"] = self.estimated
        for group in answer["ResultsByTime"][0]["Groups"]:
            group["Metrics"].setdefault("UsageQuantity", {"Amount": "1", "Unit": "N/A"})
        return answer | ({"NextPageToken": str(number + 1)} if number + 1 < self.pages else {})


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_each_request_is_counted_with_its_price() -> None:
    cloud = Explorer(pages=3)
    bill = read_bill("ce:2026-01-01..2026-01-03", cloud=cloud)  # type: ignore[arg-type]
    assert (bill.rows, len(cloud.asked)) == (3, 3)
    assert "Cost Explorer was asked 3 times, for 0.03 USD" in bill.warnings
    assert cloud.asked[0]["TimePeriod"] == {"Start": "2026-01-01", "End": "2026-01-04"}


def test_what_was_asked_is_not_asked_again() -> None:
    cloud = Explorer(pages=2)
    first, again = (read_bill("ce:2026-01", cloud=cloud) for _ in range(2))  # type: ignore[arg-type]
    assert len(cloud.asked) == 2
    assert report(first).total == report(again).total
    assert any("was not asked" in warning for warning in again.warnings)


def test_other_accounts_and_other_days_are_asked_anew() -> None:
    cloud, other = Explorer(pages=1), Explorer(pages=1)
    other.account = "222222222222"
    read_bill("ce:2026-01", cloud=cloud)  # type: ignore[arg-type]
    read_bill("ce:2026-01", cloud=other)  # type: ignore[arg-type]
    read_bill("ce:2026-02", cloud=cloud)  # type: ignore[arg-type]
    assert (len(cloud.asked), len(other.asked)) == (2, 1)


@pytest.mark.parametrize(("estimated", "requests"), [(True, 2), (False, 1)])
def test_what_was_estimated_is_asked_again_after_a_day(
    estimated: bool, requests: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = Explorer(pages=1, estimated=estimated)
    read_bill("ce:2026-01", cloud=cloud)  # type: ignore[arg-type]
    (kept,) = Path(cost_explorer._cache(cloud, cloud.asked[0]).parent).iterdir()  # type: ignore[arg-type]
    known = json.loads(kept.read_text())
    later = datetime.fromisoformat(known["asked"]) - timedelta(days=2)
    kept.write_text(json.dumps(known | {"asked": max(later, later.replace(year=2026, month=2, day=2)).isoformat()}))
    read_bill("ce:2026-01", cloud=cloud)  # type: ignore[arg-type]
    assert len(cloud.asked) == requests


def test_what_a_notebook_asks_is_kept_and_capped_too() -> None:
    cloud = Explorer(pages=2)
    first, again = (spending(cloud, date(2026, 1, 1), date(2026, 1, 3)) for _ in range(2))  # type: ignore[arg-type]
    assert len(cloud.asked) == 2 and first.equals(again) and len(first) == 2
    with pytest.raises(Refused, match="stopped after 25 requests"):
        spending(Explorer(pages=1000), date(2026, 1, 1), date(2026, 2, 1))  # type: ignore[arg-type]


def test_there_is_a_cap_on_requests() -> None:
    cloud = Explorer(pages=1000)
    with pytest.raises(Refused, match=r"25 requests to Cost Explorer, 0\.25 USD"):
        read_bill("ce:2026-01", cloud=cloud)  # type: ignore[arg-type]
    assert len(cloud.asked) == cost_explorer.CAP
