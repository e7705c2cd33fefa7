"""A plan of every kind in which the answer of each changing call is lost once: botocore sends the call again."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.endpoint import Endpoint
from botocore.exceptions import ReadTimeoutError
from botocore.model import OperationModel

from esaws.call_log import Call
from esaws.cloud import Cloud
from esaws.deploy.leftovers import leftovers
from esaws.deploy.plan import Plan, plan_deploy, plan_teardown
from esaws.errors import ApplyFailed

from .test_apply_again import EVERY_KIND, change_one_field_of_each

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
"""What differs each time: idempotency tokens, and the ids of uploads to ECR."""


@contextmanager
def losing_each_answer_once() -> Iterator[list[str]]:
    """Send each changing call, and lose its first answer; yields the operations of the lost answers."""
    get_response, lost, operations = Endpoint._get_response, set[tuple[str, str, str]](), list[str]()

    def get_response_and_lose(self: Endpoint, request: Any, operation: OperationModel, context: Any) -> Any:
        response = get_response(self, request, operation, context)
        call = (operation.name, request.url, _UUID.sub("", str(request.body)))
        if call in lost or not Call("", operation.name, {}, 0, "OK").changes:
            return response
        lost.add(call)
        operations.append(operation.name)
        return None, ReadTimeoutError(endpoint_url=request.url)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Endpoint, "_get_response", get_response_and_lose)
        patch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
        yield operations


def apply_until_done(plan: Callable[[], Plan]) -> None:
    """Apply plans until one is done. Only a call that must not be sent twice stops one."""
    for _ in range(50):
        try:
            plan().apply(yes=True)
            return
        except ApplyFailed as error:
            failed = [line for line in str(error).splitlines() if line.startswith("  ")]
            assert all("AnswerLost" in line for line in failed), str(error)
    raise AssertionError("it does not end")


def test_what_was_not_answered_is_done_once(new_cloud: Callable[..., Cloud]) -> None:
    cloud = new_cloud()
    with losing_each_answer_once() as lost:
        apply_until_done(lambda: plan_deploy(EVERY_KIND, cloud))
    assert not plan_deploy(EVERY_KIND, cloud).changing
    assert {"CreateVpc", "RunTask", "CreateDBInstance"} <= {*lost}

    change_one_field_of_each(Cloud.at(cloud.endpoint, account=cloud.account))
    with losing_each_answer_once() as lost:
        apply_until_done(lambda: plan_deploy(EVERY_KIND, cloud))
    assert not plan_deploy(EVERY_KIND, cloud).changing
    assert {"ModifyVpcAttribute", "UpdateService"} <= {*lost}

    with losing_each_answer_once() as lost:
        plan_teardown(cloud).apply(yes=True)
    assert {"DeleteVpc", "DeletePolicy", "DeleteDBInstance"} <= {*lost}
    assert leftovers(cloud) == []
