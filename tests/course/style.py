"""Measure the style of course notebooks and pages: `python -m tests.course.style FILE…` lists what is off.

The measures and their limits are those of `docs/teaching.md`. Nothing is executed, so all files take a few seconds.
"""

import ast
import re
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import nbformat
import readability

ROOT = Path(__file__).resolve().parents[2]
GLOSSARY = ROOT / "docs" / "glossary.md"

MEDIAN_LINES, MOST_LINES, LONGEST_CELL = 4, 9, 15
LINE_LENGTH = 88
PROSE_PER_CODE = 2.5
REASON_WORDS = 8
IMPORT_LINES = 4
EXERCISES = 3
SENTENCE_WORDS = 20
LONGEST_SENTENCE = 45
READING_EASE = 65
"""Flesch's scale: 60 to 70 is plain English, 30 to 50 is a text for students."""

EVERYDAY = {
    *("account", "budget", "container", "drain", "forward", "image", "inbound", "instance", "metric", "outbound"),
    *("priority", "redirect", "region", "repository", "role", "route", "service", "tag", "target", "task"),
}
"""Terms of AWS that are everyday words, too. A notebook need not link them."""

OTHER_WORDS = {
    "machine": "instance; the learner's own: computer",
    "machines": "instances; the learner's own: computers",
    "firewall": "security group, or network ACL",
    "ledger": "call log",
    "SG": "security group",
    "AZ": "availability zone",
    "LB": "load balancer",
    "ELB": "load balancer",
    "ASG": "Auto Scaling group",
    "rollout": "roll-out",
    "whoever": "who does it: users, the caller, AWS",
    "somebody": "who does it: users, the caller, AWS",
    "nobody": "who does not: no user, no caller",
    "told": "says, returns, is configured",
    "simply": "nothing: leave the word out",
    "please": "nothing: leave the word out",
    "obviously": "nothing: leave the word out",
}
"""Words that the course does not use, and what it uses instead. Words with a capital are matched as they are."""

ALLOWED = re.compile(r"virtual machines?|Amazon Machine Image|state machines?|`[^`]*`")
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
ID = re.compile(r"\b(?:i|sg|sgr|subnet|vpc|rtb|rtbassoc|igw|eni|acl|vol|eipalloc|lt|nat)-[0-9a-f]{8,17}\b|arn:aws:")
RANDOM_ID = re.compile(ID.pattern.replace("|arn:aws:", "") + r"|/[0-9a-f]{16}\b|\b[0-9a-f]{32}\b")
"""An id that differs from run to run; ARNs of named resources stay the same."""
TIME_OF_DAY = re.compile(r"\b[0-2]\d:[0-5]\d:[0-5]\d\b")


# --- the glossary


def anchor(heading: str) -> str:
    """The anchor of a heading, as GitHub and MkDocs make it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@cache
def glossary() -> dict[str, list[str]]:
    """The terms by part of the glossary: "Terms of AWS" and "Terms of esaws"."""
    parts: dict[str, list[str]] = {}
    part = ""
    for line in GLOSSARY.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            part = line[3:].strip()
        elif line.startswith("### "):
            parts.setdefault(part, []).append(line[4:].strip())
    return parts


@cache
def anchors() -> frozenset[str]:
    """The anchors of the glossary."""
    return frozenset(anchor(term) for terms in glossary().values() for term in terms)


def term_pattern(term: str) -> re.Pattern[str]:
    """Matches a term and its plural: as it is written if it has capitals, else in any case."""
    words = re.escape(term).replace(r"\ ", r"[\s-]")
    words = f"{words[:-1]}(?:y|ies)" if term.endswith("y") else f"{words}(?:e?s)?"
    return re.compile(rf"\b{words}\b", 0 if re.search("[A-Z]", term) else re.IGNORECASE)


@cache
def explained_terms() -> dict[str, re.Pattern[str]]:
    """The terms of AWS that a notebook links where it first uses them."""
    return {term: term_pattern(term) for term in glossary()["Terms of AWS"] if term not in EVERYDAY}


# --- prose


def words_of(text: str) -> list[str]:
    """The words of a Markdown text, without fences, tables, links' addresses and punctuation."""
    plain = LINK.sub(r"\2", FENCE.sub("", text))
    plain = re.sub(r"^\|[\s|:-]*\|$", "", plain, flags=re.MULTILINE).replace("|", " ")
    return [word for word in plain.split() if re.search(r"\w", word)]


def sentences(text: str) -> list[str]:
    """The sentences of the running text: no headings, tables or fences. A list item is a sentence."""
    found: list[str] = []
    plain = re.sub(r"`([^`]*)`", lambda code: code[1].replace(".", "_"), LINK.sub(r"\2", FENCE.sub("", text)))
    for block in re.split(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) )", plain):
        if not block.strip() or block.lstrip().startswith(("#", "|", "<")):
            continue
        line = re.sub(r"^\s*(?:[-*>]|\d+\.)\s+", "", " ".join(block.split())).replace("*", "").replace("_ ", " ")
        found += [part for part in re.split(r"(?<=[.!?:])[\"”)]?\s+(?=[\"“(]?[A-Z0-9`])", line) if words_of(part)]
    return found


def reading_ease(found: list[str]) -> float:
    """Flesch's reading ease: higher is easier."""
    lines = [" ".join(re.findall(r"[\w'-]+", sentence)) for sentence in found]
    grades = readability.getmeasures("\n".join(lines), lang="en")["readability grades"]
    return float(grades["FleschReadingEase"])


def prose_faults(text: str) -> Iterator[str]:
    """What is off with the English of a text."""
    found = sentences(text)
    lengths = [len(words_of(sentence)) for sentence in found]
    if lengths and (mean := statistics.mean(lengths)) > SENTENCE_WORDS:
        yield f"sentences have {mean:.1f} words on average, the limit is {SENTENCE_WORDS}"
    for sentence, length in zip(found, lengths, strict=True):
        if length > LONGEST_SENTENCE:
            yield f"a sentence of {length} words: {sentence[:80]}…"
    if len(found) > 5 and (ease := reading_ease(found)) < READING_EASE:
        yield f"Flesch's reading ease is {ease:.0f}, the limit is {READING_EASE}: use shorter words and sentences"
    plain = ALLOWED.sub("", LINK.sub(r"\2", FENCE.sub("", text)))
    for word, instead in OTHER_WORDS.items():
        if match := re.search(rf"\b{word}\b", plain, 0 if re.search("[A-Z]", word) else re.IGNORECASE):
            around = plain[max(0, match.start() - 30) : match.end() + 20].replace("\n", " ")
            yield f"“{word}” in “…{around}…”; the term is: {instead}"


def link_faults(text: str, folder: Path) -> Iterator[str]:
    """Links to files or glossary terms that do not exist, and pictures without a text."""
    for picture, label, address in LINK.findall(text):
        if picture and not label.strip():
            yield f"the picture {address} has no alternative text"
        if re.match(r"[a-z]+:", address) or address.startswith("#"):
            continue
        path, _, fragment = address.partition("#")
        file = (folder / path).resolve()
        if not file.exists():
            yield f"a link to {path}, which does not exist"
        elif file == GLOSSARY and fragment and fragment not in anchors():
            yield f"a link to the glossary's {fragment!r}, which is no term"


# --- notebooks


@dataclass(frozen=True)
class Notebook:
    """The cells of a notebook."""

    path: Path

    @cached_property
    def cells(self) -> list[Any]:
        return list(nbformat.read(self.path, 4).cells)

    @cached_property
    def code(self) -> list[Any]:
        return [cell for cell in self.cells if cell.cell_type == "code"]

    @cached_property
    def prose(self) -> str:
        return "\n\n".join(cell.source for cell in self.cells if cell.cell_type == "markdown")

    @cached_property
    def sections(self) -> dict[str, list[Any]]:
        """The code cells below each heading of the second level."""
        found: dict[str, list[Any]] = {}
        current = None
        for cell in self.cells:
            if cell.cell_type == "markdown":
                for heading in re.findall(r"^## (.+)$", FENCE.sub("", cell.source), re.MULTILINE):
                    current = heading.strip()
                    found[current] = []
            elif current is not None:
                found[current].append(cell)
        return {heading: cells for heading, cells in found.items() if cells}


def lines_of(source: str) -> list[str]:
    """The lines of code that are not empty."""
    return [line for line in source.splitlines() if line.strip()]


def tags_of(cell: Any) -> list[str]:
    """The tags of a cell."""
    return list(cell.metadata.get("tags", []))


def size_faults(notebook: Notebook) -> Iterator[str]:
    """Cells and lines that are too long, and too little prose."""
    sizes = sorted(len(lines_of(cell.source)) for cell in notebook.code)
    if statistics.median(sizes) > MEDIAN_LINES:
        yield f"the median code cell has {statistics.median(sizes)} lines, the limit is {MEDIAN_LINES}"
    if sum(size <= MOST_LINES for size in sizes) < 0.9 * len(sizes):
        yield f"more than a tenth of the code cells has over {MOST_LINES} lines: {sizes}"
    for cell in notebook.code:
        if len(lines_of(cell.source)) > LONGEST_CELL:
            yield f"a code cell of {len(lines_of(cell.source))} lines: {cell.source[:60]!r}"
        yield from (f"a line of {len(line)} characters: {line}" for line in cell.source.splitlines() if len(line) > 88)
    prose, code = len(words_of(notebook.prose)), sum(len(cell.source.split()) for cell in notebook.code)
    if prose < PROSE_PER_CODE * code:
        yield f"{prose} words of prose for {code} of code: {prose / code:.2f}, at least {PROSE_PER_CODE}"


def reason_faults(notebook: Notebook) -> Iterator[str]:
    """Code cells without a reason above them."""
    for above, cell in zip([None, *notebook.cells], notebook.cells, strict=False):
        if cell.cell_type != "code":
            continue
        if above is None or above.cell_type != "markdown" or len(words_of(above.source)) < REASON_WORDS:
            yield f"no reason of {REASON_WORDS} words above the cell {cell.source[:60]!r}"


def parsed(source: str) -> ast.Module:
    """The syntax tree of a cell. A shell line is `pass`, or an assignment of None."""
    return ast.parse(re.sub(r"^(\s*)(\w+ = )?[!%](?:.*\\\n)*.*$", _without_shell, source, flags=re.MULTILINE))


def _without_shell(line: re.Match[str]) -> str:
    return f"{line[1]}{line[2]}None" if line[2] else f"{line[1]}pass"


def code_faults(notebook: Notebook) -> Iterator[str]:
    """Code that belongs in the package, and imports outside their cell."""
    importing = set()
    for number, cell in enumerate(notebook.code):
        for node in ast.walk(parsed(cell.source)):
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Try | ast.Lambda):
                yield f"a {type(node).__name__} in a notebook: {cell.source[:60]!r}"
            if isinstance(node, ast.Import | ast.ImportFrom):
                importing.add(number)
    if len(importing) > 1:
        yield f"{len(importing)} cells import; keep all imports in one"
    for number in importing:
        if len(lines_of(notebook.code[number].source)) > IMPORT_LINES:
            yield f"the cell of the imports has over {IMPORT_LINES} lines"


def section_faults(notebook: Notebook) -> Iterator[str]:
    """Variables of one section that another one uses, `cloud` excepted, which `course.begin` returns."""

    def names(cell: Any, context: type[ast.expr_context]) -> set[str]:
        nodes = ast.walk(parsed(cell.source))
        return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, context)}

    assigned = {heading: [names(cell, ast.Store) for cell in cells] for heading, cells in notebook.sections.items()}
    in_sections = [cell for cells in notebook.sections.values() for cell in cells]
    first = set().union(*(names(cell, ast.Store) for cell in notebook.code if cell not in in_sections))
    for heading, cells in notebook.sections.items():
        elsewhere = set().union(*(each for other, sets in assigned.items() if other != heading for each in sets))
        known = first | {"cloud"}
        for cell, stored in zip(cells, assigned[heading], strict=True):
            known |= stored
            for name in sorted((names(cell, ast.Load) & elsewhere) - known):
                yield f"the section {heading!r} uses {name}, a variable of another section: {cell.source[:60]!r}"


def learner_faults(notebook: Notebook) -> Iterator[str]:
    """Sections without an action of the learner or without a check at the end, and too few exercises."""
    names = set(re.findall(r"course\.check\(\s*['\"]([\w-]+)", "\n".join(cell.source for cell in notebook.code)))
    if len(names) < EXERCISES:
        yield f"{len(names)} exercises, at least {EXERCISES}"
    for heading, cells in notebook.sections.items():
        if [cell.source.strip() for cell in cells] == ["course.end()"]:
            continue
        if not any("yours" in tags_of(cell) or "course.predict(" in cell.source for cell in cells):
            yield f"the section {heading!r} has nothing to do for the learner"
        if not re.search(r"^(assert |.*course\.(check|end)\()", cells[-1].source, re.MULTILINE):
            yield f"the section {heading!r} ends without a check or an assert"
    for cell in notebook.code:
        if "yours" not in tags_of(cell):
            continue
        starter = cell.metadata.get("starter", "")
        if not starter.strip() or starter.strip() == cell.source.strip():
            yield f"a learner's cell without a starter: {cell.source[:60]!r}"
        yield from (f"a starter's line of {len(line)} characters" for line in starter.splitlines() if len(line) > 88)


def frame_faults(notebook: Notebook) -> Iterator[str]:
    """A title, parameters or end that is missing."""
    first = notebook.cells[0].source
    for word in ("# ", "**Cost**", "**Time**", "**Left behind**"):
        if word not in first:
            yield f"the first cell has no {word.strip()}"
    if "parameters" not in tags_of(notebook.code[0]):
        yield "the first code cell has no tag `parameters`"
    if notebook.code[-1].source.strip() != "course.end()":
        yield "the last code cell is not `course.end()`"
    if ".ipynb" not in notebook.cells[-1].source:
        yield "the last cell has no link to the next notebook"


def term_faults(notebook: Notebook) -> Iterator[str]:
    """Terms of AWS that are used without a link to the glossary in the cell of their first use, title excepted."""
    texts = [cell.source for cell in notebook.cells[1:] if cell.cell_type == "markdown"]
    plain = [re.sub(r"`[^`]*`|^#+ .*$", " ", FENCE.sub("", text), flags=re.MULTILINE) for text in texts]
    labels = [LINK.sub(r"\2", text) for text in plain]
    for term, pattern in explained_terms().items():
        used = [number for number, text in enumerate(labels) if pattern.search(text) and not _is_in_longer(term, text)]
        if used and f"glossary.md#{anchor(term)})" not in "".join(texts[: used[0] + 1]):
            yield f"“{term}” is first used without a link to glossary.md#{anchor(term)}"


def _is_in_longer(term: str, text: str) -> bool:
    """Whether a text uses the term only as a part of longer terms, as “cluster” in “cache cluster”."""
    longer = [other for other in explained_terms() if other != term and term.lower() in other.lower()]
    for other in longer:
        text = term_pattern(other).sub(" ", text)
    return not term_pattern(term).search(text)


def execution_faults(notebook: Notebook) -> Iterator[str]:
    """Cells that were not executed."""
    for cell in notebook.code:
        if cell.execution_count is None:
            yield f"a cell without output was committed, run make notebooks: {cell.source[:60]!r}"


def output_faults(notebook: Notebook) -> Iterator[str]:
    """Outputs with ids, and tables with ARNs or times of day."""
    for cell in notebook.code:
        for output in cell.outputs:
            table = "".join(output.get("data", {}).get("text/html", ""))
            shown = re.sub(r"<style.*?</style>", "", table, flags=re.DOTALL) if "<table" in table else ""
            if found := ID.search(shown) or TIME_OF_DAY.search(shown):
                yield f"a table shows {found[0]!r}: {cell.source[:60]!r}"
            data = {kind: text for kind, text in output.get("data", {}).items() if kind.startswith("text/")}
            for text in (output.get("text", ""), *data.values()):
                if found := RANDOM_ID.search("".join(text)):
                    yield f"an output shows {found[0]!r}: {cell.source[:60]!r}"
                    break


def cut_faults(notebook: Notebook) -> Iterator[str]:
    """Tables that end a text with an ellipsis: pandas cuts it in the middle of what it explains."""
    for cell in notebook.code:
        for output in cell.outputs:
            table = "".join(output.get("data", {}).get("text/html", ""))
            for text in re.findall(r"<td>([^<]*)\.\.\.</td>", table):
                yield f"a table cuts {text!r}: {cell.source[:60]!r}"


MEASURES = {
    "cells are small, and prose outweighs code": size_faults,
    "every code cell has a reason": reason_faults,
    "code that is not prose stays in the package": code_faults,
    "each section has its own variables": section_faults,
    "the learner acts in every section, and a check ends it": learner_faults,
    "title, parameters, end and the next notebook": frame_faults,
    "AWS's terms are linked where they are first used": term_faults,
    "every cell was executed": execution_faults,
    "outputs show names": output_faults,
    "tables show whole texts": cut_faults,
    "the English is plain": lambda notebook: prose_faults(notebook.prose),
    "links lead somewhere, and pictures have a text": lambda notebook: link_faults(
        notebook.prose, notebook.path.parent
    ),
}
OF_THE_PATH = (learner_faults, frame_faults, execution_faults, section_faults)


def measures_of(path: Path) -> list[str]:
    """The names of the measures that hold for a notebook; a lab is no chapter: its notebook is written."""
    return [name for name, measure in MEASURES.items() if path.parent.name != "labs" or measure not in OF_THE_PATH]


def faults(path: Path) -> Iterator[str]:
    """Everything that is off in a notebook or a page."""
    if path.suffix == ".ipynb":
        notebook = Notebook(path)
        for name in measures_of(path):
            yield from MEASURES[name](notebook)
    else:
        text = path.read_text(encoding="utf-8")
        yield from prose_faults(text)
        yield from link_faults(text, path.parent)


def main(files: list[str]) -> int:
    """Print the faults of the files; return 1 if there are any."""
    found = [f"{file}: {fault}" for file in files for fault in faults(Path(file).resolve())]
    print(*found, sep="\n", end="\n" * bool(found))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
