"""Clients of AWS that others wrote work with the local AWS: `make test-clients` installs and runs them."""

import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.clients.conftest import CLIENTS, HERE, Run

NOT_SIMULATED = {
    "DescribeCertificates",
    "DescribeInstanceInformation",
    "ListResourceComplianceSummaries",
    "ListRuleGroups",
    "ListRules",
    "ListWebACLs",
}
"""What Prowler asks RDS, Systems Manager and WAF Classic, beside the services that are simulated."""

Playbook = Callable[..., Mapping[str, Any]]


def test_ansible_creates_a_site_changes_nothing_the_second_time_changes_one_thing_and_deletes_all(
    playbook: Playbook, run: Run, tmp_path: Path
) -> None:
    assert playbook()["changed"] == 13
    assert playbook()["changed"] == 0
    assert playbook(desired="2")["changed"] == 1
    look_at_the_site(run, tmp_path)
    assert playbook(state="absent")["failed"] == 0
    assert playbook(state="absent")["changed"] == 0


def look_at_the_site(run: Run, folder: Path) -> None:
    """ecs-deploy rolls out an image; Cloud Custodian and Prowler find what is there, and none of AWS's images."""
    deployed = run("ecs-deploy", "ecs", "deploy", "site", "site", "--image", "web", "nginx:1.27", "--timeout", "300")
    assert "Deployment successful" in deployed

    found = run(
        "custodian", "custodian", "run", "--cache-period=0", "-s=out", "--region=eu-west-3", str(HERE / "policies.yml")
    )
    counts = Counter({name: int(number) for name, number in re.findall(r" policy:([\w-]+) .*count:(\d+)", found)})
    assert +counts == {
        "groups-open-to-the-world": 1,
        "unencrypted-databases": 1,
        "load-balancers-without-https": 1,
        "services-with-tasks": 1,
        "roles": 1,
    }
    look_with_prowler(run, folder)


def look_with_prowler(run: Run, folder: Path) -> None:
    """Prowler's checks look at what is there, and at nothing else; it says which calls are not simulated."""
    services = ("ec2", "ecs", "elbv2", "rds")
    words = ("--services", *services, "--region", "eu-west-3", "--ignore-exit-code-3", "--no-color")
    report = ("--output-formats", "csv", "--output-directory", str(folder), "--output-filename", "site")
    log = folder / "prowler.log"
    run("prowler", "prowler", "aws", *words, *report, "--log-level", "ERROR", "--log-file", str(log))
    with (folder / "site.csv").open(encoding="utf-8") as file:
        failed = [row for row in csv.DictReader(file, delimiter=";") if row["STATUS"] == "FAIL"]
    names = {(row["SERVICE_NAME"], row["RESOURCE_NAME"]) for row in failed if row["SERVICE_NAME"] != "ec2"}
    assert {service for service, _ in names} == {"ecs", "elbv2", "rds"}
    of_account = "123456789012"
    assert [name for _, name in names if "site" not in name and name != of_account] == []
    assert not [row for row in failed if re.search("ami-|snap-", row["RESOURCE_UID"])], "images and snapshots of AWS"
    assert set(re.findall(r"when calling the (\w+)", log.read_text("utf-8"))) <= NOT_SIMULATED


def test_the_javascript_sdk_creates_describes_and_deletes(run: Run) -> None:
    folder = CLIENTS / "node"
    (folder / "site.mjs").write_text((HERE / "site.mjs").read_text("utf-8"), "utf-8")
    output = run("node", "node", str(folder / "site.mjs"))
    assert json.loads(next(line for line in output.splitlines() if line.startswith("{"))) == {
        "vpc": "172.31.0.0/16",
        "absentInstance": ["InvalidInstanceID.NotFound", 1],
        "revision": 1,
        "cluster": "ACTIVE",
        "absentLoadBalancer": "LoadBalancerNotFoundException",
        "object": "hello",
        "message": "hello",
        "alarm": ["js", 50.5, "INSUFFICIENT_DATA"],
    }
