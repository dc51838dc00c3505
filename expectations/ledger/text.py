"""Bytes of a ledger file to UTF-8 for the CSV reader, block by block, remembering the lines that do not decode."""

from __future__ import annotations

import codecs
import csv
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from gzip import BadGzipFile
from lzma import LZMAError
from typing import IO

import fsspec

from expectations.ledger.mapping import FileFormat
from lake.errors import ContractBroken, SourceUnavailable, UsageError

_REPLACED = "\ufffd"


class Recoder:
    """A readable of UTF-8 over a readable of any encoding. `garbage` lists the line numbers that do not decode (1 = first)."""

    closed = False

    def __init__(self, raw: IO[bytes], encoding: str) -> None:
        self._raw = raw
        self._decoder = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)(errors="replace")
        self._ready = b""
        self._lines = 0
        self._ended = False
        self.garbage: list[int] = []

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True

    def _fill(self, size: int) -> None:
        while len(self._ready) < size and not self._ended:
            block = self._raw.read(max(size, 1 << 16))
            self._ended = not block
            text = self._decoder.decode(block, final=self._ended)
            at = text.find(_REPLACED)
            while at >= 0 and len(self.garbage) < 1000:
                line = self._lines + text.count("\n", 0, at) + 1
                if line not in self.garbage[-1:]:
                    self.garbage.append(line)
                at = text.find(_REPLACED, at + 1)
            self._lines += text.count("\n")
            self._ready += text.encode()

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes of UTF-8; empty at the end."""
        self._fill(size if size >= 0 else 1 << 62)
        out = self._ready if size < 0 else self._ready[:size]
        self._ready = self._ready[len(out) :]
        return out

    def first_line(self) -> str:
        """The first line without taking it out."""
        size = 1 << 16
        self._fill(size)
        while b"\n" not in self._ready and not self._ended:
            size *= 2
            self._fill(size)
        return self._ready.split(b"\n", 1)[0].rstrip(b"\r").decode()


def split_line(line: str, form: FileFormat) -> list[str]:
    """The fields of one line."""
    return next(csv.reader([line], delimiter=form.delimiter, quotechar=form.quote), [])


@contextmanager
def opened(url: str, encoding: str) -> Iterator[Recoder]:
    """The text of the file at a path or fsspec URL, decompressed by its ending."""
    with opened_raw(url, "infer") as raw:
        yield Recoder(raw, encoding)


@contextmanager
def opened_raw(url: str, compression: str | None = None) -> Iterator[IO[bytes]]:
    """The bytes of the file at a path or fsspec URL; what cannot be read is said in one sentence."""
    try:
        file = fsspec.open(url, "rb", compression=compression)
    except (ImportError, ValueError) as e:
        raise UsageError(f"cannot open the ledger {url}: {e}") from e
    try:
        with file as raw:
            yield raw
    except (FileNotFoundError, IsADirectoryError, PermissionError) as e:
        raise UsageError(f"cannot open the ledger {url}: {e.strerror or e}. Give the path or URL of a readable file.") from e
    except (EOFError, zlib.error, LZMAError, BadGzipFile) as e:
        raise ContractBroken(f"the ledger {url} is cut off or damaged inside its compression ({e}). Have it sent again.") from e
    except OSError as e:
        if "invalid data stream" in str(e).lower():
            raise ContractBroken(f"the ledger {url} is not what its ending says ({e}). Have it sent again.") from e
        raise SourceUnavailable(f"reading the ledger {url} failed: {e}") from e
