"""Regular expressions in conditions: unsupported syntax, and what is certain about a match."""

import re
from functools import lru_cache

from esaws.inspect.answers import NO, YES, Answer, unknown

MAX_CHARACTERS = 128

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
    """Return the syntax in a regular expression that AWS does not support, or an empty string.

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
    """Return whether it matches; unknown where that depends on case, or on whether AWS searches or matches fully."""
    if unsupported := unsupported_syntax(regex):
        return unknown(f"the regex {regex} has {unsupported}, which AWS does not document")
    compiled_variants = [re.compile(regex), re.compile(regex, re.IGNORECASE)]
    results = {bool(method(text)) for compiled in compiled_variants for method in (compiled.search, compiled.fullmatch)}
    if results == {True}:
        return YES
    if results == {False}:
        return NO
    return unknown(f"AWS documents neither the case of the regex {regex} nor whether it must match the whole of {text}")


def match_prefix(regex: str, start: str) -> Answer:
    """Return whether it matches a text of which only the beginning is certain."""
    literal, rest = _literal_start(regex)
    if literal and not start.startswith(literal):
        length = min(len(start), len(literal))
        if start[:length].lower() != literal[:length].lower():
            return NO
    elif rest in _ENDS and not unsupported_syntax(regex):
        return YES
    return unknown(
        f"AWS does not document how it normalises a path, and the regex {regex} depends on what follows {start}"
    )


def _literal_start(regex: str) -> tuple[str, str]:
    """Return the text that a match must begin with (empty if uncertain), and the rest of the expression."""
    if regex in _ENDS or regex in {f"^{end}" for end in _ENDS}:
        return "", ".*"
    if not regex.startswith("^") or "|" in regex:
        return "", regex
    prefix = re.match(r"\^((?:\\[/._~-]|[A-Za-z0-9/_~-])*)", regex)
    literal = prefix[1] if prefix else ""
    rest = regex[1 + len(literal) :]
    if rest[:1] in tuple("*?{+") and rest:
        return "", regex
    return literal.replace("\\", ""), rest
