"""Saved Cost Explorer responses, and live queries: counted, cached and limited."""

import json
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from esaws.costs import cost_explorer
from esaws.costs.bill.bill_file import UnreadableBill
from esaws.costs.bill.queries import by_account, by_day
from esaws.costs.bill.read import read_bill
from esaws.costs.bill.report import report
from esaws.costs.cost_explorer import spending
from esaws.errors import Refused, UsageError
from tests.bills.writing import Line, explorer, hours, total

pytestmark = pytest.mark.slow

LINES = [
    *hours(24 * 86, datetime(2025, 10, 7)),
    *hours(
        24 * 60, datetime(2025, 10, 7), service="AmazonS3", usage_type="EUW3-TimedStorage-ByteHrs", cost=Decimal("0.01")
    ),
]
"""86 days of two services."""


def split(answer: dict[str, Any], size: int) -> list[dict[str, Any]]:
    """Split a response into responses of some days each."""
    results = answer["ResultsByTime"]
    return [{**answer, "ResultsByTime": results[at : at + size]} for at in range(0, len(results), size)]


def one_file(folder: Path, answer: dict[str, Any]) -> list[Path]:
    return [write(folder / "ce.json", json.dumps(answer, indent=2))]


def pages_as_list(folder: Path, answer: dict[str, Any]) -> list[Path]:
    return [write(folder / "pages.json", json.dumps(split(answer, 10)))]


def results_alone(folder: Path, answer: dict[str, Any]) -> list[Path]:
    return [write(folder / "results.json", json.dumps(answer["ResultsByTime"]))]


def json_lines(folder: Path, answer: dict[str, Any]) -> list[Path]:
    return [write(folder / "ce.jsonl", "\n".join(json.dumps(page) for page in split(answer, 7)) + "\n")]


def lines_of_results(folder: Path, answer: dict[str, Any]) -> list[Path]:
    return [write(folder / "ce.ndjson", "\n".join(json.dumps([result]) for result in answer["ResultsByTime"]))]


def a_file_a_day(folder: Path, answer: dict[str, Any]) -> list[Path]:
    for number, page in enumerate(split(answer, 1)):
        write(folder / f"day-{number}.json", json.dumps(page))
    return [folder]


def numbers(folder: Path, answer: dict[str, Any]) -> list[Path]:
    """Amounts as JSON numbers, as some tools save them."""
    text = json.dumps(answer)
    return [write(folder / "numbers.json", re.sub(r'"Amount": "([^"]+)"', r'"Amount": \1', text))]


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


FILE_FORMS = [one_file, pages_as_list, results_alone, json_lines, lines_of_results, a_file_a_day, numbers]


@pytest.mark.parametrize(
    ("save", "by"),
    [
        *((save, ("LINKED_ACCOUNT", "SERVICE")) for save in FILE_FORMS),
        *((one_file, by) for by in (("SERVICE",), ("SERVICE", "USAGE_TYPE"), ())),
        (results_alone, ("SERVICE", "USAGE_TYPE")),
        (lines_of_results, ()),
    ],
)
def test_86_days_add_up_in_every_file_form(
    save: Callable[[Path, dict[str, Any]], list[Path]], by: tuple[str, ...], tmp_path: Path
) -> None:
    result = report(read_bill(*save(tmp_path, explorer(LINES, *by))))
    assert (result.bill.format, result.bill.period) == ("Cost Explorer", "2025-10/2025-12")
    assert result.total == total(LINES)
    assert result.bill.rows == len({(line.start.date(), line.service if by else "") for line in LINES})
    if "SERVICE" in by:
        sums = {"Amazon AmazonEC2": total(LINES[: 24 * 86]), "Amazon AmazonS3": total(LINES[24 * 86 :])}
        assert {service: cost for (service, _), cost in result.by_service.items()} == sums
    daily = result.bill.fetch_rows(by_day(result.bill.lines))
    assert len(daily) == 86 and sum(row["cost"] for row in daily) == total(LINES)


def test_dimensions_become_columns_and_tags_become_tags(tmp_path: Path) -> None:
    answer = explorer(hours(2, account="222222222222"), "LINKED_ACCOUNT", "SERVICE")
    answer["GroupDefinitions"][1] = {"Type": "TAG", "Key": "team"}
    answer["ResultsByTime"][0]["Groups"][0]["Keys"][1] = "team$web"
    bill = read_bill(*one_file(tmp_path, answer))
    assert [row["account"] for row in bill.fetch_rows(by_account(bill.lines))] == ["222222222222"]
    assert bill.fetch_rows(bill.lines.select(tag=bill.lines.tags.get("team"))) == [{"tag": "web"}]


def test_without_unblended_costs_the_first_metric_is_counted_with_a_warning(tmp_path: Path) -> None:
    answer = explorer(hours(2), "SERVICE")
    metrics = answer["ResultsByTime"][0]["Groups"][0]["Metrics"]
    metrics["AmortizedCost"] = {"Amount": "7", "Unit": "USD"}
    metrics["UsageQuantity"] = {"Amount": "2", "Unit": "Hrs"}
    del metrics["UnblendedCost"]
    bill = read_bill(*one_file(tmp_path, answer))
    result = report(bill)
    assert (result.metric, result.total, bill.metrics) == ("amortized", 7, ("amortized",))
    assert "the bill has no unblended costs: amortized costs are counted" in result.warnings
    with pytest.raises(UsageError, match="has no unblended costs"):
        report(bill, "unblended")


def test_a_period_that_was_fetched_again_counts_once(tmp_path: Path) -> None:
    old, new = explorer(LINES[:48], "SERVICE"), explorer(hours(48, LINES[0].start, cost=Decimal(2)), "SERVICE")
    result = report(read_bill(write(tmp_path / "ce.json", json.dumps([old, new]))))
    assert result.total == 96
    assert any("replaced by newer ones" in warning for warning in result.warnings)


def test_pages_of_one_day_are_added(tmp_path: Path) -> None:
    answers = [explorer(hours(3), "SERVICE"), explorer(hours(3, service="AmazonS3"), "SERVICE")]
    assert report(read_bill(write(tmp_path / "ce.json", json.dumps(answers)))).total == total(hours(6))


def pages(answer: dict[str, Any], size: int) -> list[dict[str, Any]]:
    """The pages of a response as AWS sends them: all but the last have a NextPageToken."""
    *first, last = split(answer, size)
    return [*({**page, "NextPageToken": f"page {number}"} for number, page in enumerate(first, start=2)), last]


@pytest.mark.parametrize("missing", [1, 2])
def test_a_response_with_a_missing_page_is_refused(missing: int, tmp_path: Path) -> None:
    for number, page in enumerate(pages(explorer(LINES, "SERVICE"), 40)):
        write(tmp_path / f"page-{number}.json", json.dumps(page))
    assert report(read_bill(tmp_path)).total == total(LINES)
    (tmp_path / f"page-{missing}.json").unlink()
    with pytest.raises(UnreadableBill, match="the next page is missing") as caught:
        read_bill(tmp_path)
    assert caught.value.file == str(tmp_path / f"page-{missing - 1}.json")


def test_pages_without_charges_are_not_missing(tmp_path: Path) -> None:
    quiet = explorer(hours(24 * 20), "SERVICE")
    for result in quiet["ResultsByTime"][:14]:
        result["Groups"] = []
    result = report(read_bill(write(tmp_path / "ce.json", json.dumps(pages(quiet, 7)))))
    assert result.total == total(hours(24 * 6))


def test_a_page_may_end_within_a_day(tmp_path: Path) -> None:
    first, second = explorer(LINES[:48], "SERVICE"), explorer(hours(48, LINES[24].start, service="AmazonS3"), "SERVICE")
    answers = [first | {"NextPageToken": "2"}, second]
    assert report(read_bill(write(tmp_path / "ce.json", json.dumps(answers)))).total == total(hours(96))
    with pytest.raises(UnreadableBill, match="ends with 2025-10-08"):
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
def test_overlapping_results_are_refused(answers: Sequence[dict[str, Any]], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="results overlap"):
        read_bill(write(tmp_path / "ce.json", json.dumps(answers)))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda result: result["Groups"][0]["Metrics"]["UnblendedCost"].update(Amount="a lot"), r"ResultsByTime\[1\]"),
        (lambda result: result["Groups"][0]["Metrics"]["UnblendedCost"].update(Amount="NaN"), "is not a number"),
        (lambda result: result["Groups"][0]["Keys"].append("x"), "2 keys for 1 dimensions"),
        (lambda result: result["TimePeriod"].pop("End"), "KeyError 'End'"),
        (lambda result: result["TimePeriod"].update(End="soon"), "Invalid isoformat"),
        (lambda result: result["Groups"][0].update(Metrics=None), r"ResultsByTime\[1\]"),
    ],
)
def test_a_malformed_response_is_refused_by_name(change: Callable[[Any], Any], reason: str, tmp_path: Path) -> None:
    answer = explorer(hours(48), "SERVICE")
    change(answer["ResultsByTime"][1])
    with pytest.raises(UnreadableBill, match=reason) as caught:
        read_bill(*one_file(tmp_path, answer))
    assert (caught.value.file, caught.value.row) == (str(tmp_path / "ce.json"), 2)


def test_amounts_in_different_currencies_are_not_added(tmp_path: Path) -> None:
    answer = explorer([Line(datetime(2026, 1, 1)), Line(datetime(2026, 1, 1), "AmazonS3")], "SERVICE")
    answer["ResultsByTime"][0]["Groups"][1]["Metrics"]["UnblendedCost"]["Unit"] = "CNY"
    output = report(read_bill(*one_file(tmp_path, answer))).to_dict()
    assert (output["total"], output["total_usd"], output["currency"]) == (None, None, None)
    assert output["totals"] == {"USD": 0.0132, "CNY": 0.0132}
    assert output["by_service"] == {"Amazon AmazonEC2": {"USD": 0.0132}, "Amazon AmazonS3": {"CNY": 0.0132}}
    assert any("are not added" in warning for warning in output["warnings"])


# --- Cost Explorer itself, on AWS


class FakeCloud:
    """A fake AWS cloud whose Cost Explorer responds in pages and records its requests."""

    is_aws = True
    account = "123456789012"

    def __init__(self, pages: int, estimated: bool = False):
        self.pages, self.estimated, self.requests = pages, estimated, list[dict[str, Any]]()

    def client(self, service: str) -> "FakeCloud":
        assert service == "ce"
        return self

    def get_cost_and_usage(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        if "Dimensions" in request.get("Filter", {}):
            return self.credits(request)
        number = int(request.get("NextPageToken", "0"))
        day = datetime(2026, 1, 1) + timedelta(days=number)
        answer = explorer([Line(day)], *(definition["Key"] for definition in request["GroupBy"]))
        answer["ResultsByTime"][0]["Estimated"] = self.estimated
        for group in answer["ResultsByTime"][0]["Groups"]:
            group["Metrics"].setdefault("UsageQuantity", {"Amount": "1", "Unit": "N/A"})
        return answer | ({"NextPageToken": str(number + 1)} if number + 1 < self.pages else {})

    def credits(self, request: dict[str, Any]) -> dict[str, Any]:
        """Credits that pay for half of each first day."""
        assert request["Filter"]["Dimensions"] == {"Key": "RECORD_TYPE", "Values": ["Credit"]}
        credit = Line(datetime(2026, 1, 1), cost=Decimal("-0.0066"))
        answer = explorer([credit], "SERVICE", "USAGE_TYPE")
        answer["ResultsByTime"][0]["Estimated"] = self.estimated
        return answer


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_requests_are_counted_with_their_price() -> None:
    cloud = FakeCloud(pages=3)
    bill = read_bill("ce:2026-01-01..2026-01-03", cloud=cloud)  # type: ignore[arg-type]
    assert (bill.rows, len(cloud.requests)) == (4, 4), "three pages, and one of credits"
    assert "Cost Explorer: 4 requests, 0.04 USD" in bill.warnings
    assert cloud.requests[0]["TimePeriod"] == {"Start": "2026-01-01", "End": "2026-01-04"}


def test_credits_are_requested_apart() -> None:
    result = report(read_bill("ce:2026-01", cloud=FakeCloud(pages=1))).to_dict()  # type: ignore[arg-type]
    amounts = (result["before_credits"], result["credits"], result["to_pay"])
    assert amounts == ({"USD": 0.0132}, {"USD": 0.0066}, {"USD": 0.0066})


def test_a_cached_response_is_not_requested_again() -> None:
    cloud = FakeCloud(pages=2)
    first, again = (read_bill("ce:2026-01", cloud=cloud) for _ in range(2))  # type: ignore[arg-type]
    assert len(cloud.requests) == 3
    assert report(first).total == report(again).total
    assert any("no request" in warning for warning in again.warnings)


def test_other_accounts_and_other_days_are_requested() -> None:
    cloud, other = FakeCloud(pages=1), FakeCloud(pages=1)
    other.account = "222222222222"
    read_bill("ce:2026-01", cloud=cloud)  # type: ignore[arg-type]
    read_bill("ce:2026-01", cloud=other)  # type: ignore[arg-type]
    read_bill("ce:2026-02", cloud=cloud)  # type: ignore[arg-type]
    assert (len(cloud.requests), len(other.requests)) == (4, 2)


@pytest.mark.parametrize(("estimated", "requests"), [(True, 4), (False, 2)])
def test_estimated_results_are_requested_again_after_a_day(
    estimated: bool, requests: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = FakeCloud(pages=1, estimated=estimated)
    read_bill("ce:2026-01", cloud=cloud)  # type: ignore[arg-type]
    for file in Path(cost_explorer._cache_file(cloud, cloud.requests[0]).parent).iterdir():  # type: ignore[arg-type]
        cached = json.loads(file.read_text())
        later = datetime.fromisoformat(cached["asked"]) - timedelta(days=2)
        asked = max(later, later.replace(year=2026, month=2, day=2)).isoformat()
        file.write_text(json.dumps(cached | {"asked": asked}))
    read_bill("ce:2026-01", cloud=cloud)  # type: ignore[arg-type]
    assert len(cloud.requests) == requests


def test_spending_uses_the_same_cache_and_limit() -> None:
    cloud = FakeCloud(pages=2)
    start, end = date(2026, 1, 1), date(2026, 1, 3)
    first, again = (spending(cloud, start, end).to_frame() for _ in range(2))  # type: ignore[arg-type]
    assert len(cloud.requests) == 2 and first.equals(again) and len(first) == 2
    with pytest.raises(Refused, match="stopped after 25 requests"):
        spending(FakeCloud(pages=1000), date(2026, 1, 1), date(2026, 2, 1))  # type: ignore[arg-type]


def test_the_number_of_requests_is_limited() -> None:
    cloud = FakeCloud(pages=1000)
    with pytest.raises(Refused, match=r"25 requests to Cost Explorer, 0\.25 USD"):
        read_bill("ce:2026-01", cloud=cloud)  # type: ignore[arg-type]
    assert len(cloud.requests) == cost_explorer.MAX_REQUESTS
