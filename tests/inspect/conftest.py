"""Fixtures of the inspector tests: the profile `ha`, deployed and healthy, shared by the tests of a file."""

from collections.abc import Callable

import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.inspect import Account, snapshot


@pytest.fixture(scope="module")
def deployed(load_system: Callable[[str], Cloud]) -> Cloud:
    """The profile `ha` with healthy targets. Tests that change it come last in their file."""
    cloud = load_system("ha")
    simulation.advance(cloud, "10m")
    return cloud


@pytest.fixture(scope="module")
def account(deployed: Cloud) -> Account:
    """A snapshot of `deployed`."""
    return snapshot(deployed)
