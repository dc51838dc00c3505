-- id: C3
-- title: Balance row against transactions
-- title_zh: 余额行与明细核对
-- family: continuity
-- severity: quarantine
-- scope: ACCOUNT_DAY
-- tolerance: 0; a parent account that repeats its children has no transactions of its own and is held to G4 instead
-- views: account_day, account
-- sentence: Credits or debits of the balance row, in sum or number, are not those of the day's transactions.
-- sentence_zh: 余额行的借贷发生额或笔数与当日明细合计不一致。
SELECT 'C3' AS rule_id, d.bank_id, d.biz_date, 'BAL' AS file_type, d.submission_id, 'ACCOUNT_DAY' AS scope_kind, concat(d.account_id, '|', d.currency) AS scope_key,
       concat('C ', credit_cnt, ' ', credit_minor, ', D ', debit_cnt, ' ', debit_minor) AS expected,
       concat('C ', txn_credit_cnt, ' ', coalesce(txn_credit_minor, '?'), ', D ', txn_debit_cnt, ' ', coalesce(txn_debit_minor, '?')) AS actual,
       try_subtract(try_subtract(txn_credit_minor, txn_debit_minor), try_subtract(credit_minor, debit_minor)) AS diff, 'quarantine' AS severity
FROM account_day d LEFT ANTI JOIN account a ON a.is_summary AND a.bank_id = d.bank_id AND a.account_id = d.account_id
WHERE has_bal AND day_has_txn AND (fresh_bal OR fresh_txn)
  AND (credit_cnt <> txn_credit_cnt OR debit_cnt <> txn_debit_cnt
       OR credit_minor IS DISTINCT FROM txn_credit_minor OR debit_minor IS DISTINCT FROM txn_debit_minor)
