"""The normal form of an executed notebook, which is the same on every machine."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING

from esaws.notebooks.jupyter import import_without_iri_grammar
from esaws.notebooks.kernel import KERNELSPEC

if TYPE_CHECKING:
    from nbformat import NotebookNode

_RANDOM_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{8}")
_WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
_OVERWRITTEN = re.compile(r".*\r(?=[^\n])")


def normalise(nb: NotebookNode, *, record: bool = False) -> NotebookNode:
    """Return a copy of an executed notebook in normal form.

    Removed are timings, metadata of papermill and widgets, the language version, empty tags, standard error (progress
    and warnings), and all but the last line of expected errors, because tracebacks contain paths and line numbers.
    Parts of one stream are merged, and carriage returns applied. Random, missing and duplicate cell ids are replaced by
    a hash of the cell's text; ids chosen by the author stay.

    `record=True` keeps standard error and tracebacks, as evidence of a failed run.
    """
    import_without_iri_grammar()
    import nbformat

    nb = nbformat.from_dict(json.loads(json.dumps(nb)))
    author_ids = _author_ids(nb)
    if nb.nbformat_minor < 5:
        nb = nbformat.v4.upgrade(nb)
    for name in ("papermill", "widgets", "orig_nbformat_minor", "signature"):
        nb.metadata.pop(name, None)
    nb.metadata["kernelspec"] = dict(KERNELSPEC)
    nb.metadata["language_info"] = {"name": "python"}
    taken: set[str] = set(filter(None, author_ids))
    for cell, identity in zip(nb.cells, author_ids, strict=True):
        cell["id"] = identity or _hashed_id(cell, taken)
        for name in ("papermill", "execution"):
            cell.metadata.pop(name, None)
        if cell.metadata.get("tags") == []:
            del cell.metadata["tags"]
        if cell.cell_type == "code":
            if not record:
                cell.outputs = [_normalise_output(output) for output in cell.outputs if output.get("name") != "stderr"]
            cell.outputs = _merge_streams(cell.outputs)
    return nb


def dumps(nb: NotebookNode, *, record: bool = False) -> str:
    """The file content of a notebook in normal form: keys sorted, one newline at the end."""
    import_without_iri_grammar()
    import nbformat

    text: str = nbformat.writes(normalise(nb, record=record), indent=1, sort_keys=True, ensure_ascii=False)
    return text.rstrip("\n") + "\n"


def _author_ids(nb: NotebookNode) -> list[str | None]:
    """The id of each cell that its author chose; None if it is random or a duplicate."""
    seen: set[str] = set()
    ids: list[str | None] = []
    for cell in nb.cells:
        identity = cell.get("id", "")
        keep = bool(identity) and not _RANDOM_ID.fullmatch(identity) and identity not in seen
        ids.append(identity if keep else None)
        seen.add(identity)
    return ids


def _hashed_id(cell: NotebookNode, taken: set[str]) -> str:
    text, n = f"{cell.cell_type}\n{cell.source}", 0
    while (identity := hashlib.sha256(f"{text}\n{n}".encode()).hexdigest()[:8]) in taken:
        n += 1
    taken.add(identity)
    return identity


def _normalise_output(output: NotebookNode) -> NotebookNode:
    if output.output_type == "error":
        output.traceback = output.traceback[-1:]
    output.get("data", {}).pop(_WIDGET_VIEW, None)
    return output


def _merge_streams(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Join neighbouring parts of a stream, and remove what carriage returns overwrite.

    nbconvert does the same, but takes longer to import than a small notebook to run.
    """
    merged: list[NotebookNode] = []
    for output in outputs:
        last = merged[-1] if merged else None
        if last and last.output_type == output.output_type == "stream" and last.name == output.name:
            last.text += output.text
        else:
            merged.append(output)
    for output in merged:
        if output.output_type == "stream":
            output.text = _OVERWRITTEN.sub("", output.text)
    return merged
