"""The contract of every resource kind, tested with its example on a local AWS.

The tests of a kind share one account, in which its example is deployed with its parents. All kinds share the account
of the look-alikes: every example, created without ownership tags.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules, resolve_name
from typing import Any, TypeVar

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from esaws import resources
from esaws.architecture import Architecture
from esaws.call_log import Call
from esaws.cloud import Cloud
from esaws.deploy.plan import plan_teardown
from esaws.pricelist import bundled
from esaws.resource import Index, Live, Resource, drift
from esaws.resources import load_all

from .actions import actions
from .parameters import NOT_OF_THE_EXAMPLE, sent, undocumented, unsent

UNTAGGABLE = {"Dashboard"}  # its owner is in the text of a widget

OF_ANOTHER_EXAMPLE = {
    "CacheCluster": {"nodes"},
    "Service": {"launch_type", "subnets", "security_groups", "public_address"},
    "TaskDefinition": {"cpu", "network_mode", "launch_type"},
}
"""Fields that AWS refuses for the example, of Redis or in the network mode bridge. Other tests change them."""

LEFT_BY_HAND = {"AutoScalingGroup", "LoadBalancer", "Route", "RouteTableAssociation"}
"""Kinds whose changes by hand leave untagged resources behind, which rightly block a teardown."""

NOWHERE = Cloud.at("http://127.0.0.1:9")
"""A cloud without a server, for tests that replace its responses."""

Kind = type[Resource]
Result = TypeVar("Result")

BY_HAND: dict[tuple[str, str], Callable[[Cloud, Live], None]] = {}
REDECLARED: dict[tuple[str, str], Any] = {}
for _module in iter_modules(import_module(__package__).__path__):
    if _module.name.startswith("cases_"):
        _cases = import_module(f"{__package__}.{_module.name}")
        BY_HAND |= _cases.BY_HAND
        REDECLARED |= _cases.REDECLARED


def cases(kind: Kind, table: dict[tuple[str, str], Result]) -> dict[str, Result]:
    """Return the cases of one kind, by field."""
    return {name: case for (case_kind, name), case in table.items() if case_kind == kind.kind}


@dataclass
class Deployed:
    """The example of a kind, deployed with its parents in an account of its own."""

    cloud: Cloud
    example: Resource
    calls: list[Call] = field(default_factory=list)
    """The calls that the kind itself has made."""
    is_updated: bool = False
    is_deleted: bool = False

    @property
    def kind(self) -> Kind:
        return type(self.example)

    @property
    def parents(self) -> list[Resource]:
        """Everything that the example depends on, in order of creation."""
        return [resource for resource in Architecture("contract", [self.example]) if resource is not self.example]

    @cached_property
    def parent_lives(self) -> "list[Live]":
        kinds = {resource.kind for resource in self.parents} - {self.kind.kind}
        return [live for kind in kinds for live in load_all()[kind].list(self.cloud)]

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Count the calls made meanwhile as the kind's own."""
        before = len(self.cloud.calls)
        yield
        self.calls += self.cloud.calls[before:]

    def list(self) -> Index:
        """List the example and its parents, as a new run would. The parents, which no test changes, are listed once."""
        with self.recorded():
            lives = self.kind.list(self.cloud)
        index = Index([*lives, *self.parent_lives])
        self.cloud.known_ids = {live.key: live.id for live in reversed(index.lives) if not live.foreign}
        return index

    def find(self) -> Live | None:
        """Return the example as it exists, or None."""
        return self.example.find(self.list())

    def drift(self, index: Index, declared: Resource | None = None) -> dict[str, Any]:
        """Return the drift of the example from `declared`, by default from its own declaration."""
        live = self.example.find(index)
        assert live, f"{self.example} is missing"
        return drift(declared or self.example, live, index)

    def create(self) -> None:
        with self.recorded():
            self.example.create(self.cloud)

    def update(self, index: Index) -> None:
        live = self.example.find(index)
        assert live
        with self.recorded():
            self.example.update(self.cloud, live)
        self.is_updated = True

    def delete(self, live: Live) -> None:
        with self.recorded():
            self.kind.delete(self.cloud, live)
        self.is_deleted = True


@pytest.fixture(scope="module", params=sorted(load_all()))
def kind(request: pytest.FixtureRequest) -> Kind:
    return load_all()[request.param]


def deploy(cloud: Cloud, kind: Kind) -> Deployed:
    """Deploy the example of a kind with its parents."""
    deployed = Deployed(cloud, kind.example())
    for parent in deployed.parents:
        parent.create(cloud)
    deployed.create()
    return deployed


@pytest.fixture(scope="module")
def deployed(kind: Kind, new_cloud: Callable[[], Cloud]) -> Deployed:
    return deploy(new_cloud(), kind)


@pytest.fixture(scope="module")
def look_alikes(new_cloud: Callable[[], Cloud]) -> Cloud:
    """An account with the examples of all kinds that can be tagged, created without ownership tags."""
    cloud = new_cloud()
    examples = [kind.example() for name, kind in load_all().items() if name not in UNTAGGABLE]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Cloud, "tags", lambda self, name, **_: {"Name": self.aws_name(name)})
        for resource in Architecture("look-alikes", examples):
            resource.create(cloud)
    cloud.known_ids.clear()
    return cloud


def test_every_module_of_resources_has_one_registered_and_public_kind() -> None:
    registry = load_all()
    assert {*registry} == {*resources.__all__} - {"load_all"}
    for path in Path(resources.__file__).parent.glob("[a-z]*.py"):
        kinds = [kind for kind in registry.values() if kind.__module__ == f"esaws.resources.{path.stem}"]
        assert len(kinds) == 1, path.stem
        assert getattr(resources, kinds[0].kind) is kinds[0]


# -- declarations ------------------------------------------------------------------------------------------------


def test_a_kind_has_usage_or_a_reason_why_it_is_free(kind: Kind) -> None:
    assert bool(kind.example().usage()) != bool(kind.free)


def test_all_usage_has_a_price(kind: Kind) -> None:
    assert not [usage for usage in kind.example().usage() if bundled().unit_price(usage, "eu-west-3") is None]


def test_the_icon_is_in_the_diagrams_package(kind: Kind) -> None:
    module, _, name = kind.icon.rpartition(".")
    assert hasattr(resolve_name(f"diagrams.{module}"), name)


def test_every_compared_field_has_a_case(kind: Kind) -> None:
    elsewhere = OF_ANOTHER_EXAMPLE.get(kind.kind, set())
    changed_by_hand = cases(kind, BY_HAND).keys() | (elsewhere & kind.in_place)
    redeclared = cases(kind, REDECLARED).keys() | (elsewhere - kind.in_place)
    assert changed_by_hand | redeclared == kind.example().desired().keys()
    assert changed_by_hand == kind.in_place, "an update must be able to undo every change by hand"


def test_every_field_is_compared_or_declared_as_not_compared(kind: Kind) -> None:
    declared = {item.name for item in fields(kind)} - {"name", "after"}
    assert declared == kind.example().desired().keys() | kind.not_compared


def test_an_error_of_aws_does_not_count_as_absence(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(self: BaseClient, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        if operation == "GetCallerIdentity":
            return {"Account": "123456789012"}
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, operation)

    monkeypatch.setattr(BaseClient, "_make_api_call", deny)
    with pytest.raises(ClientError, match="AccessDenied"):
        kind.list(NOWHERE)


# -- on AWS ------------------------------------------------------------------------------------------------------


def test_the_deployed_example_is_found(deployed: Deployed) -> None:
    live = deployed.find()
    assert live
    assert live.key == deployed.example.key
    assert not live.foreign
    assert live.state not in deployed.kind.deleting | deployed.kind.pending


def test_a_deployed_example_has_no_drift(deployed: Deployed) -> None:
    index = deployed.list()
    for resource in [*deployed.parents, deployed.example]:
        live = resource.find(index)
        assert live, f"{resource} is missing"
        assert not drift(resource, live, index), f"{resource} drifts"


def test_another_deployment_does_not_list_it(deployed: Deployed) -> None:
    other = copy(deployed.cloud)  # with the same clients: making them takes longer than the test
    other.deployment, other.known_ids = "secco", {}
    assert deployed.kind.list(other) == []


@pytest.mark.parametrize("kind", sorted(load_all().keys() - UNTAGGABLE), indirect=True)
def test_a_look_alike_without_our_tags_is_not_listed(kind: Kind, look_alikes: Cloud) -> None:
    assert kind.list(look_alikes) == []


def test_a_change_by_hand_is_drift_of_exactly_that_field_and_an_update_undoes_it(
    deployed: Deployed, subtests: pytest.Subtests
) -> None:
    index = deployed.list()
    for name, change in sorted(cases(deployed.kind, BY_HAND).items()):
        with subtests.test(name):
            live = deployed.example.find(index)
            assert live
            change(deployed.cloud, live)
            index = deployed.list()
            assert deployed.drift(index).keys() == {name}
            deployed.update(index)
            index = deployed.list()
            assert not deployed.drift(index)


def test_another_declaration_is_drift_of_exactly_that_field(deployed: Deployed, subtests: pytest.Subtests) -> None:
    index = deployed.list()
    for name, value in sorted(cases(deployed.kind, REDECLARED).items()):
        with subtests.test(name):
            assert deployed.drift(index, replace(deployed.example, **{name: value})).keys() == {name}


def test_deleting_it_twice_is_quiet(deployed: Deployed) -> None:
    live = deployed.find()
    assert live
    deployed.delete(live)
    assert deployed.find() is None
    deployed.delete(live)
    assert deployed.find() is None


class Killed(BaseException):
    """The process was killed."""


@contextmanager
def killed_after_its_first_change() -> Iterator[None]:
    """Kill the process right after AWS has made a change, before it receives the response."""
    call = BaseClient._make_api_call

    def call_and_kill(self: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        response = call(self, operation, parameters)
        if Call("", operation, {}, 0, "OK").changes:
            raise Killed
        return response

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(BaseClient, "_make_api_call", call_and_kill)
        yield


def test_the_next_run_completes_what_a_killed_run_left(deployed: Deployed) -> None:
    if live := deployed.find():
        deployed.delete(live)
    with killed_after_its_first_change():
        deployed.example.create(deployed.cloud)
    index = deployed.list()
    live = deployed.example.find(index)
    if live is None:
        deployed.create()
    elif differences := drift(deployed.example, live, index):
        assert differences.keys() <= deployed.kind.in_place
        deployed.update(index)
    elif live.state in deployed.kind.pending:
        deployed.example.ready(deployed.cloud)
    assert not deployed.drift(deployed.list())


def test_all_calls_are_among_its_permissions(deployed: Deployed) -> None:
    assert set(actions(deployed.calls)) <= set(deployed.kind.permissions)


def test_all_parameters_are_documented_and_all_documented_ones_are_sent(deployed: Deployed) -> None:
    kind, parameters = deployed.kind, sent(deployed.calls)
    assert parameters
    assert not undocumented(parameters, kind.documented)
    if deployed.is_deleted and (deployed.is_updated or not kind.in_place):
        assert unsent(parameters, kind.documented) == NOT_OF_THE_EXAMPLE.get(kind.kind, set())


def test_a_teardown_deletes_it_with_its_parents(deployed: Deployed, cloud: Cloud) -> None:
    if deployed.kind.kind in LEFT_BY_HAND:
        deployed = deploy(cloud, deployed.kind)
    plan_teardown(deployed.cloud).apply(yes=True)
    assert not [live for kind in load_all().values() for live in kind.list(deployed.cloud)]
