"""The night report: its page, its figures, its verdict, and nights of which parts are missing."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta

import pytest
from rich.console import Console

from jobs import report
from jobs.report_page import coded, number, share, signed, size, wan
from jobs.report_terminal import interval
from lake.errors import ContractBroken
from tests.support import night as made
from tests.support.page import Page

NIGHT = made.NIGHT


@pytest.fixture
def page(settings):
    """Write the report of a night and read the page."""

    def write(as_of: date = NIGHT) -> Page:
        report.run(settings, as_of)
        return Page((settings.home / "reports" / as_of.isoformat() / "index.html").read_text(encoding="utf-8"))

    return write


def figures(settings) -> dict:
    return json.loads((settings.home / "run" / "summary.json").read_text(encoding="utf-8"))


def test_summary_of_a_whole_night(settings, page):
    made.whole_night(settings)
    page()
    f = figures(settings)
    assert f["as_of"] == "2026-09-14" and f["verdict"] == "gaps"
    assert (f["firms_in_scope"], f["firms_scored"]) == (400, 380)
    assert f["firms_unscored"] == {"not_active": 10, "too_few_covered_months": 10}
    assert f["files"] == {"received": 5, "accepted": 3, "blocked": 1}
    assert f["rows"] == {
        "received": 45960,
        "accepted": 45916,
        "quarantined": 30,
        "rejected": 14,
        "duplicate": 0,
        "superseded": 0,
        "deleted": 0,
    }
    assert f["violations"] == {"V01": 1, "C3": 5, "V06": 12}
    assert f["indicators"] == 303
    assert f["sample_library"] == {"firms": 30, "indicators": 352}
    assert f["model"] == {"id": "full-r1-abcd1234", "auc_oot": 0.8123, "ks_oot": 0.47}
    assert f["seconds"]["tiles"] == 18.2, "the last run of a step counts, not the one that failed before it"
    assert f["report"] == str(settings.home / "reports" / "2026-09-14" / "index.html")


def test_rows_of_the_summary_add_up(settings, page):
    made.whole_night(settings)
    page()
    rows = figures(settings)["rows"]
    assert rows.pop("received") == sum(rows.values())


def test_the_page_needs_no_network_and_no_script(settings, page):
    made.whole_night(settings)
    p = page()
    assert p.addresses == ["bank-B0001.html", "bank-B0002.html", "bank-B0003.html"], "the banks' pages lie beside it"
    assert {"script", "link", "iframe", "img"} & set(p.tags) == set()
    text = (settings.home / "reports" / "2026-09-14" / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"url\((?!#)", text) == [] and "@import" not in text
    assert text.count("<svg") == 2


def test_the_page_says_what_a_whole_night_holds(settings, page):
    made.whole_night(settings)
    text = page().text
    for words in ("Night of Monday, 14 September 2026", "Scored with gaps: 380 of 400 firms are scored; 1 bank file blocked.", "gzip ends early",
                  "Balance row against transactions", "B0002: 4 · B0003: 1", "holds", "Compared with 2026-09-13", "few: read the intervals, not the figures",
                  "0.812 (0.731-0.884)", "a main bank is silent", "share of turnover by grade"):  # fmt: skip
        assert words in text, words


def test_values_from_the_data_cannot_become_markup(settings, page):
    made.whole_night(settings)
    p = page()
    assert "81000" not in p.tags and "found C 11 <81000>" in p.text


def test_the_same_night_twice_gives_the_same_page(settings, page):
    made.whole_night(settings)
    page()
    path = settings.home / "reports" / "2026-09-14" / "index.html"
    first = path.read_bytes()
    page()
    assert path.read_bytes() == first
    assert sorted(p.name for p in path.parent.iterdir()) == ["bank-B0001.html", "bank-B0002.html", "bank-B0003.html", "index.html"]


def test_only_the_rows_of_the_night_count(settings, page):
    made.whole_night(settings)
    made.checks(settings, NIGHT - timedelta(days=1))
    made.pulls(settings, NIGHT - timedelta(days=1), down=("tax",))
    page()
    assert figures(settings)["violations"] == {"V01": 1, "C3": 5, "V06": 12}
    assert report.gather(settings, NIGHT).arrival.missing == []


def test_an_empty_home_gives_a_page_that_says_so(settings, page):
    text = page().text
    assert "Stopped: no firm was scored." in text
    for words in ("not pulled", "no check has written its result", "No reconciliation was written", "No firm was scored in this night", "this is the first",
                  "No model was trained yet", "No step has noted a run", "0 of the 370 indicators"):  # fmt: skip
        assert words in text, words
    f = figures(settings)
    assert (
        f["firms_scored"] == 0
        and f["model"] == {"id": None, "auc_oot": None, "ks_oot": None}
        and f["files"] == {"received": 0, "accepted": 0, "blocked": 0}
    )


def test_a_first_night_has_nothing_to_compare_with(settings, page):
    made.scores(settings)
    text = page().text
    assert "There is no earlier scored night to compare with" in text


def test_a_healthy_night_is_called_healthy(settings, page):
    made.pulls(settings)
    made.scores(settings)
    made.publish(settings)
    night = report.gather(settings, NIGHT)
    assert (night.level, night.problems) == ("healthy", [])
    assert night.verdict == "Healthy: every source arrived, every received row is accounted for, 380 of 400 firms are scored."


def test_a_source_that_is_down_and_a_late_bank_are_gaps(settings, page):
    made.pulls(settings, down=("court",), late=("B0003",))
    made.scores(settings)
    made.publish(settings)
    text = page().text
    assert "Scored with gaps: 380 of 400 firms are scored; court did not arrive and 1 more." in text
    assert "connection refused" in text and "late: B0003 (TXN)" in text


def test_lost_rows_are_the_first_thing_said(settings, page):
    made.whole_night(settings)
    made.store.replace(settings, "dq.reconciliation", made.store.read(settings, "dq.reconciliation").slice(0, 0), "true")
    made.store.replace(settings, "dq.violation", made.store.read(settings, "dq.violation").slice(0, 0), "true")
    made.checks(settings, lost=7)
    text = page().text
    assert "Stopped: 1 deliveries in which received rows are not all accounted for." in text
    assert "Deliveries with rows unaccounted for" in text and "broken" in text


def test_a_stop_of_the_gate_is_named(settings):
    made.pulls(settings)
    made.checks(settings, stop="7 rows of B0001 are unaccounted for")
    night = report.gather(settings, NIGHT)
    assert night.level == "stopped" and night.verdict == "Stopped: flows: 7 rows of B0001 are unaccounted for."


def test_grade_moves_are_counted_from_the_night_before(settings):
    made.scores(settings, NIGHT - timedelta(days=3), firms=395)
    made.scores(settings, shift=-45)
    c = report.gather(settings, NIGHT).changes
    assert c.before == NIGHT - timedelta(days=3)
    assert c.up == 0 and c.down == 29 and c.new == 5 and c.gone == 0
    assert sum(sum(row) for _, row in c.matrix) == c.up + c.down + c.same == 375
    assert all(m["moved"] == -45 for m in c.fallers) and c.risers == []


def test_coverage_counts_values_without_reading_them(settings):
    made.features(settings, empty=("tax",))
    rows = {c["dimension"]: c for c in report.gather(settings, NIGHT).coverage}
    assert sum(c["total"] for c in rows.values()) == 370
    assert rows["tax"]["computed"] == 0 and rows["tax"]["share"] is None and len(rows["tax"]["empty"]) == 32
    assert rows["fund_scale"]["computed"] == 39 and rows["fund_scale"]["share"] == 1.0


def test_coverage_looks_at_the_night_only(settings):
    made.features(settings, NIGHT - timedelta(days=1), empty=())
    assert report.gather(settings, NIGHT).indicators == 0


def test_a_champion_without_its_bundle_is_an_error_that_names_the_file(settings):
    (settings.folder("models") / "champion").write_text("full-gone")
    with pytest.raises(ContractBroken, match=r"the champion is full-gone, but .*bundle.json is missing"):
        report.gather(settings, NIGHT)


def test_the_terminal_summary_tells_the_same(settings):
    made.whole_night(settings)
    console = Console(width=140, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(report.summary_table(settings, NIGHT))
    text = console.export_text()
    for words in (
        "380 scored of 400 in scope",
        "45,960 received = 45,916 accepted, quarantined 30, rejected 14",
        "303 of 370",
        "AUC 0.812 (0.731-0.884)",
        "BBB",
    ):
        assert words in text, words


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (number(None), "–"), (number(1234567), "1,234,567"), (number(1.25, 1), "1.2"), (share(0.0342, 2), "3.42%"), (share(None), "–"), (size(999), "999 B"),
        (size(1_840_000), "1.8 MB"), (size(12_300_000_000), "12.3 GB"), (size(4_000_000_000_000), "4,000.0 GB"), (wan(1_234_567_89), "123"), (wan(None), "–"),
        (signed(-45.0), "−45"), (signed(12), "+12"), (interval(None), "unknown"), (interval({"value": None}), "unknown"),
        (interval({"value": 0.5, "low": None, "high": None}), "0.500"), (coded("run `a <b>` now"), "run <code>a &lt;b&gt;</code> now"),
    ],
)  # fmt: skip
def test_figures_as_written(written, expected):
    assert written == expected
