"""How the parts of a bank's quality are counted (domain B6): SQL (DuckDB) over what the checks of a month's dates found.

Views, all of one month as known on the night of closing: plan (bank_id, file_type, day: a file is due), manifest (one row per
submission, its state on that night; `on_time`, `voided`: replaced by a later version), violation (bank, rule, `day`; those of
voided submissions left out), reconciliation (voided left out), control (bank_id, branch_id, currency, dr_cr, biz_date, amount in
CNY fen, fen_per_minor), fx (currency, first, last, fen), issue (the last state of each issue). A query yields bank_id, failing, total.
"""

from __future__ import annotations

_ROWS = "sum(received - duplicate)"

COUNTS: dict[str, str] = {
    # a file of several dates is due and delivered for each of them; a blocked file is not delivered
    "timeliness": """
        SELECT p.bank_id, count(*) FILTER (NOT coalesce(d.on_time, false)) AS failing, count(*) AS total
        FROM plan p LEFT JOIN (
            SELECT bank_id, file_type, day, bool_or(on_time) AS on_time FROM manifest JOIN days ON day BETWEEN biz_date AND to_date
            WHERE status <> 'BLOCKED' GROUP BY ALL) d USING (bank_id, file_type, day)
        GROUP BY ALL""",
    # what was received before anything was parked, against the second channel: T1 names every cell that differs
    "completeness": """
        WITH off AS (
            SELECT bank_id, day AS biz_date, scope_key, arg_max(abs(diff), as_of) AS gap_minor, arg_max(diff IS NULL, as_of) AS unknown
            FROM violation WHERE rule_id = 'T1' GROUP BY ALL),
        cell AS (
            SELECT coalesce(c.bank_id, o.bank_id) AS bank_id, c.amt_fen, o.unknown,
                   o.gap_minor * coalesce(c.fen_per_minor, f.fen) AS gap_fen
            FROM control c FULL JOIN off o
              ON o.bank_id = c.bank_id AND o.biz_date = c.biz_date AND o.scope_key = c.branch_id || '|' || c.currency || '|' || c.dr_cr
            LEFT JOIN fx f ON f.currency = split_part(o.scope_key, '|', 2) AND o.biz_date >= f.first AND o.biz_date < f.last)
        SELECT bank_id, round(coalesce(sum(CASE WHEN unknown THEN amt_fen ELSE gap_fen END), 0))::BIGINT AS failing,
               round(coalesce(sum(amt_fen), 0))::BIGINT AS total
        FROM cell
        GROUP BY ALL""",
    # rows named by a rule of validity, and all rows of a file that one refuses
    "validity": f"""
        WITH files AS (SELECT DISTINCT bank_id, submission_id FROM violation WHERE rule_id LIKE 'V%' AND scope_kind = 'FILE'),
        lost AS (SELECT bank_id, {_ROWS} AS n FROM reconciliation SEMI JOIN files USING (bank_id, submission_id) GROUP BY ALL),
        odd AS (SELECT bank_id, count(DISTINCT scope_key) AS n FROM violation ANTI JOIN files USING (bank_id, submission_id)
                WHERE rule_id LIKE 'V%' AND scope_kind = 'ROW' GROUP BY ALL),
        held AS (SELECT bank_id, {_ROWS} AS n FROM reconciliation GROUP BY ALL)
        SELECT bank_id, (coalesce(odd.n, 0) + coalesce(lost.n, 0))::BIGINT AS failing, held.n::BIGINT AS total
        FROM held LEFT JOIN lost USING (bank_id) LEFT JOIN odd USING (bank_id)""",
    "totals": f"""
        WITH off AS (SELECT bank_id, count(DISTINCT (day, scope_key)) AS n FROM violation
                     WHERE rule_id LIKE 'G%' AND scope_kind = 'GL_GROUP' GROUP BY ALL),
        held AS (SELECT bank_id, {_ROWS} AS n FROM reconciliation WHERE file_type = 'GL' GROUP BY ALL)
        SELECT bank_id, coalesce(off.n, 0)::BIGINT AS failing, greatest(held.n, coalesce(off.n, 0))::BIGINT AS total
        FROM held LEFT JOIN off USING (bank_id)""",
    # an account-day without a balance row (C6) fails and was not received: it is added to those that were
    "continuity": f"""
        WITH off AS (SELECT bank_id, count(DISTINCT (day, scope_key)) AS n, count(DISTINCT (day, scope_key)) FILTER (rule_id = 'C6') AS absent
                     FROM violation WHERE rule_id LIKE 'C%' AND scope_kind = 'ACCOUNT_DAY' GROUP BY ALL),
        held AS (SELECT bank_id, {_ROWS} AS n FROM reconciliation WHERE file_type = 'BAL' GROUP BY ALL)
        SELECT bank_id, coalesce(off.n, 0)::BIGINT AS failing, (held.n + coalesce(off.absent, 0))::BIGINT AS total
        FROM held LEFT JOIN off USING (bank_id)""",
    "rectification": """
        SELECT bank_id, count(*) FILTER (past_due) AS failing, count(*) AS total FROM issue GROUP BY ALL""",
}
"""Part -> query. Sampling is counted where samples are judged."""

ACCEPTED = "SELECT bank_id, sum(accepted)::BIGINT AS n FROM reconciliation GROUP BY ALL"
