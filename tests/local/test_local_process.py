"""`esaws local start|stop|status`: one server for each state folder; it is found again, and replaced when it hangs."""

import hashlib
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from esaws.errors import UsageError
from esaws.local_aws import control, process
from tests.local.conftest import Program

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A server that no test stops."""
    program = Program(tmp_path_factory.mktemp("running") / "state")
    program.json("start")
    yield program
    program.run("stop", "--discard")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait only a moment for a server that hangs."""
    monkeypatch.setattr(process, "STATUS_TIMEOUT", 0.3)
    monkeypatch.setattr(process, "STOP_TIMEOUT", 0.3)


# --- one server


def test_starting_twice_gives_the_same_server(running: Program) -> None:
    status = running.json("status")
    again = running.json("start")
    assert status["running"] and not again["started"]
    assert status["accounts"] == ["123456789012"]
    assert (again["url"], again["pid"]) == (status["url"], status["pid"])
    assert running.run("start").stdout.strip() == status["url"]


def test_stopping_ends_the_process_and_stopping_again_prints_nothing(program: Program) -> None:
    started = program.json("start")
    assert started["started"]
    assert program.run("stop").returncode == 0
    assert not alive(started["pid"])
    again = program.run("stop")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    nothing = dict.fromkeys(("url", "pid", "time", "accounts", "not_simulated", "runs"))
    assert program.json("status") == {"running": False, **nothing, "port": 0, "stale": False}


def test_two_starts_at_the_same_time_give_one_server(program: Program) -> None:
    both = [program.popen("start", "--json") for _ in range(2)]
    results = [json.loads(process.communicate(timeout=60)[0]) for process in both]
    assert len({result["pid"] for result in results}) == 1
    assert sorted(result["started"] for result in results) == [False, True]


@pytest.mark.usefixtures("impatient")
def test_a_server_that_hangs_is_replaced(program: Program) -> None:
    old = program.json("start")["pid"]
    os.kill(old, signal.SIGSTOP)
    assert program.json("status")["stale"]
    new = program.json("start")
    assert new["started"] and new["pid"] != old
    assert not alive(old)


def test_a_state_file_that_cannot_be_read_is_replaced(program: Program) -> None:
    program.state.mkdir()
    for content in ("{}", '{"pid": "x", "start": 0, "url": "", "port": 0}', "[]", "garbage"):
        (program.state / "server.json").write_text(content)
        assert program.json("status")["running"] is False
    assert program.json("start")["started"]


def test_another_process_with_the_recorded_pid_is_left_alone(program: Program) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        program.state.mkdir()
        record = {"pid": stranger.pid, "start": 1.0, "url": "http://127.0.0.1:9", "port": 9}
        (program.state / "server.json").write_text(json.dumps(record))
        assert program.json("status")["running"] is False
        assert program.run("stop").returncode == 0
        assert stranger.poll() is None
        stranger.communicate(b"\n")


# --- its state is kept


def test_a_stopped_server_restores_its_state_and_clock(program: Program) -> None:
    program.environment["ESAWS_AT"] = "2026-01-01T00:00Z"
    create_log_group(program.json("start")["url"], "one")
    program.json("advance", "30d")
    stopped = program.json("stop")
    assert stopped["stopped"] and stopped["left_out"] == []
    started = program.json("start")
    assert started["restored"] == stopped["saved"] and started["warning"] is None
    assert "2026-01-31T00:00" <= started["time"] < "2026-01-31T00:05", "ESAWS_AT is for new states only"
    assert log_groups(started["url"]) == ["one"]
    again = program.run("start", "--fresh")
    assert again.returncode == 2 and "--fresh" in again.stderr, "a running server is not replaced"


def test_a_saved_state_is_only_replaced_with_fresh(program: Program) -> None:
    create_log_group(program.json("start", "--at", "2026-02-01T00:00Z")["url"], "one")
    program.json("stop")
    refused = program.run("start", "--at", "2026-01-01T00:00Z")
    assert refused.returncode == 2
    assert "2026-02-01T00:00" in refused.stderr and "--fresh" in refused.stderr
    assert program.json("status")["running"] is False
    started = program.json("start", "--fresh", "--at", "2026-01-01T00:00Z")
    assert started["restored"] is None and started["time"] < "2026-01-02"
    assert log_groups(started["url"]) == []


def test_a_discarding_stop_deletes_the_state(program: Program) -> None:
    (program.state).mkdir()
    (program.state / "state.esaws").touch()
    program.json("start", "--fresh")
    assert program.json("stop", "--discard")["saved"] is None
    assert not (program.state / "state.esaws").exists()


def test_after_a_reset_the_saved_state_is_empty_and_replaced_without_fresh(program: Program) -> None:
    create_log_group(program.json("start", "--at", "2026-02-01T00:00Z")["url"], "one")
    program.json("reset")
    program.json("stop")
    started = program.json("start", "--at", "2026-01-01T00:00Z")
    assert started["time"] < "2026-01-02"
    assert log_groups(started["url"]) == []


def test_a_crash_before_the_first_save_loses_everything_and_start_says_so(program: Program) -> None:
    old = program.json("start")
    os.kill(old["pid"], signal.SIGKILL)
    new = program.json("start")
    assert new["started"] and new["restored"] is None
    assert "did not stop properly" in new["warning"] and "everything in it is lost" in new["warning"]


def test_after_a_crash_start_restores_the_last_save_and_says_what_is_lost(program: Program) -> None:
    started = program.json("start", "--at", "2026-01-01T00:00Z")
    create_log_group(started["url"], "saved")
    saved = program.state / "state.esaws"
    # the server does this every few minutes
    control.call(started["url"], "POST", "keep")
    assert saved.exists()
    saved.write_bytes(saved_while_running(saved.read_bytes(), started["pid"]))
    create_log_group(started["url"], "lost")
    os.kill(started["pid"], signal.SIGKILL)
    again = program.run("start")
    assert again.stdout.startswith("http://127.0.0.1:")
    assert "did not stop properly" in again.stderr and "2026-01-01T00:0" in again.stderr
    assert "saved less than a minute ago" in again.stderr
    assert log_groups(again.stdout.strip()) == ["saved"]


def saved_while_running(content: bytes, pid: int) -> bytes:
    """The file as a running server writes it: without the pid of a server that has stopped."""
    first, rest = content.split(b"\n", 1)
    rest = rest.replace(f'"stopped": {pid}'.encode(), b'"stopped": null', 1)
    magic, version = first.decode().split()[:2]
    return f"{magic} {version} {hashlib.sha256(rest).hexdigest()} {len(rest)}\n".encode() + rest


def test_a_server_terminated_by_the_system_saves_its_state(program: Program) -> None:
    started = program.json("start")
    create_log_group(started["url"], "one")
    os.kill(started["pid"], signal.SIGTERM)
    psutil.Process(started["pid"]).wait(timeout=20)
    again = program.json("start")
    assert again["warning"] is None
    assert log_groups(again["url"]) == ["one"]


@pytest.mark.usefixtures("impatient")
def test_stopping_a_server_that_hangs_says_what_is_lost(program: Program) -> None:
    pid = program.json("start")["pid"]
    os.kill(pid, signal.SIGSTOP)
    done = program.run("stop")
    assert done.returncode == 0 and "lost" in done.stderr
    assert not alive(pid)


def test_a_saved_state_that_cannot_be_read_is_moved_away(program: Program) -> None:
    program.state.mkdir()
    (program.state / "state.esaws").write_bytes(b"garbage")
    started = program.run("start")
    assert started.returncode == 0 and "can't be read" in started.stderr
    assert (program.state / "state.esaws.unreadable").read_bytes() == b"garbage"


def test_a_server_that_cannot_save_keeps_running(program: Program) -> None:
    program.json("start")
    (program.state / "state.esaws").mkdir()
    done = program.run("stop")
    assert done.returncode == 1 and "--discard" in done.stderr
    assert program.json("status")["running"]
    (program.state / "state.esaws").rmdir()


# --- how it is started


def test_a_port_in_use_is_a_usage_error(program: Program) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = program.run("start", "--port", port)
    assert done.returncode == 2
    assert port in done.stderr and "--port" in done.stderr


def test_another_port_while_it_runs_is_a_usage_error(running: Program) -> None:
    done = running.run("start", "--port", "1")
    assert done.returncode == 2
    assert "esaws local stop" in done.stderr


def test_the_port_comes_from_the_environment(program: Program) -> None:
    program.environment["ESAWS_PORT"] = "not a port"
    assert program.run("start").returncode == 2
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        program.environment["ESAWS_PORT"] = str(free.getsockname()[1])
    assert program.json("start")["url"].endswith(f":{program.environment['ESAWS_PORT']}")


def test_any_free_port_is_that_of_the_last_start_if_no_other_program_has_taken_it(program: Program) -> None:
    first = program.json("start")["url"]
    program.json("stop")
    assert program.json("start")["url"] == first
    program.json("stop")
    with socket.create_server(("127.0.0.1", int(first.rpartition(":")[2]))):
        assert program.json("start")["url"] != first


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--at", "yesterday"], "'yesterday' is not a timestamp"),
        (["--provisioning", "2"], "between 0 and 1, not 2"),
        (["--regime", "free"], "--regime is one of legacy, credits, none, not free"),
        (["--plan", "cheap"], "--plan is one of"),
    ],
)
def test_a_wrong_setting_is_a_usage_error(program: Program, arguments: list[str], message: str) -> None:
    done = program.run("start", *arguments)
    assert done.returncode == 2 and message in done.stderr
    assert not program.state.exists(), "nothing was started"


def test_a_state_folder_that_cannot_be_created_is_a_usage_error(program: Program, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    program.environment["ESAWS_STATE"] = str(tmp_path / "file" / "state")
    done = program.run("start")
    assert done.returncode == 2 and "ESAWS_STATE" in done.stderr


def test_a_failed_start_shows_the_end_of_the_log(program: Program, tmp_path: Path) -> None:
    broken = tmp_path / "broken" / "flask.py"
    broken.parent.mkdir()
    broken.write_text("raise RuntimeError('the reason in the log')")
    program.environment["PYTHONPATH"] = str(broken.parent)
    done = program.run("start")
    assert done.returncode == 1
    assert "the reason in the log" in done.stderr
    assert program.json("status")["running"] is False


def test_without_the_server_package_start_says_how_to_install_it(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for command in ("start", "fidelity"):
        done = program.run(command)
        assert done.returncode == 2
        assert 'the local AWS is not installed; pip install "esaws[local]"' in done.stderr


def test_the_server_outlives_its_starter_and_holds_none_of_its_streams(program: Program) -> None:
    shell = ["sh", "-c", f"{shlex.quote(sys.executable)} -m esaws.cli local start --json"]
    # run returns only once every process has closed the pipe
    done = subprocess.run(shell, env=program.env(), capture_output=True, text=True, timeout=60, check=True)
    pid = json.loads(done.stdout)["pid"]
    assert os.getsid(pid) == pid
    assert program.json("status")["pid"] == pid


def test_it_starts_and_stops_as_on_windows(program: Program) -> None:
    """Without `fcntl`, and with a server that opens its port itself."""
    code = (
        "import sys, warnings; sys.modules['fcntl'] = None; warnings.simplefilter('ignore')\n"
        "from esaws.local_aws import process\n"
        "process.INHERITS_SOCKETS = False\n"
        "status = process.start(port=0)\n"
        "assert process.start()['pid'] == status['pid']\n"
        "assert process.stop()['saved']\n"
        "assert not process.status()['running']\n"
    )
    subprocess.run([sys.executable, "-c", code], env=program.env(), check=True, timeout=60)


def test_credentials_of_the_user_do_not_reach_the_server(program: Program) -> None:
    program.environment |= {"AWS_ACCESS_KEY_ID": "AKIAREALREALREALREAL", "AWS_PROFILE": "mine", "MOTO_ACCOUNT_ID": "1"}
    environment = psutil.Process(program.json("start")["pid"]).environ()
    assert "AKIAREALREALREALREAL" not in environment.values()
    assert not {"AWS_PROFILE", "MOTO_ACCOUNT_ID"} & set(environment)


# --- other commands


def test_env_prints_lines_that_a_shell_can_evaluate(running: Program) -> None:
    url = running.json("status")["url"]
    program = Program(running.state, {"ESAWS_REGION": "us-east-1"})
    variables = {"AWS_ENDPOINT_URL": url, "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}
    assert variables.items() <= program.json("env").items()
    script = f'AWS_PROFILE=mine; eval "{program.run("env").stdout}"; env; echo "profile:$AWS_PROFILE:"'
    output = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
    assert all(f"{name}={value}" in output for name, value in variables.items())
    assert "profile::" in output


@pytest.mark.parametrize("command", ["env", "reset"])
def test_commands_that_need_a_server_fail_without_one(program: Program, command: str) -> None:
    done = program.run(command)
    assert done.returncode == 1
    assert done.stderr.startswith("esaws: ") and "not running" in done.stderr


def test_a_reset_empties_every_account(running: Program) -> None:
    url = running.json("status")["url"]
    others = ["111111111111", "222222222222"]
    for account in others:
        create_log_group(url, "one", account)
    assert running.json("status")["accounts"] == ["111111111111", "123456789012", "222222222222"]
    assert running.json("reset") == {"reset": True}
    assert running.json("status")["accounts"] == ["123456789012"]
    assert [log_groups(url, account) for account in others] == [[], []]


def test_a_timestamp_without_a_zone_is_utc() -> None:
    assert process._server_options("2026-01-01T00:00", None, None, None)[:2] == ["--at", "1767225600.0"]
    assert process._server_options("2026-01-01T01:00+01:00", None, None, None)[:2] == ["--at", "1767225600.0"]
    with pytest.raises(UsageError, match="not a timestamp"):
        process._server_options("soon", None, None, None)


@pytest.mark.parametrize("arguments", [["--help"], ["local", "status"]])
def test_the_command_line_imports_nothing_heavy(program: Program, arguments: list[str]) -> None:
    code = (
        "import sys\nfrom esaws.cli import main\n"
        f"try:\n    main({arguments})\nexcept SystemExit:\n    pass\n"
        "heavy = {'moto', 'boto3', 'pandas', 'local_aws_server'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], env=program.env(), capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def logs(url: str, operation: str, account: str, **parameters: Any) -> Any:
    """Call CloudWatch Logs without botocore, whose client takes longer than most of these tests.

    Of the services with a state it takes the least time to start, save and restore.
    """
    request = urllib.request.Request(
        url,
        json.dumps(parameters).encode(),
        {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"Logs_20140328.{operation}",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={account}/20260101/eu-west-3/logs/aws4_request, "
            "SignedHeaders=host, Signature=0",
        },
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.loads(response.read() or b"{}")


def create_log_group(url: str, name: str, account: str = "123456789012") -> None:
    logs(url, "CreateLogGroup", account, logGroupName=name)


def log_groups(url: str, account: str = "123456789012") -> list[str]:
    return [group["logGroupName"] for group in logs(url, "DescribeLogGroups", account)["logGroups"]]


def alive(pid: int) -> bool:
    time.sleep(0.05)  # a killed process may still be on its way out
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
