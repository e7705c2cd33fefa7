"""Write the sources of the site: the pages of the repository at the same paths, and those that are made here."""

import json
import posixpath
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from string import Template

from docs.site import contents
from docs.site.api_pages import api_pages
from docs.site.command_pages import command_pages
from docs.site.contents import ROOT
from docs.site.cost_page import cost_page, one_service, usd
from docs.site.glossary_terms import script
from docs.site.links import relative_links
from docs.site.notebook_pages import notebook_page
from esaws.course.labs.families import all_labs

INDEX = Path(__file__).with_name("index.md")
STATIC = "_made"
"""The folder of what is served as it is."""
TITLES = {"README": "Manual", "local_aws_server/README": "The package local-aws-server"}
"""Titles in the navigation of pages that have another one where they come from."""
LABS_HEAD = """\
# The labs

A lab is a running system with one fault. You find it, prove it, and repair it, on one of three levels.
`esaws lab start NAME` begins one in a terminal; `esaws lab start random --seed 7` chooses one. Their notebooks are
executed here, with the solution behind a disclosure: look at it after you have tried.
[The clinic](../course/19_clinic.ipynb) says how to search."""
DECISIONS_HEAD = """\
# Decisions

Decisions that may surprise you, one page each: the situation, the decision, the consequences, and what was not chosen.
"""


def write_sources(folder: Path) -> int:
    """Write all sources into a new folder; return the number of pages."""
    if folder.exists():
        shutil.rmtree(folder)
    pages = made_pages()
    below = {
        **contents.children(),
        contents.COMMANDS: tuple(each for each in pages if each.startswith("docs/commands/")),
    }
    for section in contents.sections():
        for page in section.pages:
            add(pages, page)
    for children in below.values():
        for page in children:
            add(pages, page)
    for parent, children in below.items():
        pages[parent] += toctree(parent, children)
    for page, text in pages.items():
        suffix = ".ipynb" if (path := contents.source(page)) and path.suffix == ".ipynb" else ".md"
        text = to_pages(text) if suffix == ".md" else text.replace("/labs/)", "/labs/index.md)")
        target = folder / f"{page}{suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        copy_linked_files(target, text, folder)
    made = folder / STATIC / "glossary_terms.js"
    made.parent.mkdir()
    made.write_text(script(), encoding="utf-8")
    return len(pages)


def made_pages() -> dict[str, str]:
    """Return the pages that have no file in the repository, by name."""
    return {
        "index": index_page(),
        contents.LABS: labs_page(),
        contents.DECISIONS: decisions_page(),
        contents.COST: cost_page(),
        **command_pages(),
        **api_pages(),
    }


def add(pages: dict[str, str], page: str) -> None:
    """Add a page of the repository unless it is there."""
    if page not in pages:
        path = contents.source(page)
        if path is None:
            raise FileNotFoundError(f"{page} is in docs/site/contents.py, and no file or generator makes it")
        pages[page] = notebook_page(path) if path.suffix == ".ipynb" else path.read_text(encoding="utf-8")


def to_pages(text: str) -> str:
    """Return Markdown whose links to folders lead to the pages about them, and without pictures of other hosts."""
    text = re.sub(r"\[!\[([^\]]*)\]\(https?:[^)]*\)\]\(", r"[\1](", text)
    for folder in ("docs/adr/", "notebooks/labs/", "adr/"):
        text = text.replace(f"]({folder})", f"]({folder}index.md)").replace(
            f"](../{folder})", f"](../{folder}index.md)"
        )
    return text


def copy_linked_files(page: Path, text: str, folder: Path) -> None:
    """Copy the pictures and other files that a page links to; they are in the site as downloads."""
    for link in relative_links(text):
        path = posixpath.normpath((page.parent.relative_to(folder) / link.path).as_posix())
        source, target = ROOT / path, folder / path
        if link.path and source.is_file() and source.suffix not in (".md", ".ipynb"):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)


def toctree(parent: str, pages: Iterable[str], caption: str = "") -> str:
    """Return a hidden part of the navigation with some pages below a page."""
    head = f":caption: {caption}\n" if caption else ""
    names = "\n".join(entry(page) for page in pages)
    return f"\n\n```{{toctree}}\n:hidden:\n{head}\n{names}\n```\n"


def entry(page: str) -> str:
    """Return the line of a page in the navigation. Pages of the course have their number before their title."""
    if page in TITLES:
        return f"{TITLES[page]} </{page}>"
    number = re.match(r"notebooks/course/(\d\d)_", page)
    if number is None:
        return f"/{page}"
    cells = json.loads((ROOT / f"{page}.ipynb").read_text(encoding="utf-8"))["cells"]
    title = "".join(cells[0]["source"]).splitlines()[0].removeprefix("# ")
    return f"{number[1]} {title} </{page}>"


def index_page() -> str:
    """Return the first page, with the navigation of the whole site."""
    sections = contents.sections()
    children = contents.children()
    text = Template(INDEX.read_text(encoding="utf-8").replace("$ ", "$$ ")).substitute(
        notebooks=sum(page.startswith("notebooks/course/") for section in sections for page in section.pages),
        labs=len(children[contents.LABS]),
        runbooks=len(children[contents.RUNBOOKS]),
        one=usd(one_service().total_usd),
    )
    return text + "".join(toctree("index", section.pages, section.caption) for section in sections)


def labs_page() -> str:
    """Return the list of the labs by family, without their causes."""
    parts = [LABS_HEAD]
    for family in dict.fromkeys(lab.family for lab in all_labs()):
        labs = [lab for lab in all_labs() if lab.family == family]
        rows = [f"| [{lab.title}]({lab.name}.ipynb) | `{lab.name}` | {lab.minutes} |" for lab in labs]
        head = [f"## {family.capitalize()}", "", "| what is seen | name | minutes |", "|---|---|---:|"]
        parts.append("\n".join([*head, *rows]))
    return "\n\n".join(parts) + "\n"


def decisions_page() -> str:
    """Return the list of the decisions by their titles."""
    rows = []
    for page in contents.files("docs/adr/*.md"):
        title = (ROOT / f"{page}.md").read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        rows.append(f"- [{title}]({page.rpartition('/')[2]}.md)")
    return "\n".join([DECISIONS_HEAD, *rows, ""])
