"""A level of a lab withholds tools in its account, and in no other one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from esaws import inspect
from esaws.cloud import Cloud
from esaws.deploy.plan import plan_deploy
from esaws.errors import Refused
from esaws.local_aws.withheld import all_tools, withhold
from esaws.resources.vpc import VPC

TOOLS: dict[str, Callable[[Cloud], object]] = {
    "snapshot": inspect.snapshot,
    "findings": inspect.findings,
    "health": inspect.health,
    "plan": lambda cloud: plan_deploy([VPC.example()], cloud),
}


@pytest.fixture(autouse=True)
def own_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, endpoint: str) -> None:
    """A state folder for the list of withheld tools; the server was started with another one."""
    monkeypatch.setenv("ESAWS_STATE", str(tmp_path))


@pytest.mark.parametrize("tool", TOOLS)
def test_a_withheld_tool_is_refused_with_the_reason(cloud: Cloud, tool: str) -> None:
    TOOLS[tool](cloud)
    withhold(cloud.account, [tool], "lab x runs at level 3")
    with pytest.raises(Refused, match=f"{tool} is not available: lab x runs at level 3"):
        TOOLS[tool](cloud)
    with all_tools():
        TOOLS[tool](cloud)
    withhold(cloud.account, [], "")
    TOOLS[tool](cloud)


def test_other_accounts_are_not_affected(cloud: Cloud) -> None:
    withhold("999999999999", TOOLS, "a lab runs elsewhere")
    for tool in TOOLS.values():
        tool(cloud)


def test_a_withheld_tool_refuses_an_account_that_was_fetched_before(cloud: Cloud) -> None:
    account = inspect.snapshot(cloud)
    withhold(cloud.account, ["findings"], "lab x runs at level 2")
    with pytest.raises(Refused, match="lab x"):
        inspect.findings(account)
