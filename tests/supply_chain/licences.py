"""The licences of the installed distributions, from their own metadata, held against a list of allowed ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import Distribution
from typing import NamedTuple

ALLOWED = frozenset(
    (
        *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "CNRI-Python", "HPND", "ISC", "MIT"),
        *("MIT-0", "MIT-CMU", "MPL-2.0", "PSF-2.0", "PostgreSQL", "Unlicense", "Zlib"),
    )
)
"""SPDX identifiers: licences that let anybody use, change and pass on, MPL-2.0 with the source of its own files."""

_NAMES = {
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
    "the unlicense (unlicense)": "Unlicense",
}
"""What classifiers and free texts call a licence → its SPDX identifier. A "BSD" is one of the two or three clauses."""

EXCEPTIONS: Mapping[str, str] = {
    "docutils": "its GPL is that of an Emacs mode, which is not in the wheel; the rest is in the public domain",
    "resvg-py": "MIT, by the LICENSE in its wheel; its metadata do not say so",
    "psycopg": "LGPL-3.0: a library that is imported as it is, and can be replaced",
    "psycopg-binary": "LGPL-3.0: a library that is imported as it is, and can be replaced",
}
"""Distributions with another licence, and why that is all right."""


class Licence(NamedTuple):
    """A distribution, its licence as it states it, and whether that is allowed."""

    name: str
    version: str
    licence: str
    is_allowed: bool


def read_licences(distributions: Iterable[Distribution]) -> Iterator[Licence]:
    """Yield the licence of each distribution, by name."""
    for each in sorted(distributions, key=lambda one: one.metadata["Name"].lower()):
        name, licence = each.metadata["Name"], stated_licence(each)
        yield Licence(name, each.version, licence, is_allowed(licence) or _key(name) in EXCEPTIONS)


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def exceptions_of(licences: Iterable[Licence]) -> list[str]:
    """Return the names among them that are allowed by exception."""
    return sorted({_key(each.name) for each in licences} & EXCEPTIONS.keys())


def stated_licence(distribution: Distribution) -> str:
    """Return an SPDX expression, else the classifiers joined by AND, else the first line of the free text."""
    metadata = distribution.metadata
    if expression := metadata.get("License-Expression"):
        return str(expression)
    texts = [text.rpartition("::")[2].strip() for text in metadata.get_all("Classifier") or () if "License ::" in text]
    texts = [text for text in texts if text != "OSI Approved"] or (metadata.get("License") or "").strip().splitlines()[
        :1
    ]
    return " AND ".join(_NAMES.get(text.lower(), text) for text in texts)


def is_allowed(licence: str) -> bool:
    """Whether an SPDX expression needs no other licence than allowed ones: one of an OR, all of an AND."""
    choices = re.split(r"\s+OR\s+", licence.replace("(", "").replace(")", ""))
    return any(all(part.strip() in ALLOWED for part in re.split(r"\s+AND\s+", choice)) for choice in choices)
