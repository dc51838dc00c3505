-- id: V14
-- title: Amounts
-- title_zh: 金额
-- family: validity
-- severity: quarantine, warn
-- scope: ROW
-- tolerance: an amount of zero is accepted with a warning and makes no flow
-- views: odd_rows, txn_rows
-- sentence: The amount has the wrong sign for its kind, is finer than the currency's minor unit, or larger than 100 billion CNY.
-- sentence_zh: 金额符号与交易性质不符、精度超过币种最小单位，或超过一千亿元。
SELECT 'V14' AS rule_id, bank_id, biz_date, file_type, submission_id, 'ROW' AS scope_kind, concat(submission_id, ':', row_no) AS scope_key,
       CASE WHEN abs(amt_cny_fen) > 10000000000000 THEN 'at most 10^13 fen' WHEN reversal_flag = 'R' THEN 'not 0' ELSE 'above 0' END AS expected,
       cast(amt_minor AS STRING) AS actual, amt_minor AS diff,
       CASE WHEN amt_minor = 0 AND reversal_flag <> 'R' THEN 'warn' ELSE 'quarantine' END AS severity
FROM txn_rows
WHERE (reversal_flag IN ('N', 'S') AND amt_minor <= 0) OR (reversal_flag = 'R' AND amt_minor = 0) OR abs(amt_cny_fen) > 10000000000000
UNION ALL
SELECT 'V14', bank_id, coalesce(biz_date, from_date), file_type, submission_id, 'ROW', concat(submission_id, ':', row_no),
       concat('at most ', places, ' decimal places'), 'more', NULL, 'quarantine'
FROM odd_rows
WHERE finer
UNION ALL
SELECT 'V14', bank_id, coalesce(biz_date, from_date), file_type, submission_id, 'ROW', concat(submission_id, ':', row_no),
       'an amount that fits', 'too large', NULL, 'quarantine'
FROM odd_rows
WHERE too_large
