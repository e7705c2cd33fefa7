"""A recorded process is found again, whatever happens to the clock and to its number."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from esaws.process_identity import find_process, start_of


@pytest.fixture
def program() -> Iterator[subprocess.Popen[bytes]]:
    """A program that runs until its input ends."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_a_process_is_found_by_its_number_and_start(program: subprocess.Popen[bytes]) -> None:
    found = find_process(program.pid, start_of(program.pid))
    assert found is not None
    assert found.pid == program.pid
    assert start_of() == start_of(os.getpid())


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system keeps the time at which a process started")
@pytest.mark.parametrize("seconds", [-3600, -1, 1, 3600])
def test_a_process_is_found_when_the_clock_was_set(
    program: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    start, before = start_of(program.pid), psutil.Process(program.pid).create_time()
    booted = psutil.boot_time()
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: booted + seconds)
    assert psutil.Process(program.pid).create_time() == pytest.approx(before + seconds, abs=0.5)
    assert find_process(program.pid, start) is not None


def test_a_later_process_with_the_same_number_is_another(program: subprocess.Popen[bytes]) -> None:
    assert find_process(program.pid, start_of(program.pid) - 0.01) is None


def test_a_process_that_has_ended_is_not_found(program: subprocess.Popen[bytes]) -> None:
    start = start_of(program.pid)
    program.kill()
    os.waitid(os.P_PID, program.pid, os.WEXITED | os.WNOWAIT)
    assert find_process(program.pid, start) is None  # a zombie: its parent has not collected it
    program.wait()
    assert find_process(program.pid, start) is None
    with pytest.raises(psutil.NoSuchProcess):
        start_of(program.pid)


def test_a_program_with_an_odd_name_is_found(tmp_path: Path) -> None:
    program = tmp_path / "a) S 1 (b"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([program, "60"]) as process:
        assert start_of(process.pid) == pytest.approx(start_of(), abs=3600)
        assert find_process(process.pid, start_of(process.pid)) is not None
        process.kill()
