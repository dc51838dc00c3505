-- id: G4
-- title: Parent account against its children
-- title_zh: 母子账户核对
-- family: totals
-- severity: quarantine
-- scope: ACCOUNT_DAY of the parent and of every account below it, two levels deep
-- tolerance: 0
-- views: account, account_day
-- sentence: The parent account, which repeats the accounts below it, does not close with the sum of their closing balances.
-- sentence_zh: 汇总母账户期末余额不等于各子账户期末余额之和。
WITH parent AS (
  SELECT d.bank_id, d.account_id, d.currency, d.biz_date, d.submission_id, d.closing_minor
  FROM account_day d JOIN account a ON a.bank_id = d.bank_id AND a.account_id = d.account_id
  WHERE a.is_summary AND d.has_bal AND d.day_dense AND d.fresh_bal
), child AS (
  SELECT d.bank_id, a.parent_account_id AS account_id, d.currency, d.biz_date, max(d.submission_id) AS submission_id, try_sum(d.closing_minor) AS closing_minor
  FROM account_day d
  JOIN (SELECT c.* FROM account c JOIN account p ON p.bank_id = c.bank_id AND p.account_id = c.parent_account_id AND p.is_summary) a
    ON a.bank_id = d.bank_id AND a.account_id = d.account_id
  WHERE d.has_bal AND d.day_dense AND d.fresh_bal
  GROUP BY d.bank_id, a.parent_account_id, d.currency, d.biz_date
), off AS (
  SELECT coalesce(p.bank_id, c.bank_id) AS bank_id, coalesce(p.account_id, c.account_id) AS account_id, coalesce(p.currency, c.currency) AS currency,
         coalesce(p.biz_date, c.biz_date) AS biz_date, coalesce(p.submission_id, c.submission_id) AS submission_id,
         CASE WHEN c.bank_id IS NULL THEN 0 ELSE c.closing_minor END AS below, CASE WHEN p.bank_id IS NULL THEN 0 ELSE p.closing_minor END AS own
  FROM parent p FULL JOIN child c ON c.bank_id = p.bank_id AND c.account_id = p.account_id AND c.currency = p.currency AND c.biz_date = p.biz_date
  WHERE CASE WHEN c.bank_id IS NULL THEN 0 ELSE c.closing_minor END IS DISTINCT FROM CASE WHEN p.bank_id IS NULL THEN 0 ELSE p.closing_minor END
), below AS (
  SELECT bank_id, parent_account_id AS top, account_id FROM account WHERE parent_account_id IS NOT NULL
), tree AS (
  SELECT bank_id, account_id AS top, account_id FROM account WHERE is_summary
  UNION SELECT bank_id, top, account_id FROM below
  UNION SELECT a.bank_id, a.top, b.account_id FROM below a JOIN below b ON b.bank_id = a.bank_id AND b.top = a.account_id
)
SELECT 'G4' AS rule_id, o.bank_id, o.biz_date, 'BAL' AS file_type, o.submission_id, 'ACCOUNT_DAY' AS scope_kind,
       concat(t.account_id, '|', o.currency) AS scope_key, cast(o.below AS STRING) AS expected, cast(o.own AS STRING) AS actual,
       try_subtract(o.own, o.below) AS diff, 'quarantine' AS severity
FROM off o JOIN tree t ON t.bank_id = o.bank_id AND t.top = o.account_id
