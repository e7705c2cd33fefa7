"""The fixture `runbook` of the plug-in, which also holds each run against the policy of its runbook."""

from collections.abc import Iterator

import pytest

from esaws.runbooks.pytest_plugin import RunbookTester
from tests.runbooks.policies import check_run


@pytest.fixture
def runbook(runbook: RunbookTester) -> Iterator[RunbookTester]:
    """The fixture of the plug-in. The policy of a runbook must allow every call of each of its runs."""
    yield runbook
    for result in runbook.results:
        check_run(result.record)
