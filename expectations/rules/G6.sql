-- id: G6
-- title: Share of accounts not delivered
-- title_zh: 未报送账户占比
-- family: totals
-- severity: warn
-- scope: GL_GROUP
-- tolerance: 10 points against the day before
-- views: gl_day
-- sentence: The share of accounts not delivered in the balance of the subject moved by more than 10 points against the day before.
-- sentence_zh: 未报送账户余额占科目余额的比例较前一日变动超过 10 个百分点。
SELECT 'G6' AS rule_id, bank_id, biz_date, 'GL' AS file_type, submission_id, 'GL_GROUP' AS scope_kind,
       concat_ws('|', branch_id, gl_subject, currency) AS scope_key, concat('about ', round(100.0 * prev_ne_close_minor / prev_close_minor, 1), ' %') AS expected,
       concat(round(100.0 * ne_close_minor / close_minor, 1), ' %') AS actual, CAST(NULL AS BIGINT) AS diff, 'warn' AS severity
FROM gl_day
WHERE fresh_gl AND prev_date = date_sub(biz_date, 1) AND close_minor <> 0 AND prev_close_minor <> 0
  AND 10 * abs(cast(ne_close_minor AS DECIMAL(18, 0)) * cast(prev_close_minor AS DECIMAL(18, 0)) - cast(prev_ne_close_minor AS DECIMAL(18, 0)) * cast(close_minor AS DECIMAL(18, 0)))
      > abs(cast(close_minor AS DECIMAL(18, 0)) * cast(prev_close_minor AS DECIMAL(18, 0)))
