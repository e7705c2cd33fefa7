"""Relative links in Markdown, and the anchors of headings, as GitHub and MyST make them."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_CODE = re.compile(r"^(```+|~~~+).*?^\1|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?P<target>[^()\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
_SCHEME = re.compile(r"^[a-z][a-z+.-]*:")


class Link(NamedTuple):
    """A relative link: the path as it is written, empty within the page, and the anchor, empty without one."""

    path: str
    anchor: str


def relative_links(text: str) -> Iterator[Link]:
    """Yield the relative links and pictures of Markdown outside of code."""
    for found in _LINK.finditer(_CODE.sub(_blank, text)):
        if not _SCHEME.match(target := found["target"]):
            path, _, anchor = target.partition("#")
            yield Link(path, anchor)


def anchors(text: str) -> set[str]:
    """Return the anchors of all headings of Markdown; the second of the same name ends with `-1`."""
    found: dict[str, int] = {}
    names = set()
    for heading in _HEADING.findall(re.sub(r"^(```+|~~~+).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL)):
        name = slug(heading)
        names.add(f"{name}-{found[name]}" if name in found else name)
        found[name] = found.get(name, 0) + 1
    return names


def slug(heading: str) -> str:
    """Return the anchor of a heading: lower case, dashes for spaces, without punctuation and the targets of links."""
    words = re.sub(r"\]\([^)]*\)", "]", heading).lower()
    return re.sub(r"[^\w\- ]", "", words).strip().replace(" ", "-")


def _blank(found: re.Match[str]) -> str:
    return " " * len(found[0])
