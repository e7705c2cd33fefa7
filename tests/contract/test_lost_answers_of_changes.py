"""A plan of every kind in which the answer of each changing call is lost once: botocore sends the call again."""

from collections.abc import Callable

from esaws.cloud import Cloud
from esaws.deploy.leftovers import leftovers
from esaws.deploy.plan import Plan, plan_deploy, plan_teardown
from esaws.errors import ApplyFailed
from tests.losing_answers import losing_each_answer_once

from .test_apply_again import EVERY_KIND, change_one_field_of_each


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
