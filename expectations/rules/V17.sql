-- id: V17
-- title: Keys are unique
-- title_zh: 主键唯一
-- family: validity
-- severity: quarantine, warn
-- scope: ROW
-- tolerance: of identical copies one is kept, with a warning
-- views: key_copy
-- sentence: The same key was sent more than once: identical copies are dropped but one, different rows are all parked.
-- sentence_zh: 同一主键重复报送：内容相同只留一条，内容不同全部隔离。
SELECT 'V17' AS rule_id, bank_id, biz_date, file_type, submission_id, 'ROW' AS scope_kind, concat(submission_id, ':', row_no) AS scope_key,
       '1 row of the key' AS expected, concat(copies, ' rows, ', contents, ' different') AS actual, copies - 1 AS diff,
       CASE WHEN contents > 1 THEN 'quarantine' ELSE 'warn' END AS severity
FROM key_copy
WHERE contents > 1 OR copy_no > 1
