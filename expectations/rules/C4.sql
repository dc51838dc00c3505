-- id: C4
-- title: Running balance inside the day
-- title_zh: 日内逐笔连续
-- family: continuity
-- severity: quarantine
-- scope: ACCOUNT_DAY
-- tolerance: 0; of a foreign ledger the one its mapping states, between neighbouring rows
-- views: account_day
-- sentence: In order of sequence, a balance after a transaction is not the balance before it plus its movement, or the day does not start at the opening or end at the closing balance.
-- sentence_zh: 按序号，某笔后余额不等于前余额加发生额，或首尾与期初、期末余额不接。
SELECT 'C4' AS rule_id, bank_id, biz_date, 'TXN' AS file_type, submission_id, 'ACCOUNT_DAY' AS scope_kind, concat(account_id, '|', currency) AS scope_key,
       CASE WHEN coalesce(abs(try_subtract(first_before, opening_minor)) > tolerance_minor, true) THEN concat('opening ', opening_minor)
            WHEN first_break IS NOT NULL THEN concat('balance ', first_break.expected, ' after ', first_break.seq_no)
            ELSE concat('closing ', closing_minor) END AS expected,
       CASE WHEN coalesce(abs(try_subtract(first_before, opening_minor)) > tolerance_minor, true) THEN cast(first_before AS STRING)
            WHEN first_break IS NOT NULL THEN cast(first_break.actual AS STRING)
            ELSE cast(last_after AS STRING) END AS actual,
       CASE WHEN coalesce(abs(try_subtract(first_before, opening_minor)) > tolerance_minor, true) THEN try_subtract(first_before, opening_minor)
            WHEN first_break IS NOT NULL THEN try_subtract(first_break.actual, first_break.expected)
            ELSE try_subtract(last_after, closing_minor) END AS diff, 'quarantine' AS severity
FROM account_day
WHERE has_bal AND has_txn AND (fresh_bal OR fresh_txn)
  AND (coalesce(abs(try_subtract(first_before, opening_minor)) > tolerance_minor, true) OR first_break IS NOT NULL OR last_after IS DISTINCT FROM closing_minor)
