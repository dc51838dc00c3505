"""Lines of a bank file, a block at a time, with the lines that cannot be parsed set aside.

Everything is done on whole blocks; single lines are touched only where something is wrong with them.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import numpy as np

BLOCK = 16 << 20
FEW = 0.05
"""Below this share of undecodable lines a file is UTF-8 with damaged lines; above it the other encoding is tried."""
OTHER = "gb18030"


def blocks(content: IO[bytes], stop: int, max_line: int, size: int = BLOCK) -> Iterator[bytes]:
    """Whole lines of the next `stop` bytes of `content` in blocks of about `size` bytes, each line ended by a line feed.

    A line of more than `max_line` bytes is cut to `max_line` + 1, so that it can be told apart and takes no memory.
    """
    rest, too_long = b"", False
    while data := content.read(min(size, stop)):
        stop -= len(data)
        if too_long:
            end = data.find(b"\n")
            if end < 0:
                continue
            yield rest + b"\n"
            rest, data, too_long = b"", data[end + 1 :], False
        data = rest + data
        end = data.rfind(b"\n") + 1
        if end:
            yield data[:end]
        rest = data[end:]
        if len(rest) > max_line:
            rest, too_long = rest[: max_line + 1], True
    if rest:
        yield rest + b"\n"


def valid(text: bytes, encoding: str) -> bool:
    """Whether `text` decodes."""
    try:
        text.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


class Encoding:
    """Decides once per file whether it is UTF-8 or GB18030, at the first block that is not plain ASCII."""

    def __init__(self) -> None:
        self.name: str | None = None

    def decide(self, block: bytes) -> str:
        """The file's encoding, given its next block."""
        if self.name is None and not block.isascii():
            self.name = _choose(block)
        return self.name or "utf-8"


def _choose(block: bytes) -> str:
    if valid(block, "utf-8"):
        return "utf-8"
    lines = block.split(b"\n")
    beyond = [line for line in lines if not line.isascii()]
    damaged = [line for line in beyond if not valid(line, "utf-8")]
    if len(damaged) < FEW * len(lines) or 2 * len(damaged) <= len(beyond):
        return "utf-8"
    return OTHER if sum(valid(line, OTHER) for line in damaged) * 2 > len(damaged) else "utf-8"


@dataclass
class Split:
    """A block taken apart. `good` is UTF-8 text of D lines, `numbers` their line numbers, `odd` all other lines."""

    good: bytes
    numbers: np.ndarray
    odd: list[tuple[int, bytes, str]]


def split(block: bytes, first: int, encoding: str, max_line: int) -> tuple[Split, int]:
    """Set aside the lines of `block` that are no D lines or cannot be parsed; returns them and the number of lines.

    `first` is the number of the block's first line in its file. An odd line comes with its number, its text and the
    reason; blank lines are counted and dropped.
    """
    if b"\r" in block:
        block = block.replace(b"\r\n", b"\n")
    reasons: dict[int, str] = {}
    if not valid(block, encoding):
        reasons = dict.fromkeys(_undecodable(block, encoding), "encoding: not valid " + encoding)
    if encoding != "utf-8":
        block = _recode(block, encoding, reasons)
    raw = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(raw == 10)
    starts = np.concatenate(([0], ends[:-1] + 1))
    no_row = ~((raw[starts] == ord("D")) & (raw[np.minimum(starts + 1, ends)] == ord("|")))
    for i in np.flatnonzero(no_row):
        reasons.setdefault(int(i), "line type: neither D nor the trailer")
    for i in np.flatnonzero(ends - starts > max_line):
        reasons[int(i)] = f"longer than {max_line} bytes"
    for char, reason in ((b"\r", "carriage return inside the line"), (b"\0", "zero byte")):
        if char in block:
            for i in np.unique(np.searchsorted(ends, np.flatnonzero(raw == char[0]))):
                reasons.setdefault(int(i), reason)
    if b"\\\n" in block:
        for i in np.flatnonzero((raw[np.maximum(ends - 1, 0)] == ord("\\")) & (ends > starts)):
            line = block[starts[i] : ends[i]]
            if (len(line) - len(line.rstrip(b"\\"))) % 2:
                reasons.setdefault(int(i), "escape: nothing follows the last backslash")
    odd = [(first + i, block[starts[i] : ends[i]], reasons[i]) for i in sorted(reasons) if ends[i] > starts[i]]
    keep = np.ones(len(ends), bool)
    keep[list(reasons)] = False
    return Split(_kept(block, starts, ends, sorted(reasons)), first + np.flatnonzero(keep), odd), len(ends)


def _kept(block: bytes, starts: np.ndarray, ends: np.ndarray, drop: list[int]) -> bytes:
    """`block` without the lines `drop`."""
    if not drop:
        return block
    pieces, at = [], 0
    for i in drop:
        pieces.append(block[at : starts[i]])
        at = int(ends[i]) + 1
    return b"".join([*pieces, block[at:]])


def _undecodable(block: bytes, encoding: str) -> list[int]:
    """Positions of the lines that do not decode."""
    if encoding != "utf-8":
        return [i for i, line in enumerate(block.split(b"\n")) if not valid(line, encoding)]
    view, at, line, found = memoryview(block), 0, 0, []
    while at < len(block):
        try:
            codecs.utf_8_decode(view[at:], "strict", True)
            break
        except UnicodeDecodeError as e:
            line += block.count(b"\n", at, at + e.start)
            found.append(line)
            end = block.index(b"\n", at + e.start)
            at, line = end + 1, line + 1
    return found


def _recode(block: bytes, encoding: str, damaged: dict[int, str]) -> bytes:
    """`block` in UTF-8; damaged lines as ASCII with their bytes spelt out. Must come before fields are split: the second
    byte of a GB18030 character may be `|` or a backslash."""
    if not damaged:
        return block.decode(encoding).encode()
    lines = block.split(b"\n")
    return b"\n".join(readable(x).encode() if i in damaged else x.decode(encoding).encode() for i, x in enumerate(lines))


def readable(line: bytes) -> str:
    """The line as text that can be stored: bytes that are not UTF-8 are spelt out, so that nothing of it is lost."""
    return line.decode("utf-8", "backslashreplace")
