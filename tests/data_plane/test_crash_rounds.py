"""The rounds of crashes count what is left: a process, a socket and a file outside of the state are found."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.data_plane.crash_rounds import Row, own_world

LISTENS = """
import socket, time
with socket.create_server(("127.0.0.1", 0)) as server:
    print("listens", flush=True)
    time.sleep(600)
"""


def test_what_a_round_leaves_is_counted(tmp_path: Path) -> None:
    with own_world(tmp_path) as trace:
        (tmp_path / "state" / "kept").touch()
        assert (trace.processes_left(), trace.sockets_left(), trace.files_left()) == ([], [], [])
        with tempfile.NamedTemporaryFile() as file:
            assert trace.files_left() == [f"tmp/{Path(file.name).name}"]
        arguments = [sys.executable, "-c", LISTENS]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, cwd=tmp_path / "state") as left:
            assert left.stdout and left.stdout.readline() == "listens\n"
            trace.note()
            assert len(trace.processes_left()) == len(trace.sockets_left()) == 1
            left.kill()
            left.wait()
        assert (trace.processes_left(), trace.sockets_left(), trace.files_left()) == ([], [], [])


@pytest.mark.parametrize(
    ("answered", "left", "clean"),
    [(True, (0, 0, 0), True), (False, (0, 0, 0), False), (True, (1, 0, 0), False), (True, (0, 0, 1), False)],
)
def test_a_round_is_clean_if_it_answered_and_left_nothing(
    answered: bool, left: tuple[int, int, int], clean: bool
) -> None:
    assert Row("task", 1.0, answered, *left).is_clean is clean
