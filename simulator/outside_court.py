"""Records of the courts: cases, enforcement, the dishonest list, consumption restrictions, frozen equity."""

from __future__ import annotations

from simulator.calendar_sql import date_sql
from simulator.draws import Draws, select, union
from simulator.params import Params
from simulator.parties import person_id
from simulator.records import Records, at, records, versions

COURT = "'南宁市青秀区人民法院'"
NO_DATE = "NULL::DATE"


def cases(p: Params) -> Records:
    """Cases against firms (more with distress) and by firms; published weeks after filing, judged months later."""
    d = Draws(p.seed)
    months = f"SELECT s.f, s.m, s.d, s.q, s.trend, i.uscc AS party_id FROM state s JOIN identity i USING (f) WHERE m >= {p.first_m}"
    against, by = f"{d.u('sued', 'f', 'm')} < 0.0025e0 * exp(-0.3e0 * q) + 0.05e0 * pow(d, 1.5e0)", f"{d.u('sues', 'f', 'm')} < 0.004e0"
    rows = union(
        select(months, "*", "'DEFENDANT' AS role", "1 AS no", where=against),
        select(months, "*", "'PLAINTIFF' AS role", "2 AS no", where=by),
    )
    keys = ("f", "m", "no")
    u, day = d.u("cause", *keys), f"(1 + {d.pick('filed', 28, *keys)})"
    filed = select(
        rows, "*", f"CASE WHEN {u} < 0.35e0 * d THEN 'loan' WHEN {u} < 0.35e0 * d + 0.4e0 THEN 'sales' WHEN {u} < 0.35e0 * d + 0.58e0 THEN 'labor' ELSE 'other' END AS cause_group",
        "concat('(', 2000 + m // 12, ')桂民初', f::BIGINT * 1000 + m * 3 + no, '号') AS case_no",
        f"{date_sql('m', day)} AS filed_date",
        f"round(trend * exp(0.7e0 * {d.z('claim', *keys)}) * 0.4e0)::BIGINT AS claim_fen", f"{d.u('outcome', *keys)} AS outcome", f"{d.u('award', *keys)} AS award",
    )  # fmt: skip
    published = select(filed, "*", f"filed_date + 8 + {d.pick('published', 30, *keys)} AS publish_date")
    cause = "CASE cause_group WHEN 'loan' THEN '9088' WHEN 'sales' THEN '9064' WHEN 'labor' THEN '9189' ELSE '9001' END"
    judged = select(
        published, "*", f"publish_date + 90 + {d.pick('judged', 150, *keys)} AS judged", f"{COURT} AS court", f"{cause} AS cause_code"
    )
    lost = "IF(role = 'DEFENDANT' AND outcome < 0.65e0, round(claim_fen * (0.4e0 + 0.6e0 * award))::BIGINT, 0)"
    opened = {
        "row_version": "0", "status": "'OPEN'", "judged_date": NO_DATE, "judgment_publish_date": NO_DATE, "judged_payable_fen": "NULL::BIGINT",
        "updated_at": at(d, "publish_date", "case", *keys),
    }  # fmt: skip
    done = {
        "row_version": "1", "status": "IF(outcome < 0.8e0, 'JUDGED', 'WITHDRAWN')", "judged_date": "judged",
        "judgment_publish_date": "IF(outcome < 0.8e0, judged + 12, NULL)", "judged_payable_fen": f"IF(outcome < 0.8e0, {lost}, NULL)",
        "updated_at": at(d, "judged + 12", "judged", *keys),
    }  # fmt: skip
    return records("court_case", versions(judged, ("true", opened), ("true", done)), p)


def after_default(p: Params) -> list[Records]:
    """What follows a default: enforcement, dishonest list, restrictions of firm and representative, frozen equity."""
    d = Draws(p.seed)
    base = (
        f"SELECT x.*, firm.lnsize, i.uscc FROM defaulted x JOIN firm USING (f) JOIN identity i USING (f) WHERE miss_m >= {p.first_m - 30}"
    )
    rows = select(
        base, "*", f"{date_sql('miss_m + 5', '1')} AS start", f"{date_sql('miss_m + 3 + cure_m', '25')} AS over_on", "ends = 'cured' AS cured", f"{person_id('f', '0')} AS owner",
        f"round(100e0 * exp(lnsize) * (0.5e0 + 3e0 * {d.u('target', 'f', 'miss_m')}))::BIGINT AS target", f"{COURT} AS court", "uscc AS party_id",
    )  # fmt: skip
    return [_enforcement(rows, d, p), _dishonest(rows, d, p), _restriction(rows, d, p), _freeze(rows, d, p)]


def _no(prefix: str) -> str:
    return f"concat('{prefix}', f::BIGINT * 1000 + miss_m, '-0')"


def _hit(rows: str, d: Draws, stream: str, chance: float, after: int, within: int) -> str:
    """Those of `rows` that a measure follows, and when it is published: `after` days after the start, spread `within` days."""
    published = f"start + {after} + {d.pick(stream + ' on', within, 'f', 'miss_m')} AS publish_date"
    return select(rows, "*", published, where=f"{d.u(stream, 'f', 'miss_m')} < {chance}e0")


def _steps(d: Draws, stream: str, rows: str, end: str, first: dict[str, str], last: dict[str, str]) -> str:
    """The measure when it is published, and when it ends."""
    published = {"row_version": "0", "end_date": NO_DATE, "updated_at": at(d, "publish_date", stream, "f", "miss_m")}
    ended = {"row_version": "1", "end_date": end, "updated_at": at(d, end, stream + " end", "f", "miss_m")}
    return versions(rows, ("true", published | first), ("true", ended | last))


def _enforcement(rows: str, d: Draws, p: Params) -> Records:
    hit = _hit(rows, d, "enforced", 0.6, 0, 80)
    named = select(hit, "*", f"{_no('桂执')} AS case_no", "publish_date - 10 AS filed_date", "target AS target_fen")
    end = "IF(cured, greatest(over_on, publish_date + 30), publish_date + 240)"
    first = {"performed_fen": "0", "end_kind": "NULL::VARCHAR"}
    last = {"performed_fen": "IF(cured, target, target // 5)", "end_kind": "IF(cured, 'PERFORMED', 'TERMINATED_NO_ASSETS')"}
    return records("court_enforcement", _steps(d, "enforcement", named, end, first, last), p)


def _dishonest(rows: str, d: Draws, p: Params) -> Records:
    hit = _hit(rows, d, "dishonest", 0.35, 100, 80)
    named = select(hit, "*", f"{_no('桂执')} AS case_no", f"{_no('桂依据')} AS basis_no", "'C1' AS conduct_code")
    end = "IF(cured, greatest(over_on + 15, publish_date + 30), publish_date + 730)"
    last = {"performance": "IF(cured, 'ALL', 'NONE')"}
    return records("court_dishonest", _steps(d, "dishonest", named, end, {"performance": "'NONE'"}, last), p)


def _restriction(rows: str, d: Draws, p: Params) -> Records:
    hit = _hit(rows, d, "restricted", 0.4, 60, 80)
    both = union(select(hit, "* REPLACE (uscc AS party_id)"), select(hit, "* REPLACE (owner AS party_id)"))
    named = select(both, "*", f"{_no('桂限')} AS order_no", "owner AS related_person")
    end = "IF(cured, greatest(over_on + 10, publish_date + 30), publish_date + 700)"
    return records("court_restriction", _steps(d, "restriction", named, end, {}, {}), p)


def _freeze(rows: str, d: Draws, p: Params) -> Records:
    hit = _hit(rows, d, "equity frozen", 0.15, 40, 60)
    named = select(
        hit, "* REPLACE (owner AS party_id)", f"{_no('桂冻')} AS notice_no", "uscc AS target_firm_id", "target AS amount_fen", "publish_date AS start_date"
    )  # fmt: skip
    end = "IF(cured, greatest(over_on, publish_date + 30), publish_date + 1095)"
    return records("court_equity_freeze", _steps(d, "equity", named, end, {}, {}), p)
