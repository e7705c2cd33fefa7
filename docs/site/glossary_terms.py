"""The definitions that appear at links to the glossary."""

import json
import re

from docs.site.contents import ROOT
from docs.site.links import slug

_TERM = re.compile(r"^### ([^\n]+)\n\n(.+?)(?=\n#|\Z)", re.MULTILINE | re.DOTALL)
_AWS = re.compile(r"\[AWS: [^\]]*\]\([^)]*\)|\[[^\]]*\]\(https?:[^)]*\)$")


def definitions() -> dict[str, tuple[str, str]]:
    """Return each term and its definition as plain text, by the anchor of the term."""
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    return {slug(term): (term, plain(definition)) for term, definition in _TERM.findall(text)}


def plain(definition: str) -> str:
    """Return the first paragraph of a definition without its link to AWS and without Markdown."""
    paragraph = _AWS.sub("", definition.split("\n\n")[0].strip())
    return re.sub(r"\[([^\]]*)\]\([^)]*\)|`([^`]*)`", lambda found: found[1] or found[2] or "", paragraph).strip()


def script() -> str:
    """Return JavaScript with all terms. A page that is opened from disk can run a script, and cannot read a file."""
    terms = {anchor: {"term": term, "text": text} for anchor, (term, text) in definitions().items()}
    return f"window.glossaryTerms = {json.dumps(terms, ensure_ascii=False, indent=0)};\n"
