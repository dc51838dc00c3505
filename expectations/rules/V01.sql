-- id: V01
-- title: Manifest and digest
-- title_zh: 清单与摘要
-- family: validity
-- stage: files
-- severity: block
-- scope: FILE
-- tolerance: none
-- views: files
-- sentence: The file cannot be trusted: its manifest is missing, unreadable or not signed as agreed, its content cannot be read, or its digest is another than the manifest states.
-- sentence_zh: 文件不可信：清单缺失、无法读取或未按约定签名，内容无法读取，或摘要与清单不一致。
SELECT 'V01' AS rule_id, bank_id, from_date AS biz_date, file_type, submission_id, 'FILE' AS scope_kind, file_key AS scope_key,
       CASE WHEN manifest_status = 'UNSIGNED' THEN 'a manifest signed with a key of the bank'
            WHEN manifest_status <> 'OK' THEN 'manifest OK'
            WHEN read_error IS NOT NULL THEN 'a readable file'
            ELSE coalesce(concat(digest_alg, ' ', digest_expected), 'a digest') END AS expected,
       CASE WHEN manifest_status = 'UNSIGNED' THEN coalesce(read_error, 'manifest UNSIGNED')
            WHEN manifest_status <> 'OK' THEN concat('manifest ', manifest_status)
            WHEN read_error IS NOT NULL THEN read_error
            ELSE digest_actual END AS actual,
       CAST(NULL AS BIGINT) AS diff, 'block' AS severity
FROM files
WHERE duplicate_of IS NULL
  AND (manifest_status <> 'OK' OR read_error IS NOT NULL OR digest_expected IS NULL OR lower(digest_expected) <> lower(digest_actual))
