"""Decompressing what a stranger sent: bounded in size and in ratio, and complete or refused."""

from __future__ import annotations

import zlib
from typing import IO

CHUNK = 1 << 20
RATIO_FROM = 1 << 20
"""Below this many bytes the ratio is not judged: a short file of repeated text compresses well and harms nobody."""
EMPTY_MEMBERS, MEMBER_BYTES = 1000, 1024
"""So many members may hold nothing, further ones so many bytes on average: an empty member is 20 bytes and costs 20 us."""
MAGIC = b"\x1f\x8b"
GZIP = 16 + zlib.MAX_WBITS


class Unreadable(Exception):
    """The content of a delivery cannot be read; the text says why, for the bank."""


def gunzip(packed: IO[bytes], out: IO[bytes], *, max_bytes: int, max_ratio: int) -> int:
    """Decompress all gzip members of `packed` into `out`; returns the number of bytes written.

    Raises Unreadable when the data is not gzip, ends early, is damaged, has bytes after its end, or grows past a bound.
    """
    read = written = members = 0
    stream, pending, inside = zlib.decompressobj(GZIP), b"", False
    magic = packed.read(2) == MAGIC
    packed.seek(0)
    while data := pending or packed.read(CHUNK):
        read += 0 if pending else len(data)
        if members and not inside:
            data = data.lstrip(b"\0")  # zero padding after a member is allowed
        inside = inside or bool(data)
        try:
            text = stream.decompress(data, 8 * CHUNK)
        except zlib.error as e:
            raise Unreadable(f"damaged gzip after {written} bytes of content" if magic else "not a gzip file") from e
        written += len(text)
        _bound(written, read, max_bytes, max_ratio)
        out.write(text)
        pending = stream.unconsumed_tail
        if stream.eof:
            members, pending, inside = members + 1, stream.unused_data, False
            stream = zlib.decompressobj(GZIP)
            if members > EMPTY_MEMBERS + written // MEMBER_BYTES:
                raise Unreadable(f"{members} gzip members with {written} bytes of content: not unpacked further")
    if inside:
        raise Unreadable(f"truncated gzip: it ends after {written} bytes of content without its end mark")
    if not members:
        raise Unreadable("the file is empty")
    return written


def _bound(written: int, read: int, max_bytes: int, max_ratio: int) -> None:
    if written > max_bytes:
        raise Unreadable(f"more than {max_bytes} bytes of content")
    if written > RATIO_FROM and written > read * max_ratio:
        raise Unreadable(f"content of more than {max_ratio} times the compressed size: not unpacked further")
