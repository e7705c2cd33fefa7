"""The links of HTML files, and whether their targets exist."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


@dataclass
class Page:
    """What an HTML file links to and can be linked at."""

    path: Path
    links: list[str] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    repeated: set[str] = field(default_factory=set)


class _Reader(HTMLParser):
    def __init__(self, page: Page) -> None:
        super().__init__()
        self.page = page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        for name in ("href", "src"):
            if value := values.get(name):
                self.page.links.append(value)
        if identifier := values.get("id"):
            if identifier in self.page.ids:
                self.page.repeated.add(identifier)
            self.page.ids.add(identifier)


def read_pages(folder: Path) -> dict[Path, Page]:
    """Read all HTML files of a folder, by their paths."""
    pages = {}
    for path in sorted(folder.resolve().rglob("*.html")):
        if "_static" not in path.parts:
            page = pages[path] = Page(path)
            _Reader(page).feed(path.read_text(encoding="utf-8"))
    return pages


def is_internal(link: str) -> bool:
    """Whether a link leads to a file of the folder."""
    parts = urlsplit(link)
    return not parts.scheme and not parts.netloc


def broken_links(page: Page, pages: dict[Path, Page], folder: Path) -> Iterator[str]:
    """Yield the links of a page whose file, or place in a page, does not exist, or is outside of the folder."""
    for link in dict.fromkeys(filter(is_internal, page.links)):
        parts = urlsplit(link)
        target = (page.path.parent / unquote(parts.path)).resolve() if parts.path else page.path
        if not target.is_relative_to(folder.resolve()):
            yield f"{link} leads out of the folder"
        elif not target.is_file():
            yield f"{link} leads to no file"
        elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].ids:
            yield f"{link} leads to no place in the page"
    for identifier in page.repeated:
        yield f"the id {identifier} is there twice"
