"""What lies in a bank's folder, and fetching one file of it. Any place fsspec can name: a folder, sftp, s3."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import SpooledTemporaryFile
from typing import IO, Any

import fsspec
from tenacity import retry, retry_if_exception_type, retry_if_not_exception_type, stop_after_delay, wait_exponential_jitter

from jobs.ingest.manifest import MAX_BYTES
from jobs.ingest.names import MANIFEST_SUFFIX
from jobs.ingest.staging import writing
from lake.errors import ConfigError, SourceUnavailable
from lake.settings import Settings

FINAL = (FileNotFoundError, NotADirectoryError, PermissionError)
CHUNK = 4 << 20
IN_MEMORY = 128 << 20
UNFINISHED = (".tmp", ".part", ".partial", ".filepart")
"""Endings of files that are still being sent; they are not looked at."""


@dataclass(frozen=True)
class Found:
    """A file in a bank's folder. `name` is its path below the folder; `manifest` says whether `….ok` lies beside it."""

    name: str
    path: str
    size: int
    manifest: bool

    @property
    def base(self) -> str:
        return PurePosixPath(self.name).name


def source_errors() -> tuple[type[Exception], ...]:
    """What the file systems in use raise when the other side does not answer."""
    kinds: list[type[Exception]] = [OSError, EOFError]
    for module, name in (("paramiko", "SSHException"), ("botocore.exceptions", "BotoCoreError"), ("botocore.exceptions", "ClientError")):
        if module in sys.modules:
            kinds.append(getattr(sys.modules[module], name))
    return tuple(kinds)


class Landing:
    """The folder with one folder per bank."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.sources.bank_files
        self._seconds = settings.sources.retry_seconds
        try:
            self._fs, self._root = fsspec.core.url_to_fs(self._url, **_options(self._url))
        except (ValueError, ImportError) as e:
            raise ConfigError(f"sources.bank_files: {_public(self._url)} names no file system that can be read: {e}") from e
        except source_errors() as e:
            raise self._down("reaching the folder", e) from e

    def banks(self) -> list[str]:
        """Names of the bank folders, sorted."""
        return sorted(PurePosixPath(r["name"]).name for r in self._try("listing", self._folders) if not _hidden(r["name"]))

    def files(self, bank: str) -> tuple[list[Found], list[str]]:
        """Deliveries in the bank's folder and below it, sorted by name, and remarks on what is no delivery: links, which
        could point anywhere, and manifests whose file is not there. Unfinished and hidden files are not looked at."""
        root = f"{self._root.rstrip('/')}/{bank}"
        listing = self._try("listing", self._find, root)
        found, remarks = [], []
        for path, info in sorted(listing.items()):
            name = _printable(path[len(root) :].strip("/"))
            if name.endswith(UNFINISHED) or any(_hidden(p) for p in name.split("/")):
                continue
            if info["type"] != "file":
                remarks.append(f"{name} is no plain file")
            elif not name.endswith(MANIFEST_SUFFIX):
                found.append(Found(name, path, int(info.get("size") or 0), path + MANIFEST_SUFFIX in listing))
            elif path.removesuffix(MANIFEST_SUFFIX) not in listing:
                remarks.append(f"{name} is there, its file is not")
        return found, remarks

    def manifest(self, found: Found) -> bytes:
        """Text of the manifest beside a file, not more than one byte above the bound."""
        return self._try("reading", self._head, found.path + MANIFEST_SUFFIX)

    def fetch(self, found: Found, algorithm: str, limit: int, folder: Path) -> tuple[IO[bytes] | None, str]:
        """The file's bytes in a temporary file (None when above `limit`) and the digest of all of them."""
        return self._try("reading", self._copy, found, algorithm, limit, folder)

    def _folders(self) -> list[dict[str, Any]]:
        self._fs.invalidate_cache()
        rows = self._fs.ls(self._root, detail=True)
        return [r for r in rows if r["type"] == "directory" or (r.get("islink") and self._fs.isdir(r["name"]))]

    def _find(self, root: str) -> dict[str, dict[str, Any]]:
        self._fs.invalidate_cache()
        return self._fs.find(root, detail=True)

    def _head(self, path: str) -> bytes:
        with self._fs.open(path, "rb") as f:
            return f.read(MAX_BYTES + 1)

    def _copy(self, found: Found, algorithm: str, limit: int, folder: Path) -> tuple[IO[bytes] | None, str]:
        digest = hashlib.new(algorithm)
        spool = SpooledTemporaryFile(IN_MEMORY, dir=str(folder))  # noqa: SIM115 the caller reads and closes it
        size = 0
        try:
            with self._fs.open(found.path, "rb") as f:
                while data := f.read(CHUNK):
                    digest.update(data)
                    size += len(data)
                    if size <= limit:
                        with writing(folder):
                            spool.write(data)
            spool.seek(0)
        except BaseException:
            spool.close()
            raise
        if size > limit:
            spool.close()
            return None, digest.hexdigest()
        return spool, digest.hexdigest()

    def _try(self, doing: str, action: Any, *args: Any, **kwargs: Any) -> Any:
        """Run an action on the file system; a failing one is tried again for `retry_seconds`, a missing thing is not."""
        errors = source_errors()
        again = retry(
            retry=retry_if_exception_type(errors) & retry_if_not_exception_type(FINAL),
            stop=stop_after_delay(self._seconds), wait=wait_exponential_jitter(0.1, 5, jitter=0.1), reraise=True,
        )  # fmt: skip
        try:
            return again(action)(*args, **kwargs)
        except errors as e:
            raise self._down(doing, e) from e

    def _down(self, doing: str, e: Exception) -> SourceUnavailable:
        reason = getattr(e, "strerror", None) or str(e) or type(e).__name__
        return SourceUnavailable(
            f"bank files at {_public(self._url)}: {doing} failed: {reason}. The night goes on without them; try again later."
        )


def _hidden(path: str) -> bool:
    return PurePosixPath(path).name.startswith(".")


def _printable(name: str) -> str:
    """The name with what cannot be stored as text spelt out."""
    return name.encode("utf-8", "backslashreplace").decode()


def _options(url: str) -> dict[str, Any]:
    """Listings must be of now: caches of earlier listings would hide what has arrived since."""
    return {"use_listings_cache": False} if url.startswith(("s3:", "s3a:")) else {}


def _public(url: str) -> str:
    """The URL without user and password."""
    scheme, sep, rest = url.partition("://")
    return scheme + sep + rest.rpartition("@")[2] if sep else url
