"""The runbook is_it_answering where nothing runs: no request is sent, the trace is shown, and nothing is green."""

from collections.abc import Callable

from esaws.cloud import Cloud
from esaws.deploy.serving import wait_until_serving
from esaws.inspect.request_path import trace
from esaws.runbooks.pytest_plugin import RunbookTester


def test_where_nothing_runs_it_says_so_and_shows_the_trace(
    runbook: RunbookTester, load_system: Callable[[str], Cloud]
) -> None:
    runbook.cloud = load_system("two-services")
    assert wait_until_serving(runbook.cloud) == []
    for _ in range(2):
        result = runbook.run("is_it_answering", paths=["/intrusion-management-api/intrusions"])
        assert (result.exit_code, result.status, result.error) == (0, "done", None)
        found = result.record["found"]["probe paths"]
        assert found["verdict"] == (
            "not probed: nothing runs: this local AWS simulates its services, so no request was sent; "
            "start what runs with `esaws local start --run`"
        )
        probes = {probe["request"]: probe for probe in found["probes"]}
        assert {(probe["verdict"], probe["answered"]) for probe in probes.values()} == {("not probed", "")}
        path = trace(runbook.cloud, "http://seccom/intrusion-management-api/intrusions")
        assert probes["GET /intrusion-management-api/intrusions"]["target_groups"] == [path.targets[0].target_group]
    for fail_on in ("bad", "unknown"):
        failed = runbook.run("is_it_answering", fail_on=fail_on)
        assert (failed.exit_code, failed.record["checks"][0]["ok"]) == (1, None)
        assert failed.record["error"]["next_step"] == "start what runs with `esaws local start --run`"


def test_without_a_load_balancer_it_says_what_to_do(runbook: RunbookTester) -> None:
    result = runbook.run("is_it_answering")
    error = result.record["error"]
    assert (result.exit_code, error["step"]) == (1, "look")
    assert "has no Application Load Balancer" in error["cause"] and "esaws deploy" in error["next_step"]
