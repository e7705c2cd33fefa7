"""Grade a diagnosis: a cause and one piece of evidence, handed in before anything is changed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime

from esaws.cloud import Cloud
from esaws.course.checking import Result
from esaws.course.exercises import Point
from esaws.course.labs.causes import CAUSES, require_cause
from esaws.course.labs.lab import Evidence, Lab
from esaws.course.labs.record import Record
from esaws.errors import UsageError
from esaws.inspect.trail import read_trail

LONGEST_EVIDENCE = 300
"""Characters. A page of output names everything, so it proves nothing."""
MOST_DIAGNOSES = 3


def grade_diagnosis(cloud: Cloud, lab: Lab, record: Record, cause: str, evidence: str) -> Result:
    """Return the points of a diagnosis.

    Raises:
        UsageError: the cause is not one of `CAUSES`, or the evidence is empty or too long.
    """
    require_cause(cause)
    evidence = " ".join(evidence.split())
    if not evidence or len(evidence) > LONGEST_EVIDENCE:
        raise UsageError(
            f"the evidence has {len(evidence)} characters. Name one fact in at most {LONGEST_EVIDENCE}: a resource and "
            "the value that you found there, as in `seccom-ALB-sg: no inbound rule for port 80`"
        )
    return Result(f"diagnosis of {lab.name}", tuple(_points(cloud, lab, record, cause, evidence)))


def changes_since_start(cloud: Cloud, record: Record) -> list[str]:
    """Return the operations that changed the account since the lab started, by name, from CloudTrail."""
    started = datetime.fromisoformat(record.started)
    # The calls of global services such as IAM are in us-east-1.
    trails = [read_trail(cloud.in_region(region), started) for region in {cloud.region, "us-east-1"}]
    return sorted({call.operation for trail in trails for call in trail.calls if not call.error})


def _points(cloud: Cloud, lab: Lab, record: Record, cause: str, evidence: str) -> Iterator[Point]:
    changes = changes_since_start(cloud, record)
    yield Point(
        "It is handed in before anything is changed",
        not changes,
        f"since the start of the lab: {', '.join(changes)}",
        "the order: first the diagnosis, then the repair. Start the lab again",
        is_needed=True,
    )
    yield Point(
        "The cause is right",
        cause == lab.cause,
        f"{cause}: {CAUSES[cause]}",
        "which hop of the request is the last one that works",
    )
    if changes:  # the account no longer shows what the evidence is compared with
        return
    of_resource, of_value = _matches(evidence, lab.evidence(cloud, lab.values_of(record.seed)))
    yield Point(
        "The evidence names the resource at fault",
        of_resource,
        evidence,
        "the name or id of the resource, as AWS shows it",
    )
    yield Point(
        "The evidence names a value there that proves the cause",
        of_value,
        evidence,
        "the setting of that resource that differs from what the requests need",
    )


def _matches(text: str, facts: Iterable[Evidence]) -> tuple[bool, bool]:
    """Return whether a text names a resource of the facts, and whether it names a value of the same fact."""
    named = [fact for fact in facts if names_fact(text, fact.resource)]
    return bool(named), any(names_fact(text, fact.value) for fact in named)


def names_fact(text: str, words: Iterable[str]) -> bool:
    """Return whether a text has one of the words, and not as a part of a longer name, number or path."""
    return any(
        re.search(rf"(?<![\w./-]){re.escape(word)}(?![\w/-]|\.\w)", text, re.IGNORECASE) is not None for word in words
    )
