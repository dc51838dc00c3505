-- id: C5
-- title: Sequence inside the day
-- title_zh: 日内序号连续
-- family: continuity
-- severity: quarantine, warn
-- scope: ACCOUNT_DAY
-- tolerance: a gap is a warning while sums and running balances (C3, C4) hold
-- views: account_day
-- sentence: Sequence numbers of the day do not run from 1 without gap or repeat.
-- sentence_zh: 当日序号不是从 1 起连续且不重复。
WITH judged AS (
  SELECT *, has_bal AND credit_cnt = txn_credit_cnt AND debit_cnt = txn_debit_cnt AND credit_minor IS NOT DISTINCT FROM txn_credit_minor
            AND debit_minor IS NOT DISTINCT FROM txn_debit_minor AND first_break IS NULL AND last_after IS NOT DISTINCT FROM closing_minor
            AND coalesce(abs(try_subtract(first_before, opening_minor)) <= tolerance_minor, false) AS holds
  FROM account_day
  WHERE has_txn AND fresh_txn AND (first_seq <> 1 OR seq_breaks > 0)
)
SELECT 'C5' AS rule_id, bank_id, biz_date, 'TXN' AS file_type, submission_id, 'ACCOUNT_DAY' AS scope_kind, concat(account_id, '|', currency) AS scope_key,
       concat('1 to ', txn_credit_cnt + txn_debit_cnt) AS expected, concat(first_seq, ' to ', last_seq, ', ', seq_breaks, ' breaks') AS actual,
       last_seq - txn_credit_cnt - txn_debit_cnt AS diff,
       CASE WHEN holds AND last_seq > txn_credit_cnt + txn_debit_cnt THEN 'warn' ELSE 'quarantine' END AS severity
FROM judged
