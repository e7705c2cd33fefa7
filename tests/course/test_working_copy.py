"""The learner's copy: no outputs and no solutions, and an update that keeps everything the learner wrote."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esaws.cli import main
from esaws.course.working_copy import as_given, jupyter_environment, make_working_copy, merge
from esaws.errors import UsageError


def cell(identity: str, source: str, *, kind: str = "code", starter: str | None = None) -> dict[str, Any]:
    metadata = {} if starter is None else {"tags": ["yours"], "starter": starter}
    made = {"id": identity, "cell_type": kind, "source": source, "metadata": metadata}
    return made | ({"outputs": [{"text": "out"}], "execution_count": 1} if kind == "code" else {})


def notebook(*cells: dict[str, Any]) -> dict[str, Any]:
    return {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def sources(book: dict[str, Any]) -> list[str]:
    return [each["source"] for each in book["cells"]]


ORIGINAL = notebook(
    cell("intro", "# Title", kind="markdown"),
    cell("look", "cloud = course.begin('00')"),
    cell("answer", "the_solution()", starter="# your turn"),
    cell("end", "course.end()"),
)


def test_a_learner_gets_no_outputs_and_no_solutions() -> None:
    given = as_given(ORIGINAL)
    assert sources(given) == ["# Title", "cloud = course.begin('00')", "# your turn", "course.end()"]
    assert all(not each.get("outputs") for each in given["cells"])
    assert "the_solution" not in json.dumps(given)
    assert ORIGINAL["cells"][2]["source"] == "the_solution()", "the original is unchanged"


def test_an_update_brings_new_texts_and_keeps_answers_outputs_and_added_cells() -> None:
    mine = as_given(ORIGINAL)
    mine["cells"][2].update(source="my_answer()", outputs=[{"text": "mine"}], execution_count=7)
    mine["cells"].insert(3, cell("added", "a_note = 1"))
    new = as_given(
        notebook(
            cell("intro", "# A better title", kind="markdown"),
            cell("new", "something_new()"),
            cell("answer", "another_solution()", starter="# your turn, explained better"),
            cell("end", "course.end()"),
        )
    )
    merged, kept = merge(new, mine)
    assert sources(merged) == ["# A better title", "something_new()", "my_answer()", "a_note = 1", "course.end()"]
    assert merged["cells"][2]["outputs"] == [{"text": "mine"}]
    assert kept == 2


def test_an_answer_to_a_cell_that_is_gone_comes_at_the_end() -> None:
    mine = as_given(ORIGINAL)
    mine["cells"][2]["source"] = "my_answer()"
    merged, _ = merge(as_given(notebook(cell("intro", "# Title", kind="markdown"))), mine)
    assert sources(merged) == ["# Title", "my_answer()"]


@given(st.lists(st.sampled_from(["keep", "change", "add", "delete"]), max_size=4), st.permutations(range(4)))
def test_no_update_loses_what_the_learner_wrote(actions: list[str], order: list[int]) -> None:
    mine = as_given(ORIGINAL)
    written = []
    for number, action in enumerate(actions):
        if action == "change":
            mine["cells"][number % len(mine["cells"])]["source"] = text = f"changed {number}"
            written.append(text)
        elif action == "add":
            mine["cells"].insert(number, cell(f"own-{number}", text := f"added {number}"))
            written.append(text)
    surviving = [text for text in written if text in sources(mine)]
    new = as_given(notebook(*(ORIGINAL["cells"][place] for place in order[:3])))
    once, _ = merge(new, mine)
    assert set(surviving) <= set(sources(once))
    again, _ = merge(new, once)
    assert sources(again) == sources(once), "a second update changes nothing"


def test_an_update_on_disk_keeps_an_answer_and_a_damaged_notebook_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    first = make_working_copy(folder)
    assert "notebooks/course/00_start_here.ipynb" in first.notebooks
    assert (folder / "diagrams" / "seccom-ha.png").exists() and (folder / "docs" / "glossary.md").exists()
    path = folder / "notebooks" / "course" / "00_start_here.ipynb"
    book = json.loads(path.read_text())
    answered = next(each for each in book["cells"] if "yours" in each["metadata"].get("tags", ()))
    answered["source"] = "course.predict('00-exists', 42)"
    path.write_text(json.dumps(book))
    again = make_working_copy(folder)
    assert again.kept == 1 and "42" in path.read_text()
    path.write_text("{")
    with pytest.raises(UsageError, match="not a notebook"):
        make_working_copy(folder)
    assert path.read_text() == "{", "nothing is overwritten"


def test_jupyterlab_finds_esaws_and_aws_and_asks_nothing(tmp_path: Path) -> None:
    make_working_copy(tmp_path)
    variables = jupyter_environment(tmp_path)
    scripts = Path(variables["PATH"].split(":")[0])
    assert (scripts / "esaws").exists() and (scripts / "aws").exists()
    settings = Path(variables["JUPYTER_CONFIG_PATH"].split(":")[0], "labconfig", "default_setting_overrides.json")
    assert json.loads(settings.read_text())["@jupyterlab/apputils-extension:notification"]["fetchNews"] == "false"


def test_another_folder_with_content_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    with pytest.raises(UsageError, match="not a copy of the course"):
        make_working_copy(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_jupyterlab_gets_the_options_that_esaws_does_not_know(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["course", "lab", str(tmp_path / "mine"), "--no-browser", "--allow-root", "--ip=127.0.0.1", "--json"])
    command = json.loads(capsys.readouterr().out)["command"]
    assert command[-3:] == ["--no-browser", "--allow-root", "--ip=127.0.0.1"]
