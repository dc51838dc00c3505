-- id: V15
-- title: Account numbers
-- title_zh: 账号格式
-- family: validity
-- severity: warn
-- scope: ROW
-- tolerance: none
-- views: odd_rows
-- sentence: The account number does not look as the bank's numbers do, or the counterparty's card number fails its check digit (Luhn).
-- sentence_zh: 账号不符合本行账号规则，或对方卡号校验位（Luhn）不通过。
SELECT 'V15' AS rule_id, bank_id, coalesce(biz_date, from_date) AS biz_date, file_type, submission_id, 'ROW' AS scope_kind,
       concat(submission_id, ':', row_no) AS scope_key,
       CASE WHEN file_type = 'ACCT' THEN 'an account number of the bank''s pattern, 9 to 32 digits' ELSE 'a card number with its check digit' END AS expected,
       CASE WHEN file_type = 'ACCT' THEN 'another pattern' ELSE 'another digit' END AS actual, CAST(NULL AS BIGINT) AS diff, 'warn' AS severity
FROM odd_rows
WHERE NOT number_ok
