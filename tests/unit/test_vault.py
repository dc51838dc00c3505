"""The vault: every token of the entry leads back to its identifier, for the owner alone; a new key has a mapping from the old."""

from __future__ import annotations

import stat

import bankfile
import pyarrow.parquet as pq
import pytest
from pulled import NIGHT, TEXT, rows

from jobs import pull
from lake import vault
from lake.errors import ConfigError, UsageError
from lake.settings import Settings
from lake.tokens import Tokenizer, load_key

NEW = b"\5" * 32


@pytest.fixture
def pulled(settings: Settings) -> Settings:
    """A home that pulled one file of transactions and one of accounts."""
    root = settings.home / "landing" / "banks"
    bankfile.put(root, TEXT)
    bankfile.put(root, bankfile.content("B0001", "ACCT", "20260914", [bankfile.acct()]))
    pull.run(settings, "flows", NIGHT, bank="B0001")
    return settings


def test_every_token_that_was_made_leads_back(pulled: Settings) -> None:
    for t in rows(pulled).to_pylist():
        assert vault.value_of(pulled, t["account_id"]) == ("account", t["account_no"])
        assert vault.value_of(pulled, t["cpty_account_token"]) == ("account", t["cpty_account"])
        assert vault.value_of(pulled, t["cpty_name_token"]) == ("name", t["cpty_name"])
    (a,) = rows(pulled, "bank_acct").to_pylist()
    assert vault.value_of(pulled, a["firm_id"]) == ("firm", bankfile.USCC)
    with pytest.raises(UsageError, match="holds no token"):
        vault.value_of(pulled, "A" * 26)


def test_the_vault_is_for_its_owner_alone_and_the_same_again(pulled: Settings) -> None:
    place = pulled.home / "vault"
    (path,) = [p for p in place.rglob("*") if p.is_file()]
    assert path == place / "k1" / "2026-09-14" / "flows-B0001.parquet"
    assert {stat.S_IMODE(p.stat().st_mode) for p in [place, *place.rglob("*")]} == {0o700, 0o600}
    before = path.read_bytes()
    pull.run(pulled, "flows", NIGHT, bank="B0001")
    assert path.read_bytes() == before and len(list(path.parent.iterdir())) == 1
    place.chmod(0o755)
    with pytest.raises(ConfigError, match="expected mode 0700"):
        pull.run(pulled, "flows", NIGHT, bank="B0001")


def test_a_new_key_has_a_mapping_from_the_old_tokens(pulled: Settings) -> None:
    path, n = vault.rekey(pulled, NEW, 2)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    mapping = {r["old_token"]: r for r in pq.read_table(path).to_pylist()}
    staged = rows(pulled).to_pylist()
    assert len(mapping) == n and {t["account_id"] for t in staged} <= set(mapping)
    (pulled.home / "keys" / "token.key").write_text(NEW.hex())
    rotated = pulled.model_copy(update={"key_version": 2})
    pull.run(rotated, "flows", NIGHT, bank="B0001")
    again = rows(rotated).to_pylist()
    for old, new in zip(staged, again, strict=True):
        for column in ("account_id", "cpty_account_token", "cpty_name_token"):
            assert mapping[old[column]]["new_token"] == new[column] != old[column]
    assert vault.value_of(rotated, staged[0]["account_id"]) == vault.value_of(rotated, again[0]["account_id"])


def test_a_rotation_that_cannot_be_right_is_refused(pulled: Settings) -> None:
    with pytest.raises(UsageError, match="expected one above the present 1"):
        vault.rekey(pulled, NEW, 1)
    (pulled.home / "keys" / "token.key").write_text("77" * 32)
    with pytest.raises(ConfigError, match="not the one that the vault's tokens were made with"):
        vault.rekey(pulled, NEW, 2)
    with pytest.raises(UsageError, match="holds nothing made with key version 3"):
        vault.rekey(pulled.model_copy(update={"key_version": 3}), NEW, 4)
    assert not (pulled.home / "vault" / "rekey").exists()


def test_names_that_mean_the_same_share_a_token(settings: Settings) -> None:
    made = Tokenizer(load_key(settings))
    made.tokens("name", ["某 公司", "某公司"])
    table = made.made()
    assert table.column("value").to_pylist() == ["某 公司", "某公司"] and len(set(table.column("token").to_pylist())) == 1
