"""Cost Explorer asked: each request is counted at its price, none is made twice in a day, and there is a cap.

https://aws.amazon.com/aws-cost-management/aws-cost-explorer/pricing/
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esaws.errors import Refused

if TYPE_CHECKING:
    from esaws.cloud import Cloud

USD_A_REQUEST = 0.01
CAP = 25
"""The most requests for one question: a quarter of a dollar."""
_FRESH = timedelta(hours=24)
"""AWS refreshes its figures at least once in 24 hours."""


@dataclass(frozen=True)
class Answer:
    """What Cost Explorer said, and how often it was asked."""

    pages: list[dict[str, Any]]
    requests: int
    usd: float


def ask(cloud: Cloud, question: dict[str, Any], cap: int = CAP) -> Answer:
    """All pages of `GetCostAndUsage`, from the cache where they are known: its own folder, for AWS alone.

    Answers are kept for a day, and for good where AWS calls nothing in them estimated any more.

    Raises:
        Refused: more requests would be needed than `cap`.
        botocore.exceptions.ClientError: AWS refuses the question.
    """
    kept = _cache(cloud, question) if cloud.is_aws else None  # the local AWS costs nothing, and its clock jumps
    if kept is not None and (pages := _fresh(kept, date.fromisoformat(question["TimePeriod"]["End"]))):
        return Answer(pages, 0, 0.0)
    pages = list(_pages(cloud, question, cap))
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps({"asked": datetime.now(UTC).isoformat(), "pages": pages}, default=str), "utf-8")
    return Answer(pages, len(pages), len(pages) * USD_A_REQUEST if cloud.is_aws else 0.0)


def _pages(cloud: Cloud, question: dict[str, Any], cap: int) -> Iterator[dict[str, Any]]:
    explorer, token = cloud.client("ce"), None
    for _ in range(cap):
        answer = explorer.get_cost_and_usage(**question, **({"NextPageToken": token} if token else {}))
        yield {name: answer[name] for name in ("GroupDefinitions", "ResultsByTime") if name in answer}
        if not (token := answer.get("NextPageToken")):
            return
    raise Refused(
        f"stopped after {cap} requests to Cost Explorer, {cap * USD_A_REQUEST:.2f} USD: ask for fewer days, or read an "
        "export of the bill, which costs nothing to read"
    )


def _cache(cloud: Cloud, question: dict[str, Any]) -> Path:
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "esaws" / "cost-explorer"
    asked_by = json.dumps([cloud.account, question], sort_keys=True)
    return folder / f"{hashlib.sha256(asked_by.encode()).hexdigest()[:32]}.json"


def _fresh(kept: Path, end: date) -> list[dict[str, Any]] | None:
    """What was kept, if it is not older than a day or if nothing of it was estimated any more."""
    try:
        known = json.loads(kept.read_text("utf-8"))
        when, pages = datetime.fromisoformat(known["asked"]), known["pages"]
    except (OSError, ValueError, KeyError):
        return None
    is_final = when.date() >= end and not any(each.get("Estimated") for page in pages for each in page["ResultsByTime"])
    return pages if is_final or datetime.now(UTC) - when < _FRESH else None
