"""What explains a broken total: the smallest change of the group's own rows after which it would hold. Plain Python.

One cause is looked for in each group (several missing rows count as one); the first kind that explains the whole
difference is told, in the order of each function's docstring. Where two kinds describe the same change, the order
decides, and `ALIKE` lists them. A suspect is `submission_id:row_no`, or the token of an account that has no row.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

KINDS: dict[str, tuple[str, str]] = {
    "missing_row": ("a row is missing", "缺少记录"),
    "duplicate": ("a row is there twice", "记录重复"),
    "extra_row": ("a row too many, without a twin", "多出记录"),
    "flipped": ("debit and credit, or the sign, are exchanged", "借贷方向或正负号相反"),
    "shifted_day": ("a row belongs to another day", "记录归属日期错误"),
    "altered": ("an amount was changed", "金额被改动"),
    "swapped": ("two rows are exchanged", "两条记录互换"),
    "currency_or_scale": ("another currency, or the decimal point is displaced", "币种或小数位错误"),
    "rounding": ("rounding", "尾差（四舍五入）"),
    "wrong_subject": ("an account is under another subject or branch", "账户归属科目或网点错误"),
    "none": ("none of the known causes alone", "非上述单一原因"),
    "not_searched": ("not searched: too many rows tonight", "未分析（数据量过大）"),
}
"""Kinds of explanation -> what people read, English and Chinese."""
ALIKE: dict[str, frozenset[str]] = {
    "altered": frozenset({"altered", "rounding", "currency_or_scale", "flipped"}),
    "flipped": frozenset({"flipped"}),
    "missing_row": frozenset({"missing_row"}),
    "duplicate": frozenset({"duplicate"}),
    "swapped": frozenset({"swapped"}),
    "shifted_day": frozenset({"shifted_day", "duplicate"}),
    "currency_or_scale": frozenset({"currency_or_scale"}),
    "rounding": frozenset({"rounding"}),
    "wrong_subject": frozenset({"wrong_subject"}),
}
"""What happened -> the kinds that tell it rightly. An amount may be changed by one unit (rounding), to ten times (scale) or to its
negative (sign); a row moved to a day that holds an equal one is there twice."""
SUSPECTS = 10
"""Suspects named of a cause; all are counted."""
FACTORS = tuple(10**k for k in range(1, 5))
"""Displacements of a decimal point that are tried."""


@dataclass(frozen=True)
class Cause:
    """One explanation: `kind` of KINDS, the amount it explains (minor units, found less expected; 0 when only the order is wrong;
    None when nothing explains it), and the rows that may be it."""

    kind: str
    amount: int | None = None
    suspects: tuple[str, ...] = ()

    @classmethod
    def of(cls, kind: str, amount: int | None, suspects: Iterable[str | None] = ()) -> Cause:
        """With the suspects in order, each once."""
        return cls(kind, amount, tuple(dict.fromkeys(s for s in suspects if s)))


NONE = Cause("none")
NOT_SEARCHED = Cause("not_searched")


def scaled(a: int, b: int) -> bool:
    """Whether one of two amounts is the other with its decimal point displaced."""
    return a != b and 0 not in (a, b) and any(a * f == b or b * f == a for f in FACTORS)
