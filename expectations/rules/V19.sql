-- id: V19
-- title: Reversals name their original
-- title_zh: 冲正对应原交易
-- family: validity
-- severity: quarantine, warn
-- scope: ROW
-- tolerance: a reversal without an original that can be found is accepted with a warning: it stays in the balances and is no flow
-- views: reversal
-- sentence: The reversal names no transaction of the account in the 400 days before it, or the reversals of one transaction exceed its amount.
-- sentence_zh: 冲正所指原交易在此前 400 天内不存在，或同一原交易的冲正合计超过其金额。
SELECT 'V19' AS rule_id, bank_id, biz_date, file_type, submission_id, 'ROW' AS scope_kind, concat(submission_id, ':', row_no) AS scope_key,
       CASE WHEN orig_date IS NULL THEN 'an original of the account within 400 days' ELSE concat('reversals of at most ', orig_amt_minor) END AS expected,
       CASE WHEN orig_date IS NULL THEN 'none' ELSE coalesce(cast(reversed_minor AS STRING), 'too large a sum') END AS actual,
       CASE WHEN orig_date IS NOT NULL THEN try_subtract(reversed_minor, orig_amt_minor) END AS diff,
       CASE WHEN orig_date IS NULL THEN 'warn' ELSE 'quarantine' END AS severity
FROM reversal
WHERE orig_date IS NULL OR coalesce(reversed_minor > orig_amt_minor, true)
