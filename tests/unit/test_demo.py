"""A simulated province has the token key of its seed."""

from __future__ import annotations

from jobs import demo
from lake.settings import Settings, load_settings
from lake.tokens import load_key


def test_the_key_follows_the_seed_and_one_that_is_there_stays(settings: Settings, tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("LIUSHUI_TOKEN_KEY", raising=False)
    demo._give_key(settings, 7)
    key = load_key(settings)
    demo._give_key(settings, 8)
    assert load_key(settings) == key
    assert (settings.home / "keys" / "token.key").stat().st_mode & 0o077 == 0
    others = [load_settings("local", tmp_path / name) for name in ("same", "other")]
    demo._give_key(others[0], 7)
    demo._give_key(others[1], 8)
    assert load_key(others[0]) == key != load_key(others[1])
