"""What happened, by time, in little memory: old records are packed, and those that AWS keeps no longer are dropped."""

from __future__ import annotations

import json
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_BLOCK = 256
"""Records that are packed together."""
_MOST = 100_000
"""Records of one history, if it has more in the time for which AWS keeps them."""
_MOST_BYTES = 2**26
"""What packed records may unpack to, as those in a file may come from anyone."""

Record = tuple[Any, ...]
"""The time, in seconds since 1970, and other values that JSON has; of a packed record, tuples are lists."""


def pack(value: Any) -> bytes:
    """A value as compressed JSON."""
    return zlib.compress(json.dumps(value, separators=(",", ":")).encode())


def unpack(content: bytes) -> Any:
    """The value of compressed JSON; of its tuples, lists. Raises ValueError if it is far too large."""
    decompressor = zlib.decompressobj()
    text = decompressor.decompress(content, _MOST_BYTES)
    if decompressor.unconsumed_tail:
        raise ValueError("packed records are too large")
    return json.loads(text)


@dataclass(frozen=True)
class Block:
    """Packed records, as compressed JSON."""

    first: int
    """The number of the first one."""
    end: float
    """The time of the last one."""
    content: bytes

    def unpack(self) -> list[Record]:
        return [tuple(values) for values in unpack(self.content)]


@dataclass
class History:
    """Records in the order in which they were added, which is that of their times. Each has a number."""

    seconds: float | None = None
    """How long AWS keeps them; None without an end."""
    most: int = _MOST
    blocks: deque[Block] = field(default_factory=deque)
    recent: list[Record] = field(default_factory=list)
    """The latest, which are not packed yet."""
    next: int = 0
    """The number of the next record."""
    lost: float | None = None
    """The time of the last record that was dropped although AWS would have it, because there were too many."""

    def append(self, record: Record) -> None:
        """Add a record, whose first value is its time."""
        self.recent.append(record)
        self.next += 1
        if len(self.recent) == 2 * _BLOCK:
            packed, self.recent = self.recent[:_BLOCK], self.recent[_BLOCK:]
            self.blocks.append(Block(self.next - 2 * _BLOCK, packed[-1][0], pack(packed)))
        while self.blocks and self.seconds is not None and self.blocks[0].end < record[0] - self.seconds:
            self.blocks.popleft()
        while self.blocks and self.next - self.blocks[0].first > self.most:
            self.lost = self.blocks.popleft().end

    def newest_first(self, before: int | None = None) -> Iterator[tuple[int, Record]]:
        """Yield (number, record), from the last one before a number on. Blocks are unpacked as they are reached."""
        end = self.next if before is None else before
        for block in (None, *reversed(self.blocks)):
            first = block.first if block else self.next - len(self.recent)
            if first < end:
                records = block.unpack() if block else self.recent
                for index in range(min(len(records), end - first) - 1, -1, -1):
                    yield first + index, records[index]

    def since(self, time: float) -> list[Record]:
        """The records from a time on, the oldest first."""
        records: list[Record] = []
        for block in self.blocks:
            if block.end >= time:
                records += block.unpack()
        return [record for record in [*records, *self.recent] if record[0] >= time]

    def is_complete(self, since: float) -> bool:
        """Whether it has every record from a time on."""
        return self.lost is None or self.lost < since
