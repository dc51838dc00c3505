-- id: V02
-- title: Row count of the file
-- title_zh: 文件行数
-- family: validity
-- stage: files
-- severity: block
-- scope: FILE
-- tolerance: 0 rows
-- views: files
-- sentence: The file holds another number of rows than its trailer or its manifest states.
-- sentence_zh: 文件行数与文件尾或清单所述不一致。
SELECT 'V02' AS rule_id, bank_id, from_date AS biz_date, file_type, submission_id, 'FILE' AS scope_kind, file_key AS scope_key,
       concat('trailer ', coalesce(rows_trailer, '-'), ', manifest ', coalesce(rows_manifest, '-')) AS expected,
       concat('body ', rows_body) AS actual,
       rows_body - CASE WHEN rows_trailer IS DISTINCT FROM rows_body THEN rows_trailer ELSE rows_manifest END AS diff, 'block' AS severity
FROM files
WHERE readable AND (rows_trailer IS DISTINCT FROM rows_body OR rows_manifest IS DISTINCT FROM rows_body)
