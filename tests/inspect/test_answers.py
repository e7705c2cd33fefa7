"""The three-valued logic: yes and no are certain whatever else is unknown, and unknown keeps its reasons."""

from itertools import permutations

import pytest

from esaws.inspect.answers import NO, YES, Answer, all_of, any_of, from_bool, unknown

ACL, ROUTE = unknown("the ACL is unknown"), unknown("the route is unknown")


@pytest.mark.parametrize(
    ("answers", "any_value", "all_value"),
    [
        ([], "no", "yes"),
        ([YES], "yes", "yes"),
        ([NO], "no", "no"),
        ([ACL], "unknown", "unknown"),
        ([YES, NO], "yes", "no"),
        ([YES, ACL], "yes", "unknown"),
        ([NO, ACL], "unknown", "no"),
        ([YES, NO, ACL], "yes", "no"),
        ([ACL, ROUTE], "unknown", "unknown"),
    ],
)
def test_any_of_and_all_of_in_any_order(answers: list[Answer], any_value: str, all_value: str) -> None:
    for order in permutations(answers):
        assert any_of(order).value == any_value
        assert all_of(order).value == all_value


def test_an_unknown_answer_keeps_each_reason_once() -> None:
    reason = "the ACL is unknown; the route is unknown"
    assert all_of([YES, ACL, ROUTE, ACL]).reason == reason
    assert any_of([NO, ACL, ROUTE, ACL]).reason == reason
    assert any_of([YES, ACL]).reason == all_of([NO, ACL]).reason == ""


def test_an_answer_is_not_a_condition() -> None:
    for answer in (YES, NO, ACL):
        with pytest.raises(TypeError, match="three values"):
            bool(answer)


def test_answers_in_the_words_of_a_firewall() -> None:
    assert [answer.decision for answer in (from_bool(True), from_bool(False), ACL)] == ["allow", "deny", "unknown"]
