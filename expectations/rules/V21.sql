-- id: V21
-- title: Overdrawn accounts
-- title_zh: 透支账户
-- family: validity
-- severity: warn
-- scope: ACCOUNT_DAY
-- tolerance: none
-- views: account_day, account
-- sentence: The account closes below zero and is not marked as one that may be overdrawn.
-- sentence_zh: 账户期末余额为负，但未标记为可透支账户。
SELECT 'V21' AS rule_id, d.bank_id, d.biz_date, 'BAL' AS file_type, d.submission_id, 'ACCOUNT_DAY' AS scope_kind,
       concat(d.account_id, '|', d.currency) AS scope_key, 'at least 0' AS expected, cast(d.closing_minor AS STRING) AS actual,
       d.closing_minor AS diff, 'warn' AS severity
FROM account_day d JOIN account a ON a.bank_id = d.bank_id AND a.account_id = d.account_id
WHERE d.has_bal AND d.fresh_bal AND d.closing_minor < 0 AND NOT coalesce(a.overdraft_flag, false)
