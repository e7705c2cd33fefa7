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
from esaws.errors import Refused, UsageError
from esaws.inspect.trail import read_trail

LONGEST_EVIDENCE = 300
"""Characters. A page of output names everything, so it proves nothing."""
MOST_DIAGNOSES = 3

_IN_TIME = (
    "It is handed in before anything is changed",
    "the order: first the diagnosis, then the repair. Start the lab again",
)
_CAUSE = ("The cause is right", "which hop of the request is the last one that works")
_RESOURCE = ("The evidence names the resource at fault", "the name or id of the resource, as AWS shows it")
_VALUE = (
    "The evidence names a value there that proves the cause",
    "the setting of that resource that differs from what the requests need",
)
"""What each point of a diagnosis says, and where to look if it is not scored."""


def grade_diagnosis(cloud: Cloud, lab: Lab, record: Record, cause: str, evidence: str) -> Result:
    """Return the points of a diagnosis.

    Raises:
        Refused: as many as are allowed were handed in before, according to the record.
        UsageError: the cause is not one of `CAUSES`, or the evidence is empty or too long.
    """
    if len(record.diagnoses) >= MOST_DIAGNOSES and not record.is_diagnosed:
        raise Refused(f"{MOST_DIAGNOSES} diagnoses were handed in, which is the limit. Start the lab again.")
    require_cause(cause)
    evidence = " ".join(evidence.split())
    if not evidence or len(evidence) > LONGEST_EVIDENCE:
        raise UsageError(
            f"the evidence has {len(evidence)} characters. Name one fact in at most {LONGEST_EVIDENCE}: a resource and "
            "the value that you found there, as in `seccom-ALB-sg: no inbound rule for port 80`"
        )
    return Result(f"diagnosis of {lab.name}", tuple(_points(cloud, lab, record, cause, evidence)))


def missing_diagnosis(lab: Lab) -> Result:
    """Return the points of a lab without a diagnosis: none of those that one can score."""
    found = "no diagnosis was handed in"
    points = [Point(what, False, found, look_at) for what, look_at in (_IN_TIME, _CAUSE, _RESOURCE, _VALUE)]
    return Result(f"diagnosis of {lab.name}", tuple(points))


def changes_since_start(cloud: Cloud, record: Record) -> list[str]:
    """Return the operations that changed the account since the lab started, by name, from CloudTrail."""
    started = datetime.fromisoformat(record.started)
    # The calls of global services such as IAM are in us-east-1.
    trails = [read_trail(cloud.in_region(region), started) for region in {cloud.region, "us-east-1"}]
    return sorted({call.operation for trail in trails for call in trail.calls if not call.error})


def _points(cloud: Cloud, lab: Lab, record: Record, cause: str, evidence: str) -> Iterator[Point]:
    changes = changes_since_start(cloud, record)
    what, look_at = _IN_TIME
    yield Point(what, not changes, f"since the start of the lab: {', '.join(changes)}", look_at, is_needed=True)
    what, look_at = _CAUSE
    yield Point(what, cause == lab.cause, f"{cause}: {CAUSES[cause]}", look_at)
    # After a change the account no longer shows what the evidence is compared with.
    facts = () if changes else lab.evidence(cloud, lab.values_of(record.seed))
    for (what, look_at), ok in zip((_RESOURCE, _VALUE), _matches(evidence, facts), strict=True):
        yield Point(what, ok, evidence, look_at)


def _matches(text: str, facts: Iterable[Evidence]) -> tuple[bool, bool]:
    """Return whether a text names a resource of the facts, and whether it names a value of the same fact."""
    named = [fact for fact in facts if names_fact(text, fact.resource)]
    return bool(named), any(names_fact(text, fact.value) for fact in named)


def names_fact(text: str, words: Iterable[str]) -> bool:
    """Return whether a text has one of the words, and not as a part of a longer name, number or path."""
    return any(
        re.search(rf"(?<![\w./-]){re.escape(word)}(?![\w/-]|\.\w)", text, re.IGNORECASE) is not None for word in words
    )
