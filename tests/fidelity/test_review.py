"""How lost tests are classified, and that the reviewed list can be read."""

from tests.fidelity.page import Measured, page
from tests.fidelity.review import RIGHT, TIME, Review, classify, lost, read_reviews
from tests.fidelity.suites import SUITES, Outcome


def outcome(test: str, result: str) -> Outcome:
    return Outcome(f"tests/test_ec2.py::Class::{test}", result, "AssertionError", verified=False)


def test_each_review_names_a_suite_and_a_service_of_it() -> None:
    assert read_reviews()
    assert not [key for key in read_reviews() if key[1] not in SUITES[key[0]].services]


def test_a_lost_test_is_of_time_if_it_passes_with_an_advancing_clock_or_else_as_reviewed() -> None:
    local = [outcome("a", "failed"), outcome("b[1]", "failed"), outcome("c", "failed"), outcome("d", "failed")]
    stock = [outcome("a", "passed"), outcome("b[1]", "passed"), outcome("c", "passed"), outcome("d", "failed")]
    reviews = {("moto", "ec2", "b"): Review("moto", "ec2", "b", RIGHT, "a page of AWS")}
    losses = classify("moto", "ec2", lost(stock, local), [outcome("a", "passed")], reviews)
    assert [each.kind for each in losses] == [TIME, RIGHT, ""]
    text = page([Measured("moto", "ec2", stock, local, losses)], {"moto": "5"}, "1 January 2027")
    assert "| ec2 | 4 | 3 | 0 | 0 | 1 | 1 | 0 | 0 | 1 |" in text
    assert "| moto | ec2 | `Class::c` | not reviewed | AssertionError |" in text
