-- id: C1
-- title: Opening balance follows closing balance
-- title_zh: 期初承上期末
-- family: continuity
-- severity: quarantine
-- scope: ACCOUNT_DAY
-- tolerance: 0
-- views: account_day
-- sentence: The day opens with another balance than the one the account closed with before.
-- sentence_zh: 当日期初余额与上一日期末余额不一致。
SELECT 'C1' AS rule_id, bank_id, biz_date, 'BAL' AS file_type, submission_id, 'ACCOUNT_DAY' AS scope_kind, concat(account_id, '|', currency) AS scope_key,
       concat(prev_closing_minor, ' of ', prev_date) AS expected, cast(opening_minor AS STRING) AS actual,
       try_subtract(opening_minor, prev_closing_minor) AS diff, 'quarantine' AS severity
FROM account_day
WHERE has_bal AND fresh_bal AND chained AND opening_minor <> prev_closing_minor
