"""Exit codes that scripts rely on: --detailed-exitcode and --fail-on."""

import pytest

from esaws import simulation
from esaws.cloud import Cloud
from tests.shell import Shell


def test_a_detailed_plan_says_whether_something_would_change(ha: Cloud, tmp_path) -> None:
    esaws = Shell(ha, tmp_path)
    esaws("plan", "--profile", "ha", "--detailed-exitcode")
    esaws("plan", "--profile", "budget", "--detailed-exitcode", code=2)
    esaws("plan", "--profile", "budget")


def test_findings_and_health_fail_on_a_severity(ha: Cloud, tmp_path) -> None:
    esaws = Shell(ha, tmp_path)
    simulation.advance(ha, "10m")
    esaws("health", "--fail-on", "high")
    esaws("findings", "--fail-on", "critical")
    assert "of severity high or above" in esaws("findings", "--fail-on", "high", code=1)
    esaws("findings", "--code", "NO_BACKUPS", "--fail-on", "high")

    ec2 = ha.client("ec2")
    for group in ec2.describe_security_groups()["SecurityGroups"]:
        if group["IpPermissions"]:
            ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=group["IpPermissions"])
    simulation.advance(ha, "10m")
    assert "esaws: 0 of severity" not in esaws("health", "--fail-on", "high", code=1)


@pytest.mark.parametrize("command", ["findings", "health"])
def test_an_unknown_severity_is_refused(command: str, esaws: Shell) -> None:
    assert "'worst'" in esaws(command, "--fail-on", "worst", code=2)


def test_a_check_without_its_permission_fails_too(ha: Cloud, tmp_path, monkeypatch) -> None:
    from esaws.inspect import fetch

    monkeypatch.setitem(fetch.FETCHERS, "DBInstances", lambda *arguments: (_ for _ in ()).throw(_denied()))
    error = Shell(ha, tmp_path)("findings", "--fail-on", "critical", code=1)
    assert "0 of severity critical or above" in error and "not looked at" in error


def _denied() -> Exception:
    from botocore.exceptions import ClientError

    return ClientError({"Error": {"Code": "AccessDenied", "Message": "not authorized"}}, "DescribeDBInstances")
