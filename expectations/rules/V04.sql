-- id: V04
-- title: Rows that parse
-- title_zh: 行可解析
-- family: validity
-- stage: files
-- severity: quarantine, block
-- scope: ROW, or FILE above 0.1 % and at least 10 rows
-- tolerance: 0.1 % of the rows of a file, or 9 rows, before the file is refused
-- views: files, odd_rows
-- sentence: The row cannot be read: number of fields, escapes, encoding, an amount that is no plain decimal number, or an empty field that must be filled.
-- sentence_zh: 该行无法解析：字段数、转义、编码、金额不是普通小数，或必填字段为空。
SELECT 'V04' AS rule_id, bank_id, coalesce(biz_date, from_date) AS biz_date, file_type, submission_id, 'ROW' AS scope_kind,
       concat(submission_id, ':', row_no) AS scope_key, 'a row that parses' AS expected,
       coalesce(parse_error, concat('unreadable: ', bad_fields)) AS actual, CAST(NULL AS BIGINT) AS diff, 'quarantine' AS severity
FROM odd_rows
WHERE parse_error IS NOT NULL OR bad_fields <> ''
UNION ALL
SELECT 'V04', bank_id, from_date, file_type, submission_id, 'FILE', file_key, 'at most 0.1 % or 9 unreadable rows',
       concat(rows_unread, ' of ', rows_staged), rows_unread, 'block'
FROM files
WHERE rows_unread >= 10 AND rows_unread > 0.001 * rows_staged
