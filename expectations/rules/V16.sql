-- id: V16
-- title: Account known and open
-- title_zh: 账户存在且在用
-- family: validity
-- severity: quarantine
-- scope: ROW
-- tolerance: none
-- views: txn_rows, bal_rows, account
-- sentence: The account was never delivered, or the row lies before its opening or after its closing.
-- sentence_zh: 账户未报送，或该行早于开户、晚于销户。
WITH dated AS (
  SELECT bank_id, biz_date, file_type, submission_id, row_no, account_id FROM txn_rows
  UNION ALL
  SELECT bank_id, biz_date, file_type, submission_id, row_no, account_id FROM bal_rows
)
SELECT 'V16' AS rule_id, d.bank_id, d.biz_date, d.file_type, d.submission_id, 'ROW' AS scope_kind, concat(d.submission_id, ':', d.row_no) AS scope_key,
       CASE WHEN a.account_id IS NULL THEN 'a known account' ELSE concat('open from ', a.open_date, coalesce(concat(' to ', a.close_date), '')) END AS expected,
       CASE WHEN a.account_id IS NULL THEN 'not delivered' ELSE cast(d.biz_date AS STRING) END AS actual,
       CAST(NULL AS BIGINT) AS diff, 'quarantine' AS severity
FROM dated d LEFT JOIN account a ON a.bank_id = d.bank_id AND a.account_id = d.account_id
WHERE d.account_id IS NOT NULL AND d.biz_date IS NOT NULL
  AND (a.account_id IS NULL OR d.biz_date < a.open_date OR d.biz_date > a.close_date)
