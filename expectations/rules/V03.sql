-- id: V03
-- title: Sums of the file
-- title_zh: 文件合计
-- family: validity
-- stage: files
-- severity: block
-- scope: FILE
-- tolerance: 0; a side that lacks rows which do not parse is compared by count within that number
-- views: files, stated_total, body_total
-- sentence: Count or sum of a currency and side differs from what the trailer or the manifest states.
-- sentence_zh: 某币种某方向的笔数或金额与文件尾或清单所述不一致。
WITH sides AS (
  SELECT submission_id, currency, dr_cr FROM stated_total UNION SELECT submission_id, currency, dr_cr FROM body_total
), compared AS (
  SELECT f.bank_id, f.from_date, f.file_type, f.submission_id, f.file_key, f.rows_unplaced, by.stated_by, s.currency, s.dr_cr,
         coalesce(t.row_cnt, 0) AS stated_cnt, CASE WHEN t.submission_id IS NULL THEN 0 ELSE t.amt_minor END AS stated_amt,
         coalesce(b.row_cnt, 0) AS body_cnt, CASE WHEN b.submission_id IS NULL THEN 0 ELSE b.amt_minor END AS body_amt
  FROM sides s
  JOIN files f ON f.submission_id = s.submission_id AND f.readable
  CROSS JOIN (VALUES ('TRAILER'), ('MANIFEST')) AS by(stated_by)
  LEFT JOIN stated_total t ON t.submission_id = s.submission_id AND t.stated_by = by.stated_by AND t.currency = s.currency AND t.dr_cr = s.dr_cr
  LEFT JOIN body_total b ON b.submission_id = s.submission_id AND b.currency = s.currency AND b.dr_cr = s.dr_cr
)
SELECT 'V03' AS rule_id, bank_id, from_date AS biz_date, file_type, submission_id, 'FILE' AS scope_kind, file_key AS scope_key,
       concat_ws(' ', lower(stated_by), currency, dr_cr, stated_cnt, stated_amt) AS expected,
       concat_ws(' ', 'body', currency, dr_cr, body_cnt, body_amt) AS actual,
       try_subtract(body_amt, stated_amt) AS diff, 'block' AS severity
FROM compared
WHERE stated_cnt - body_cnt NOT BETWEEN 0 AND rows_unplaced OR (stated_cnt = body_cnt AND stated_amt IS DISTINCT FROM body_amt)
