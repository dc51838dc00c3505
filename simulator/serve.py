"""Runs the source systems of a home: the tax database and the records API; ends cleanly on SIGTERM or Ctrl-C."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
from pathlib import Path
from types import FrameType

import uvicorn

from simulator.records_api import SOURCES, Api
from simulator.tax_database import TaxDatabase

log = logging.getLogger(__name__)
READY = "serve.json"


def _free(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as e:
            raise OSError(
                f"port {port} of {host} is taken ({e.strerror}): another `python -m simulator serve` is running, or give --port"
            ) from e


def serve(home: Path, host: str = "127.0.0.1", port: int = 8765, busy: bool = True) -> None:
    """Serve until told to stop. `source/serve.json` exists while everything is up: {pid, url, tax_db}.

    Raises OSError with a sentence when the home holds no records, the port is taken or PostgreSQL does not start.
    """
    records = home / "source" / "records"
    missing = [s for s in ("tax", *SOURCES) if not any((records / s).glob("*.parquet"))]
    if missing:
        raise OSError(
            f"no records of {', '.join(missing)} below {records}: simulate a province first (python -m simulator --preset ci --out {home})"
        )
    _free(host, port)
    database = TaxDatabase(home)
    server = uvicorn.Server(uvicorn.Config("", host=host, port=port, log_level="warning", access_log=False, timeout_graceful_shutdown=3))

    def stop(_signal: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    # uvicorn raises the signal again when it is done; then this handler meets it and the database is still stopped
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    ready = home / "source" / READY
    try:
        uri = database.start()
        server.config.app = Api(records, busy).app()
        if server.should_exit:
            return
        ready.write_text(json.dumps({"pid": os.getpid(), "url": f"http://{host}:{port}", "tax_db": uri}), encoding="utf-8")
        log.info("sources up: http://%s:%s and %s", host, port, uri)
        server.run()
    finally:
        ready.unlink(missing_ok=True)
        database.stop()
        log.info("sources stopped")
