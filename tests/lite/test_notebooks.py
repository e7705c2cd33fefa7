"""The notebooks of the page say at their top what of them can't run there."""

import json
from pathlib import Path

import pytest

from docs.lite import notebooks, packages


@pytest.mark.parametrize(
    ("name", "missing", "note"),
    [
        ("02_network.ipynb", (), ""),
        (
            "02_network.ipynb",
            ("cryptography", "pandas"),
            "> **In a browser.** This page was built without pandas. A cell that would show tables says so "
            "instead; the cells after it run.",
        ),
        (
            "04_image.ipynb",
            (),
            "> **In a browser.** This chapter builds and pushes an image. A page has no programs, so those cells do "
            "nothing here or say so.",
        ),
        ("try_it.ipynb", ("numpy", "pandas"), ""),
    ],
)
def test_a_note_says_what_can_not_run(name: str, missing: tuple[str, ...], note: str) -> None:
    assert notebooks.note(name, missing) == note


def test_the_page_has_every_chapter_without_outputs(tmp_path: Path) -> None:
    notebooks.write(tmp_path / "contents", ("numpy", "pandas"))
    written = sorted((tmp_path / "contents").glob("*.ipynb"))
    assert len(written) == len([*(notebooks.NOTEBOOKS / "course").glob("[0-9]*.ipynb")]) + 1
    for path in written:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        assert not any(cell["outputs"] for cell in cells if cell["cell_type"] == "code")
        assert ("in-a-browser" in [cell["id"] for cell in cells]) == (path.name != "try_it.ipynb")


def test_every_package_of_the_page_is_one_of_the_project() -> None:
    assert "moto" in packages.ROOTS
    for name in packages.ROOTS:
        assert packages.distribution(name).version
