-- id: V05
-- title: Shape of the credit code
-- title_zh: 统一社会信用代码格式
-- family: validity
-- severity: quarantine
-- scope: ROW
-- tolerance: none
-- views: acct_rows
-- sentence: The unified social credit code does not have 18 characters of the allowed kind.
-- sentence_zh: 统一社会信用代码不是规定字符的 18 位。
SELECT 'V05' AS rule_id, bank_id, from_date AS biz_date, file_type, submission_id, 'ROW' AS scope_kind, concat(submission_id, ':', row_no) AS scope_key,
       '18 characters of the USCC alphabet' AS expected, 'another shape' AS actual, CAST(NULL AS BIGINT) AS diff, 'quarantine' AS severity
FROM acct_rows
WHERE NOT uscc_shape
