"""The vault: which raw identifier a token stands for. The one place beside bronze where identifiers are kept as they are.

`<home>/vault/` (0700), files 0600: `k<version>/<as_of>/<source>.parquet` with the columns kind, token, value, one row per distinct
value that the entry tokenized, in the order of tokens. `rekey/k<old>-k<new>.parquet` leads tokens of one key to those of the next.
"""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from lake.errors import ConfigError, UsageError
from lake.settings import Settings
from lake.tokens import Tokenizer, load_key

SCHEMA = pa.schema([("kind", pa.string()), ("token", pa.string()), ("value", pa.string())])
MAPPING = pa.schema([("kind", pa.string()), ("old_token", pa.string()), ("new_token", pa.string())])


def folder(settings: Settings) -> Path:
    """The vault's folder, made when absent; raises ConfigError when others than its owner may enter it."""
    path = settings.home / "vault"
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    if path.stat().st_mode & 0o077:
        raise ConfigError(f"{path} is open to others than its owner; expected mode 0700: chmod 700 it, and ask who has read it")
    return path


def keep(settings: Settings, tokenizer: Tokenizer, source: str, as_of: date) -> int:
    """Write what `tokenizer` has made for a source's night; a rerun replaces it. Returns the number of identifiers."""
    table = tokenizer.made()
    if table.num_rows:
        _write(folder(settings) / f"k{settings.key_version}" / as_of.isoformat() / f"{source}.parquet", table)
    return table.num_rows


def _write(path: Path, table: pa.Table) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        for place in (path.parent.parent, path.parent):
            place.mkdir(exist_ok=True, mode=0o700)
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as f:
            pq.write_table(table, f, compression="zstd")
        temporary.rename(path)
    except OSError as e:
        raise ConfigError(
            f"cannot write {path}: {e.strerror or e}. Free space there or let this user write to it, then start again."
        ) from e
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def value_of(settings: Settings, token: str) -> tuple[str, str]:
    """Kind and raw identifier of a token, whichever key made it; raises UsageError when the vault does not hold it."""
    import duckdb  # here, because every pull imports this module

    files = sorted(str(p) for p in folder(settings).glob("k*/*/*.parquet"))
    if files:
        with duckdb.connect() as con:
            row = con.execute("SELECT kind, value FROM read_parquet($1) WHERE token = $2 LIMIT 1", [files, token]).fetchone()
        if row:
            return str(row[0]), str(row[1])
    raise UsageError(f"the vault of {settings.home} holds no token {token!r}")


def rekey(settings: Settings, new_key: bytes, new_version: int) -> tuple[Path, int]:
    """Re-token batch: every identifier of the present key under `new_key`. Writes the mapping old token -> new token and
    returns its path and rows; tables are not touched.

    Raises UsageError when the version is not a later one, or when the vault holds nothing of the present key.
    """
    import duckdb

    old = settings.key_version
    if new_version <= old:
        raise UsageError(f"the new key is version {new_version}; expected one above the present {old}")
    files = sorted(str(p) for p in (folder(settings) / f"k{old}").glob("*/*.parquet"))
    if not files:
        raise UsageError(f"the vault of {settings.home} holds nothing made with key version {old}")
    with duckdb.connect() as con:
        rows = con.execute(
            "SELECT kind, token, min(value) AS value FROM read_parquet($1) GROUP BY kind, token ORDER BY kind, token", [files]
        ).to_arrow_table()
    present, fresh = Tokenizer(load_key(settings), settings.token_hash), Tokenizer(new_key, settings.token_hash)
    kinds, before, values = (rows.column(n).to_pylist() for n in ("kind", "token", "value"))
    again = [present.token(k, v) for k, v in zip(kinds, values, strict=True)]
    if again != before:
        raise ConfigError("the present token key is not the one that the vault's tokens were made with; nothing was written")
    after = [fresh.token(k, v) for k, v in zip(kinds, values, strict=True)]
    path = folder(settings) / "rekey" / f"k{old}-k{new_version}.parquet"
    _write(path, pa.table([kinds, before, after], schema=MAPPING))
    return path, len(after)
