-- id: T1
-- title: Flows against the second channel
-- title_zh: 总对总核对（发生额）
-- family: control
-- severity: warn
-- scope: CONTROL_CELL
-- tolerance: 0
-- views: control_cell
-- sentence: Number or amount of the transactions received differs from what the bank's statistics unit states for the branch, currency, date and side.
-- sentence_zh: 收到的交易笔数或金额与银行统计部门所报（网点、币种、日期、方向）不一致。
SELECT 'T1' AS rule_id, bank_id, biz_date, 'CTL' AS file_type, ctl_submission_id AS submission_id, 'CONTROL_CELL' AS scope_kind,
       concat_ws('|', branch_id, currency, dr_cr) AS scope_key, concat(stated_cnt, ' ', stated_amt_minor) AS expected,
       concat(received_cnt, ' ', coalesce(received_amt_minor, '?')) AS actual, try_subtract(received_amt_minor, stated_amt_minor) AS diff, 'warn' AS severity
FROM control_cell
WHERE stated_cnt <> received_cnt OR stated_amt_minor IS DISTINCT FROM received_amt_minor
