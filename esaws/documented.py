"""What AWS documents about the parameters of its calls: where a value comes from, what AWS takes, and the page.

A kind of resource declares its calls in `Resource.documented`. A declaration checks the values of its fields against
them, `docs/parameters.md` is written from them, and tests compare them with the models of botocore.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, ip_network
from math import isfinite
from typing import Any

LONGEST_DEPLOYMENT = "abcdefgh-"
"""The longest deployment name, as it begins a name on AWS."""

LONGEST_REGION = "-ap-northeast-1"
"""The longest name of a region, as it ends a name on AWS."""

OF_ESAWS = "esaws"
"""The source of a limit that AWS does not document, and without which a value makes no sense: a negative count."""

PORTS = "https://www.rfc-editor.org/rfc/rfc6335#section-6"
"""Ports are numbers of 16 bits, and port 0 is reserved. AWS documents no limit where it means any port."""


# -- what a parameter takes --------------------------------------------------------------------------------------


class Rule(ABC):
    """What a parameter takes. Its text completes the sentence "Use …"."""

    @abstractmethod
    def accepts(self, value: Any) -> bool:
        """Whether AWS takes the value of the field."""

    def refused(self, value: Any) -> Any:
        """Return the part of a refused value that AWS does not take, by default all of it."""
        return value


@dataclass(frozen=True)
class Unchecked(Rule):
    """A limit that only AWS can check, such as the versions that it offers now."""

    words: str

    def accepts(self, value: Any) -> bool:
        return True

    def __str__(self) -> str:
        return self.words


NOT_DOCUMENTED = Unchecked("not documented")
ID = Unchecked("the id that AWS gave it")


@dataclass(frozen=True)
class Between(Rule):
    """Numbers from `low` to `high`, both included; without `high` from `low` up. By default integers."""

    low: float
    high: float | None = None
    unit: str = ""
    integer: bool = True

    def accepts(self, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, int if self.integer else int | float):
            return False
        return isfinite(value) and self.low <= value and (self.high is None or value <= self.high)

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.low:,}{unit} or more" if self.high is None else f"{self.low:,} to {self.high:,}{unit}"


@dataclass(frozen=True)
class OneOf(Rule):
    """Some values. `besides` says which others AWS takes that esaws does not offer."""

    values: tuple[Any, ...]
    besides: str = ""

    def __init__(self, *values: Any, besides: str = "") -> None:
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "besides", besides)

    def accepts(self, value: Any) -> bool:
        return not isinstance(value, bool) and value in self.values  # True equals 1

    def __str__(self) -> str:
        *others, last = map(str, self.values)
        return f"{', '.join(others)} or {last}" if others else last


@dataclass(frozen=True)
class Flag(Rule):
    """True or False, which esaws sends as `on` and `off`."""

    on: Any = True
    off: Any = False

    def accepts(self, value: Any) -> bool:
        return isinstance(value, bool)

    def __str__(self) -> str:
        return "True or False" if self.on is True else f"True for `{self.on}`, False for `{self.off}`"


BOOLEAN = Flag()


@dataclass(frozen=True)
class Text(Rule):
    """A text of `low` to `high` characters that matches all of `pattern`; `words` describe the pattern."""

    low: int
    high: int | None
    pattern: str = r"(?s:.*)"
    words: str = "characters"

    def accepts(self, value: Any) -> bool:
        return isinstance(value, str) and self.has_length(value) and self.has_form(value)

    def has_length(self, value: str) -> bool:
        """Whether the text is neither too short nor too long."""
        return self.low <= len(value) and (self.high is None or len(value) <= self.high)

    def has_form(self, value: str) -> bool:
        """Whether the text matches the pattern."""
        return re.fullmatch(self.pattern, value, re.ASCII) is not None

    def __str__(self) -> str:
        if self.high is None:
            return self.words
        return f"{self.low:,} to {self.high:,} {self.words}" if self.low else f"up to {self.high:,} {self.words}"


@dataclass(frozen=True)
class Network(Rule):
    """An IPv4 range in canonical form with a prefix of `shortest` to `longest` bits; with `ipv6` also of IPv6."""

    shortest: int = 0
    longest: int = 32
    ipv6: bool = False

    def accepts(self, value: Any) -> bool:
        try:
            network = ip_network(value if isinstance(value, str) else "")
        except ValueError:
            return False
        if isinstance(network, IPv4Network):
            return "/" in value and self.shortest <= network.prefixlen <= self.longest
        return self.ipv6

    def __str__(self) -> str:
        sizes = f", /{self.shortest} to /{self.longest}" if (self.shortest, self.longest) != (0, 32) else ""
        return f"an {'' if self.ipv6 else 'IPv4 '}address range such as 10.0.0.0/16, without host bits{sizes}"


@dataclass(frozen=True)
class Each(Rule):
    """`low` to `high` values, each of which `rule` accepts; of pairs their item number `item`."""

    rule: Rule
    low: int = 0
    high: int | None = None
    item: int | None = None

    def accepts(self, value: Any) -> bool:
        if not isinstance(value, list | tuple | set | frozenset):
            return False
        return self._has_count(len(value)) and not [*self._refused_items(value)]

    def refused(self, value: Any) -> Any:
        return next(self._refused_items(value), value) if isinstance(value, list | tuple) else value

    def _refused_items(self, values: Any) -> Iterator[Any]:
        for value in values:
            item = value if self.item is None else value[self.item]
            if not self.rule.accepts(item):
                yield item

    def _has_count(self, count: int) -> bool:
        return self.low <= count and (self.high is None or count <= self.high)

    def __str__(self) -> str:
        if self.high is None:
            counted = f"at least {self.low} of: " if self.low else "any number of: "
        else:
            counted = f"{self.low} to {self.high} of: " if self.low else f"up to {self.high} of: "
        return f"{counted}{self.rule}"


# -- where the value of a parameter comes from -------------------------------------------------------------------


@dataclass(frozen=True)
class Parameter:
    """A parameter: where its value comes from, and what AWS takes. `source` is another page than the call's."""

    takes: Rule
    source: str = ""

    @property
    def origin(self) -> str:
        """Where its value comes from, as the page of the parameters shows it."""
        return "*set by esaws*"


@dataclass(frozen=True, init=False)
class Field(Parameter):
    """The value of a field of the declaration, or the id of the resource in it; of several fields with `also`."""

    names: tuple[str, ...] = ()

    def __init__(self, name: str, takes: Rule = ID, source: str = "", *, also: str = "") -> None:
        super().__init__(takes, source)
        object.__setattr__(self, "names", (name, also) if also else (name,))

    @property
    def origin(self) -> str:
        return ", ".join(f"`{name}`" for name in self.names)


@dataclass(frozen=True, init=False)
class Name(Parameter):
    """The reference name, between `prefix` and `ending`, which stand for the longest ones that esaws uses."""

    takes: Text
    prefix: str = LONGEST_DEPLOYMENT
    ending: str = ""

    def __init__(self, takes: Text, source: str = "", *, prefix: str = LONGEST_DEPLOYMENT, ending: str = "") -> None:
        super().__init__(takes, source)
        object.__setattr__(self, "prefix", prefix)
        object.__setattr__(self, "ending", ending)

    @property
    def origin(self) -> str:
        return "`name`"

    @property
    def limit(self) -> int | None:
        """The length of the longest reference name; None if AWS documents no limit."""
        return None if self.takes.high is None else self.takes.high - len(self.prefix) - len(self.ending)

    def on_aws(self, name: str) -> str:
        """Return the longest name on AWS that a reference name can have."""
        return f"{self.prefix}{name}{self.ending}"


@dataclass(frozen=True, init=False)
class Always(Parameter):
    """A constant, which a kind always sends."""

    value: Any = None

    def __init__(self, value: Any, takes: Rule = NOT_DOCUMENTED, source: str = "") -> None:
        super().__init__(takes, source)
        object.__setattr__(self, "value", value)

    @property
    def origin(self) -> str:
        return f"always `{self.value}`"


@dataclass(frozen=True)
class Made(Parameter):
    """A value that esaws makes or looks up: the id of the resource itself, the account, the region."""


ITSELF = Made(ID)
DESCRIBED = Made(Unchecked("what AWS describes"))

EVERYTHING_ELSE = "*"
"""The path that stands for all parameters that a call does not list."""


@dataclass(frozen=True)
class Call:
    """A call that a kind makes: its page in AWS's documentation, and what is documented there about each parameter.

    A parameter is named by its path, such as `Tags[].Key` in a list and `tags{}` for the values of a map.
    """

    page: str
    parameters: Mapping[str, Parameter]
    name: str = ""

    @property
    def operation(self) -> str:
        """The operation that the page documents."""
        found = re.search(r"/API_(?:[a-z]+_)?([A-Za-z0-9]+)\.html$", self.page)
        return self.name or (found[1] if found else "")

    def source(self, path: str) -> str:
        """Return the page that documents a parameter."""
        return self.parameters[path].source or self.page

    def covering(self, path: str) -> Parameter | None:
        """Return what is documented about the parameter with this path, or None."""
        generic = re.sub(r"\{[^{}]*\}", "{}", path)
        for known in (path, generic, EVERYTHING_ELSE):
            if known in self.parameters:
                return self.parameters[known]
        return None


def tags(path: str, rule: Text, key: str = "Key", value: str = "Value") -> dict[str, Parameter]:
    """Return the ownership tags in a list of tags; `rule` is what a value takes."""
    return {f"{path}[].{key}": TAG_KEY, f"{path}[].{value}": Name(rule)}


def tag_map(path: str, rule: Text) -> dict[str, Parameter]:
    """Return the ownership tags in a map from key to value."""
    return {f"{path}{{}}": Name(rule)}


TAG_KEY = Made(Unchecked("up to 127 characters, not aws: first; Name, and those that begin with esaws:"))
PRINTABLE = r"[^\x00-\x1f\x7f]*"
"""A pattern of characters that are no control characters. Where AWS documents none, these make no sense either."""

ANY_TAG = Text(0, 256, PRINTABLE, "characters, no control characters")
TAG = Text(0, 256, r"[A-Za-z0-9 _.:/=+@-]*", "letters, digits, spaces and any of _.:/=+-@")


def refusal(calls: Iterable[Call], declared: Mapping[str, Any], is_reference: Callable[[Any], bool]) -> str | None:
    """Return why AWS would refuse a declaration with these fields, what to use instead, and the source; or None.

    `is_reference` says whether a value is another resource, of which AWS gets the id.
    """
    for call in calls:
        for path, parameter in call.parameters.items():
            reason = None
            if isinstance(parameter, Name):
                reason = _name_refusal(parameter, declared["name"])
            elif isinstance(parameter, Field):
                values = {name: declared[name] for name in parameter.names}
                checked = {
                    name: value for name, value in values.items() if value is not None and not is_reference(value)
                }
                reason = _field_refusal(parameter.takes, checked)
            if reason:
                source = call.source(path)
                if source == OF_ESAWS:
                    return f"{reason} This is a limit of esaws: AWS documents none for {path}."
                return f"{reason} Source: {path} in {source}"
    return None


def _field_refusal(rule: Rule, values: Mapping[str, Any]) -> str | None:
    for name, value in values.items():
        if not rule.accepts(value):
            return f"{name} {rule.refused(value)!r} is not valid. Use {rule}."
    return None


def _name_refusal(parameter: Name, name: str) -> str | None:
    limit = parameter.limit
    if limit is not None and len(name) > limit:
        return (
            f"the name is too long: {len(name)} characters. Use at most {limit}, since the deployment's name is put in "
            "front."
        )
    return None if parameter.takes.accepts(parameter.on_aws(name)) else f"the name is not valid. Use {parameter.takes}."
