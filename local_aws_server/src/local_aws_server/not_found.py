"""AWS's errors for calls that name a resource which does not exist, where moto accepts, fails or errs differently."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before


@dataclass(frozen=True)
class NotFoundRule:
    """One kind of resource, the operations that name one, and AWS's error if it does not exist."""

    service: str
    code: str
    message: str
    """`{}` stands for the name."""
    existing: Callable[[Call], Container[str]]
    """Returns the names of the existing ones, in the account and region of the call."""
    parameters: Mapping[str, str]
    """Operation → the parameter with the name or names; `Tags.ResourceId` is a member of each entry of a list."""
    normalize: Callable[[str], str] = str
    """Converts a name as callers may give it, such as an ARN, to one of `existing`."""
    default_name: str = ""
    """The name that a call without one means; without it, such a call is left to moto."""
    status: int | None = None

    def register(self) -> None:
        """Register the check as a hook."""
        before(self.service, *self.parameters)(self.check)

    def check(self, call: Call) -> None:
        """Raise the error if the call names a resource that does not exist."""
        if call.has_result:
            return
        path = self.parameters[call.operation]
        names = [*names_at(call.params, path)] or ([self.default_name] if self.default_name else [])
        existing = self.existing(call) if names else ()
        for name in names:
            if self.normalize(name) not in existing:
                raise AwsError(self.code, self.message.format(name), self.status)


def names_at(parameters: Any, path: str) -> Iterator[str]:
    """Every name at the end of a dotted path through parameters."""
    if isinstance(parameters, list):
        for entry in parameters:
            yield from names_at(entry, path)
    elif not path:
        if parameters:
            yield parameters
    elif isinstance(parameters, Mapping):
        step, _, rest = path.partition(".")
        yield from names_at(parameters.get(step), rest)


def by_parameter(parameter: str, *operations: str) -> dict[str, str]:
    """Operation → parameter, for operations that name the resource by the same parameter."""
    return dict.fromkeys(operations, parameter)


def last_part(arn: str) -> str:
    """The part of an ARN after its last slash; a plain name as it is."""
    return arn.rsplit("/", 1)[-1]


def store_keys(service: str, store: str) -> Callable[[Call], Container[str]]:
    """A function that returns the keys of one of moto's dicts, read when the call arrives."""

    def existing(call: Call) -> Container[str]:
        keys: Container[str] = getattr(call.backends.backend(service), store)
        return keys

    return existing
