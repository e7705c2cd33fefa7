"""Which tests the local AWS loses against stock moto, and why: a reviewed list, and what a moved clock explains."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.fidelity.suites import Outcome

RIGHT, TIME, WRONG, UNCLEAR = "ours right", "time", "wrong", "unclear"
CLASSES = {
    RIGHT: "AWS refuses or answers as the local AWS does; the test expects what stock moto does",
    TIME: "the test expects that a change is finished at once; it passes when the clock advances after each change",
    WRONG: "AWS does what the test expects",
    UNCLEAR: "AWS's behaviour is not documented, or the test depends on both",
}
"""Class of a lost test → its meaning."""
REVIEWED = Path(__file__).parent / "reviewed.tsv"


@dataclass(frozen=True)
class Review:
    """The reviewed class of one test, or of all parameters of one, and AWS's page or words that decide it."""

    suite: str
    service: str
    test: str
    """Its name; without parameters, it stands for each of them."""
    kind: str
    source: str


@dataclass(frozen=True)
class Lost:
    """A test that fails on the local AWS, and not on stock moto."""

    outcome: Outcome
    kind: str
    """One of `CLASSES`, or "" if it was not reviewed."""
    source: str


def read_reviews(path: Path = REVIEWED) -> dict[tuple[str, str, str], Review]:
    """(suite, service, test) → its review. Raises ValueError for an unknown class or a row without a source."""
    reviews = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            review = Review(**row)
            if review.kind not in CLASSES or not review.source:
                raise ValueError(f"{path.name}: {review.test}: needs one of {', '.join(CLASSES)}, and a source")
            reviews[review.suite, review.service, review.test] = review
    return reviews


def lost(stock: Iterable[Outcome], local: Iterable[Outcome]) -> list[Outcome]:
    """The outcomes of the tests that fail on the local AWS alone, as far as stock moto has run."""
    not_failed = {each.test for each in stock if each.outcome != "failed"}
    return [each for each in local if each.outcome == "failed" and each.test in not_failed]


def classify(
    suite: str,
    service: str,
    losses: Iterable[Outcome],
    advancing: Iterable[Outcome],
    reviews: Mapping[tuple[str, str, str], Review],
) -> list[Lost]:
    """The lost tests with their classes: *time* if they pass with an advancing clock, or else as reviewed."""
    in_time = {each.test for each in advancing if each.outcome == "passed"}
    classified = []
    for each in losses:
        name = each.test.partition("[")[0].rpartition("::")[2] + "".join(each.test.partition("[")[1:])
        review = reviews.get((suite, service, name)) or reviews.get((suite, service, name.partition("[")[0]))
        if each.test in in_time:
            classified.append(Lost(each, TIME, "passes when the clock advances after each change"))
        elif review:
            classified.append(Lost(each, review.kind, review.source))
        else:
            classified.append(Lost(each, "", ""))
    return classified
