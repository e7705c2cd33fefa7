"""The sources of the site are complete, their links resolve, and their figures are computed. Sphinx is not needed."""

import itertools
import json
import posixpath
import re
from decimal import Decimal
from pathlib import Path

import pytest

from docs.site import contents
from docs.site.contents import files
from docs.site.cost_page import TEMPLATE
from docs.site.glossary_terms import definitions
from docs.site.links import anchors, relative_links
from docs.site.sources import write_sources
from esaws import costs, seccom
from esaws.cli.examples import EXAMPLES
from tests.site.html_links import broken_links, read_pages


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all sources."""
    folder = tmp_path_factory.mktemp("site") / "sources"
    write_sources(folder)
    return folder


def texts(folder: Path) -> dict[str, str]:
    """The Markdown of each page by its path: that of a notebook is of its cells and of what they printed."""
    found = {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.md")}
    for path in folder.rglob("*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        parts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
        for output in (output for cell in cells for output in cell.get("outputs", ())):
            parts.append("".join(output.get("data", {}).get("text/markdown", "")))
        found[path.relative_to(folder).as_posix()] = "\n\n".join(parts)
    return found


def test_every_page_notebook_and_decision_is_in_the_table_of_contents_once() -> None:
    listed = [page for section in contents.sections() for page in section.pages]
    listed += [page for pages in contents.children().values() for page in pages]
    there = {
        page
        for pattern in (
            "*.md",
            "docs/*.md",
            "docs/adr/*.md",
            "notebooks/*/*.md",
            "notebooks/*/*.ipynb",
            "local_aws_server/*.md",
        )
        for page in files(pattern)
    }
    assert not there - set(listed), "add them to docs/site/contents.py"
    assert len(listed) == len(set(listed))


def test_all_links_lead_to_a_page_and_a_place_in_it(sources: Path) -> None:
    pages = texts(sources)
    places = {name: anchors(text) for name, text in pages.items()}
    broken = []
    for name, text in pages.items():
        for link in relative_links(text):
            target = posixpath.normpath(posixpath.join(posixpath.dirname(name), link.path)) if link.path else name
            known = target in pages or (sources / target).is_file()
            if not known or (link.anchor and target in pages and link.anchor not in places[target]):
                broken.append(f"{name}: {link.path}#{link.anchor}")
    assert not broken
    assert len(pages) > 150


def test_every_link_to_the_glossary_shows_a_definition(sources: Path) -> None:
    known = definitions()
    linked = {
        link.anchor for text in texts(sources).values() for link in relative_links(text) if "glossary.md" in link.path
    } - {""}
    assert len(linked) > 80
    assert not linked - set(known)
    assert all(20 < len(text) < 400 and "](" not in text for _, text in known.values())


def test_each_answer_of_a_notebook_is_folded_behind_what_the_learner_finds(sources: Path) -> None:
    answers = 0
    for path in [*sources.glob("notebooks/course/*.ipynb"), *sources.glob("notebooks/labs/*.ipynb")]:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        for before, cell in itertools.pairwise(cells):
            tags = cell["metadata"].get("tags", [])
            if "yours" in tags:
                answers += 1
                assert "hide-cell" in tags
                assert cell["metadata"]["starter"].rstrip() in before["source"]
    assert answers > 200


def test_each_picture_that_a_notebook_printed_is_described(sources: Path) -> None:
    pictures = 0
    for path in sources.rglob("*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if any("image/png" in output.get("data", {}) for output in cell.get("outputs", ())):
                pictures += 1
                assert len(cell["metadata"]["mystnb"]["image"]["alt"]) > 15
    assert pictures > 30


def test_the_figures_of_the_cost_page_are_those_of_the_forecast(sources: Path) -> None:
    assert not re.findall(r"\d[.,]\d\d", TEMPLATE.read_text(encoding="utf-8")), "figures are computed, not typed"
    page = (sources / f"{contents.COST}.md").read_text(encoding="utf-8")
    one = costs.forecast(seccom("budget", services=("client-web-ui",)))
    assert f"**{one.total_usd:,.2f} USD a month**" in page
    for line in one.lines:
        assert line.usd is not None
        assert re.search(rf"`{re.escape(line.usage_type)}` .*\| {line.usd:,.2f}( ~)? \|", page)
    balancer = [line.usd or Decimal(0) for line in one.lines if "Balanc" in (line.operation or "")]
    assert len(balancer) == 2
    assert f"is {sum(balancer):,.2f} USD of that" in page
    for profile in ("budget", "fargate", "ha"):
        assert f"{costs.forecast(seccom(profile), regime='legacy').to_pay_usd:,.2f}" in page


def test_every_command_has_a_page_with_its_examples(sources: Path) -> None:
    for name, examples in EXAMPLES.items():
        page = (sources / contents.COMMANDS / f"{name.split()[0]}.md").read_text(encoding="utf-8")
        assert re.search(rf"^#+ esaws {name}$", page, re.MULTILINE)
        assert all(example in page for example in examples)


def test_the_check_of_links_finds_each_kind_of_broken_link(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "a.html").write_text('<h1 id="here">A</h1><a href="b.html#there">b</a><a href="#here">a</a>', "utf-8")
    links = ("a.html#gone", "c.html", "../outside.html", "https://example.com/", "a.html#here")
    anchors = "".join(f'<a href="{link}">x</a>' for link in links)
    (folder / "b.html").write_text(f'<p id="there"></p><p id="there"></p>{anchors}', "utf-8")
    (tmp_path / "outside.html").write_text("", "utf-8")
    first, second = (pages := read_pages(folder)).values()
    assert not list(broken_links(first, pages, folder))
    assert list(broken_links(second, pages, folder)) == [
        "a.html#gone leads to no place in the page",
        "c.html leads to no file",
        "../outside.html leads out of the folder",
        "the id there is there twice",
    ]
