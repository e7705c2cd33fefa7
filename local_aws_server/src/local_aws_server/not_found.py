"""Calls that name what does not exist: AWS's error, where moto fails, accepts the call, or gives another code."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local_aws_server.call import Call
from local_aws_server.hooks import AwsError, before


@dataclass(frozen=True)
class NotFoundRule:
    """One kind of thing, the calls that name one, and AWS's answer if there is none of that name."""

    service: str
    code: str
    message: str
    """`{}` stands for the name."""
    known: Callable[[Call], Container[str]]
    """The names of those that exist, in the account and region of the call."""
    named_by: Mapping[str, str]
    """Operation → the parameter with the name or names; `Tags.ResourceId` is a member of each entry of a list."""
    shortened: Callable[[str], str] = str
    """From a name as it may be given, an ARN for instance, to one as it is known."""
    unnamed: str = ""
    """The name that is meant if none is given; without it, such a call is left to moto."""
    status: int | None = None

    def install(self) -> None:
        """Enter the refusal into the seam."""
        before(self.service, *self.named_by)(self.refuse)

    def refuse(self, call: Call) -> None:
        if call.answered:
            return
        names = [*named(call.params, self.named_by[call.operation])] or ([self.unnamed] if self.unnamed else [])
        known = self.known(call) if names else ()
        for name in names:
            if self.shortened(name) not in known:
                raise AwsError(self.code, self.message.format(name), self.status)


def named(given: Any, path: str) -> Iterator[str]:
    """Every name at the end of a path through parameters."""
    if isinstance(given, list):
        for each in given:
            yield from named(each, path)
    elif not path:
        if given:
            yield given
    elif isinstance(given, Mapping):
        step, _, rest = path.partition(".")
        yield from named(given.get(step), rest)


def by(parameter: str, *operations: str) -> dict[str, str]:
    """Operations that name the thing by the same parameter."""
    return dict.fromkeys(operations, parameter)


def last_part(arn: str) -> str:
    """What follows the last slash of an ARN, or the whole of a plain name."""
    return arn.rsplit("/", 1)[-1]


def stored(service: str, store: str) -> Callable[[Call], Container[str]]:
    """The keys of one of moto's stores, as they are when the call comes."""

    def known(call: Call) -> Container[str]:
        things: Container[str] = getattr(call.backends.backend(service), store)
        return things

    return known
