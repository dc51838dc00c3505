-- Observations of one date $d. Eligibility: versions known at $known. Outcome: versions known at $released.
WITH contract_then AS (
  SELECT * FROM contract_version WHERE available_at <= $known
  QUALIFY row_number() OVER (PARTITION BY lender_id, loan_no ORDER BY row_version DESC, available_at DESC) = 1
),
contract_now AS (
  SELECT * FROM contract_version WHERE available_at <= $released
  QUALIFY row_number() OVER (PARTITION BY lender_id, loan_no ORDER BY row_version DESC, available_at DESC) = 1
),
performance_then AS (
  SELECT *, {BAD_REASON} AS bad_reason FROM performance_version WHERE available_at <= $known AND month_end <= $d
  QUALIFY row_number() OVER (PARTITION BY lender_id, loan_no, month_end ORDER BY row_version DESC, available_at DESC) = 1
),
performance_now AS (
  SELECT *, {BAD_REASON} AS bad_reason FROM performance_version WHERE available_at <= $released AND month_end > $d
  QUALIFY row_number() OVER (PARTITION BY lender_id, loan_no, month_end ORDER BY row_version DESC, available_at DESC) = 1
),

-- A loan is open when its last known row has a balance, or it is too young to have a row.
last_row AS (
  SELECT lender_id, loan_no, max(month_end) AS last_month, max_by(balance_fen, month_end) AS balance_fen,
         bool_or(written_off) AS written_off, max_by(bad_reason IS NOT NULL, month_end) AS bad_now
  FROM performance_then GROUP BY lender_id, loan_no
),
open_loan AS (
  SELECT c.firm_id, c.lender_id, c.loan_no, c.maturity_date
  FROM contract_then c LEFT JOIN last_row p ON p.lender_id = c.lender_id AND p.loan_no = c.loan_no
  WHERE c.granted_date <= $d
    AND CASE WHEN p.last_month IS NULL THEN c.granted_date > $recent
             ELSE p.balance_fen > 0 AND NOT p.written_off AND p.last_month > $recent END
),

-- Spells of bad rows before D: when the last one began, when the last one was cured, whether one still lasts.
marked AS (
  SELECT firm_id, month_end, bad_reason IS NOT NULL AS bad,
         coalesce(lag(bad_reason IS NOT NULL) OVER (PARTITION BY lender_id, loan_no ORDER BY month_end), false) AS bad_before
  FROM performance_then
),
spell AS (
  SELECT firm_id, max(month_end) FILTER (WHERE bad AND NOT bad_before) AS began, max(month_end) FILTER (WHERE bad_before AND NOT bad) AS cured
  FROM marked GROUP BY firm_id
),
still_bad AS (
  SELECT DISTINCT c.firm_id FROM last_row p JOIN contract_then c ON p.lender_id = c.lender_id AND p.loan_no = c.loan_no WHERE p.bad_now
),

-- The two samples and the loans each one looks at.
granted AS (
  SELECT firm_id, min(granted_date) AS starts FROM contract_now WHERE granted_date > $d AND granted_date <= $last_grant GROUP BY firm_id
),
candidate AS (
  SELECT DISTINCT firm_id, 'behaviour' AS sample_kind, CAST($d AS DATE) AS starts FROM open_loan
  UNION ALL
  SELECT firm_id, 'origination' AS sample_kind, starts FROM granted
),
window_of AS (
  SELECT *, CAST(starts + INTERVAL 12 MONTH AS DATE) AS ends FROM candidate
),
window_month AS (
  SELECT *, CASE WHEN last_day(starts) = starts THEN last_day(CAST(starts + INTERVAL 1 DAY AS DATE)) ELSE last_day(starts) END AS first_month,
         CASE WHEN last_day(ends) = ends THEN ends ELSE last_day(CAST(ends - INTERVAL 1 MONTH AS DATE)) END AS final_month
  FROM window_of
),
looked_at AS (
  SELECT firm_id, 'behaviour' AS sample_kind, lender_id, loan_no, maturity_date FROM open_loan
  UNION ALL
  SELECT c.firm_id, 'origination', c.lender_id, c.loan_no, c.maturity_date
  FROM contract_now c JOIN granted g ON g.firm_id = c.firm_id AND g.starts = c.granted_date
),

-- A loan is seen to the end of the window, to its repayment, or (a lender that stops reporting) in order to its maturity.
loan_seen AS (
  SELECT w.firm_id, w.sample_kind, l.lender_id, l.loan_no,
         count(p.month_end) AS months, max(p.month_end) AS last_month,
         max_by(p.balance_fen, p.month_end) AS balance_fen, max_by(p.dpd, p.month_end) AS dpd,
         any_value(l.maturity_date) AS maturity_date, any_value(w.first_month) AS first_month, any_value(w.final_month) AS final_month
  FROM window_month w
  JOIN looked_at l ON l.firm_id = w.firm_id AND l.sample_kind = w.sample_kind
  LEFT JOIN performance_now p ON p.lender_id = l.lender_id AND p.loan_no = l.loan_no AND p.month_end BETWEEN w.first_month AND w.final_month
  GROUP BY w.firm_id, w.sample_kind, l.lender_id, l.loan_no
),
seen AS (
  SELECT firm_id, sample_kind, bool_and(coalesce(
           months >= datediff('month', first_month, CASE
             WHEN balance_fen = 0 OR (maturity_date <= last_day(CAST(last_month + INTERVAL 1 DAY AS DATE)) AND dpd <= $good_dpd) THEN last_month
             ELSE final_month END) + 1, false)) AS complete
  FROM loan_seen GROUP BY firm_id, sample_kind
),

-- What happened on any loan of the firm inside the window.
happened AS (
  SELECT w.firm_id, w.sample_kind, max(p.dpd) AS max_dpd, min(p.month_end) FILTER (WHERE p.bad_reason IS NOT NULL) AS bad_month,
         min_by(p.bad_reason, (p.month_end, p.bad_reason)) FILTER (WHERE p.bad_reason IS NOT NULL) AS bad_reason,
         min_by(p.dpd, (p.month_end, p.bad_reason)) FILTER (WHERE p.bad_reason IS NOT NULL) AS bad_dpd
  FROM window_month w JOIN performance_now p ON p.firm_id = w.firm_id AND p.month_end BETWEEN w.first_month AND w.final_month
  GROUP BY w.firm_id, w.sample_kind
),
judged AS (
  SELECT w.firm_id, w.sample_kind, w.starts, f.covered_months, f.has_loan_before, h.max_dpd, h.bad_reason,
         CASE WHEN h.bad_reason = 'dpd90' THEN greatest(CAST(h.bad_month - CAST(h.bad_dpd - 90 AS INTEGER) AS DATE), CAST(w.starts + INTERVAL 1 DAY AS DATE))
              ELSE h.bad_month END AS bad_date,
         CASE WHEN f.status IS DISTINCT FROM 'ACTIVE' THEN 'not_active'
              WHEN coalesce(f.covered_months, 0) < $min_months THEN 'too_few_months'
              WHEN b.firm_id IS NOT NULL OR s.began > $year_before OR s.cured > $half_before THEN 'bad_before'
              WHEN w.sample_kind = 'origination' AND NOT $origination_mature THEN 'not_matured'
              WHEN h.bad_reason IS NULL AND NOT coalesce(e.complete, false) THEN 'not_seen' END AS excluded
  FROM window_month w
  JOIN firm f ON f.firm_id = w.firm_id AND f.snapshot_date = $d
  LEFT JOIN spell s ON s.firm_id = w.firm_id
  LEFT JOIN still_bad b ON b.firm_id = w.firm_id
  LEFT JOIN seen e ON e.firm_id = w.firm_id AND e.sample_kind = w.sample_kind
  LEFT JOIN happened h ON h.firm_id = w.firm_id AND h.sample_kind = w.sample_kind
),
decided AS (
  SELECT *, CASE WHEN excluded IS NOT NULL THEN NULL WHEN bad_reason IS NOT NULL THEN 'bad'
                 WHEN max_dpd > $good_dpd THEN 'indeterminate' ELSE 'good' END AS outcome
  FROM judged
)
SELECT firm_id, CAST($d AS DATE) AS snapshot_date, sample_kind,
       CASE WHEN covered_months >= $standard_months THEN 'STANDARD' ELSE 'THIN' END AS segment,
       NOT coalesce(has_loan_before, true) AS credit_invisible,
       outcome, CAST(CASE outcome WHEN 'bad' THEN 1 WHEN 'good' THEN 0 END AS INTEGER) AS label,
       CASE WHEN outcome = 'bad' THEN bad_reason END AS bad_reason, CASE WHEN outcome = 'bad' THEN bad_date END AS bad_date,
       CAST(max_dpd AS INTEGER) AS max_dpd, excluded
FROM decided
ORDER BY firm_id, sample_kind
