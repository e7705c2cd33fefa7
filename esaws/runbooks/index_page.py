"""The index of runs: one HTML page that needs no server and no network, with a search over all of its text."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from esaws.errors import UsageError
from esaws.files import write_atomically
from esaws.runbooks.history import PastRun, Runs, statuses

LONGEST = 20_000
"""What a run found is cut after this many characters on the page; the record has all of it."""
LONGEST_IN_ALL = 8_000_000
"""With many runs it is cut earlier, so that a browser can still show and search the page."""

_TEMPLATE = Path(__file__).with_name("index_page.html")


def write_index(runs: Runs, path: Path | str) -> Path:
    """Write the page of some runs. Links to records and notebooks are relative where both are on one disk.

    Raises:
        UsageError: the file can't be written.
    """
    path = Path(path).absolute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, render_index(runs, path.parent))
    except OSError as error:
        raise UsageError(f"{path}: can't be written ({error.strerror}); choose another place with -o") from error
    return path


def render_index(runs: Runs, folder: Path) -> str:
    """The HTML of a page in a folder. Every value of a record is escaped."""
    import jinja2

    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    longest = min(LONGEST, LONGEST_IN_ALL // max(1, len(runs)))
    rows = [_row(run, folder, longest) for run in runs]
    return template.render(runs=rows, statuses=statuses(runs), unreadable=runs.unreadable)


def _row(run: PastRun, folder: Path, longest: int) -> dict[str, Any]:
    """What the page shows of a run."""
    record, short = run.record, run.to_dict()
    found = json.dumps(record.get("found") or {}, indent=1, ensure_ascii=False)
    cut = len(found) > longest
    return {
        **short,
        "is_newer": run.is_newer,
        "headline": short["error"] or _headline(record),
        "parameters": {
            name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            for name, value in (record.get("parameters") or {}).items()
            if value not in ("", None, [])
        },
        "steps": record.get("steps") or [],
        "plans": [(plan.get("title"), [_line(line) for line in plan.get("changes") or ()]) for plan in _plans(record)],
        "checks": record.get("checks") or [],
        "changes": record.get("changed") or [],
        "left": json.dumps(record["left"], indent=1, ensure_ascii=False) if record.get("left") else "",
        "found": found[:longest] + ("\n…" if cut else "") if record.get("found") else "",
        "is_cut": cut,
        "record_link": _link(run.place, folder),
        "notebook_link": _link(record.get("output"), folder),
    }


def _headline(record: Mapping[str, Any]) -> str:
    """What a run without an error did, in a few words."""
    counts = record.get("counts") or {}
    changes = f"{counts.get('done')} of {counts['planned']} changes done" if counts.get("planned") else ""
    checks = f"{counts['checks_passed']} checks hold" if counts.get("checks_passed") else ""
    looked = f"found: {', '.join(record['found'])}" if record.get("found") and not changes else ""
    return "; ".join(filter(None, (changes, checks, looked))) or "details"


def _plans(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [plan for plan in record.get("plans") or () if isinstance(plan, Mapping)]


def _line(change: Mapping[str, Any]) -> str:
    """A planned change on one line."""
    name = " ".join(str(change[key]) for key in ("action", "kind", "name") if change.get(key))
    then = f": {change['now'] or 'absent'} → {change['then'] or 'absent'}" if "then" in change else ""
    return name + then


def _link(target: str | None, folder: Path) -> str:
    """A link to a local file, relative to the page; empty for s3:// and for files that are gone."""
    if not target or "://" in target or not Path(target).is_file():
        return ""
    try:
        return Path(os.path.relpath(target, folder)).as_posix()
    except ValueError:  # another drive of Windows
        return Path(target).as_uri()
