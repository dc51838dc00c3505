-- id: T2
-- title: Control totals, balances
-- title_zh: 余额总控
-- family: control
-- severity: warn
-- scope: CONTROL_CELL
-- tolerance: 0
-- views: control_balance
-- sentence: The sum of closing balances differs from what the bank's statistics unit states for the branch, currency and date.
-- sentence_zh: 期末余额合计与银行统计部门所报（网点、币种、日期）不一致。
SELECT 'T2' AS rule_id, bank_id, biz_date, 'CTL' AS file_type, ctl_submission_id AS submission_id, 'CONTROL_CELL' AS scope_kind,
       concat_ws('|', branch_id, currency, 'B') AS scope_key, cast(stated_closing_minor AS STRING) AS expected, cast(closing_minor AS STRING) AS actual,
       try_subtract(closing_minor, stated_closing_minor) AS diff, 'warn' AS severity
FROM control_balance
WHERE closing_minor IS DISTINCT FROM stated_closing_minor
