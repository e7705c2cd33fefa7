"""An apply polls in turns where a poll moves a clock: how long it takes on that clock does not depend on threads."""

import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from esaws import operations
from esaws.cloud import Cloud
from esaws.deploy.apply import Apply
from esaws.deploy.change import Change
from esaws.deploy.graph import deploy_graph
from esaws.deploy.plan import plan_deploy
from esaws.deploy.serving import wait_until_serving
from esaws.local_aws.scratch import scratch_server
from esaws.reference.seccom import seccom
from esaws.resource import Resource
from esaws.resources import VPC, Broker, CacheCluster, LoadBalancer


@pytest.fixture(autouse=True)
def journals(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("ESAWS_RUNS", str(tmp_path))


def run(monkeypatch: pytest.MonkeyPatch, create: Callable[[Cloud, Resource], None], *kinds: type[Resource]) -> None:
    """Create one independent resource of each kind, with `create` in place of the calls."""
    examples = [kind.example() for kind in kinds]
    for kind in kinds:
        monkeypatch.setattr(kind, "create", lambda self, cloud: create(cloud, self))
        monkeypatch.setattr(kind, "dependencies", ())
    cloud = Cloud.at("http://127.0.0.1:9")
    Apply("deploy", cloud, deploy_graph(Change("create", item.kind, item.name, item) for item in examples)).run()


def test_no_change_polls_while_another_works(monkeypatch: pytest.MonkeyPatch) -> None:
    working, polled_while = threading.Event(), []

    def create(cloud: Cloud, resource: Resource) -> None:
        if resource.kind == "VPC":
            working.set()
            time.sleep(0.2)
            working.clear()
        else:
            working.wait(5)
            cloud.wait_until("it is there", lambda: polled_while.append(working.is_set()) or True)  # type: ignore[func-returns-value]

    run(monkeypatch, create, VPC, LoadBalancer, CacheCluster)
    assert polled_while == [False, False]


def test_what_is_ready_soonest_polls_first_and_all_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    polls: list[str] = []

    def create(cloud: Cloud, resource: Resource) -> None:
        def ready() -> bool:
            polls.append(resource.kind)
            return polls.count(resource.kind) == 2

        cloud.wait_until("it is there", ready)

    run(monkeypatch, create, Broker, LoadBalancer, CacheCluster)
    assert polls == ["LoadBalancer", "CacheCluster", "Broker"] * 2


def test_a_poll_may_wait_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def create(cloud: Cloud, resource: Resource) -> None:
        def ready() -> bool:
            cloud.wait_until("a part of it is there", lambda: True)
            return True

        cloud.wait_until("it is there", ready)

    run(monkeypatch, create, VPC, LoadBalancer)


def test_a_failed_poll_leaves_the_turn_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []

    def create(cloud: Cloud, resource: Resource) -> None:
        cloud.wait_until("it is there", lambda: 1 / 0 if resource.kind == "LoadBalancer" else True)
        ended.append(resource.kind)

    with pytest.raises(Exception, match="division by zero"):
        run(monkeypatch, create, LoadBalancer, CacheCluster)
    assert ended == ["CacheCluster"]


def slow_down(cloud: Cloud, seed: int) -> None:
    delays = random.Random(seed)
    for service in ("elbv2", "autoscaling"):
        events = cloud.client(service).meta.events
        events.register("before-call", lambda **_: time.sleep(delays.choice((0, 0.1))))


def test_a_deploy_takes_as_long_on_the_clock_of_aws_however_slow_its_calls_are() -> None:
    minutes = []
    for seed in (1, 2):
        with scratch_server(at="2026-11-02") as url:
            cloud = Cloud.at(url)
            slow_down(cloud, seed)
            plan = plan_deploy([*seccom("budget", services=("client-web-ui",))], cloud)
            began = operations.cloud_time(cloud)
            plan.apply()
            assert wait_until_serving(cloud) == []
            minutes.append((operations.cloud_time(cloud) - began).seconds // 60)
    # A load balancer takes three minutes, an instance with its agent two; the target needs half a minute more.
    assert minutes == [3, 3]
