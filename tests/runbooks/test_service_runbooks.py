"""The runbooks scale_a_service, roll_out_an_image, drain_a_zone, deploy and tear_down; test_matrix has all cases."""

from collections.abc import Callable

import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.deploy.inventory import inventory
from esaws.deploy.serving import wait_until_serving
from esaws.resources.auto_scaling_group import AutoScalingGroup
from esaws.runbooks.pytest_plugin import RunbookResult, RunbookTester

SERVICE = "client-web-ui"
SMALL = {"services": ["cameras-api"]}
ZONE = {"zone": "eu-west-3a"}


def deploy(runbook: RunbookTester) -> Cloud:
    """Deploy one service of `ha`, and wait until it serves; targets drain for 20 seconds."""
    cloud = runbook.deploy("ha", services=(SERVICE,))
    assert wait_until_serving(cloud) == []
    for group in cloud.client("elbv2").describe_target_groups()["TargetGroups"]:
        delay = {"Key": "deregistration_delay.timeout_seconds", "Value": "20"}
        cloud.client("elbv2").modify_target_group_attributes(TargetGroupArn=group["TargetGroupArn"], Attributes=[delay])
    return cloud


def changed(result: RunbookResult) -> bool:
    return bool(result.record["changing_calls"] or result.record["changed"])


@pytest.mark.runbooks
def test_a_zone_is_drained_and_used_again_without_a_failed_request(runbook: RunbookTester) -> None:
    cloud = deploy(runbook)
    simulation.traffic(cloud, "steady", requests_per_second=3)
    for back, where in ((False, {"eu-west-3b"}), (True, {"eu-west-3a", "eu-west-3b"})):
        result = runbook.run("drain_a_zone", **ZONE, back=back)
        assert (result.status, result.error) == ("done", None)
        assert result.record["checks"][-1]["found"].endswith(" requests, 0 failed")
        instances = AutoScalingGroup.list(cloud)[0].raw["Instances"]
        assert {instance["AvailabilityZone"] for instance in instances} == where


@pytest.mark.runbooks
def test_a_deployment_is_made_and_torn_down_twice(runbook: RunbookTester) -> None:
    done = runbook.run("deploy", **SMALL)
    assert (done.status, done.error) == ("done", None)
    assert runbook.run("deploy", **SMALL).status == "nothing_to_do"
    count = len(inventory(runbook.cloud))
    gone = runbook.run("tear_down", expected=count)
    assert (gone.status, gone.error, gone.record["counts"]["done"]) == ("done", None, count)
    assert not len(inventory(runbook.cloud))
    assert runbook.run("tear_down").status == "nothing_to_do"


def test_a_deploy_that_would_delete_something_ends_before_its_plan(
    runbook: RunbookTester, load_system: Callable[[str], Cloud]
) -> None:
    runbook.cloud = load_system("two-services")
    result = runbook.run("deploy", profile="budget", services=[SERVICE])
    assert (result.status, result.exit_code, result.record["error"]["step"]) == ("failed", 1, "look")
    assert "Service client-web-ui" in str(result.error) and not changed(result)


@pytest.mark.runbooks
def test_a_roll_out_that_fails_says_why_and_keeps_its_picture(runbook: RunbookTester) -> None:
    cloud = deploy(runbook)
    simulation.fail(cloud, image="nginx:bad")
    output = runbook.folder / "failed.ipynb"
    result = runbook.run_process("roll_out_an_image", "-o", str(output), image="nginx:bad")
    error = result.record["error"]
    assert (result.status, result.exit_code, error["step"], error["resource"]) == (
        "failed",
        1,
        "act",
        f"Service {SERVICE}",
    )
    assert "Health checks failed with these codes: [500]" in error["cause"]
    assert "never fewer than 1 healthy" in error["cause"]
    assert error["next_step"] == "mend the image, push it, and run the roll-out again"
    assert "image/svg+xml" in output.read_text(encoding="utf-8")


def test_another_number_of_resources_than_expected_is_refused(runbook: RunbookTester) -> None:
    refused = runbook.run("tear_down", expected=3)
    assert (refused.status, refused.exit_code, changed(refused)) == ("refused", 3, False)
    assert "has 0 resources, not 3" in refused.record["error"]["cause"]
