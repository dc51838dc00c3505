"""Keys of broken groups and cells whose parts a bank has written: no text of a bank stops the check."""

from __future__ import annotations

from datetime import date

from jobs import explain_totals, flow_explain
from jobs.explain_days import moved


def test_keys_with_the_sign_that_divides_them() -> None:
    assert flow_explain.group_of("000101|2011|CNY") == ("000101|2011", "CNY")
    assert flow_explain.group_of("00|01|20|11|CNY") == ("00|01|20|11", "CNY")
    assert flow_explain.cell_of("000101|CNY|C") == ("000101", "CNY", "C")
    assert flow_explain.cell_of("00|01|CNY|D") == ("00|01", "CNY", "D")
    assert flow_explain.cell_of("CNY|C") == (None, "CNY", "C"), "no account row names the branch"
    assert flow_explain.cell_of("C") == (None, "", "C")


def test_figures_that_do_not_fit() -> None:
    """An amount that is too large for a minor unit is null: the group has no difference to explain."""
    names = ("closing", "ne_close", "day_credit", "ne_credit", "day_debit", "ne_debit", "open", "credit", "debit", "close")
    row = {f"{n}_minor": 7 for n in names} | {"ref": "GL:2", "accounts": 1}
    whole = explain_totals._group(row)
    assert (whole.close_diff, whole.net_diff, whole.side_diff, whole.ledger.ours_before) == (7, 0, 7, 14)
    for n in names:
        found = explain_totals._group({**row, f"{n}_minor": None})
        assert found.close_diff is None or found.net_diff is None, n


def test_days_at_the_ends_of_the_calendar() -> None:
    assert (moved(date(2026, 9, 30), 1), moved(date(2026, 10, 1), -32)) == (date(2026, 10, 1), date(2026, 8, 30))
    assert (moved(date.min, -1), moved(date.max, 1)) == (date.min, date.max)
