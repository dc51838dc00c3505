-- id: G3
-- title: Number of accounts of a subject
-- title_zh: 科目账户数
-- family: totals
-- severity: quarantine, warn
-- scope: GL_GROUP
-- tolerance: 0; a warning while the balances (G1) agree
-- views: gl_group
-- sentence: Accounts of the subject and those not delivered are another number than the general ledger states.
-- sentence_zh: 科目下账户数与未报送账户数之和不等于总账所列账户数。
SELECT 'G3' AS rule_id, bank_id, biz_date, 'GL' AS file_type, gl_submission_id AS submission_id, 'GL_GROUP' AS scope_kind,
       concat_ws('|', branch_id, gl_subject, currency) AS scope_key, cast(account_cnt AS STRING) AS expected,
       cast(accounts + ne_cnt AS STRING) AS actual, accounts + ne_cnt - account_cnt AS diff,
       CASE WHEN try_add(closing_minor, ne_close_minor) IS DISTINCT FROM close_minor THEN 'quarantine' ELSE 'warn' END AS severity
FROM gl_group
WHERE accounts + ne_cnt <> account_cnt
