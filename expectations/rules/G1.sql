-- id: G1
-- title: Sub-accounts against the general ledger, balances
-- title_zh: 总分账户核对（余额）
-- family: totals
-- severity: quarantine, block
-- scope: GL_GROUP, or BANK_DAY when more than 5 % and at least 3 groups are off or the differences exceed 0.1 % of the ledger
-- tolerance: 0
-- views: gl_group
-- sentence: Closing balances of the accounts of a subject and of those not delivered do not add up to the general ledger.
-- sentence_zh: 科目下各账户期末余额与未报送账户余额之和不等于总账余额。
WITH compared AS (
  SELECT *, try_add(closing_minor, ne_close_minor) AS ours FROM gl_group
), judged AS (
  SELECT *, ours IS DISTINCT FROM close_minor AS off, abs(try_subtract(ours, close_minor)) AS gap FROM compared
)
SELECT 'G1' AS rule_id, bank_id, biz_date, 'GL' AS file_type, gl_submission_id AS submission_id, 'GL_GROUP' AS scope_kind,
       concat_ws('|', branch_id, gl_subject, currency) AS scope_key, cast(close_minor AS STRING) AS expected, cast(ours AS STRING) AS actual,
       try_subtract(ours, close_minor) AS diff, 'quarantine' AS severity
FROM judged
WHERE off
UNION ALL
SELECT 'G1', bank_id, biz_date, 'GL', min(gl_submission_id), 'BANK_DAY', bank_id, 'at most 5 % of groups, 0.1 % of balances off',
       concat(count_if(off), ' of ', count(*), ' groups'), try_sum(gap), 'block'
FROM judged
GROUP BY bank_id, biz_date
HAVING (count_if(off) >= 3 AND count_if(off) > 0.05 * count(*)) OR try_sum(cast(gap AS DECIMAL(30, 0))) > 0.001 * try_sum(cast(abs(close_minor) AS DECIMAL(30, 0)))
