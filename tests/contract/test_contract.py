"""The contract: what holds for every kind of resource, each on its example in a local AWS."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from importlib import import_module
from pkgutil import iter_modules, resolve_name
from typing import Any, TypeVar

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from esaws.architecture import Architecture
from esaws.call_log import Call
from esaws.cloud import Cloud
from esaws.deploy.plan import plan_teardown
from esaws.errors import InvalidResource
from esaws.pricelist import unit_price
from esaws.resource import Index, Live, Resource, drift
from esaws.resources import load_all

from .actions import actions

MARKED_OTHERWISE = {"Dashboard"}  # AWS keeps no tags on it: a widget says whose it is

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
    """The cases of one kind by field."""
    return {name: case for (of, name), case in table.items() if of == kind.kind}


@dataclass
class Deployed:
    """The example of a kind with its parents, all of it standing in an account of its own."""

    cloud: Cloud
    example: Resource
    calls: list[Call] = field(default_factory=list)
    """What the kind itself asked of AWS so far."""

    @property
    def kind(self) -> Kind:
        return type(self.example)

    @property
    def parents(self) -> list[Resource]:
        """Everything that the example stands on, in the order of their making."""
        return [resource for resource in Architecture("contract", [self.example]) if resource is not self.example]

    @contextmanager
    def watched(self) -> Iterator[None]:
        """What is called meanwhile is the kind's own doing."""
        before = len(self.cloud.calls)
        yield
        self.calls += self.cloud.calls[before:]

    def look(self) -> Index:
        """What exists of the example and its parents, as a new run would find it."""
        lives = []
        for kind in {resource.kind for resource in self.parents} - {self.kind.kind}:
            lives += load_all()[kind].list(self.cloud)
        with self.watched():
            lives += self.kind.list(self.cloud)
        index = Index(lives)
        self.cloud.known_ids = {live.key: live.id for live in reversed(index.lives) if not live.foreign}
        return index

    def found(self) -> Live | None:
        """The example as it exists, or None."""
        return self.example.find(self.look())

    def drift(self, declared: Resource | None = None) -> dict[str, Any]:
        """What reads otherwise than `declared`, which is the example itself unless given."""
        index = self.look()
        live = self.example.find(index)
        assert live, f"{self.example} is not there"
        return drift(declared or self.example, live, index)

    def create(self) -> None:
        with self.watched():
            self.example.create(self.cloud)

    def update(self) -> None:
        live = self.found()
        assert live
        with self.watched():
            self.example.update(self.cloud, live)

    def delete(self, live: Live) -> None:
        with self.watched():
            self.kind.delete(self.cloud, live)


@pytest.fixture(scope="module", params=sorted(load_all()))
def kind(request: pytest.FixtureRequest) -> Kind:
    return load_all()[request.param]


@pytest.fixture(scope="module")
def deployed(kind: Kind, new_cloud: Callable[[], Cloud]) -> Deployed:
    deployed = Deployed(new_cloud(), kind.example())
    for parent in deployed.parents:
        parent.create(deployed.cloud)
    deployed.create()
    return deployed


# -- what a kind says of itself ----------------------------------------------------------------------------------


def test_it_consumes_something_or_says_why_it_is_free(kind: Kind) -> None:
    assert bool(kind.example().usage()) != bool(kind.free)


def test_what_it_consumes_has_a_price(kind: Kind) -> None:
    assert not [usage for usage in kind.example().usage() if unit_price(usage, "eu-west-3") is None]


def test_its_icon_is_in_the_diagrams_package(kind: Kind) -> None:
    module, _, name = kind.icon.rpartition(".")
    assert hasattr(resolve_name(f"diagrams.{module}"), name)


def test_the_longest_name_is_accepted_and_a_longer_one_refused(kind: Kind) -> None:
    replace(kind.example(), name="a" * kind.name_limit)
    with pytest.raises(InvalidResource, match="too long"):
        replace(kind.example(), name="a" * (kind.name_limit + 1))


def test_every_compared_field_has_a_case(kind: Kind) -> None:
    by_hand, redeclared = cases(kind, BY_HAND).keys(), cases(kind, REDECLARED).keys()
    assert by_hand | redeclared == kind.example().desired().keys()
    assert by_hand == kind.in_place, "what a hand can change in place, an update can mend, and the other way round"


def test_its_fields_are_compared_or_say_that_they_are_not(kind: Kind) -> None:
    declared = {item.name for item in fields(kind)} - {"name", "after"}
    assert declared == kind.example().desired().keys() | kind.not_compared


def test_an_error_of_aws_is_not_taken_for_absence(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: BaseClient, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        if operation == "GetCallerIdentity":
            return {"Account": "123456789012"}
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, operation)

    monkeypatch.setattr(BaseClient, "_make_api_call", refuse)
    with pytest.raises(ClientError, match="AccessDenied"):
        kind.list(Cloud.at("http://127.0.0.1:9"))


# -- what it does on AWS -----------------------------------------------------------------------------------------


def test_its_example_deploys_and_is_found(deployed: Deployed) -> None:
    live = deployed.found()
    assert live
    assert live.key == deployed.example.key
    assert not live.foreign
    assert live.state not in deployed.kind.deleting | deployed.kind.pending


def test_a_second_look_shows_no_drift(deployed: Deployed) -> None:
    index = deployed.look()
    for resource in [*deployed.parents, deployed.example]:
        live = resource.find(index)
        assert live, f"{resource} is not there"
        assert not drift(resource, live, index), f"{resource} drifts"


def test_another_deployment_does_not_find_it(deployed: Deployed) -> None:
    other = Cloud.at(deployed.cloud.target, account=deployed.cloud.account, deployment="secco")
    assert deployed.kind.list(other) == []


@pytest.mark.parametrize("kind", sorted(load_all().keys() - MARKED_OTHERWISE), indirect=True)
def test_a_look_alike_without_our_tags_is_not_ours(kind: Kind, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Cloud, "tags", lambda self, name: {"Name": self.aws_name(name)})
    alike = Deployed(cloud, kind.example())
    for resource in [*alike.parents, alike.example]:
        resource.create(cloud)
    assert kind.list(cloud) == []


def test_a_change_by_hand_shows_in_exactly_that_field_and_is_mended(
    deployed: Deployed, subtests: pytest.Subtests
) -> None:
    for name, change in sorted(cases(deployed.kind, BY_HAND).items()):
        with subtests.test(name):
            live = deployed.found()
            assert live
            change(deployed.cloud, live)
            assert deployed.drift().keys() == {name}
            deployed.update()
            assert not deployed.drift()


def test_another_declaration_shows_in_exactly_that_field(deployed: Deployed, subtests: pytest.Subtests) -> None:
    for name, value in sorted(cases(deployed.kind, REDECLARED).items()):
        with subtests.test(name):
            assert deployed.drift(replace(deployed.example, **{name: value})).keys() == {name}


def test_it_is_deleted_and_deleting_it_again_is_quiet(deployed: Deployed) -> None:
    live = deployed.found()
    assert live
    deployed.delete(live)
    assert deployed.found() is None
    deployed.delete(live)
    assert deployed.found() is None


class Killed(BaseException):
    """The process died."""


@contextmanager
def killed_after_its_first_change() -> Iterator[None]:
    """Whoever changes something dies right after AWS has done it, before learning of it."""
    call = BaseClient._make_api_call

    def call_and_die(self: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        answer = call(self, operation, parameters)
        if Call("", operation, {}, 0, "OK").changes:
            raise Killed
        return answer

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(BaseClient, "_make_api_call", call_and_die)
        yield


def test_what_a_killed_run_leaves_is_found_and_completed(deployed: Deployed) -> None:
    if live := deployed.found():
        deployed.delete(live)
    with killed_after_its_first_change():
        deployed.example.create(deployed.cloud)
    index = deployed.look()
    live = deployed.example.find(index)
    if live is None:
        deployed.create()
    elif differences := drift(deployed.example, live, index):
        assert differences.keys() <= deployed.kind.in_place
        deployed.update()
    elif live.state in deployed.kind.pending:
        deployed.example.ready(deployed.cloud)
    assert not deployed.drift()


def test_what_it_calls_is_among_its_permissions(deployed: Deployed) -> None:
    assert set(actions(deployed.calls)) <= set(deployed.kind.permissions)


def test_a_teardown_takes_it_and_all_it_stands_on(kind: Kind, cloud: Cloud) -> None:
    deployed = Deployed(cloud, kind.example())
    for parent in deployed.parents:
        parent.create(cloud)
    deployed.create()
    plan_teardown(cloud).apply(yes=True)
    assert not [live for other in load_all().values() for live in other.list(cloud)]
