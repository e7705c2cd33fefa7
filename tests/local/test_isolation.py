"""A behaviour that fails takes nothing else down, and is shown as not simulated any more."""

from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from local_aws_server import hooks
from local_aws_server.backends import Backends
from local_aws_server.clock import isolation
from local_aws_server.clock.clock import Clock
from local_aws_server.clock.event_log import EVENT_LOG
from local_aws_server.clock.scheduler import Scheduler
from local_aws_server.services.autoscaling.scheduled_actions import run_due_actions

HERE = Backends("123456789012", "eu-west-3")


@pytest.fixture(autouse=True)
def nothing_is_noted() -> Iterator[None]:
    isolation.clear_defects()
    EVENT_LOG.clear()
    yield
    isolation.clear_defects()
    EVENT_LOG.clear()


def act_on(things: list[Any], act: Any) -> float | None:
    return isolation.each(HERE, "service", things, lambda thing: thing.name, act)


def test_the_others_go_on_and_the_earliest_time_is_returned() -> None:
    things = [SimpleNamespace(name=name) for name in ("web", "broken", "api")]
    times = {"web": 30.0, "api": 20.0}
    assert act_on(things, lambda thing: times[thing.name]) == 20.0
    assert [(defect.kind, defect.name) for defect in isolation.defects()] == [("service", "broken")]
    assert "KeyError: 'broken' (test_isolation.py:" in isolation.defects()[0].reason


def test_a_thing_that_failed_is_left_alone_from_then_on() -> None:
    thing, calls = SimpleNamespace(name="broken"), []

    def fail(thing: Any) -> float:
        calls.append(thing.name)
        raise ZeroDivisionError

    for _ in range(3):
        act_on([thing], fail)
    assert calls == ["broken"]
    events = EVENT_LOG.events(HERE.account)
    assert [(event.subject, event.what) for event in events] == [("broken", "service is not simulated any more")]


def test_it_is_shown_again_after_a_restart() -> None:
    thing = SimpleNamespace(name="broken", _esaws={"not_simulated": "KeyError: 'x'"})
    act_on([thing], lambda thing: pytest.fail("it is left alone"))
    assert [defect.reason for defect in isolation.defects()] == ["KeyError: 'x'"]


def test_a_scheduled_action_that_fails_leaves_the_other_actions_their_times() -> None:
    times = {"broken": "no time", "night": "2100-01-01T00:00:00"}
    actions = {
        ("web", name): SimpleNamespace(
            auto_scaling_group_name="web", scheduled_action_name=name, start_time=time, end_time=None, recurrence=None
        )
        for name, time in times.items()
    }
    backends: Any = SimpleNamespace(
        account=HERE.account,
        region=HERE.region,
        backend=lambda service: SimpleNamespace(scheduled_actions=actions),
        auto_scaling_group=lambda name: SimpleNamespace(name=name),
    )
    assert run_due_actions(backends) == datetime(2100, 1, 1, tzinfo=UTC).timestamp()
    assert [(defect.kind, defect.name) for defect in isolation.defects()] == [("scheduled action", "broken")]


@pytest.fixture
def scheduler() -> Iterator[Scheduler]:
    clock = Clock()
    clock.still = True
    clock.start(1000.0)
    yield Scheduler(clock)
    clock.stop()


def register(patch: pytest.MonkeyPatch, **reconcilers: Any) -> None:
    """Register these alone, in this order, for changes of `ecs`."""
    made = [
        hooks.Reconciler(order, name, frozenset({"ecs"}), reconcile)
        for order, (name, reconcile) in enumerate(reconcilers.items())
    ]
    patch.setattr(hooks, "RECONCILERS", made)


def test_a_reconciler_that_raises_fails_no_caller_and_no_other_reconciler(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = []

    def fail(backends: Backends) -> float | None:
        raise KeyError("x")

    def run(backends: Backends) -> float | None:
        ran.append(backends)
        return None

    register(monkeypatch, fail=fail, run=run)
    scheduler.reconcile(HERE, "ecs")
    assert ran == [HERE]
    assert [(defect.kind, defect.name) for defect in isolation.defects()] == [("behaviour", "fail")]


def test_a_reconciler_that_works_again_is_not_shown_any_more(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    results: list[Any] = [KeyError("x"), None]

    def reconcile(backends: Backends) -> float | None:
        if isinstance(result := results.pop(0), Exception):
            raise result
        return None

    register(monkeypatch, sometimes=reconcile)
    scheduler.reconcile(HERE, "ecs")
    assert len(isolation.defects()) == 1
    scheduler.reconcile(HERE, "ecs")
    assert isolation.defects() == []


def test_an_event_that_never_passes_is_ended_and_the_clock_goes_on(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(monkeypatch, endless=lambda backends: 1001.0)
    scheduler.reconcile(HERE, "ecs")
    scheduler.run_until(2000.0)
    assert scheduler._clock.now() == 2000.0
    assert "endlessly" in isolation.defects()[0].reason


def test_changes_that_never_settle_are_ended(scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, restless=lambda backends: scheduler.mark_changed(backends, "ecs"))
    scheduler.reconcile(HERE, "ecs")
    assert [(defect.name, defect.reason) for defect in isolation.defects()] == [("ecs", "it does not settle")]
