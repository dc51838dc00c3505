-- id: C7
-- title: Files due
-- title_zh: 报送文件齐备
-- family: continuity
-- stage: files
-- severity: warn
-- scope: FILE
-- tolerance: none; a file that is missing is told of on the first night (T+1) and once more when it is still missing at T+5
-- views: delivery
-- sentence: A file that the submission plan asks for has not come, came after the deadline, or has a version with a gap before it.
-- sentence_zh: 报送计划要求的文件缺失、迟报，或版本号不连续。
SELECT 'C7' AS rule_id, bank_id, from_date AS biz_date, file_type, submission_id, 'FILE' AS scope_kind, file_key AS scope_key,
       CASE WHEN NOT received OR versions_before = version THEN concat('a file by 04:00 of ', date_add(to_date, 1))
            ELSE concat('versions 00 to ', lpad(version - 1, 2, '0'), ' before it') END AS expected,
       CASE WHEN NOT received AND nights >= 4 THEN concat('still none, ', nights + 1, ' days after its date')
            WHEN NOT received THEN 'none'
            WHEN versions_before = version THEN concat(minutes_late, ' minutes late')
            ELSE concat(versions_before, ' of them') END AS actual,
       CASE WHEN NOT received THEN nights + 1 WHEN versions_before = version THEN minutes_late ELSE version - versions_before END AS diff,
       'warn' AS severity
FROM delivery
WHERE NOT received OR versions_before < version OR (version = 0 AND minutes_late > 0 AND nights_before IS NULL)
