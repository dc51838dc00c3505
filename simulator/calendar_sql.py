"""The calendar as SQL look-ups by month and day: length of a month, next workday inside the month, parities."""

from __future__ import annotations

from datetime import timedelta

from simulator.calendar_cn import is_workday
from simulator.draws import lookup
from simulator.params import Params, month_date, month_last
from simulator.reference_data import CURRENCIES
from simulator.reference_files import fx_rate


def days_in_month(p: Params, m: str) -> str:
    """Number of days of month m."""
    return lookup([month_last(i).day for i in range(p.first_m - 1, p.end_m + 2)], f"{m} - {p.first_m - 1}")


def next_workday(p: Params, m: str, day: str) -> str:
    """Day of the month of the first workday from `day` on, or the last workday of the month when none is left."""
    table: list[int] = []
    for i in range(p.first_m - 1, p.end_m + 2):
        length = month_last(i).day
        work = [x + 1 for x in range(length) if is_workday(month_date(i) + timedelta(days=x))]
        table += [next((w for w in work if w >= x), work[-1]) for x in range(1, 32)]
    return lookup(table, f"({m} - {p.first_m - 1}) * 31 + {day} - 1")


def minor(p: Params, fen: str, cur: str, m: str) -> str:
    """CNY fen as minor units of currency number `cur` at the parity of month m."""
    rates = [
        1.0 if c == "CNY" else fx_rate(c, month_date(i)) * 10 ** (2 - e)
        for c, e, _r in CURRENCIES
        for i in range(p.first_m - 1, p.end_m + 2)
    ]
    width = p.end_m + 3 - p.first_m
    return f"IF({cur} = 0, {fen}, round({fen} / {lookup(rates, f'{cur} * {width} + {m} - {p.first_m - 1}')})::BIGINT)"


def date_sql(m: str, day: str) -> str:
    """Date of a day of month m."""
    return f"(make_date(2000 + ({m}) // 12, ({m}) % 12 + 1, 1) + ({day} - 1))"
