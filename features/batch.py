"""A batch: some firms at one snapshot, their tiles as known then, ready to be read as series by month, bucket or day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import pyarrow as pa

from features.kernels_events import DAYS, Changes, Events, day_number
from features.parties import UNKNOWN_MONTH, Parties, Rows
from features.series import MONTHS, NULL_INT, Coverage, Floats, Ints, Series
from features.tile_rows import Dense, TileRows, month_number, newest
from lake.clock import SHANGHAI, known_at, latest_closed_month

COVERED_SHARE = 0.8
"""Share of its days from which a month counts as covered."""
TAX_DUE_DAYS = 5
"""A tax month may be read this long after its due date."""
TAX_BACK = 36
"""Months before month 0 in which the latest due tax month is looked for."""
READ_UNCOVERED = {"hist_months"}
_TABLES = {"fm": "firm_month", "tm": "tax_month", "ln": "loan", "nw": "network"}


@dataclass(frozen=True, eq=False)
class Bucket:
    """All rows of some firms, per tile (a tile that does not exist is left out), and the ids of the firms, sorted."""

    firms: pa.Array
    tiles: Mapping[str, TileRows]

    @staticmethod
    def of(tables: Mapping[str, pa.Table]) -> Bucket:
        """From one Arrow table per tile; the firms are those of `registration`."""
        column = tables["registration"].column("firm_id")
        firms = pa.array(sorted(set(column.to_pylist())), type=pa.string())
        return Bucket(firms, {name: TileRows(table, firms) for name, table in tables.items()})


class Batch:
    """The firms of a bucket that are registered at `as_of`, at the knowledge of D + 1 day 06:00."""

    def __init__(self, bucket: Bucket, as_of: date) -> None:
        self.as_of, self.bucket = as_of, bucket
        self._known = int(known_at(as_of).replace(tzinfo=SHANGHAI).timestamp() * 1_000_000)
        closed = latest_closed_month(as_of)
        self.month0 = month_number(closed.year, closed.month)
        rows = bucket.tiles["registration"]
        here = np.flatnonzero((rows.known <= self._known) & (rows.ints("snapshot_date") == day_number(as_of)))
        self._registered = newest(here, rows.firm)
        self._place = np.full(len(bucket.firms), -1, dtype=np.int64)
        self._place[rows.firm[self._registered]] = np.arange(len(self._registered))
        self.n = len(self._registered)
        self._series: dict[tuple[str, str, str], Series] = {}
        self._coverage: dict[tuple[str, str], Coverage] = {}
        self._dense: dict[tuple[str, str], Dense] = {}

    @cached_property
    def firms(self) -> pa.Array:
        """Ids of the firms, in batch order."""
        return self.bucket.firms.take(pa.array(self.bucket.tiles["registration"].firm[self._registered]))

    def registration(self, name: str) -> Floats:
        return self.bucket.tiles["registration"].numbers(name)[self._registered]

    def registration_text(self, name: str) -> np.ndarray:
        return self.bucket.tiles["registration"].texts(name)[self._registered]

    def _chosen(self, rows: TileRows) -> Ints:
        """Row numbers of this batch's firms that are known, in version order."""
        return np.flatnonzero((rows.known <= self._known) & (self._place[rows.firm] >= 0))

    def _lay(self, tile: str, slot_of_row: Ints, slots: int) -> Dense:
        rows = self.bucket.tiles[tile]
        chosen = self._chosen(rows)
        slot = slot_of_row[chosen]
        inside = (slot >= 0) & (slot < slots)
        chosen, slot = chosen[inside], slot[inside]
        return Dense(rows, chosen, slot, self._place[rows.firm[chosen]], (slots, self.n))

    @cached_property
    def tax_month0(self) -> Ints:
        """Per firm the latest tax month with due date + 5 days <= D; NULL_INT when none."""
        rows = self.bucket.tiles["tax_month"]
        dense = self._lay("tax_month", self.month0 - rows.months("month"), TAX_BACK)
        due = dense.whole("due_date")
        ripe = (due != NULL_INT) & (due + TAX_DUE_DAYS <= day_number(self.as_of))
        return np.where(ripe.any(axis=0), self.month0 - ripe.argmax(axis=0), NULL_INT)

    def _months(self, tile: str, calendar: str) -> Dense:
        """A monthly tile counted back from month 0 of the calendar."""
        key = (tile, calendar)
        if key not in self._dense:
            rows = self.bucket.tiles[tile]
            base = self.month0 if calendar == "closed" else self.tax_month0[self._place[rows.firm]]
            self._dense[key] = self._lay(tile, base - rows.months("month"), MONTHS)
        return self._dense[key]

    @cached_property
    def _buckets(self) -> Dense:
        rows = self.bucket.tiles["firm_bucket"]
        tonight = rows.ints("snapshot_date") == day_number(self.as_of)
        return self._lay("firm_bucket", np.where(tonight, rows.ints("bucket"), -1), 3)

    def coverage(self, alias: str, calendar: str) -> Coverage:
        """Coverage of a tile: firm_month decides for all flow tiles, elsewhere a row is enough."""
        alias = "fm" if alias in ("fcat", "fcatn", "fcm") else alias
        key = (alias, calendar)
        if key not in self._coverage:
            if calendar == "day":
                days = np.nan_to_num(self._buckets.column("days_covered"))
                found = Coverage(days > 0, self._buckets.present, True, days)
            elif alias in ("fm", "nw"):
                dense = self._months("firm_month", calendar)
                with np.errstate(invalid="ignore", divide="ignore"):
                    covered = dense.column("days_covered") / dense.column("days_in_month") >= COVERED_SHARE
                found = Coverage(covered, dense.present, makes_up=alias == "fm")
            else:
                present = self._months(_TABLES[alias], calendar).present
                found = Coverage(present, present)
            self._coverage[key] = found
        return self._coverage[key]

    def series(self, alias: str, column: str, calendar: str) -> Series:
        """A column of a monthly tile (or of the buckets, calendar `day`) as a series."""
        key = (alias, column, calendar)
        if key not in self._series:
            self._series[key] = Series(self._values(alias, column, calendar), self.coverage(alias, calendar))
        return self._series[key]

    def _values(self, alias: str, column: str, calendar: str) -> Floats:
        covered = self.coverage(alias, calendar).covered
        if calendar == "day":
            values = self._buckets.column(f"cat_{column}_amt" if alias == "fcat" else column)
            return np.where(covered, np.nan_to_num(values), np.nan) if alias == "fcat" else values
        if alias in ("fcat", "fcatn"):
            values = self._category(column, "amt" if alias == "fcat" else "cnt", calendar)
            return np.where(covered, values, np.nan)
        dense = self._months(_TABLES[alias], calendar)
        values = dense.column(column)
        if alias == "nw":
            values = np.where(dense.present, values, 0.0)
        return values if column in READ_UNCOVERED else np.where(covered, values, np.nan)

    @cached_property
    def _categories(self) -> dict[str, Ints]:
        """Known rows of the category tile per category, in version order."""
        rows = self.bucket.tiles["firm_category_month"]
        codes, names = rows.codes("category")
        chosen = self._chosen(rows)
        order = np.argsort(codes[chosen], kind="stable")
        ends = np.searchsorted(codes[chosen][order], np.arange(len(names) + 1))
        return {str(name): chosen[order[ends[i] : ends[i + 1]]] for i, name in enumerate(names)}

    def _category(self, category: str, measure: str, calendar: str) -> Floats:
        """One category as a dense array; 0 where the tile has no row."""
        rows = self.bucket.tiles["firm_category_month"]
        chosen = self._categories.get(category, np.empty(0, dtype=np.int64))
        firm = self._place[rows.firm[chosen]]
        base = self.month0 if calendar == "closed" else self.tax_month0[firm]
        slot = base - rows.months("month")[chosen]
        inside = (slot >= 0) & (slot < MONTHS)
        values = np.zeros((MONTHS, self.n))
        values[slot[inside], firm[inside]] = np.nan_to_num(rows.numbers(measure)[chosen[inside]])
        return values

    @cached_property
    def parties(self) -> Parties:
        """Counterparties over the covered closed months."""
        rows = self.bucket.tiles["firm_counterparty_month"]
        chosen, month, (party, _) = self._chosen(rows), rows.months("month"), rows.codes("cpty_id")
        back = self.month0 - month
        chosen = chosen[(back[chosen] >= 0) & (back[chosen] < MONTHS)]
        chosen = chosen[self.coverage("fm", "closed").covered[back[chosen], self._place[rows.firm[chosen]]]]
        chosen = newest(chosen, self._place[rows.firm], party, month)
        firm, ids = self._place[rows.firm[chosen]], party[chosen]
        starts = np.append(True, (firm[1:] != firm[:-1]) | (ids[1:] != ids[:-1]))[: len(chosen)]
        kind = rows.texts("cpty_kind")[chosen]
        flags = {k: kind == k for k in ("corp", "person", "gov")}
        flags |= {"related": rows.ints("is_related", 0)[chosen] == 1, "out_province": rows.ints("out_province", 0)[chosen] == 1}
        found = Rows(
            pair=np.cumsum(starts) - 1, back=back[chosen], flags=flags,
            values={c: rows.ints(c, 0)[chosen] for c in ("in_amt", "in_cnt", "out_amt", "out_cnt")},
            codes={a: rows.codes(a)[0][chosen] for a in ("region4", "industry2")},
            first={c: rows.months(c, UNKNOWN_MONTH)[chosen] for c in ("first_in_month", "first_out_month")},
        )  # fmt: skip
        return Parties(self.n, firm[starts], found, self.month0)

    @cached_property
    def events(self) -> Events:
        """Court events, the highest known version of each."""
        rows = self.bucket.tiles["court_event"]
        chosen = newest(self._chosen(rows), rows.codes("event_id")[0])
        dates = {c: rows.ints(c)[chosen] for c in ("publish_date", "start_date", "end_date", "rep_from", "rep_to")}
        return Events(
            n=self.n, firm=self._place[rows.firm[chosen]], kind=rows.texts("event_type")[chosen], cause=rows.texts("cause_group")[chosen],
            person=rows.texts("via")[chosen] == "rep", published=dates["publish_date"], start=dates["start_date"], end=dates["end_date"],
            amount=rows.numbers("amount")[chosen], rep_from=dates["rep_from"], rep_to=dates["rep_to"],
        )  # fmt: skip

    @cached_property
    def changes(self) -> Changes:
        """Changes in the register, the highest known version of each."""
        rows = self.bucket.tiles["registration_event"]
        chosen = newest(self._chosen(rows), rows.codes("event_id")[0])
        return Changes(self.n, self._place[rows.firm[chosen]], rows.texts("kind")[chosen], rows.ints("event_date")[chosen])

    def days(self, column: str) -> Floats:
        """A column of firm_day over the last 120 days, (120, firms), D first."""
        rows = self.bucket.tiles["firm_day"]
        key = ("firm_day", "day")
        if key not in self._dense:
            self._dense[key] = self._lay("firm_day", day_number(self.as_of) - rows.ints("biz_date"), DAYS)
        return self._dense[key].column(column)
