"""A clip of a camera: an animated GIF in which a person walks past, the same bytes for the same name."""

from __future__ import annotations

import hashlib
import struct

WIDTH, HEIGHT, FRAMES = 96, 64, 16
_TENTHS = 1
_GROUND = 50
_PALETTE = ((13, 19, 31), (24, 34, 52), (52, 68, 92), (240, 178, 79), (120, 200, 150), (0, 0, 0), (0, 0, 0), (0, 0, 0))
_NIGHT, _GRASS, _WALL, _WINDOW, _BODY = range(5)


def make_clip(name: str) -> bytes:
    """Return the clip of a name, such as that of a device: 58 kB of GIF."""
    seed = hashlib.sha256(name.encode()).digest()
    colours = b"".join(bytes(colour) for colour in _PALETTE)
    parts = [
        b"GIF89a" + struct.pack("<HHBBB", WIDTH, HEIGHT, 0xF2, 0, 0) + colours,
        b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00",  # repeats for ever
    ]
    for number in range(FRAMES):
        parts.append(struct.pack("<BBBBHBB", 0x21, 0xF9, 4, 4, _TENTHS * 10, 0, 0))
        parts.append(struct.pack("<BHHHHB", 0x2C, 0, 0, WIDTH, HEIGHT, 0))
        parts.append(_compressed(_frame(seed, number)))
    return b"".join(parts) + b"\x3b"


def _frame(seed: bytes, number: int) -> bytes:
    """Return the colours of a frame's pixels, row by row."""
    pixels = [bytearray([_NIGHT if y < _GROUND else _GRASS]) * WIDTH for y in range(HEIGHT)]

    def fill(left: int, top: int, width: int, height: int, colour: int) -> None:
        for y in range(max(top, 0), min(top + height, HEIGHT)):
            for x in range(max(left, 0), min(left + width, WIDTH)):
                pixels[y][x] = colour

    house = 8 + seed[0] % 50
    fill(house, 18, 30, _GROUND - 18, _WALL)
    for window in range(3):
        if seed[1] >> window & 1:
            fill(house + 4 + 9 * window, 24, 4, 6, _WINDOW)
    x = number * (WIDTH + 12) // FRAMES - 8
    x = x if seed[2] % 2 else WIDTH - x - 5
    fill(x + 1, 32, 3, 4, _BODY)  # head
    fill(x, 37, 5, 9, _BODY)
    stride = number % 2
    fill(x - stride, 46, 2, 8, _BODY)
    fill(x + 3 + stride, 46, 2, 8, _BODY)
    return b"".join(pixels)


def _compressed(pixels: bytes) -> bytes:
    """Return pixels of three bits in GIF's LZW, without its dictionary: it is cleared before it grows a bit wider."""
    clear, end, width = 8, 9, 4
    codes = []
    for start in range(0, len(pixels), 6):
        codes += [clear, *pixels[start : start + 6]]
    codes.append(end)
    value = bits = 0
    data = bytearray()
    for code in codes:
        value |= code << bits
        bits += width
        while bits >= 8:
            data.append(value & 0xFF)
            value >>= 8
            bits -= 8
    data.append(value & 0xFF)
    blocks = b"".join(bytes([len(block)]) + block for at in range(0, len(data), 255) for block in [data[at : at + 255]])
    return bytes([3]) + blocks + b"\0"
