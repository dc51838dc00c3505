"""Who is who: identities of firms, of the companies outside, of persons, and how each shows as a counterparty."""

from __future__ import annotations

from simulator.draws import Draws, lookup, select, union
from simulator.firms import CITIES, WORDS, name_sql, person_sql
from simulator.layout import PERSONS, Layout
from simulator.params import Params
from simulator.reference_data import BANKS, INDUSTRIES, LENDER_CODE, LENDERS, OTHER_REGIONS, PARTIES, PARTY_CODE, REGIONS, special_account
from simulator.uscc import coded

PUBLIC = "id % 16 = 5"
"""Of the parties outside, which are offices of the state: they buy too."""
OFFICES = ("教育", "水利", "交通", "卫生", "农业")
OUTSIDE_PLACES = (*REGIONS, *OTHER_REGIONS)


def identities() -> str:
    """f, uscc, name, region6, industry4 of every firm of the population."""
    rows = select(
        "firm",
        "f",
        "uscc_odd",
        "org_odd",
        f"{name_sql(lookup(CITIES, 'reg'), 'f', lookup(WORDS, 'arch'))} AS name",
        f"{lookup([code for code, _n, _c in REGIONS], 'reg')} AS region6",
        f"{lookup([code for _a, code, _n in INDUSTRIES], 'ind')} AS industry4",
    )
    return select(coded(rows, "region6", "100000 + f", "uscc_odd", "org_odd"), "* EXCLUDE (uscc_odd, org_odd)")


def outside_companies(p: Params) -> str:
    """code, uscc, name, region6, public, account_no, bank_no of the companies and public bodies outside the population."""
    d, lay = Draws(p.seed), Layout(p)
    place = f"{d.pick('place', len(OUTSIDE_PLACES), 'id')} AS place"
    rows = select(f"SELECT range AS id FROM range({lay.outside_n})", "id", place, f"{d.pick('trade word', len(WORDS), 'id')} AS word")
    placed = select(rows, "*", f"{lookup([x[0] for x in OUTSIDE_PLACES], 'place')} AS region6", f"{PUBLIC} AS public")
    word, form = f"IF(public, {lookup(OFFICES, f'id % {len(OFFICES)}')}, {lookup(WORDS, 'word')})", "IF(public, '管理局', '有限公司')"
    return select(
        coded(placed, "region6", "500000 + id"),
        f"({lay.outside} + id)::INTEGER AS code",
        "uscc",
        f"{name_sql(lookup([x[2] for x in OUTSIDE_PLACES], 'place'), f'id + {p.firms} + 7', word, form)} AS name",
        "region6",
        "public",
        "concat('84', lpad((id * 37 % 9)::VARCHAR, 3, '0'), lpad(id::VARCHAR, 10, '0')) AS account_no",
        "concat('1051', lpad((id * 13 % 100000000)::VARCHAR, 8, '0')) AS bank_no",
    )


def _luhn(card: str) -> str:
    """Check digit of an 18-digit card number."""
    digit = [f"substr({card}, {i}, 1)::INTEGER" for i in range(1, 19)]
    total = " + ".join(f"({x} * 2) // 10 + ({x} * 2) % 10" if i % 2 else x for i, x in enumerate(digit))
    return f"(10 - ({total}) % 10) % 10"


def persons(p: Params) -> str:
    """code, person_id, name (masked), card of the persons around each firm."""
    lay = Layout(p)
    rows = select(
        f"SELECT range AS id FROM range({p.firms * PERSONS})",
        "id", "concat('6217', lpad((id * 104729 % 10000)::VARCHAR, 4, '0'), lpad(id::VARCHAR, 10, '0')) AS card",
    )  # fmt: skip
    return select(
        rows, f"({lay.persons} + id)::INTEGER AS code", "concat('P', lpad(id::VARCHAR, 9, '0')) AS person_id",
        f"{person_sql('id')} AS name", f"concat(card, {_luhn('card')}) AS card",
    )  # fmt: skip


def person_id(f: str, j: str) -> str:
    """Person id of person j of firm f as SQL."""
    return f"concat('P', lpad((({f}) * {PERSONS} + ({j}))::VARCHAR, 9, '0'))"


def counterparties(p: Params) -> str:
    """code -> `account|name|bank code`, the three counterparty fields of a transaction line; reads `account` and `identity`."""
    bank_no = lookup([b.bank_no for b in BANKS], "bank")
    fixed = [(PARTY_CODE[key], f"{special_account(PARTY_CODE[key])}|{name}|105100000017") for key, name, _k, _l in PARTIES]
    fixed += [(LENDER_CODE[lender], f"{special_account(LENDER_CODE[lender])}|{name}|105100000025") for lender, name, _t in LENDERS]
    values = ", ".join(f"({code}, '{fields}')" for code, fields in [*fixed, (-1, "||")])
    return union(
        f"SELECT acct AS code, concat(account_no, '|', name, '|', {bank_no}) AS fields FROM account JOIN identity USING (f)",
        select("outside", "code", "concat(account_no, '|', name, '|', bank_no) AS fields"),
        select(persons(p), "code", "concat(card, '|', name, '|1041', lpad((code::BIGINT * 7 % 100000000)::VARCHAR, 8, '0')) AS fields"),
        f"SELECT * FROM (VALUES {values}) t(code, fields)",
    )
