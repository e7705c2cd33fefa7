"""`esaws local start|stop|status`: one server for each state folder, found again, replaced when it hangs."""

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
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest


def test_start_tells_where_and_start_again_changes_nothing(program: Any) -> None:
    first = program.json("start")
    assert first["running"] and first["started"]
    assert first["accounts"] == ["123456789012"]
    again = program.json("start")
    assert not again["started"]
    assert (again["url"], again["pid"]) == (first["url"], first["pid"])
    assert program.json("status")["pid"] == first["pid"]
    assert program.run("start").stdout.strip() == first["url"]


def test_stop_ends_the_process_and_is_quiet_the_second_time(program: Any) -> None:
    pid = program.json("start")["pid"]
    assert program.run("stop").returncode == 0
    assert not alive(pid)
    again = program.run("stop")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    nothing = dict.fromkeys(("url", "pid", "time", "accounts"))
    assert program.json("status") == {"running": False, **nothing, "port": 0, "stale": False}


def test_two_starts_at_the_same_moment_give_one_server(program: Any) -> None:
    both = [program.popen("start", "--json") for _ in range(2)]
    answers = [json.loads(process.communicate(timeout=60)[0]) for process in both]
    assert len({answer["pid"] for answer in answers}) == 1
    assert sorted(answer["started"] for answer in answers) == [False, True]


def test_a_server_that_does_not_answer_is_replaced(program: Any) -> None:
    old = program.json("start")["pid"]
    os.kill(old, signal.SIGSTOP)
    new = program.json("start")
    assert new["started"] and new["pid"] != old
    assert not alive(old)


@pytest.mark.parametrize("state", ["garbage", "{}", '{"pid": "x", "create_time": 0, "url": "", "port": 0}', "[]"])
def test_a_state_file_full_of_garbage_is_replaced(program: Any, state: str) -> None:
    program.state.mkdir()
    (program.state / "server.json").write_text(state)
    assert program.json("status")["running"] is False
    assert program.json("start")["started"]


def test_a_stranger_with_a_recycled_pid_is_left_alone(program: Any) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        program.state.mkdir()
        state = {"pid": stranger.pid, "create_time": 1.0, "url": "http://127.0.0.1:9", "port": 9}
        (program.state / "server.json").write_text(json.dumps(state))
        assert program.json("start")["pid"] != stranger.pid
        program.run("stop")
        assert stranger.poll() is None
        stranger.communicate(b"\n")


def test_a_server_that_was_killed_is_replaced(program: Any) -> None:
    old = program.json("start")
    os.kill(old["pid"], signal.SIGKILL)
    new = program.json("start")
    assert new["started"] and new["restored"] is None
    assert "did not stop properly" in new["warning"]


# --- what is in it stays


def test_stop_saves_and_start_goes_on(program: Any) -> None:
    make_cluster(program.json("start", "--at", "2026-01-01T00:00Z")["url"], "one")
    program.json("advance", "1d")
    stopped = program.json("stop")
    assert stopped["stopped"] and stopped["left_out"] == []
    started = program.json("start")
    assert started["restored"] == stopped["saved"] and started["warning"] is None
    assert "2026-01-02T00:00" <= started["time"] < "2026-01-02T00:05"
    assert clusters(started["url"]) == ["one"]


def test_a_fresh_start_forgets(program: Any) -> None:
    make_cluster(program.json("start")["url"], "one")
    program.json("stop")
    started = program.json("start", "--fresh", "--at", "2026-01-01T00:00Z")
    assert started["restored"] is None and started["time"] < "2026-01-02"
    assert clusters(started["url"]) == []
    again = program.run("start", "--fresh")
    assert again.returncode == 2 and "--fresh" in again.stderr


def test_a_discarding_stop_forgets(program: Any) -> None:
    make_cluster(program.json("start")["url"], "one")
    program.json("stop")
    make_cluster(program.json("start")["url"], "two")
    assert program.json("stop", "--discard")["saved"] is None
    assert clusters(program.json("start")["url"]) == []


def test_another_beginning_than_what_was_saved_has_to_be_fresh(program: Any) -> None:
    make_cluster(program.json("start", "--at", "2026-02-01T00:00Z")["url"], "one")
    program.json("stop")
    done = program.run("start", "--at", "2026-01-01T00:00Z")
    assert done.returncode == 2
    assert "2026-02-01T00:00" in done.stderr and "--fresh" in done.stderr
    assert program.json("status")["running"] is False


def test_the_environment_says_when_a_new_one_begins(program: Any) -> None:
    program.environment["ESAWS_AT"] = "2026-01-01T00:00Z"
    started = program.json("start")
    assert started["time"] < "2026-01-02"
    make_cluster(started["url"], "one")
    program.json("advance", "30d")
    program.json("stop")
    assert "2026-01-31" < program.json("start")["time"] < "2026-02-01"


def test_an_empty_one_can_begin_otherwise(program: Any) -> None:
    program.json("start")
    program.json("stop")
    assert program.json("start", "--at", "2026-01-01T00:00Z")["time"] < "2026-01-02"


def test_reset_is_kept_too(program: Any) -> None:
    make_cluster(program.json("start")["url"], "one")
    program.json("reset")
    program.json("stop")
    assert clusters(program.json("start")["url"]) == []


def test_after_a_crash_start_tells_what_was_lost(program: Any) -> None:
    started = program.json("start", "--at", "2026-01-01T00:00Z")
    make_cluster(started["url"], "saved")
    saved = program.state / "state.esaws"
    # as it does by itself every few minutes
    with urllib.request.urlopen(urllib.request.Request(f"{started['url']}/_esaws/keep", b"", method="POST")):
        assert saved.exists()
    saved.write_bytes(as_of_another_process(saved.read_bytes(), started["pid"]))
    make_cluster(started["url"], "lost")
    os.kill(started["pid"], signal.SIGKILL)
    again = program.run("start")
    assert again.stdout.startswith("http://127.0.0.1:")
    assert "did not stop properly" in again.stderr and "2026-01-01T00:0" in again.stderr
    assert "saved less than a minute ago" in again.stderr
    assert clusters(again.stdout.strip()) == ["saved"]


def test_a_termination_by_the_system_is_no_crash(program: Any) -> None:
    started = program.json("start")
    make_cluster(started["url"], "one")
    os.kill(started["pid"], signal.SIGTERM)
    psutil.Process(started["pid"]).wait(timeout=20)
    again = program.json("start")
    assert again["warning"] is None
    assert clusters(again["url"]) == ["one"]


def test_a_server_that_does_not_answer_is_stopped_and_what_is_lost_is_said(program: Any) -> None:
    pid = program.json("start")["pid"]
    os.kill(pid, signal.SIGSTOP)
    done = program.run("stop")
    assert done.returncode == 0 and "lost" in done.stderr
    assert not alive(pid)


@pytest.mark.parametrize("content", [b"", b"garbage", b"esaws-local-aws 1 00 7\n{}"])
def test_saved_state_that_cannot_be_read_is_set_aside(program: Any, content: bytes) -> None:
    program.state.mkdir()
    (program.state / "state.esaws").write_bytes(content)
    started = program.run("start")
    assert started.returncode == 0 and "can't be read" in started.stderr
    assert (program.state / "state.esaws.unreadable").read_bytes() == content


def test_a_save_that_fails_lets_it_run_and_says_how_to_stop_it(program: Any) -> None:
    make_cluster(program.json("start")["url"], "one")
    (program.state / "state.esaws").mkdir()
    done = program.run("stop")
    assert done.returncode == 1 and "--discard" in done.stderr
    assert program.json("status")["running"]
    (program.state / "state.esaws").rmdir()


def as_of_another_process(content: bytes, pid: int) -> bytes:
    """The file as the server writes it while it goes on: without the pid of one that has stopped."""
    rest = content.split(b"\n", 1)[1].replace(f'"stopped": {pid}'.encode(), b'"stopped": null', 1)
    return f"esaws-local-aws 1 {hashlib.sha256(rest).hexdigest()} {len(rest)}\n".encode() + rest


def ecs(url: str) -> Any:
    keys = {"aws_access_key_id": "123456789012", "aws_secret_access_key": "local"}
    return boto3.client("ecs", endpoint_url=url, region_name="eu-west-3", **keys)


def make_cluster(url: str, name: str) -> None:
    ecs(url).create_cluster(clusterName=name)


def clusters(url: str) -> list[str]:
    return [arn.split("/")[-1] for arn in ecs(url).list_clusters()["clusterArns"]]


# --- how it is started


def test_a_port_in_use_is_named_with_the_way_out(program: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = program.run("start", "--port", port)
    assert done.returncode == 2
    assert port in done.stderr and "--port" in done.stderr


def test_another_port_while_it_runs_is_a_usage_error(program: Any) -> None:
    program.json("start")
    done = program.run("start", "--port", "1")
    assert done.returncode == 2
    assert "stop" in done.stderr


def test_the_port_comes_from_the_environment(program: Any) -> None:
    program.environment["ESAWS_PORT"] = "not a port"
    assert program.run("start").returncode == 2
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        program.environment["ESAWS_PORT"] = str(free.getsockname()[1])
    assert program.json("start")["url"].endswith(f":{program.environment['ESAWS_PORT']}")


def test_a_state_directory_that_cannot_be_is_a_usage_error(program: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    program.environment["ESAWS_STATE"] = str(tmp_path / "file" / "state")
    done = program.run("start")
    assert done.returncode == 2 and "ESAWS_STATE" in done.stderr


def test_a_failed_start_shows_the_end_of_the_log(program: Any, tmp_path: Path) -> None:
    broken = tmp_path / "broken" / "flask.py"
    broken.parent.mkdir()
    broken.write_text("raise RuntimeError('the reason in the log')")
    program.environment["PYTHONPATH"] = str(broken.parent)
    done = program.run("start")
    assert done.returncode == 1
    assert "the reason in the log" in done.stderr
    assert program.json("status")["running"] is False


def test_the_server_outlives_its_starter_and_holds_none_of_its_streams(program: Any) -> None:
    shell = ["sh", "-c", f"{shlex.quote(sys.executable)} -m esaws.cli local start --json"]
    # run returns only once every holder of the pipe has closed it
    done = subprocess.run(shell, env=program.env(), capture_output=True, text=True, timeout=60, check=True)
    pid = json.loads(done.stdout)["pid"]
    assert os.getsid(pid) == pid
    assert program.json("status")["pid"] == pid


def test_env_prints_lines_that_a_shell_can_evaluate(program: Any) -> None:
    url = program.json("start")["url"]
    program.environment["ESAWS_REGION"] = "us-east-1"
    wanted = {"AWS_ENDPOINT_URL": url, "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}
    assert wanted.items() <= program.json("env").items()
    script = f'AWS_PROFILE=mine; eval "{program.run("env").stdout}"; env; echo "profile:$AWS_PROFILE:"'
    seen = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
    assert all(f"{name}={value}" in seen for name, value in wanted.items())
    assert "profile::" in seen


@pytest.mark.parametrize("command", ["env", "reset"])
def test_what_needs_a_server_says_that_none_runs(program: Any, command: str) -> None:
    done = program.run(command)
    assert done.returncode == 1
    assert done.stderr.startswith("esaws: ") and "not running" in done.stderr


def test_reset_empties_every_account(program: Any) -> None:
    url = program.json("start")["url"]

    def client(service: str, account: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=url,
            region_name="eu-west-3",
            aws_access_key_id=account,
            aws_secret_access_key="local",
        )

    for account in ("111111111111", "222222222222"):
        client("ecs", account).create_cluster(clusterName="one")
        client("s3", account).create_bucket(
            Bucket=f"clips-{account}", CreateBucketConfiguration={"LocationConstraint": "eu-west-3"}
        )
    assert program.json("status")["accounts"] == ["111111111111", "123456789012", "222222222222"]
    assert program.json("reset") == {"reset": True}
    assert program.json("status")["accounts"] == ["123456789012"]
    for account in ("111111111111", "222222222222"):
        assert client("ecs", account).list_clusters()["clusterArns"] == []
        assert client("s3", account).list_buckets()["Buckets"] == []
        policy = client("iam", account).get_policy(PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
        assert policy["Policy"]["PolicyName"] == "ReadOnlyAccess"


def test_the_user_s_credentials_do_not_reach_the_server(program: Any) -> None:
    program.environment |= {"AWS_ACCESS_KEY_ID": "AKIAREALREALREALREAL", "AWS_PROFILE": "mine", "MOTO_ACCOUNT_ID": "1"}
    environment = psutil.Process(program.json("start")["pid"]).environ()
    assert "AKIAREALREALREALREAL" not in environment.values()
    assert not {"AWS_PROFILE", "MOTO_ACCOUNT_ID"} & set(environment)


@pytest.mark.parametrize("arguments", [["--help"], ["local", "status"]])
def test_the_command_line_imports_nothing_heavy(program: Any, arguments: list[str]) -> None:
    code = (
        "import sys\nfrom esaws.cli import main\n"
        f"try:\n    main({arguments})\nexcept SystemExit:\n    pass\n"
        "heavy = {'moto', 'boto3', 'botocore', 'pandas', 'local_aws_server'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], env=program.env(), capture_output=True, text=True, check=True)
    allowed = "[]" if arguments == ["--help"] else "['botocore']"  # the errors know ClientError
    assert done.stderr.strip() == allowed


def alive(pid: int) -> bool:
    time.sleep(0.05)  # a killed process may still be on its way out
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
