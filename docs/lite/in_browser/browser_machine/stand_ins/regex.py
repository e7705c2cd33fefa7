"""regex in a browser: JavaScript's regular expressions, which know `\\p{…}` and what else the models of AWS use."""

from __future__ import annotations

from js import RegExp
from pyodide.ffi import JsException


class error(Exception):
    """The pattern has no meaning in JavaScript."""


class Pattern:
    """A compiled pattern."""

    def __init__(self, pattern: str) -> None:
        try:
            self._compiled = RegExp.new(f"^(?:{pattern})$", "us")
        except JsException as problem:
            raise error(str(problem)) from None

    def fullmatch(self, string: str, timeout: float | None = None) -> str | None:
        """The string if all of it matches, else None."""
        return string if self._compiled.test(string) else None


def compile(pattern: str) -> Pattern:
    """Compile a pattern. Raises `error`."""
    return Pattern(pattern)
