-- id: V09
-- title: Industry of a registered firm
-- title_zh: 行业代码
-- family: validity
-- stage: records
-- severity: quarantine, warn
-- scope: ROW
-- tolerance: conf/ref lists a part of the classes; one outside it whose letter fits its division is accepted with a warning
-- views: enterprise_rows, ref_industry, ref_industry_section
-- sentence: The industry is no class of GB/T 4754-2017, or its letter is not the section of its division.
-- sentence_zh: 行业代码不属于 GB/T 4754-2017 的小类，或门类字母与大类不符。
WITH judged AS (
  SELECT e.*, coalesce(e.industry4 RLIKE '^[A-T][0-9]{4}$' AND substr(e.industry4, 2, 2) BETWEEN s.first AND s.last, false) AS fits
  FROM enterprise_rows e LEFT JOIN ref_industry_section s ON s.section = substr(e.industry4, 1, 1)
)
SELECT 'V09' AS rule_id, j.bank_id, j.biz_date, j.file_type, j.submission_id, 'ROW' AS scope_kind, concat(j.file_type, ':', j.row_no) AS scope_key,
       CASE WHEN j.fits THEN 'a class that conf/ref lists' ELSE 'a class whose letter is the section of its division' END AS expected,
       j.industry4 AS actual, CAST(NULL AS BIGINT) AS diff, CASE WHEN j.fits THEN 'warn' ELSE 'quarantine' END AS severity
FROM judged j LEFT ANTI JOIN ref_industry i ON i.industry4 = j.industry4 AND j.fits
