"""Manifests: what AWS writes last, to say which files a month's bill consists of.

https://docs.aws.amazon.com/cur/latest/userguide/dataexports-export-delivery.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from esaws.costs.bill.dedup.layout import Place, place_of


@dataclass(frozen=True)
class Manifest:
    """A manifest, and the files that it names by their path from the month on."""

    name: str
    place: Place
    tails: frozenset[str]

    @property
    def is_current(self) -> bool:
        """Whether it is the month's own: the manifest of a delivery lies in the delivery's folder."""
        return self.place.month is not None and self.place.delivery is None


def manifest_of(name: str, content: Any) -> Manifest | None:
    """A JSON document as a manifest; None if it is none."""
    if not isinstance(content, Mapping):
        return None
    files = content.get("dataFiles", content.get("reportKeys"))
    if not isinstance(files, list) or not all(isinstance(file, str) for file in files):
        return None
    return Manifest(name, place_of(name), frozenset(place_of(file).tail for file in files))


def current(manifests: Iterable[Manifest]) -> dict[tuple[str, str | None], Manifest]:
    """The manifest of each export and month that has one."""
    return {(each.place.root, each.place.month): each for each in manifests if each.is_current}
