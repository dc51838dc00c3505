-- id: V12
-- title: Dates
-- title_zh: 日期
-- family: validity
-- severity: quarantine
-- scope: ROW
-- tolerance: none
-- views: odd_rows, txn_rows, acct_rows
-- sentence: A date does not exist, lies outside the dates the file covers, after the night, or an account closes before it opens.
-- sentence_zh: 日期不存在、超出文件日期范围、晚于批处理日，或销户早于开户。
SELECT 'V12' AS rule_id, bank_id, coalesce(biz_date, from_date) AS biz_date, file_type, submission_id, 'ROW' AS scope_kind,
       concat(submission_id, ':', row_no) AS scope_key, concat('from ', from_date, ' to ', to_date) AS expected,
       CASE WHEN biz_date IS NULL THEN 'no such date' ELSE cast(biz_date AS STRING) END AS actual, CAST(NULL AS BIGINT) AS diff,
       'quarantine' AS severity
FROM odd_rows
WHERE biz_date_sent IS NOT NULL AND (biz_date IS NULL OR biz_date NOT BETWEEN from_date AND to_date OR biz_date > as_of)
UNION ALL
SELECT 'V12', bank_id, coalesce(biz_date, from_date), file_type, submission_id, 'ROW', concat(submission_id, ':', row_no),
       'a time of day and a value date that exist', CASE WHEN value_date_bad THEN 'value date' ELSE 'time' END, NULL, 'quarantine'
FROM txn_rows
WHERE value_date_bad OR time_bad
UNION ALL
SELECT 'V12', bank_id, from_date, file_type, submission_id, 'ROW', concat(submission_id, ':', row_no),
       'opened not after closed, nor after the file', concat('opened ', open_date, ', closed ', coalesce(cast(close_date AS STRING), '-')), NULL,
       'quarantine'
FROM acct_rows
WHERE open_date > close_date OR open_date > to_date
