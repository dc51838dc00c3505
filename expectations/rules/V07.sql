-- id: V07
-- title: Organization code inside the credit code
-- title_zh: 主体标识码校验位
-- family: validity
-- severity: warn
-- scope: ROW
-- tolerance: none
-- views: acct_rows
-- sentence: Character 17 of the unified social credit code is not the check character of the organization code before it (GB 11714).
-- sentence_zh: 统一社会信用代码第 17 位不是主体标识码（GB 11714）的校验位。
SELECT 'V07' AS rule_id, bank_id, from_date AS biz_date, file_type, submission_id, 'ROW' AS scope_kind, concat(submission_id, ':', row_no) AS scope_key,
       'check character of GB 11714' AS expected, 'another character' AS actual, CAST(NULL AS BIGINT) AS diff, 'warn' AS severity
FROM acct_rows
WHERE uscc_shape AND NOT org_ok
