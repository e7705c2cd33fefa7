"""Commands in surroundings that break programs: closed or full streams, ASCII terminals, unwritable folders."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from esaws.cli.table import format_table

pytestmark = pytest.mark.slow

ESAWS = f"{shlex.quote(sys.executable)} -m esaws.cli"
FORECAST = f"{ESAWS} cost forecast --profile budget --regime none"


def bash(command: str, folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a shell command; its local AWS would keep its state in `folder`."""
    own = {"ESAWS_STATE": str(folder / "state"), "ESAWS_PORT": "0", "ESAWS_TARGET": "local"}
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        env=os.environ | own | environment,
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        pytest.param(f"{FORECAST} | head -c 1", 1, "", id="the reader leaves"),
        pytest.param(f"{FORECAST} > /dev/full", 1, "No space left on device", id="the disk is full"),
        pytest.param(f"{FORECAST} >&-", 0, "", id="no standard output"),
        pytest.param(f"{FORECAST} <&- >&- 2>&-", 0, "", id="no streams at all"),
        pytest.param(f"{ESAWS} unknown 2>&-", 2, "", id="no standard error"),
        pytest.param(
            f"{ESAWS} deploy --profile ha <&-", 3, "there is no terminal to confirm in", id="no standard input"
        ),
        pytest.param(f"{ESAWS} draw --profile ha -o no/such.svg", 2, "no/such.svg: can't be written", id="no folder"),
        pytest.param(f"ESAWS_STATE=/dev/null/x {ESAWS} plan --profile ha", 2, "ESAWS_STATE", id="no state folder"),
    ],
)
def test_a_command_ends_without_a_traceback(command: str, code: int, message: str, tmp_path: Path) -> None:
    done = bash(command, tmp_path)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr
    if not message:
        assert done.stderr == ""


@pytest.mark.parametrize("encoding", ["latin-1", "cp437", "ascii"])
def test_a_terminal_without_unicode_shows_look_alikes(encoding: str, tmp_path: Path) -> None:
    text = "'a → b … 你'"
    code = f"from esaws.cli.streams import repair_streams; repair_streams(); print({text})"
    done = bash(f"{shlex.quote(sys.executable)} -c {shlex.quote(code)}", tmp_path, PYTHONIOENCODING=encoding)
    assert (done.stdout, done.stderr) == ("a -> b ... ?\n", "")


def test_an_unwritable_journal_folder_is_refused_before_anything_changes(esaws) -> None:
    error = esaws("deploy", "--profile", "budget", "--yes", code=2, ESAWS_RUNS="/dev/null/runs")
    assert "/dev/null/runs: the journal can't be written" in error and "ESAWS_RUNS" in error
    assert esaws.json("inventory") == []


def test_a_started_local_aws_is_announced(tmp_path: Path) -> None:
    try:
        first = bash(f"{ESAWS} plan --profile budget --json", tmp_path)
        assert "esaws: started the local AWS at http://127.0.0.1:" in first.stderr, first.stderr
        assert "started" not in bash(f"{ESAWS} plan --profile budget --json", tmp_path).stderr
    finally:
        bash(f"{ESAWS} local stop --discard", tmp_path)


ARN = "arn:aws:autoscaling:eu-west-3:123456789012:autoScalingGroup:066beaea-81a8-42c8-9cd2-60a1b969db03:seccom"


def test_a_narrow_table_wraps_prose_and_prints_long_words_below() -> None:
    rows = [{"kind": "group", "id": ARN, "detail": "SSH is open to the world and should not be"}]
    assert format_table(["kind", "id", "detail"], rows, width=40).split("\n") == [
        "kind   detail",
        "group  SSH is open to the world and",
        "       should not be",
        f"    id: {ARN}"[:7],
        f"        {ARN}",
    ]


def test_a_pipe_gets_one_line_per_row() -> None:
    rows = [{"name": "a", "usd": "1.00"}, {"name": "b" * 200, "usd": "12.00"}]
    lines = format_table(["name", "usd"], rows, right={"usd"}).split("\n")
    assert lines == [f"{'name':200}    usd", f"{'a':200}   1.00", f"{'b' * 200}  12.00"]


words = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=50)
cells = st.lists(words, max_size=8).map(" ".join)


@example([{"code": " ".join(["1" * 30] * 2), "resource": "2" * 50, "fix": "3" * 50}], 60)  # all but one column below
@given(
    st.lists(st.fixed_dictionaries({"code": cells, "resource": cells, "fix": cells}), max_size=5), st.integers(60, 120)
)
def test_no_table_breaks_a_word_or_exceeds_the_width(rows: list[dict[str, str]], width: int) -> None:
    text = format_table(["code", "resource", "fix"], rows, width=width)
    expected = {word for row in rows for cell in row.values() for word in cell.split()}
    assert expected <= set(text.split())
    assert all(len(line) <= width for line in text.split("\n"))
