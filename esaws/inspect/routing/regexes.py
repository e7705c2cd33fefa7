"""Regular expressions in conditions: what AWS leaves out, and what can be said of a match."""

import re
from functools import lru_cache

from esaws.inspect.answers import NO, YES, Answer, unknown

MOST_CHARACTERS = 128

_UNSUPPORTED = {
    r"\(\?<?[=!]": "lookaround",
    r"\\[1-9]|\\k[<{']|\(\?P=": "a backreference",
    r"\(\?>": "an atomic group",
    r"(?:[*+?]|\{\d*,?\d*\})\+": "a possessive quantifier",
    r"\(\?(?:R|[+-]?\d+|&|P>)|\\g[<{']": "recursion or a subroutine",
    r"\\[pP][{A-Z]": "a Unicode class",
}
_ENDS = (".*", ".*$", "(.*)", "(.*)$")


@lru_cache(maxsize=4096)
def unsupported_syntax(regex: str) -> str:
    """What in a regular expression AWS does not take; empty if it takes it.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-rules.html
    """
    plain = re.sub(r"\\[^1-9kgpP]", "", regex)  # an escaped character is no syntax
    outside_sets = re.sub(r"\[\^?\]?[^\]]*\]", "x", plain)
    for syntax, name in _UNSUPPORTED.items():
        if re.search(syntax, outside_sets):
            return name
    try:
        re.compile(regex)
    except re.error as error:
        return f"an error: {error}"
    return ""


def match_text(regex: str, text: str) -> Answer:
    """Does it match? Unknown where it hangs on case, or on whether AWS searches or matches the whole text."""
    if wrong := unsupported_syntax(regex):
        return unknown(f"the regex {regex} has {wrong}, which AWS does not document")
    ways = [re.compile(regex), re.compile(regex, re.IGNORECASE)]
    found = {bool(way(text)) for compiled in ways for way in (compiled.search, compiled.fullmatch)}
    if found == {True}:
        return YES
    if found == {False}:
        return NO
    return unknown(f"AWS documents neither the case of the regex {regex} nor whether it must match the whole of {text}")


def match_prefix(regex: str, start: str) -> Answer:
    """Does it match a text of which only the beginning is certain?"""
    literal, rest = _literal_start(regex)
    if literal and not start.startswith(literal):
        same = min(len(start), len(literal))
        if start[:same].lower() != literal[:same].lower():
            return NO
    elif rest in _ENDS and not unsupported_syntax(regex):
        return YES
    return unknown(f"AWS does not document how it normalises a path, and the regex {regex} sees what follows {start}")


def _literal_start(regex: str) -> tuple[str, str]:
    """The text with which a match must begin, and the rest of the expression; nothing certain gives an empty text."""
    if regex in _ENDS or regex in {f"^{end}" for end in _ENDS}:
        return "", ".*"
    if not regex.startswith("^") or "|" in regex:
        return "", regex
    pieces = re.match(r"\^((?:\\[/._~-]|[A-Za-z0-9/_~-])*)", regex)
    literal = pieces[1] if pieces else ""
    rest = regex[1 + len(literal) :]
    if rest[:1] in tuple("*?{+") and rest:
        return "", regex
    return literal.replace("\\", ""), rest
