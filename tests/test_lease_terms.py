"""The terms of a lease: whether they hold at a time with a given spending, and how an end is parsed."""

from contextlib import suppress
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esaws.errors import UsageError
from esaws.leases.terms import LeaseStatus, LeaseTerms, Spend, evaluate_lease, parse_until

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def evaluate(
    hours: float | None = None,
    limit: float | None = None,
    used: float | None = 0.0,
    an_hour: float | None = None,
    errors: tuple[str, ...] = (),
) -> LeaseStatus:
    """Evaluate at noon a lease that ends in `hours` with a limit in USD."""
    until = None if hours is None else NOON + timedelta(hours=hours)
    return evaluate_lease("seccom", LeaseTerms(until, limit, NOON, errors), NOON, Spend(used, an_hour, "counted"))


@pytest.mark.parametrize(
    ("hours", "state", "reason"),
    [
        (9, "within", "it ends 2026-03-01 21:00 UTC, in 9 hours"),
        (1.5, "within", "it ends 2026-03-01 13:30 UTC, in 1 hour"),
        (1, "ending", "it ends 2026-03-01 13:00 UTC, in 1 hour"),
        (0.5, "ending", "it ends 2026-03-01 12:30 UTC, in 30 minutes"),
        (0, "past", "it ended 2026-03-01 12:00 UTC, less than a minute ago"),
        (-72, "past", "it ended 2026-02-26 12:00 UTC, 3 days ago"),
    ],
)
def test_a_lease_with_an_end_is_ending_in_its_last_hour(hours: float, state: str, reason: str) -> None:
    status = evaluate(hours)
    assert (status.state, status.reason) == (state, reason)
    assert (status.left_hours, status.left_usd) == (hours, None)


@pytest.mark.parametrize(
    ("limit", "used", "an_hour", "state", "reason"),
    [
        (5, 1, 0.1, "within", "about 1.00 of 5.00 USD are spent, the rest lasts 40 hours"),
        (5, 1, 0, "within", "about 1.00 of 5.00 USD are spent"),
        (5, 1, None, "within", "about 1.00 of 5.00 USD are spent"),
        # A tenth of the limit is left, or less.
        (10, 8.9, None, "within", "about 8.90 of 10.00 USD are spent"),
        (10, 9, None, "ending", "about 9.00 of 10.00 USD are spent"),
        (0.5, 0.25, None, "within", "about 0.25 of 0.50 USD are spent"),
        # The rest lasts an hour or less.
        (5, 2, 2, "within", "about 2.00 of 5.00 USD are spent, the rest lasts 1 hour"),
        (5, 2, 3, "ending", "about 2.00 of 5.00 USD are spent, the rest lasts 1 hour"),
        (5, 2, 6, "ending", "about 2.00 of 5.00 USD are spent, the rest lasts 30 minutes"),
        (5, 4.5, 0.01, "ending", "about 4.50 of 5.00 USD are spent, the rest lasts 2 days"),
        (5, 5, 0.1, "past", "about 5.00 USD of at most 5.00 USD are spent"),
        (5, 6, None, "past", "about 6.00 USD of at most 5.00 USD are spent"),
        # A rest of more than a century is given as a century.
        (5, 1, 1e-9, "within", "about 1.00 of 5.00 USD are spent, the rest lasts 36500 days"),
    ],
)
def test_a_lease_with_a_limit_is_ending_with_the_last_tenth_or_the_last_hour(
    limit: float, used: float, an_hour: float | None, state: str, reason: str
) -> None:
    status = evaluate(None, limit, used, an_hour)
    assert (status.state, status.reason) == (state, reason)
    assert (status.left_hours, status.left_usd) == (None, limit - used)


ENDS = "it ends 2026-03-01 21:00 UTC, in 9 hours"
ENDS_SOON = "it ends 2026-03-01 12:30 UTC, in 30 minutes"
ENDED = "it ended 2026-03-01 11:00 UTC, 1 hour ago"
SPENT = "about 1.00 of 5.00 USD are spent"
OVERSPENT = "about 6.00 USD of at most 5.00 USD are spent"
NOT_KNOWN = "spending against its limit of 5.00 USD is not known: counted"
UNREADABLE = "in its parameter until is 'soon'"


@pytest.mark.parametrize(
    ("hours", "used", "errors", "state", "reasons"),
    [
        (9, 1, False, "within", [ENDS, SPENT]),
        (0.5, 1, False, "ending", [ENDS_SOON, SPENT]),
        (9, None, False, "unknown", [NOT_KNOWN, ENDS]),
        (0.5, None, False, "unknown", [NOT_KNOWN, ENDS_SOON]),
        (None, None, False, "unknown", [NOT_KNOWN]),
        (9, 1, True, "unknown", [UNREADABLE, ENDS, SPENT]),
        (None, None, True, "unknown", [UNREADABLE, NOT_KNOWN]),
        (-1, 1, False, "past", [ENDED, SPENT]),
        (-1, 6, False, "past", [ENDED, OVERSPENT]),
        (9, 6, False, "past", [OVERSPENT, ENDS]),
        (0.5, 6, True, "past", [OVERSPENT, UNREADABLE, ENDS_SOON]),
        (-1, None, True, "past", [ENDED, UNREADABLE, NOT_KNOWN]),
    ],
)
def test_a_term_that_is_over_decides_before_an_unknown_one_and_that_before_the_rest(
    hours: float | None, used: float | None, errors: bool, state: str, reasons: list[str]
) -> None:
    status = evaluate(hours, 5, used, errors=("until is 'soon'",) if errors else ())
    assert (status.state, status.reason) == (state, "; ".join(reasons))
    assert (status.left_hours, status.left_usd) == (hours, None if used is None else 5 - used)


def test_a_lease_without_terms_is_unknown() -> None:
    status = evaluate()
    assert (status.state, status.reason) == ("unknown", "it has neither an end nor a limit")
    assert (status.left_hours, status.left_usd) == (None, None)
    unreadable = evaluate(errors=("until is 'soon'",))
    assert (unreadable.state, unreadable.reason) == ("unknown", UNREADABLE)


def test_a_limit_passes_through_its_states_as_it_is_spent() -> None:
    used = [0, 4, 4.4, 4.5, 4.9, 5, 5.1]
    states = [evaluate(9, 5, usd, 0.1).state for usd in used]
    assert states == ["within", "within", "within", "ending", "ending", "past", "past"]


def test_a_status_shows_its_deployment_state_and_reason() -> None:
    assert repr(evaluate(9)) == f"lease of seccom: within; {ENDS}"
    assert repr(LeaseStatus("seccom", "none", "")) == "lease: none"


def test_a_status_has_the_documented_keys() -> None:
    assert evaluate(9, 5, 1, 0.1).to_dict() == {
        "until": "2026-03-01T21:00:00Z",
        "at_most_usd": 5,
        "since": "2026-03-01T12:00:00Z",
        "spent_usd": 1,
        "usd_per_hour": 0.1,
        "left_hours": 9,
        "left_usd": 4,
        "state": "within",
        "reason": f"{ENDS}; {SPENT}, the rest lasts 40 hours",
        "source": "counted",
    }
    without = LeaseStatus("seccom", "none", "").to_dict()
    assert (without["until"], without["since"], without["left_hours"]) == (None, None, None)


@pytest.mark.parametrize("value", [LeaseTerms(), Spend(1, 0.1, "counted"), evaluate(9)])
def test_terms_spending_and_status_cannot_be_changed(value: Any) -> None:
    field = next(iter(vars(value)))
    with pytest.raises(FrozenInstanceError):
        setattr(value, field, None)


TERMS = st.builds(
    LeaseTerms,
    st.none() | st.integers(-100, 100).map(lambda hours: NOON + timedelta(hours=hours)),
    st.none() | st.floats(0.01, 100),
    st.just(NOON),
)
ORDER = {"within": 0, "ending": 1, "past": 2}


@given(TERMS, st.floats(0, 200), st.floats(0, 200), st.floats(0, 150), st.floats(0, 50), st.floats(0, 5))
def test_time_and_spending_never_bring_a_lease_back(
    terms: LeaseTerms, hours: float, more_hours: float, usd: float, more_usd: float, an_hour: float
) -> None:
    then = NOON + timedelta(hours=hours)
    later = then + timedelta(hours=more_hours)
    before = evaluate_lease("seccom", terms, then, Spend(usd, an_hour, "counted")).state
    after = evaluate_lease("seccom", terms, later, Spend(usd + more_usd, an_hour, "counted")).state
    if terms.until is None and terms.at_most_usd is None:
        assert before == after == "unknown"
    else:
        assert ORDER[before] <= ORDER[after]


# -- the end of a lease as text ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("1s", NOON + timedelta(seconds=1)),
        ("8h", NOON + timedelta(hours=8)),
        ("1d12h", NOON + timedelta(hours=36)),
        (" 3d ", NOON + timedelta(days=3)),
        ("2026-03-01", datetime(2026, 3, 2, tzinfo=UTC)),
        ("2026-12-31", datetime(2027, 1, 1, tzinfo=UTC)),
        ("2026-03-01T18:00Z", datetime(2026, 3, 1, 18, tzinfo=UTC)),
        ("2026-03-01T18:00", datetime(2026, 3, 1, 18, tzinfo=UTC)),
        ("2026-03-01T18:00+02:00", datetime(2026, 3, 1, 16, tzinfo=UTC)),
    ],
)
def test_an_end_is_a_date_a_timestamp_or_a_duration(text: str, end: datetime) -> None:
    assert parse_until(text, NOON) == end


@pytest.mark.parametrize("text", ["", "soon", "8", "h", "-8h", "8w", "2026-02-30", "999999999999d", "9999-12-31", "٣x"])
def test_an_invalid_end_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"is not a date \(2026-03-01\), a timestamp"):
        parse_until(text, NOON)


@pytest.mark.parametrize("text", ["0s", "2026-02-28", "2026-03-01T12:00Z", "0001-01-01T00:00Z"])
def test_an_end_in_the_past_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"has passed: it is 2026-03-01 12:00 UTC there"):
        parse_until(text, NOON)


@given(st.text(max_size=30))
def test_any_text_is_a_future_end_or_refused(text: str) -> None:
    with suppress(UsageError):
        assert parse_until(text, NOON) > NOON
