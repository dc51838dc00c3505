-- id: V13
-- title: Enumerated values
-- title_zh: 枚举取值
-- family: validity
-- severity: quarantine
-- scope: ROW
-- tolerance: none
-- views: txn_rows, bal_rows, acct_rows, ctl_rows
-- sentence: A field that has a fixed set of values holds another value.
-- sentence_zh: 有固定取值的字段出现其他值。
WITH faults AS (
  SELECT bank_id, coalesce(biz_date, from_date) AS biz_date, file_type, submission_id, row_no, concat_ws(',',
           CASE WHEN dr_cr NOT IN ('C', 'D') THEN 'dr_cr' END,
           CASE WHEN instrument NOT IN ('TRANSFER', 'BILL', 'CARD', 'CASH', 'INTERNAL') THEN 'instrument' END,
           CASE WHEN cash_flag NOT IN ('CASH', 'TRANSFER') THEN 'cash_flag' END,
           CASE WHEN channel NOT IN ('COUNTER', 'NET', 'MOBILE', 'API', 'POS', 'ATM', 'BATCH', 'SYSTEM') THEN 'channel' END,
           CASE WHEN reversal_flag NOT IN ('N', 'R', 'S') THEN 'reversal_flag' END,
           CASE WHEN returned_flag NOT IN ('Y', 'N', '1', '0') THEN 'returned_flag' END,
           CASE WHEN op <> 'X' THEN 'op' END) AS fields
  FROM txn_rows
  UNION ALL
  SELECT bank_id, coalesce(biz_date, from_date), file_type, submission_id, row_no, 'op' FROM bal_rows WHERE op <> 'X'
  UNION ALL
  SELECT bank_id, from_date, file_type, submission_id, row_no, concat_ws(',',
           CASE WHEN account_type NOT IN ('BASIC', 'GENERAL', 'SPECIAL', 'TEMP') THEN 'account_type' END,
           CASE WHEN product_type NOT IN ('DEMAND', 'NOTICE', 'TIME', 'MARGIN') THEN 'product_type' END,
           CASE WHEN status NOT IN ('NORMAL', 'DORMANT', 'FROZEN', 'STOPPED', 'CLOSED') THEN 'status' END,
           CASE WHEN freeze_authority NOT IN ('COURT', 'TAX', 'POLICE', 'BANK') THEN 'freeze_authority' END,
           CASE WHEN op <> 'X' THEN 'op' END)
  FROM acct_rows
  UNION ALL
  SELECT bank_id, coalesce(biz_date, from_date), file_type, submission_id, row_no, concat_ws(',',
           CASE WHEN kind NOT IN ('FLOW', 'BALANCE') THEN 'kind' END,
           CASE WHEN kind = 'FLOW' AND coalesce(dr_cr, '') NOT IN ('C', 'D') THEN 'dr_cr' END)
  FROM ctl_rows WHERE parse_error IS NULL
)
SELECT 'V13' AS rule_id, bank_id, biz_date, file_type, submission_id, 'ROW' AS scope_kind, concat(submission_id, ':', row_no) AS scope_key,
       'a value of the set' AS expected, fields AS actual, CAST(NULL AS BIGINT) AS diff, 'quarantine' AS severity
FROM faults
WHERE fields <> ''
