-- id: T3
-- title: Control totals, accounts
-- title_zh: 账户数总控
-- family: control
-- severity: warn
-- scope: CONTROL_CELL
-- tolerance: 0
-- views: control_balance
-- sentence: The number of open accounts differs from what the bank's statistics unit states for the branch, currency and date.
-- sentence_zh: 在用账户数与银行统计部门所报（网点、币种、日期）不一致。
SELECT 'T3' AS rule_id, bank_id, biz_date, 'CTL' AS file_type, ctl_submission_id AS submission_id, 'CONTROL_CELL' AS scope_kind,
       concat_ws('|', branch_id, currency, 'B') AS scope_key, cast(stated_accounts AS STRING) AS expected, cast(accounts AS STRING) AS actual,
       accounts - stated_accounts AS diff, 'warn' AS severity
FROM control_balance
WHERE accounts <> stated_accounts
