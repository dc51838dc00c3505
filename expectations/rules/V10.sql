-- id: V10
-- title: Region of a registered firm
-- title_zh: 行政区划代码
-- family: validity
-- stage: records
-- severity: warn
-- scope: ROW
-- tolerance: none
-- views: enterprise_rows, ref_region
-- sentence: The region is no county code of GB/T 2260 on the date from which the record holds; of a retired code the successor is named.
-- sentence_zh: 行政区划代码在记录生效日不是 GB/T 2260 有效代码；已撤销的代码列出其承接代码。
SELECT 'V10' AS rule_id, e.bank_id, e.biz_date, e.file_type, e.submission_id, 'ROW' AS scope_kind, concat(e.file_type, ':', e.row_no) AS scope_key,
       CASE WHEN r.valid_to <= e.valid_from AND r.successor IS NOT NULL THEN concat('its successor ', r.successor) ELSE 'a code of the list' END AS expected,
       concat(e.region6, CASE WHEN r.region6 IS NULL THEN ', not listed' WHEN r.valid_to <= e.valid_from THEN concat(', retired on ', r.valid_to)
                              ELSE concat(', valid from ', r.valid_from) END) AS actual,
       CAST(NULL AS BIGINT) AS diff, 'warn' AS severity
FROM enterprise_rows e LEFT JOIN ref_region r ON r.region6 = e.region6
WHERE r.region6 IS NULL OR r.valid_to <= e.valid_from OR r.valid_from > e.valid_from
