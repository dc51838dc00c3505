-- id: C8
-- title: First and last balance
-- title_zh: 开户与销户余额
-- family: continuity
-- severity: quarantine
-- scope: ACCOUNT_DAY
-- tolerance: 0
-- views: account_day, account
-- sentence: The account does not open with 0 on its opening date, or does not close with 0 on its closing date.
-- sentence_zh: 开户日期初余额不为零，或销户日期末余额不为零。
SELECT 'C8' AS rule_id, d.bank_id, d.biz_date, 'BAL' AS file_type, d.submission_id, 'ACCOUNT_DAY' AS scope_kind,
       concat(d.account_id, '|', d.currency) AS scope_key,
       CASE WHEN d.biz_date = a.open_date AND d.opening_minor <> 0 THEN 'opening balance 0' ELSE 'closing balance 0' END AS expected,
       cast(CASE WHEN d.biz_date = a.open_date AND d.opening_minor <> 0 THEN d.opening_minor ELSE d.closing_minor END AS STRING) AS actual,
       CASE WHEN d.biz_date = a.open_date AND d.opening_minor <> 0 THEN d.opening_minor ELSE d.closing_minor END AS diff, 'quarantine' AS severity
FROM account_day d JOIN account a ON a.bank_id = d.bank_id AND a.account_id = d.account_id
WHERE d.has_bal AND d.fresh_bal
  AND ((d.biz_date = a.open_date AND d.opening_minor <> 0) OR (d.biz_date = a.close_date AND d.closing_minor <> 0))
