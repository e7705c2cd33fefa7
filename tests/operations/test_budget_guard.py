"""A budget guard acts once a lease is over or too much is spent, and never on what it does not know."""

from collections.abc import Callable

import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.deploy.leftovers import leftovers
from esaws.deploy.plan import plan_deploy
from esaws.errors import EsawsError, UsageError
from esaws.leases.lease import grant, plan_end
from esaws.operations.budget_guard import guard_status, plan_guard, verify_guard
from esaws.operations.parking import plan_parking, verify_parking
from esaws.reference.seccom import seccom
from tests.test_lease import deny, put


@pytest.fixture(scope="module")
def deployed(new_cloud: Callable[..., Cloud]) -> Cloud:
    """One task, deployed for the first day of a month; the clock passes the month before while nothing runs."""
    cloud = new_cloud()
    simulation.advance(cloud, to=simulation.next_month(cloud))
    plan_deploy(seccom("budget", services=("client-web-ui",)), cloud).apply()
    simulation.advance(cloud, "1d")
    return cloud


@pytest.fixture
def running(deployed: Cloud) -> Cloud:
    """The service without a lease, not parked."""
    plan_end(deployed).apply()
    plan_parking(deployed, "resume").apply()
    return deployed


def answers(cloud: Cloud, *arguments: object) -> list[bool | None]:
    return [check.ok for check in verify_guard(cloud, *arguments)]  # type: ignore[arg-type]


def test_a_deployment_within_its_lease_and_limit_is_left_alone(running: Cloud) -> None:
    grant(running, until="8h", at_most_usd=1000)
    status = guard_status(running, 1000)
    assert status.state == "within" and "the lease holds" in status.reason and "are spent this month" in status.reason
    assert status.month and status.month.usd and 0.3 < status.month.usd < 3
    assert status.to_dict()["month_usd"] == status.month.usd
    assert not plan_guard(running, "park", 1000).changing
    assert answers(running, "park", 1000) == [True]


def test_a_lease_that_is_over_parks_the_deployment_once(running: Cloud) -> None:
    grant(running, until="1h")
    simulation.advance(running, "2h")
    assert guard_status(running).reason.startswith("the lease is over: it ended ")
    plan = plan_guard(running)
    assert plan.changing and answers(running) == [False]
    plan.apply()
    assert not plan_guard(running).changing, "the second run changes nothing"
    assert answers(running) == [True]


def test_a_limit_of_the_month_holds_without_a_lease(running: Cloud) -> None:
    status = guard_status(running, 0.2)
    assert status.state == "over" and "USD of at most 0.20 are spent this month" in status.reason
    assert plan_guard(running, "park", 0.2).changing and answers(running, "park", 0.2) == [False]


def test_without_lease_and_limit_there_is_nothing_to_guard(running: Cloud, cloud: Cloud) -> None:
    with pytest.raises(UsageError, match="has neither a lease nor a limit to guard"):
        plan_guard(running)
    assert answers(running) == [None]
    assert not plan_guard(cloud).changing and answers(cloud) == [True], "nothing is deployed there"


def test_a_lease_without_resources_is_left_alone(cloud: Cloud) -> None:
    grant(cloud, until="1h")
    simulation.advance(cloud, "2h")
    assert not plan_guard(cloud).changing and answers(cloud) == [True]


def test_what_is_not_known_stops_the_guard_unless_another_limit_is_over(
    running: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant(running, until="8h")
    put(running, "hello")
    assert guard_status(running).state == "unknown"
    with pytest.raises(EsawsError, match="nothing was changed: budget of seccom: unknown; the lease is unknown"):
        plan_guard(running)
    assert answers(running) == [None]
    assert plan_guard(running, "park", 0.2).changing, "the limit of the month is over, whatever the lease says"
    grant(running, until="8h")
    deny(monkeypatch, running, "rds")
    assert "this month's spending is not known" in guard_status(running, 5).reason


@pytest.mark.runbooks
def test_parking_and_resuming_are_proven(running: Cloud) -> None:
    assert [check.ok for check in verify_parking(running, "park")] == [False]
    assert [check.ok for check in verify_parking(running, "resume")] == [True, True]
    plan_parking(running, "park").apply()
    assert [check.ok for check in verify_parking(running, "park")] == [True]
    (parked, _) = verify_parking(running, "resume")
    assert parked.ok is False and "AutoScalingGroup client-web-ui-asg" in parked.found
    plan_parking(running, "resume").apply()
    assert [check.ok for check in verify_parking(running, "resume")] == [True, True]
    assert not plan_parking(running, "resume").steps


@pytest.mark.runbooks
def test_a_teardown_is_proven(running: Cloud) -> None:
    grant(running, until="1h")
    simulation.advance(running, "2h")
    plan = plan_guard(running, "teardown")
    assert answers(running, "teardown") == [False]
    plan.apply()
    assert leftovers(running) == [] and answers(running, "teardown") == [True]
    assert not plan_guard(running, "teardown").changing
