-- id: G5
-- title: Ledger row adds up
-- title_zh: 总账行内平衡
-- family: totals
-- severity: block
-- scope: GL_GROUP
-- tolerance: 0
-- views: gl_group
-- sentence: Opening balance of the ledger row plus credits less debits is not its closing balance.
-- sentence_zh: 总账行期初余额加贷方减借方不等于期末余额。
SELECT 'G5' AS rule_id, bank_id, biz_date, 'GL' AS file_type, gl_submission_id AS submission_id, 'GL_GROUP' AS scope_kind,
       concat_ws('|', branch_id, gl_subject, currency) AS scope_key,
       cast(try_subtract(try_add(open_minor, credit_minor), debit_minor) AS STRING) AS expected, cast(close_minor AS STRING) AS actual,
       try_subtract(close_minor, try_subtract(try_add(open_minor, credit_minor), debit_minor)) AS diff, 'block' AS severity
FROM gl_group
WHERE close_minor IS DISTINCT FROM try_subtract(try_add(open_minor, credit_minor), debit_minor)
