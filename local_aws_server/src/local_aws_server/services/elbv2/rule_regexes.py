"""Regular expressions of rules: what AWS supports of them, and how a request matches and is rewritten.

AWS documents that an expression is matched against a part of the request, not whether it must match the whole of it.
Here it may match anywhere, as in a rewrite; anchor it with `^` and `$` to be certain.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-transforms.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from local_aws_server.errors import AwsError

_NOT_SUPPORTED = re.compile(r"\(\?<?[=!]|\\[1-9]|\\k[<{']|\(\?P=|\(\?>")
"""Lookaround, backreferences and atomic groups, which have no linear-time match."""


@lru_cache(maxsize=1000)
def compile_regex(regex: str) -> re.Pattern[str]:
    return re.compile(regex)


def check_regex(regex: str, max_length: int) -> None:
    """Raise AwsError if AWS does not accept a regular expression."""
    if len(regex) > max_length:
        raise AwsError("ValidationError", f"The regex value is too long; the limit is '{max_length}'")
    try:
        compile_regex(regex)
    except re.error:
        valid = False
    else:
        valid = bool(regex) and not _NOT_SUPPORTED.search(regex.replace("\\\\", ""))
    if not valid:
        raise AwsError("ValidationError", f"Regex value '{regex}' is not valid")


def rewrite(text: str, rewrites: Iterable[Mapping[str, str]]) -> str:
    """Replace the first match of each rewrite; `$1` in a replacement is the first group."""
    for each in rewrites:
        if match := compile_regex(each["Regex"]).search(text):
            text = text[: match.start()] + _expand(each["Replace"], match) + text[match.end() :]
    return text


def _expand(replacement: str, match: re.Match[str]) -> str:
    def group(named: re.Match[str]) -> str:
        number = int(named[1])
        return (match[number] or "") if number <= match.re.groups else ""

    return re.sub(r"\$(\d)", group, replacement)
