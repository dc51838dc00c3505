-- id: V06
-- title: Check character of the credit code
-- title_zh: 统一社会信用代码校验位
-- family: validity
-- severity: quarantine, warn
-- scope: ROW
-- tolerance: codes really issued with another check character (exception list, registry) are accepted with a warning
-- views: acct_rows, uscc_known
-- sentence: The last character of the unified social credit code is not the check character of the others.
-- sentence_zh: 统一社会信用代码末位不是前 17 位的校验位。
SELECT 'V06' AS rule_id, r.bank_id, r.from_date AS biz_date, r.file_type, r.submission_id, 'ROW' AS scope_kind,
       concat(r.submission_id, ':', r.row_no) AS scope_key, 'check character of GB 32100-2015' AS expected, 'another character' AS actual,
       CAST(NULL AS BIGINT) AS diff, CASE WHEN k.firm_id IS NOT NULL THEN 'warn' ELSE 'quarantine' END AS severity
FROM acct_rows r LEFT JOIN uscc_known k ON k.firm_id = r.firm_id
WHERE r.uscc_shape AND NOT r.uscc_ok
