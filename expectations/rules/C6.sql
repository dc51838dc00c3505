-- id: C6
-- title: No day is missing
-- title_zh: 日期连续
-- family: continuity
-- severity: quarantine
-- scope: ACCOUNT_DAY
-- tolerance: sparse senders may leave out days without movement
-- views: account, bank_day, account_day
-- sentence: An open account has no balance row for a day whose balance file was accepted; the day is not covered.
-- sentence_zh: 余额文件已接收，但在用账户缺当日余额行，该日不计入覆盖。
SELECT 'C6' AS rule_id, a.bank_id, d.biz_date, 'BAL' AS file_type, d.bal_submission_id AS submission_id, 'ACCOUNT_DAY' AS scope_kind,
       concat(a.account_id, '|', a.currency) AS scope_key, 'a balance row' AS expected, 'none' AS actual, CAST(NULL AS BIGINT) AS diff,
       'quarantine' AS severity
FROM account a
JOIN bank_day d ON d.bank_id = a.bank_id AND d.dense AND d.fresh_bal AND d.biz_date >= a.open_date
  AND (a.close_date IS NULL OR d.biz_date <= a.close_date)
LEFT ANTI JOIN account_day r ON r.has_bal AND r.day_dense AND r.bank_id = a.bank_id AND r.account_id = a.account_id AND r.currency = a.currency AND r.biz_date = d.biz_date
UNION ALL
SELECT 'C6', bank_id, biz_date, 'BAL', submission_id, 'ACCOUNT_DAY', concat(account_id, '|', currency), 'a balance row',
       concat('none, and ', txn_credit_cnt + txn_debit_cnt, ' transactions'), NULL, 'quarantine'
FROM account_day
WHERE has_txn AND NOT has_bal AND day_has_bal AND (fresh_bal OR fresh_txn)
