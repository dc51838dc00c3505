-- id: V03
-- title: Sums of the file
-- title_zh: 文件合计
-- family: validity
-- stage: files
-- severity: block
-- scope: FILE
-- tolerance: 0; a side that lacks rows which do not parse is compared by count within that number
-- views: file_total
-- sentence: Count or sum of a currency and side differs from what the trailer or the manifest states.
-- sentence_zh: 某币种某方向的笔数或金额与文件尾或清单所述不一致。
SELECT 'V03' AS rule_id, bank_id, from_date AS biz_date, file_type, submission_id, 'FILE' AS scope_kind, file_key AS scope_key,
       concat_ws(' ', lower(stated_by), currency, dr_cr, stated_cnt, stated_amt) AS expected,
       concat_ws(' ', 'body', currency, dr_cr, body_cnt, body_amt) AS actual,
       try_subtract(body_amt, stated_amt) AS diff, 'block' AS severity
FROM file_total
WHERE stated_cnt - body_cnt NOT BETWEEN 0 AND rows_unplaced OR (stated_cnt = body_cnt AND stated_amt IS DISTINCT FROM body_amt)
