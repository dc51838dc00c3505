"""An S3 endpoint on 127.0.0.1 that serves one folder, read only: ListObjectsV2, HeadObject, GetObject with ranges.

The buckets are the folders of the root. Requests must be signed with the access key KEY; what is signed with is not verified.
"""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from xml.sax.saxutils import escape

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

KEY, SECRET = "AKIALIUSHUITEST00000", "shuiliu"
PAGE = 2
"""Keys of one answer to a listing: so few that every test turns pages."""


def _error(status: int, code: str) -> Response:
    return Response(f"<Error><Code>{code}</Code><Message>{code}</Message></Error>", status, media_type="application/xml")


def _etag(path: Path) -> str:
    return f'"{hashlib.md5(path.read_bytes()).hexdigest()}"'


class _Bucket:
    """Answers of the endpoint for the folder `root`; `ranges` are the ranges that were asked for."""

    def __init__(self, root: Path) -> None:
        self.root, self.ranges = root, []

    def refused(self, request: Request) -> Response | None:
        return None if f"Credential={KEY}/" in request.headers.get("authorization", "") else _error(403, "InvalidAccessKeyId")

    def listing(self, request: Request) -> Response:
        """ListObjectsV2 with prefix, delimiter and continuation."""
        if (no := self.refused(request)) is not None:
            return no
        bucket, q = self.root / request.path_params["bucket"], request.query_params
        if not bucket.is_dir():
            return _error(404, "NoSuchBucket")
        prefix, delimiter = q.get("prefix", ""), q.get("delimiter", "")
        entries: dict[str, Path | None] = {}
        for path in bucket.rglob("*"):
            key = path.relative_to(bucket).as_posix()
            if path.is_file() and key.startswith(prefix):
                head, sep, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
                entries[prefix + head + sep if sep else key] = None if sep else path
        names = sorted(k for k in entries if k > q.get("continuation-token", ""))
        page = names[: min(PAGE, int(q.get("max-keys", 1000)))]
        more = len(names) > len(page)
        parts = [f"<IsTruncated>{str(more).lower()}</IsTruncated><KeyCount>{len(page)}</KeyCount>"]
        if more:
            parts.append(f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>")
        for name in page:
            path = entries[name]
            if path is None:
                parts.append(f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>")
                continue
            changed = datetime.fromtimestamp(path.stat().st_mtime, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
            parts.append(
                f"<Contents><Key>{escape(name)}</Key><LastModified>{changed}</LastModified><ETag>{escape(_etag(path))}</ETag>"
                f"<Size>{path.stat().st_size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            )
        text = f'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>{bucket.name}</Name>{"".join(parts)}</ListBucketResult>'
        return Response(text, media_type="application/xml")

    def thing(self, request: Request) -> Response:
        """HeadObject and GetObject."""
        if (no := self.refused(request)) is not None:
            return no
        path = self.root / request.path_params["bucket"] / request.path_params["key"]
        if not path.is_file():
            return _error(404, "NoSuchKey")
        data = path.read_bytes()
        headers = {
            "ETag": _etag(path), "Accept-Ranges": "bytes", "Last-Modified": format_datetime(datetime.fromtimestamp(path.stat().st_mtime, UTC), usegmt=True),
        }  # fmt: skip
        wanted = request.headers.get("range")
        if request.method == "HEAD" or wanted is None:
            return Response(data, headers=headers, media_type="binary/octet-stream")
        self.ranges.append(wanted)
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        part = data[int(first) : int(last) + 1 if last else None]
        if not part:
            return _error(416, "InvalidRange")
        headers["Content-Range"] = f"bytes {first}-{int(first) + len(part) - 1}/{len(data)}"
        return Response(part, 206, headers, media_type="binary/octet-stream")


@contextmanager
def s3_server(root: Path) -> Iterator[tuple[int, list[str]]]:
    """Serve the folders of `root` as buckets for as long as the block runs; yields the port and the list of ranges asked for."""
    bucket = _Bucket(root)
    routes = [Route("/{bucket}", bucket.listing), Route("/{bucket}/", bucket.listing), Route("/{bucket}/{key:path}", bucket.thing)]
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield listener.getsockname()[1], bucket.ranges
        finally:
            server.should_exit = True
            thread.join()
