"""The lock of a deployment: one change at a time, and no lock outlives the process that holds it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from esaws import simulation
from esaws.cloud import Cloud
from esaws.deploy import lock as locks
from esaws.deploy.inventory import inventory
from esaws.deploy.leftovers import leftovers
from esaws.deploy.lock import DeploymentLock, deployment_lock, read_lock, standing_of
from esaws.deploy.lock_record import LockRecord, now
from esaws.deploy.plan import plan_deploy, plan_teardown
from esaws.deploy.steps import Step, StepPlan
from esaws.errors import ApplyFailed, EsawsError, Locked, LockLost
from esaws.inspect.fixes import Fix, apply_fixes
from esaws.interrupts import Terminated, finish_first, terminable
from esaws.leases.lease import grant
from esaws.reference.seccom import seccom
from esaws.resources import PasswordParameter
from tests.shell import Shell, journal_lines

Entries = list[tuple[int, str]]


class Parameters:
    """Stands in for a cloud whose SSM keeps one parameter. `before_put` runs once, before the next overwrite."""

    deployment, account, region, endpoint, is_aws = "seccom", "123456789012", "eu-west-3", "http://here", False

    def __init__(self) -> None:
        self.history: Entries = []
        self.before_put: Callable[[], object] | None = None
        self.refusal = ""
        self.refused = ("PutParameter", "GetParameterHistory", "DeleteParameter")

    def check(self) -> str:
        return self.account

    def client(self, service: str) -> "Parameters":
        assert service == "ssm"
        return self

    def put_parameter(self, *, Name: str, Value: str, Overwrite: bool, **_: Any) -> dict[str, int]:
        assert Name == "/seccom/lock"
        self._answer("PutParameter")
        if Overwrite and self.before_put:
            before_put, self.before_put = self.before_put, None
            before_put()
        if self.history and not Overwrite:
            raise _error("ParameterAlreadyExists", "PutParameter")
        version = self.history[-1][0] + 1 if self.history else 1
        self.history = [*self.history, (version, Value)][-100:]
        return {"Version": version}

    def get_paginator(self, operation: str) -> "Parameters":
        assert operation == "get_parameter_history"
        return self

    def paginate(self, Name: str) -> Iterator[dict[str, Any]]:
        self._answer("GetParameterHistory")
        if not self.history:
            raise _error("ParameterNotFound", "GetParameterHistory")
        half = len(self.history) // 2
        for part in (self.history[:half], self.history[half:]):
            yield {"Parameters": [{"Version": version, "Value": value} for version, value in part]}

    def delete_parameter(self, Name: str) -> None:
        self._answer("DeleteParameter")
        self.history = []

    def _answer(self, operation: str) -> None:
        if self.refusal and operation in self.refused:
            raise _error(self.refusal, operation)


def _error(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, operation)


def record(id: str, **changes: Any) -> LockRecord:
    """A record of another computer."""
    made = LockRecord.of_this_process("deploy")
    return replace(made, id=id, user="ann", host="web1", machine="another", pid=77, **changes)


def elsewhere(cloud: Any, id: str) -> DeploymentLock:
    """The lock as another computer takes it."""
    lock = DeploymentLock(cloud, "deploy")
    lock.record = record(id)
    return lock


PAST = timedelta(hours=-1)


@pytest.fixture
def parameters() -> Parameters:
    return Parameters()


@pytest.fixture
def expired(parameters: Parameters) -> Parameters:
    """A lock that another computer did not renew."""
    elsewhere(parameters, "old")._take()
    parameters.history = [(1, record("old", expires=now() + PAST).to_json())]
    return parameters


# -- who holds it --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("history", "holder"),
    [
        ([(1, "a", "")], "a"),
        ([(1, "a", ""), (2, "a", "1:a"), (3, "a", "2:a")], "a"),
        ([(1, "a", ""), (2, "b", "1:a")], "b"),
        ([(1, "a", ""), (2, "b", "1:a"), (3, "c", "1:a")], "b"),
        ([(1, "a", ""), (2, "b", "1:a"), (3, "c", "1:a"), (4, "b", "3:b")], "b"),
        ([(1, "new", ""), (2, "late", "1:old")], "new"),
        ([(7, "late", "5:a"), (8, "b", "7:b"), (9, "b", "8:b")], "b"),
        ([(3, "b", "2:b"), (1, "a", ""), (2, "b", "1:a")], "b"),
    ],
    ids=["taken", "renewed", "taken over", "two at once", "renewed after", "made again", "cut off", "unsorted"],
)
def test_the_first_replacement_of_a_version_holds(history: list[tuple[int, str, str]], holder: str) -> None:
    entries = [(version, record(id, follows=follows).to_json()) for version, id, follows in history]
    standing = standing_of(entries)
    assert standing and (standing.record.id, standing.version) == (holder, max(entries)[0])


@pytest.mark.parametrize("text", ["", "hello", "[]", "{}", "null", '{"id": 1}', "[" * 4000])
def test_a_parameter_that_is_no_lock_is_never_taken_over(parameters: Parameters, text: str) -> None:
    parameters.history = [(1, text)]
    with pytest.raises(Locked, match=r"parameter /seccom/lock .* is not a lock of esaws"):
        elsewhere(parameters, "a").acquire()
    assert parameters.history == [(1, text)]


def test_a_record_is_parsed_as_it_was_written() -> None:
    made = LockRecord.of_this_process("park").following(3, "b")
    assert LockRecord.parse(made.to_json()) == made
    assert made.state == "held" and made.is_of_this_process


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "held"),
        ({"expires": PAST}, "expired"),
        ({"pid": 2**22 + 7}, "ended"),
        ({"process_start": 0.0}, "ended"),
        ({"machine": "another", "pid": 2**22 + 7}, "held"),
        ({"machine": "another", "expires": PAST}, "expired"),
    ],
)
def test_only_a_process_of_this_computer_is_known_to_have_ended(changes: dict[str, Any], state: str) -> None:
    made = LockRecord.of_this_process("deploy")
    if "expires" in changes:
        changes = changes | {"expires": now() + changes["expires"]}
    assert replace(made, **changes).state == state


# -- taking it over ------------------------------------------------------------------------------------------------


def test_an_expired_lock_is_taken_over_by_one_of_two(expired: Parameters) -> None:
    first, second = elsewhere(expired, "first"), elsewhere(expired, "second")
    expired.before_put = second._take
    with pytest.raises(Locked):
        first._take()
    second._renew()
    second.check()
    assert read_lock(expired).id == "second"  # type: ignore[arg-type, union-attr]


def test_a_lock_that_is_renewed_at_the_last_moment_is_kept(parameters: Parameters) -> None:
    owner = elsewhere(parameters, "owner")
    owner._take()
    parameters.history = [(1, replace(owner.record, expires=now() + PAST).to_json())]
    parameters.before_put = owner._renew
    with pytest.raises(Locked):
        elsewhere(parameters, "taker")._take()
    owner._renew()
    owner.check()


def test_many_takers_of_an_expired_lock_leave_one_holder(expired: Parameters) -> None:
    atomic, won = threading.Lock(), []
    put, paginate = expired.put_parameter, expired.paginate

    def put_at_once(**parameters: Any) -> Any:
        with atomic:
            return put(**parameters)

    def read_at_once(**parameters: Any) -> Any:
        with atomic:
            pages = [*paginate(**parameters)]
        time.sleep(0.001)
        return iter(pages)

    expired.put_parameter, expired.paginate = put_at_once, read_at_once  # type: ignore[method-assign]

    def take(number: int) -> None:
        try:
            elsewhere(expired, f"taker{number}")._take()
            won.append(f"taker{number}")
        except Locked:
            pass

    takers = [threading.Thread(target=take, args=(number,)) for number in range(12)]
    for taker in takers:
        taker.start()
    for taker in takers:
        taker.join()
    assert [read_lock(expired).id] == won  # type: ignore[arg-type, union-attr]


def test_a_lost_response_does_not_lock_the_taker_out(parameters: Parameters) -> None:
    lock = elsewhere(parameters, "a")
    parameters.history = [(1, lock.record.to_json())]
    lock._take()
    assert read_lock(parameters).id == "a"  # type: ignore[arg-type, union-attr]


def test_a_removed_lock_is_not_made_again_by_its_renewal(parameters: Parameters) -> None:
    lock = elsewhere(parameters, "a")
    lock._take()
    parameters.before_put = lambda: parameters.delete_parameter("/seccom/lock")
    lock._renew()
    assert parameters.history == []
    with pytest.raises(LockLost, match="it was removed"):
        lock.check()


def test_a_lock_that_is_renewed_for_hours_is_still_held(parameters: Parameters) -> None:
    lock = elsewhere(parameters, "a")
    lock._take()
    for _ in range(250):
        lock._renew()
    lock.check()
    assert len(parameters.history) == 100 and read_lock(parameters).id == "a"  # type: ignore[arg-type, union-attr]


def test_a_held_lock_is_renewed_until_it_is_released(parameters: Parameters, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "RENEW_SECONDS", 0.01)
    with deployment_lock(parameters, "deploy"):  # type: ignore[arg-type]
        deadline = time.monotonic() + 10
        while parameters.history[-1][0] < 3:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert parameters.history == []


# -- one process ---------------------------------------------------------------------------------------------------


def test_a_thread_may_take_the_lock_again(parameters: Parameters) -> None:
    with deployment_lock(parameters, "deploy") as outer, deployment_lock(parameters, "lease") as inner:  # type: ignore[arg-type]
        assert inner is outer
    assert parameters.history == []


def test_another_thread_of_the_process_is_refused(parameters: Parameters) -> None:
    refused: list[Locked] = []

    def take() -> None:
        try:
            with deployment_lock(parameters, "park"):  # type: ignore[arg-type]
                pass
        except Locked as error:
            refused.append(error)

    with deployment_lock(parameters, "deploy"):  # type: ignore[arg-type]
        other = threading.Thread(target=take)
        other.start()
        other.join()
        assert parameters.history
    assert "It is another thread of this program." in str(refused[0])


def test_a_lock_that_could_not_be_removed_does_not_lock_its_process_out(parameters: Parameters) -> None:
    parameters.refused, parameters.refusal = ("DeleteParameter",), "ThrottlingException"
    with pytest.warns(UserWarning, match="was not removed: ThrottlingException"), deployment_lock(parameters, "park"):  # type: ignore[arg-type]
        pass
    parameters.refusal = ""
    with deployment_lock(parameters, "park"):  # type: ignore[arg-type]
        pass
    assert parameters.history == []


# -- plans ---------------------------------------------------------------------------------------------------------


def plan_of(cloud: Any, *acts: Callable[[], object]) -> StepPlan:
    return StepPlan(cloud, "test", tuple(Step("Thing", f"{n}", "", "", act) for n, act in enumerate(acts)))


@pytest.mark.parametrize(
    ("code", "next_step"),
    [
        ("AccessDeniedException", "ask for the permission"),
        ("ThrottlingException", "try again in a minute"),
        ("NotSimulated", "NotSimulated: no (PutParameter)"),
    ],
)
def test_without_ssm_nothing_changes(parameters: Parameters, code: str, next_step: str) -> None:
    parameters.refusal = code
    done: list[int] = []
    with pytest.raises(EsawsError) as failure:
        plan_of(parameters, lambda: done.append(1)).apply()
    text = str(failure.value)
    assert text.startswith("nothing was changed: the lock of seccom was not taken")
    assert f": {code}: " in text and text.endswith(next_step)
    assert "changes need ssm:DeleteParameter, ssm:GetParameterHistory, ssm:PutParameter" in text
    assert done == []


def test_no_step_starts_after_the_lock_is_lost(parameters: Parameters) -> None:
    done: list[str] = []

    def lose() -> None:
        done.append("first")
        parameters.history = [(1, record("thief").to_json())]
        (lock,) = locks._held.values()
        lock._renew()

    with pytest.raises(LockLost, match=r"it was taken over by ann on web1 \(process 77\): deploy"):
        plan_of(parameters, lose, lambda: done.append("second")).apply()
    assert done == ["first"]
    assert len(parameters.history) == 1, "the lock of the other process stays"


def test_a_lock_that_is_not_renewed_in_time_is_lost(parameters: Parameters) -> None:
    with deployment_lock(parameters, "deploy") as lock:  # type: ignore[arg-type]
        lock.record = replace(lock.record, expires=now())
        parameters.refusal = "ThrottlingException"
        with pytest.raises(LockLost, match="could not be renewed: ThrottlingException"):
            lock.check()
        parameters.refusal = ""


def test_a_plan_without_steps_takes_no_lock(parameters: Parameters) -> None:
    parameters.refusal = "AccessDeniedException"
    assert plan_of(parameters).apply() == 0
    assert apply_fixes(parameters, [Fix("decide")])[0].is_applied  # type: ignore[arg-type]


@pytest.mark.parametrize(("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)])
def test_a_signal_lets_the_step_that_runs_end(
    parameters: Parameters, number: int, error: type, capsys: pytest.CaptureFixture[str]
) -> None:
    done: list[str] = []

    def interrupted() -> None:
        os.kill(os.getpid(), number)
        done.append("ended")

    with pytest.raises(KeyboardInterrupt) as raised:
        plan_of(parameters, interrupted, lambda: done.append("next")).apply()
    assert type(raised.value) is error
    assert done == ["ended"]
    assert parameters.history == [], "the lock is released"
    assert "test: interrupted; it waits for Thing 0" in capsys.readouterr().err


def test_a_second_signal_ends_the_step() -> None:
    notices: list[int] = []
    with pytest.raises(Terminated), finish_first(lambda: notices.append(1)):
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        pytest.fail("it was not ended")
    assert notices == [1]


def test_sigterm_is_left_to_a_program_that_handles_it() -> None:
    handled: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: handled.append(number))
    try:
        with terminable():
            os.kill(os.getpid(), signal.SIGTERM)
        assert handled == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


# -- on a local AWS ------------------------------------------------------------------------------------------------


@contextmanager
def locked_by_another(cloud: Cloud) -> Iterator[None]:
    other = elsewhere(cloud, "other")
    other._take()
    yield
    locks.break_lock(cloud)


def test_a_held_lock_is_in_no_inventory_plan_or_leftovers(cloud: Cloud) -> None:
    with deployment_lock(cloud, "test"):
        assert len(inventory(cloud)) == 0
        assert len(plan_teardown(cloud)) == 0
        assert leftovers(cloud) == []
    assert read_lock(cloud) is None


CHANGES: dict[str, Callable[[Cloud], object]] = {
    "deploy": lambda cloud: plan_deploy(seccom("budget", services=("client-web-ui",)), cloud, prune=True).apply(),
    "teardown": lambda cloud: plan_teardown(cloud).apply(),
    "lease": lambda cloud: grant(cloud, until="2h"),
    "fixes": lambda cloud: apply_fixes(cloud, [Fix("delete", (("ec2", "DeleteVpc", {"VpcId": "vpc-1"}),))]),
    "fix": lambda cloud: Fix("delete", (("ec2", "DeleteVpc", {"VpcId": "vpc-1"}),)).apply(cloud),
}


def test_nothing_changes_what_another_process_changes(cloud: Cloud, esaws: Shell) -> None:
    PasswordParameter(name="kept").create(cloud)
    with locked_by_another(cloud):
        before = len(cloud.calls)
        for name, change in CHANGES.items():
            with pytest.raises(Locked) as refusal:
                change(cloud)
            text = str(refusal.value)
            assert text.startswith("nothing was changed: seccom in account "), name
            assert "locked by ann on web1 (process 77): deploy, since " in text and " ago; " in text, name
            assert "`esaws lock --break` removes it" in text and refusal.value.exit_code == 3, name
        assert "is locked by ann on web1" in esaws("teardown", "--yes", code=3)
        changing = {call.operation for call in cloud.calls[before:] if call.changes and call.code == "OK"}
        assert changing == set()
    plan_teardown(cloud).apply()
    assert leftovers(cloud) == []


def test_a_teardown_of_nothing_removes_the_lock_of_a_killed_process_and_respects_a_held_one(
    cloud: Cloud, esaws: Shell
) -> None:
    killed = DeploymentLock(cloud, "deploy")
    killed.record = replace(killed.record, pid=2**22 + 7)
    killed._take()
    esaws("teardown", "--yes")
    assert read_lock(cloud) is None, "a deploy that was killed before its first change leaves nothing else"
    elsewhere(cloud, "ann")._take()
    assert "is locked by" in esaws("teardown", "--yes", code=3)


def test_the_lock_keeps_real_time(cloud: Cloud) -> None:
    with locked_by_another(cloud):
        simulation.advance(cloud, "3d")
        held = read_lock(cloud)
        assert held and held.state == "held"


def test_the_lock_is_shown_and_removed(cloud: Cloud, esaws: Shell) -> None:
    assert esaws("lock") == "seccom is not locked\n"
    nothing = esaws.json("lock", "--break", "--yes")
    assert not any(nothing.values())
    elsewhere(cloud, "other")._take()
    assert esaws("lock").startswith("locked by ann on web1 (process 77): deploy, since ")
    shown = esaws.json("lock")
    assert shown | {"since": "", "expires": ""} == {
        "locked": True,
        "state": "held",
        "user": "ann",
        "host": "web1",
        "pid": 77,
        "purpose": "deploy",
        "since": "",
        "expires": "",
        "broken": False,
    }
    assert "there is no terminal to confirm in" in esaws("lock", "--break", code=3)
    assert esaws.json("lock", "--break", "--yes")["broken"] is True
    assert esaws("lock") == "seccom is not locked\n"


def test_what_is_no_lock_is_shown_as_that_and_removed(cloud: Cloud, esaws: Shell) -> None:
    cloud.client("ssm").put_parameter(Name="/seccom/lock", Type="String", Value="mine")
    assert "is not a lock of esaws" in esaws("lock", code=3)
    assert esaws("lock", "--break", "--yes") == "the lock is removed\n"
    assert esaws("lock") == "seccom is not locked\n"


def test_a_lost_lock_stops_an_apply(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_deploy(seccom("budget", services=("client-web-ui",)), cloud)
    calls: list[int] = []

    def check(lock: DeploymentLock) -> None:
        calls.append(1)
        if len(calls) > 5:
            raise LockLost("the lock is lost")

    monkeypatch.setattr(DeploymentLock, "check", check)
    with pytest.raises(ApplyFailed, match="LockLost: the lock is lost"):
        plan.apply()
    assert len(inventory(cloud)) == 5
    monkeypatch.undo()
    plan.apply()


def test_a_command_that_gets_sigterm_exits_with_143(esaws: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(cloud: Cloud) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("esaws.deploy.inventory.inventory", killed)
    assert "esaws: ended by SIGTERM at esaws inventory: " in esaws("inventory", code=143)


# -- real processes ------------------------------------------------------------------------------------------------

HOLD = """
import sys, time
from esaws.cloud import Cloud
from esaws.deploy.lock import deployment_lock
with deployment_lock(Cloud.at(sys.argv[1], account=sys.argv[2]), "hold"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(cloud: Cloud) -> Iterator["subprocess.Popen[str]"]:
    """A process that holds the lock."""
    words = [sys.executable, "-c", HOLD, str(cloud.endpoint), cloud.account]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "held\n"
        yield process
        process.kill()


@pytest.mark.slow
def test_the_lock_of_a_killed_process_is_taken_over(cloud: Cloud, holder: "subprocess.Popen[str]") -> None:
    with pytest.raises(Locked, match=f"process {holder.pid}\\): hold"):
        grant(cloud, until="2h")
    holder.kill()
    holder.wait()
    left = read_lock(cloud)
    assert left and left.state == "ended"
    assert grant(cloud, until="2h").state == "within"
    assert read_lock(cloud) is None


@pytest.mark.slow
def test_a_process_that_ends_by_sigterm_releases_the_lock(cloud: Cloud, holder: "subprocess.Popen[str]") -> None:
    holder.terminate()
    holder.wait()
    assert read_lock(cloud) is None


@pytest.mark.slow
def test_two_deploys_at_once_make_one_vpc(cloud: Cloud, esaws: Shell) -> None:
    words = ("deploy", "--profile", "budget", "--services", "client-web-ui", "--yes", "--no-wait")
    deploys = [esaws.start(*words), esaws.start(*words)]
    errors = [process.communicate()[1] for process in deploys]
    codes = sorted(process.returncode for process in deploys)
    assert codes in ([0, 3], [0, 0]), errors
    assert codes == [0, 0] or any("is locked by " in error for error in errors)
    vpcs = [live for live in inventory(cloud) if live.kind == "VPC"]
    assert len(vpcs) == 1
    assert not plan_deploy(seccom("budget", services=("client-web-ui",)), cloud).changing
    assert read_lock(cloud) is None


@pytest.mark.slow
def test_a_deploy_that_gets_sigterm_ends_what_runs_and_exits_with_143(cloud: Cloud, esaws: Shell) -> None:
    deploy = esaws.start("deploy", "--profile", "ha", "--services", "client-web-ui", "--yes")
    while not journal_lines(esaws.folder) and deploy.poll() is None:
        time.sleep(0.002)
    deploy.send_signal(signal.SIGTERM)
    _, error = deploy.communicate()
    assert deploy.returncode == 143, error
    assert "deploy stopped: " in error and "the changes that were running are finished" in error
    events = [json.loads(line)["event"] for line in _journal(esaws.folder).read_text().splitlines()]
    assert events.count("begun") == events.count("done") and events[-1] == "ended"
    assert read_lock(cloud) is None


def _journal(folder: Path) -> Path:
    (journal,) = folder.glob("runs/*.jsonl")
    return journal
