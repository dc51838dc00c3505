-- id: C2
-- title: Closing balance from the row itself
-- title_zh: 行内余额平衡
-- family: continuity
-- severity: quarantine
-- scope: ACCOUNT_DAY
-- tolerance: 0; of a foreign ledger the one its mapping states, for each row of the day
-- views: account_day
-- sentence: Opening balance plus credits less debits is not the closing balance.
-- sentence_zh: 期初余额加贷方减借方不等于期末余额。
SELECT 'C2' AS rule_id, bank_id, biz_date, 'BAL' AS file_type, submission_id, 'ACCOUNT_DAY' AS scope_kind, concat(account_id, '|', currency) AS scope_key,
       cast(try_subtract(try_add(opening_minor, credit_minor), debit_minor) AS STRING) AS expected, cast(closing_minor AS STRING) AS actual,
       try_subtract(closing_minor, try_subtract(try_add(opening_minor, credit_minor), debit_minor)) AS diff, 'quarantine' AS severity
FROM account_day
WHERE has_bal AND fresh_bal
  AND coalesce(abs(try_subtract(closing_minor, try_subtract(try_add(opening_minor, credit_minor), debit_minor)))
               > tolerance_minor * greatest(credit_cnt + debit_cnt, 1), true)
