"""The style of the course, its labs and its pages, measured: cells, prose, terms, links and English."""

import re
from collections import Counter
from pathlib import Path

import botocore
import botocore.session
import pytest

from esaws import resources
from esaws.course.chapters import chapters
from tests.course import style

ROOT = style.ROOT
NOTEBOOKS = sorted(file for folder in ("course", "labs") for file in (ROOT / "notebooks" / folder).glob("*.ipynb"))
PAGES = [ROOT / "docs" / name for name in ("glossary.md", "names.md", "teaching.md")]
TEACHING = (ROOT / "docs" / "teaching.md").read_text(encoding="utf-8")
NAMES = (ROOT / "docs" / "names.md").read_text(encoding="utf-8")


def named(file: Path) -> str:
    return str(file.relative_to(ROOT))


@pytest.mark.parametrize("file", NOTEBOOKS, ids=named)
def test_a_notebook_keeps_all_measures(file: Path) -> None:
    faults = list(style.faults(file))
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("file", PAGES, ids=named)
def test_pages_are_plain_english_and_their_links_lead_somewhere(file: Path) -> None:
    faults = list(style.faults(file))
    assert not faults, "\n".join(faults)


# --- the measures themselves


def test_a_bad_notebook_fails_every_measure(tmp_path: Path) -> None:
    import nbformat
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

    table = new_output(
        "display_data", {"text/html": "<table><td>sg-0123456789abcdef0</td><td>open it only to...</td></table>"}
    )
    cells = [
        new_markdown_cell("Some text."),
        new_code_cell("import os\nimport re\nimport sys\nimport ast\nimport json", outputs=[table]),
        new_markdown_cell(
            "## Section\n\nPlease look at the machines behind this firewall. [A](glossary.md#none) ![](x.png)"
        ),
        new_code_cell("class A:\n" + "    x = 1\n" * 16 + "y = " + "1 + " * 40 + "1"),
        new_markdown_cell("## A security group"),
        new_code_cell("print(y)"),
        new_markdown_cell("A security group and a load balancer."),
    ]
    path = tmp_path / "bad.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    silent = [name for name, measure in style.MEASURES.items() if not list(measure(style.Notebook(path)))]
    assert not silent


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("One sentence. Another one.", 2),
        ("Is it one? It is.", 2),
        ("A name like `a.b.c` or 10.0.0.0/16 ends no sentence.", 1),
        ("# A heading\n\nA text.", 1),
        ("| a | table |\n|---|---|\n\nA text.", 1),
        ("A list:\n\n- one item\n- another item", 3),
        ("```\nsome code. More code.\n```", 0),
    ],
)
def test_sentences_are_found(text: str, count: int) -> None:
    assert len(style.sentences(text)) == count


def test_a_term_counts_only_outside_longer_terms() -> None:
    assert style.term_pattern("cluster").search("two clusters")
    assert style.term_pattern("AMI").search("an AMI") and not style.term_pattern("AMI").search("ami")
    assert style.term_pattern("target group").search("Target-group")


# --- the pages for instructors, the glossary and the names


def test_the_syllabus_has_every_chapter_with_its_minutes() -> None:
    rows = re.findall(r"^\| [^|]+ \| (\d\d) ([^|]+?) \| (\d+) \|", TEACHING, re.MULTILINE)
    assert [number for number, _, _ in rows] == [f"{number:02}" for number in range(21)]
    listed = {number: (title, int(minutes)) for number, title, minutes in rows}
    declared = {number: (chapter.title, chapter.minutes) for number, chapter in chapters().items()}
    assert {number: listed[number] for number in declared} == declared


def test_the_page_for_instructors_has_the_limits_of_the_measures() -> None:
    cells = f"median {style.MEDIAN_LINES}, 90 % at most {style.MOST_LINES}, none over {style.LONGEST_CELL}"
    words = f"{style.SENTENCE_WORDS} on average, none over {style.LONGEST_SENTENCE}"
    one_number = (style.LINE_LENGTH, style.PROSE_PER_CODE, style.REASON_WORDS, style.IMPORT_LINES, style.EXERCISES)
    table = TEACHING.partition("| measure | limit |\n|---|---|\n")[2].partition("\n\n")[0]
    limits = re.findall(r"^\| .+ \| ([^|]+) \|$", table, re.MULTILINE)
    assert limits == [cells, *map(str, one_number), words, str(style.READING_EASE)]


def test_what_a_page_names_in_backticks_exists() -> None:
    for name in re.findall(r"`((?:tests|esaws|docs|notebooks)/[\w./]+)`", TEACHING):
        assert (ROOT / name).exists(), name


def test_terms_of_the_glossary_are_sorted_and_have_anchors_of_their_own() -> None:
    for part, terms in style.glossary().items():
        assert terms == sorted(terms, key=str.lower), part
    count = Counter(style.anchor(term) for terms in style.glossary().values() for term in terms)
    assert [name for name, times in count.items() if times > 1] == []


def test_every_kind_has_its_names() -> None:
    kinds = {name for name in resources.__all__ if name[0].isupper()}
    assert {match[1] for match in re.finditer(r"^\| `(\w+)` \| `aws ", NAMES, re.MULTILINE)} == kinds


def test_the_calls_on_the_page_of_names_exist() -> None:
    session, clients = botocore.session.get_session(), {"s3api": "s3", "logs": "logs"}
    for service, call in re.findall(r"`aws ([\w-]+) ([\w-]+)`", NAMES):
        operations = session.get_service_model(clients.get(service, service)).operation_names
        assert call in {botocore.xform_name(name, "-") for name in operations}, f"aws {service} {call}"
