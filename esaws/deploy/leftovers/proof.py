"""The proof that nothing is left: two witnesses, and what neither can say for sure is `unknown`.

The tagging API names everything that carries the deployment's tag, and many a thing that is long dead. The listings
tell what exists, and whose it is by its own tags.
"""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Literal, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from esaws.aws import error_code, pages, tag_dict
from esaws.cloud import DEPLOYMENT_TAG, NAME_TAG, Cloud
from esaws.deploy.leftovers.listings import LISTINGS, Listing, Tags, Thing, is_ours, kind_of

# The last one is no ClientError: botocore can't read the answer of an endpoint that does not know the call.
_REFUSALS = (ClientError, BotoCoreError, ResponseParserError)
_GONE = frozenset({"InvalidResourceId", "NoSuchBucket", "NoSuchEntity"})


@dataclass(frozen=True)
class Leftover:
    """What a teardown left behind, or may have: `kind` is AWS's word for it, such as `ec2:instance`."""

    kind: str
    name: str
    id: str
    state: Literal["left", "unknown"]
    why: str

    def __str__(self) -> str:
        return f"{self.state}: {self.kind} {self.name}".rstrip() + f" ({self.why})"

    def to_dict(self) -> dict[str, str]:
        """kind, name, id, state, why."""
        return asdict(self)


class Answer(NamedTuple):
    """What a listing found, and the error that ended it."""

    kinds: tuple[str, ...]
    things: tuple[Thing, ...] = ()
    error: Exception | None = None


def left(cloud: Cloud) -> list[Leftover]:
    """Everything of the deployment that still exists, and what could not be looked at; empty is the proof.

    Service-linked roles belong to the account and are never ours.

    Raises:
        LocalNotRunning: the target is the local AWS and none runs.
        WrongAccount: the credentials belong to another account.
    """
    cloud.check()
    tagged: dict[str, Tags] = {}
    answers = []
    try:
        tagged = _tagged(cloud)
    except _REFUSALS as error:
        answers.append(Answer(("resourcegroupstaggingapi",), error=error))
    with ThreadPoolExecutor(8) as pool:
        answers += pool.map(partial(_ask, cloud, frozenset(tagged)), LISTINGS)
    return judge(cloud, tagged, answers)


def judge(cloud: Cloud, tagged: Mapping[str, Tags], answers: Iterable[Answer]) -> list[Leftover]:
    """What is left, or unknown, from what both witnesses said; sorted. Pure."""
    found: dict[str, Leftover] = {}
    errors: dict[str, Exception | None] = {}
    seen = set()
    for answer in answers:
        if answer.error:
            what = answer.kinds[0]
            found[what] = Leftover(what, "", "", "unknown", f"it could not be looked at: {_told(answer.error)}")
        for kind in answer.kinds:
            errors[kind] = errors.get(kind) or answer.error
        for thing in answer.things:
            seen.add(thing.id)
            if judged := _judged(cloud, thing, tagged.get(thing.id, {})):
                found.setdefault(thing.id, judged)
    for arn, tags in tagged.items():
        if arn not in seen and (why := _doubt(kind_of(arn), errors)):
            found[arn] = Leftover(kind_of(arn), tags.get(NAME_TAG, ""), arn, "unknown", why)
    return sorted(found.values(), key=lambda leftover: (leftover.kind, leftover.name, leftover.id))


def _judged(cloud: Cloud, thing: Thing, tags: Tags) -> Leftover | None:
    thing = thing if thing.tags else replace(thing, tags=tags)
    if not (thing.why or is_ours(cloud, thing)):
        return None
    name = thing.name if callable(thing.tags) else thing.tags.get(NAME_TAG, thing.name)
    why = (thing.why or "it exists, tagged as ours") + (f"; it is {thing.state}" if thing.state else "")
    return Leftover(kind_of(thing.id), name, thing.id, "unknown" if thing.doubtful else "left", why)


def _doubt(kind: str, errors: Mapping[str, Exception | None]) -> str:
    """Why nobody can say that a tagged thing, which no listing shows, is dead; empty where it is."""
    if kind not in errors:
        return "the tagging API names it, and there is no listing to check that with"
    error = errors[kind]
    return f"the tagging API names it, and it could not be looked at: {_told(error)}" if error else ""


def _tagged(cloud: Cloud) -> dict[str, Tags]:
    """The ARN of each thing that the tagging API knows under the deployment's tag, with its tags."""
    ours = [{"Key": DEPLOYMENT_TAG, "Values": [cloud.deployment]}]
    found = pages(cloud, "resourcegroupstaggingapi", "get_resources", "ResourceTagMappingList", TagFilters=ours)
    return {each["ResourceARN"]: tag_dict(each["Tags"]) for each in found}


def _ask(cloud: Cloud, tagged: frozenset[str], listing: Listing) -> Answer:
    things = []
    try:
        for thing in listing.things(cloud, tagged):
            if not callable(thing.tags):
                things.append(thing)
            elif not thing.name.startswith(cloud.aws_name("")):
                # Tags cost a call each: they are asked for only where the name could be ours.
                things.append(replace(thing, tags={}))
            else:
                things += _with_tags(thing)
    except _REFUSALS as error:
        return Answer(listing.kinds, tuple(things), error)
    return Answer(listing.kinds, tuple(things))


def _with_tags(thing: Thing) -> list[Thing]:
    """The thing with its tags, or nothing where it went away meanwhile."""
    assert callable(thing.tags)
    try:
        return [replace(thing, tags=thing.tags())]
    except ClientError as error:
        code = error_code(error)
        if code == "NoSuchTagSet":
            return [replace(thing, tags={})]
        if code in _GONE or code.removesuffix("Fault").removesuffix("Exception").endswith("NotFound"):
            return []
        raise


def _told(error: Exception) -> str:
    if isinstance(error, ClientError):
        return f"{error_code(error)} ({error.operation_name})"
    return f"{type(error).__name__}: {error}".splitlines()[0]
