-- id: V20
-- title: Accounts entrusted to the platform
-- title_zh: 账户已委托
-- family: validity
-- severity: warn
-- scope: ACCOUNT_DAY
-- tolerance: a bank without a list of entrusted accounts may deliver all; account rows are accepted, they hold no flow
-- views: untrusted
-- sentence: The account is not entrusted to the platform on the day; its balance row and transactions are counted and not kept.
-- sentence_zh: 账户当日未委托本平台，其余额与交易仅计笔数和金额，不予保留。
SELECT 'V20' AS rule_id, bank_id, biz_date, CASE WHEN has_txn THEN 'TXN' ELSE 'BAL' END AS file_type, submission_id, 'ACCOUNT_DAY' AS scope_kind,
       concat(account_id, '|', currency) AS scope_key, 'an account entrusted to the platform' AS expected,
       concat(txn_credit_cnt, ' credits of ', coalesce(txn_credit_minor, '?'), ', ', txn_debit_cnt, ' debits of ', coalesce(txn_debit_minor, '?')) AS actual,
       txn_credit_cnt + txn_debit_cnt AS diff, 'warn' AS severity
FROM untrusted
