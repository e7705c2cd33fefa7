"""Fixtures of the tests of the course."""

from collections.abc import Iterator

import pytest

from esaws.local_aws.scratch import scratch_server
from tests.course.stage import Stage


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ESAWS_STILL", "1")
        patch.setenv("ESAWS_STATE", str(tmp_path_factory.mktemp("labs")))
        with scratch_server(at="2022-02-28T00:00Z") as url:
            yield Stage(url)
