"""What a foreign ledger's columns mean: `conf/banks/<bank>.yaml`, validated; an unknown key or a contradiction is an error."""

from __future__ import annotations

import codecs
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from lake.errors import ConfigError
from lake.settings import Section

ColumnRef = str | int
"""A column by its name in the header, or by its position (1 = first) in a file without one."""


class FileFormat(Section):
    """How the file is written. Compression follows from the ending (.gz, .bz2, .xz)."""

    delimiter: str = Field(",", min_length=1, max_length=1)
    quote: str = Field('"', min_length=1, max_length=1)
    header: bool = True
    encoding: str = "utf-8"
    decimal_mark: Literal[".", ","] = "."

    @field_validator("encoding")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            return codecs.lookup(value).name
        except LookupError as e:
            raise ValueError(f"no encoding {value!r} is known") from e


class Columns(Section):
    """Which columns hold what. `order` None: the ledger has no order inside the day, and the check will not invent one."""

    account: list[ColumnRef] = Field(min_length=1, description="the columns that identify an account together")
    date: ColumnRef
    amount: ColumnRef | None = None
    debit: ColumnRef | None = None
    credit: ColumnRef | None = None
    side: ColumnRef | None = None
    balance: ColumnRef = Field(description="balance after the row")
    order: ColumnRef | None = Field(None, description="whole number that orders the rows of an account-day")

    def named(self) -> list[ColumnRef]:
        """Every column the check needs, each once."""
        values = [*self.account, self.date, self.amount, self.debit, self.credit, self.side, self.balance, self.order]
        return list(dict.fromkeys(v for v in values if v is not None))


class Meaning(Section):
    """What a kind of row is for: rows whose columns hold one of the words given (all columns named), on `side` if given."""

    when: dict[str, list[str]] = {}
    side: Literal["C", "D"] | None = None
    category: str = Field(description="one of the catalogue's categories")
    cash: bool = False
    channel: Literal["COUNTER", "NET", "MOBILE", "API", "POS", "ATM", "BATCH", "SYSTEM"] = "BATCH"


class Load(Section):
    """How the ledger becomes a bank in a lake of its own: each account a firm, balances derived from the rows."""

    transaction: str | None = Field(None, description="column that numbers transactions; none: rows are numbered")
    counterparty: list[str] = Field([], description="columns that identify the other account together")
    summary: list[str] = Field([], description="columns whose texts are kept with the transaction")
    branch: str = "0000"
    subject: str = Field("2011", description="general ledger subject of the accounts")
    overdraft: bool = Field(False, description="whether accounts may be negative")
    meanings: list[Meaning] = Field([], description="first match wins; what matches none is left to the general rules")
    rules: list[str] = Field(min_length=1, description="checks that apply to such a ledger; all others are reported as not applicable")

    @property
    def columns(self) -> list[str]:
        """Columns needed beyond those of the check, each once."""
        words = [c for m in self.meanings for c in m.when]
        return list(dict.fromkeys([*([self.transaction] if self.transaction else []), *self.counterparty, *self.summary, *words]))


class Mapping(Section):
    """A ledger: its file, columns, words and tolerance. Amounts become integers of 10^-`decimals` of the currency."""

    bank_id: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9]{0,15}$")
    title: str
    file: FileFormat = FileFormat()
    columns: Columns
    date_format: str = Field("%Y-%m-%d", description="strptime format; a date must read back the same")
    sign: Literal["words", "signed", "debit_credit"] = Field(
        "words", description="words: `side` says which; signed: credits positive; debit_credit: an amount in one of two columns"
    )
    credit_words: list[str] = []
    debit_words: list[str] = []
    decimals: int = Field(2, ge=0, le=4)
    tolerance: str = Field("0", description="largest difference between neighbouring balances that still chains, decimal text")
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    load: Load | None = Field(None, description="only for loading the ledger as a bank")
    first_balance: str | None = Field(None, description="balance before an account's first row; none: the first day is a new base")

    @field_validator("tolerance", "first_balance")
    @classmethod
    def _decimal(cls, value: str | None) -> str | None:
        try:
            number = Decimal(value) if value is not None else Decimal(0)
        except InvalidOperation as e:
            raise ValueError(f"{value!r} is not a decimal number") from e
        if not number.is_finite():
            raise ValueError(f"{value!r} is not a finite number")
        return value

    @field_validator("date_format")
    @classmethod
    def _reads_back(cls, value: str) -> str:
        day = datetime(1994, 3, 31)
        try:
            back = datetime.strptime(day.strftime(value), value)
        except ValueError as e:
            raise ValueError(f"{value!r} is not a date format: {e}") from e
        if back != day:
            raise ValueError(f"{value!r} loses a part of the date")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Mapping:
        c, words = self.columns, set(self.credit_words) & set(self.debit_words)
        needs = {"words": ["amount", "side"], "signed": ["amount"], "debit_credit": ["debit", "credit"]}[self.sign]
        for name in ("amount", "side", "debit", "credit"):
            if (getattr(c, name) is not None) != (name in needs):
                raise ValueError(f"sign {self.sign!r} goes with the columns {needs}; columns.{name} is {getattr(c, name)!r}")
        if self.sign == "words" and not (self.credit_words and self.debit_words):
            raise ValueError("sign 'words' needs credit_words and debit_words")
        if self.sign != "words" and (self.credit_words or self.debit_words):
            raise ValueError(f"sign {self.sign!r} has no credit_words or debit_words")
        if words:
            raise ValueError(f"{sorted(words)} cannot mean both credit and debit")
        if Decimal(self.tolerance) < 0:
            raise ValueError("the tolerance cannot be negative")
        if not self.file.header and not all(isinstance(x, int) and x > 0 for x in c.named()):
            raise ValueError("a file without a header needs columns by position (1 = first)")
        if self.file.header and not all(isinstance(x, str) for x in c.named()):
            raise ValueError("a file with a header needs columns by name")
        return self

    @property
    def tolerance_minor(self) -> int:
        """The tolerance in minor units, rounded down: differences are whole, so nothing is lost."""
        return int(Decimal(self.tolerance).scaleb(self.decimals))

    @property
    def first_minor(self) -> int | None:
        """`first_balance` in minor units."""
        return None if self.first_balance is None else int(Decimal(self.first_balance).scaleb(self.decimals))

    def money(self, minor: int) -> str:
        """An amount in minor units as decimal text."""
        return str(Decimal(minor).scaleb(-self.decimals).quantize(Decimal(1).scaleb(-self.decimals)))

    def parse_date(self, text: str) -> date | None:
        """The date, None when `text` is not exactly one in the mapping's format (30 February is none)."""
        try:
            day = datetime.strptime(text, self.date_format)
        except ValueError:
            return None
        return day.date() if day.strftime(self.date_format) == text else None


def load_mapping(file: str | Path) -> Mapping:
    """The mapping in a YAML file; raises ConfigError naming the file, the key and what was wrong."""
    path = Path(file)
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as e:
        raise ConfigError(f"cannot read the mapping {path}: {e.strerror}") from e
    except (yaml.YAMLError, UnicodeDecodeError) as e:
        raise ConfigError(f"the mapping {path} is not valid YAML: {e}") from e
    if not isinstance(values, dict):
        raise ConfigError(f"the mapping {path} must hold keys and values, found {type(values).__name__}")
    try:
        return Mapping(**values)
    except ValidationError as e:
        problems = "; ".join(f"{'.'.join(map(str, x['loc'])) or 'mapping'}: {x['msg']}" for x in e.errors())
        raise ConfigError(f"the mapping {path}: {problems}") from e
