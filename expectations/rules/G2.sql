-- id: G2
-- title: Sub-accounts against the general ledger, movements
-- title_zh: 总分账户核对（发生额）
-- family: totals
-- severity: quarantine, warn
-- scope: GL_GROUP
-- tolerance: 0 for the net movement; credits and debits each for themselves are a warning
-- views: gl_group
-- sentence: Credits less debits of the accounts of a subject and of those not delivered are not those of the general ledger.
-- sentence_zh: 科目下各账户与未报送账户的净发生额不等于总账净发生额。
WITH compared AS (
  SELECT *, try_add(day_credit_minor, ne_credit_minor) AS our_credit, try_add(day_debit_minor, ne_debit_minor) AS our_debit FROM gl_group
), judged AS (
  SELECT *, try_subtract(our_credit, our_debit) AS our_net, try_subtract(credit_minor, debit_minor) AS net FROM compared
)
SELECT 'G2' AS rule_id, bank_id, biz_date, 'GL' AS file_type, gl_submission_id AS submission_id, 'GL_GROUP' AS scope_kind,
       concat_ws('|', branch_id, gl_subject, currency) AS scope_key, concat('C ', credit_minor, ', D ', debit_minor) AS expected,
       concat('C ', our_credit, ', D ', our_debit) AS actual, try_subtract(our_net, net) AS diff,
       CASE WHEN our_net IS DISTINCT FROM net THEN 'quarantine' ELSE 'warn' END AS severity
FROM judged
WHERE our_net IS DISTINCT FROM net OR our_credit IS DISTINCT FROM credit_minor OR our_debit IS DISTINCT FROM debit_minor
