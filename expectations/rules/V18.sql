-- id: V18
-- title: Counterparties of large transfers
-- title_zh: 大额转账对手方
-- family: validity
-- severity: warn
-- scope: BANK_DAY
-- tolerance: 5 % of the transfers of at least 10,000 CNY of a bank and day
-- views: account_day
-- sentence: Too many transfers of at least 10,000 CNY name neither account nor name of their counterparty.
-- sentence_zh: 一万元以上转账中缺少对手账号和户名的比例过高。
SELECT 'V18' AS rule_id, bank_id, biz_date, 'TXN' AS file_type, CAST(NULL AS STRING) AS submission_id, 'BANK_DAY' AS scope_kind, bank_id AS scope_key,
       'at least 95 % named' AS expected, concat(sum(large_named_cnt), ' of ', sum(large_cnt)) AS actual,
       sum(large_named_cnt) - sum(large_cnt) AS diff, 'warn' AS severity
FROM account_day
WHERE has_txn AND fresh_txn
GROUP BY bank_id, biz_date
HAVING sum(large_named_cnt) < 0.95 * sum(large_cnt)
