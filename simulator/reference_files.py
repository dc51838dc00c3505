"""Writes the reference tables the simulated province stands on into conf/ref (`python -m simulator ref --out DIR`)."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import date, timedelta
from math import sin
from pathlib import Path

from simulator import calendar_cn, purposes
from simulator import reference_data as ref

SYNTHETIC = "made for the synthetic province; names and numbers are invented"


def _write(folder: Path, name: str, source: str, header: str, rows: Iterable[Iterable[object]]) -> None:
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as f:
        f.write(f"# source: {source}\n")
        writer = csv.writer(f, lineterminator="\n")
        writer.writerow(header.split(","))
        writer.writerows(rows)


def fx_rate(currency: str, month: date) -> float:
    """Parity of a month: the base rate moved by at most 4 percent along a smooth path (not a real quotation)."""
    base = next(r for c, _e, r in ref.CURRENCIES if c == currency)
    t = month.year * 12 + month.month
    return round(base * (1 + 0.04 * sin(t / 7.0 + len(currency) + base)), 8)


def months(first: date, last: date) -> list[date]:
    """First days of the months from `first` to `last`."""
    return [date(i // 12, i % 12 + 1, 1) for i in range(first.year * 12 + first.month - 1, last.year * 12 + last.month)]


def _banks(folder: Path) -> None:
    lenders = {lender for lender, _n, _t in ref.LENDERS}
    _write(folder, "ref_bank", SYNTHETIC, "bank_id,name,acct_regex,sparse,order,is_lender,bank_no",
           ((b.bank_id, b.name, b.acct_regex, 1, "account_day", int(b.bank_id in lenders), b.bank_no) for b in ref.BANKS))  # fmt: skip
    _write(folder, "ref_branch", SYNTHETIC, "branch_id,bank_id,name,region6",
           ((f"{b.bank_id[1:]}{i + 1:02d}", b.bank_id, f"{b.name}第{i + 1}支行", ref.REGIONS[i][0]) for b in ref.BANKS for i in range(ref.BRANCHES)))  # fmt: skip
    _write(folder, "ref_submission_plan", "design of the bank files; every bank sends every type for every day", "bank_id,file_type,frequency",
           ((b.bank_id, t, "daily") for b in ref.BANKS for t in ("ACCT", "BAL", "TXN", "GL", "CTL")))  # fmt: skip
    _write(folder, "ref_lender", SYNTHETIC, "lender_id,name,lender_type,account_no",
           ((lender, name, kind, ref.special_account(ref.LENDER_CODE[lender])) for lender, name, kind in ref.LENDERS))  # fmt: skip
    _write(folder, "ref_party", SYNTHETIC + "; parties many firms deal with", "account_no,name,kind,list",
           ((ref.special_account(ref.PARTY_CODE[key]), name, kind, group) for key, name, kind, group in ref.PARTIES))  # fmt: skip
    _write(folder, "ref_risk_party", SYNTHETIC, "account_no,name,reason",
           ((ref.special_account(ref.PARTY_CODE[key]), name, "gaming or unlicensed trading") for key, name, _k, group in ref.PARTIES if group == "risk"))  # fmt: skip
    _write(folder, "ref_uscc_exception", "USCCs really issued that fail the check character (published example); the registry adds more", "uscc,note",
           (("91350628M0000K0H44", "issued as is"),))  # fmt: skip


def _money(folder: Path) -> None:
    iso = "ISO 4217 codes and exponents (subset); aliases as banks send them for CNY"
    names = [(c, e, "", "ISO 4217") for c, e, _r in ref.CURRENCIES] + [(a, 2, "CNY", "alias in bank cores") for a in ref.ALIASES]
    _write(folder, "ref_currency", iso, "code,exponent,alias_of,source", names)
    days = months(calendar_cn.FIRST, calendar_cn.LAST)
    text = "deterministic and synthetic, not quotations: one parity a month, in force from its first day; CNY per unit of the currency"
    _write(folder, "ref_fx_rate", text, "currency,date,rate_to_cny",
           ((c, d.isoformat(), f"{fx_rate(c, d):.8f}") for c, _e, _r in ref.CURRENCIES if c != "CNY" for d in days))  # fmt: skip


def _calendar(folder: Path) -> None:
    span = (calendar_cn.LAST - calendar_cn.FIRST).days + 1
    days = [calendar_cn.FIRST + timedelta(days=i) for i in range(span)]
    text = "State Council holiday notices 2021 to 2026; 2027 is an estimate without moved weekends"
    _write(folder, "ref_calendar", text, "date,is_workday", ((d.isoformat(), int(calendar_cn.is_workday(d))) for d in days))


def _places(folder: Path) -> None:
    rows = [
        (code, name, city, "1949-10-01", "", "")
        for code, name, city in (*ref.REGIONS, *ref.OTHER_REGIONS, ("450110", "武鸣区", "南宁"), ("451203", "宜州区", "河池"))
    ]
    rows += [(code, name, city, "1949-10-01", until, successor) for code, name, city, until, successor in ref.RETIRED_REGIONS]
    _write(folder, "ref_region", "GB/T 2260 county codes, stated subset used by the province, with retired codes and successors",
           "region6,name,city,valid_from,valid_to,successor", rows)  # fmt: skip
    _write(folder, "ref_industry_section", "GB/T 4754-2017, sections and the divisions they span", "section,first,last",
           (line.split("|") for line in SECTIONS.split()))  # fmt: skip
    _write(folder, "ref_industry", "GB/T 4754-2017 classes, stated subset used by the province", "industry4,name,section,division",
           ((code, name, code[0], code[1:3]) for _a, code, name in ref.INDUSTRIES))  # fmt: skip


SECTIONS = """
A|01|05 B|06|12 C|13|43 D|44|46 E|47|50 F|51|52 G|53|60 H|61|62 I|63|65 J|66|69
K|70|70 L|71|72 M|73|75 N|76|79 O|80|82 P|83|83 Q|84|85 R|86|90 S|91|96 T|97|97
"""


# group, sections or divisions, staff small/medium/large, revenue small/medium/large in 10,000 CNY (empty: not a criterion)
SIZES = """
farming|A||||50|500|20000
industry|B;C;D|20|300|1000|300|2000|40000
construction|E||||300|6000|80000
wholesale|F51|5|20|200|1000|5000|40000
retail|F52|10|50|300|100|500|20000
transport|G53;G54;G55;G56;G57;G58|20|300|1000|200|3000|30000
storage|G59|20|100|200|100|1000|30000
post|G60|20|300|1000|100|2000|30000
lodging|H61|10|100|300|100|2000|10000
catering|H62|10|100|300|100|2000|10000
telecom|I63;I64|10|100|2000|100|1000|100000
software|I65|10|100|300|50|1000|10000
real_estate|K7010||||100|1000|200000
property_service|K7020|100|300|1000|500|1000|5000
leasing_business|L|10|100|300|||
other|*|10|100|300|||
"""


def write(folder: Path) -> None:
    """All reference tables, each with its source in the first line."""
    folder.mkdir(parents=True, exist_ok=True)
    _banks(folder)
    _money(folder)
    _calendar(folder)
    _places(folder)
    text = "工信部联企业〔2011〕300号, lower bounds of each class; both must hold, else one class lower; asset criteria left out (construction, leasing)"
    _write(folder, "ref_size_rule", text, "group,match,staff_small,staff_medium,staff_large,revenue_small_wan,revenue_medium_wan,revenue_large_wan",
           (line.split("|") for line in SIZES.split()))  # fmt: skip
    _write(folder, "ref_purpose_rule", "purpose codes of the bank files (simulator/purposes.py); lowest priority that fits wins; reversal and own come first, in code",
           "priority,side,codes,regex,kind,category,meaning", purposes.RULES)  # fmt: skip
    _write(folder, "ref_party_kind", "how a counterparty's name tells its kind, first match wins; an account in ref_party or ref_lender decides before", "kind,regex",
           (("gov", "金库|财政|法院|税务局|社会保险|管理局|人民政府"), ("fin", "银行|农信社|理财|保险公司|小额贷款|融资租赁|证券|收单|供应链金融"),
            ("platform", "网络支付|电子商务平台"), ("corp", "公司|厂|店|合作社|中心|商行|集团|酒店|部$|行$"), ("person", ".")))  # fmt: skip
