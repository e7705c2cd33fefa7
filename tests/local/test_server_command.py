"""The command `local-aws-server`: arguments, the supported version of moto, and serving in the foreground."""

import os
import re
import signal
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import boto3
import pytest

from esaws.local_aws import control
from local_aws_server import MOTO_VERSION
from local_aws_server.__main__ import main, moto_problem

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "local_aws_server"]


def test_another_version_of_moto_is_refused_with_the_command_that_installs_the_right_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("local_aws_server.__main__._installed_moto", lambda: "5.9.0")
    with pytest.raises(SystemExit, match=rf'moto 5\.9\.0 is installed.*pip install "moto\[server\]=={MOTO_VERSION}"'):
        main([])


def test_missing_moto_is_refused() -> None:
    assert "moto is not installed" in (moto_problem(None) or "")
    assert moto_problem(MOTO_VERSION) is None


def test_the_distribution_requires_the_supported_version_of_moto() -> None:
    project = tomllib.loads((ROOT / "local_aws_server" / "pyproject.toml").read_text())["project"]
    assert f"moto[server]=={MOTO_VERSION}" in project["dependencies"]
    assert f"moto=={MOTO_VERSION}" in (ROOT / "constraints.txt").read_text().splitlines()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--at", "monday"], "is not a time"),
        (["--host", "0.0.0.0"], "invalid choice"),
        (["--provisioning", "2"], "not between 0 and 1"),
        (["--regime", "lottery"], "invalid choice"),
        (["fidelity", "--json", "--markdown"], "not allowed with"),
    ],
    ids=" ".join,
)
def test_invalid_arguments_exit_with_2(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err


def test_a_port_in_use_is_refused_with_the_way_out(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(SystemExit) as exit_:
        main(["--port", str(other.getsockname()[1])])
    assert exit_.value.code == 2
    assert "it is in use" in (error := capsys.readouterr().err) and "--port" in error


def test_it_serves_boto3_until_ctrl_c_and_keeps_its_state(tmp_path: Path) -> None:
    command = [*COMMAND, "--port", "0", "--at", "2026-01-01T00:00Z", "--still", "--state", str(tmp_path / "state")]
    for vpcs in (1, 2):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "TZ": "UTC"})
        assert process.stdout is not None
        assert "Ctrl-C" in process.stdout.readline()
        exported = re.fullmatch(r"export AWS_ENDPOINT_URL=(http://127\.0\.0\.1:\d+)\n", process.stdout.readline())
        assert exported
        assert control.call(exported[1], "GET", "status")["time"] == "2026-01-01T00:00:00Z"
        keys = {"aws_access_key_id": "123456789012", "aws_secret_access_key": "local"}
        ec2 = boto3.client("ec2", endpoint_url=exported[1], region_name="eu-west-3", **keys)
        ec2.create_vpc(CidrBlock="10.0.0.0/16")
        assert len(ec2.describe_vpcs(Filters=[{"Name": "cidr", "Values": ["10.0.0.0/16"]}])["Vpcs"]) == vpcs
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
        process.stdout.close()
