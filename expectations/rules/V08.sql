-- id: V08
-- title: Firm in the registry
-- title_zh: 企业登记核对
-- family: validity
-- severity: warn
-- scope: ROW
-- tolerance: closed accounts are not asked about; nothing is asked before the registry was loaded
-- views: acct_rows, registered
-- sentence: The credit code is not that of a firm registered and active on the day, or the registry has another name for it.
-- sentence_zh: 统一社会信用代码在登记库中不存在、非存续状态，或登记名称与报送户名不一致。
SELECT 'V08' AS rule_id, r.bank_id, r.from_date AS biz_date, r.file_type, r.submission_id, 'ROW' AS scope_kind,
       concat(r.submission_id, ':', r.row_no) AS scope_key, 'an active firm of this name' AS expected,
       CASE WHEN k.states IS NULL THEN 'not registered'
            WHEN NOT exists(k.states, s -> s.valid_from <= r.to_date AND (s.valid_to IS NULL OR s.valid_to > r.from_date)) THEN 'not registered at the time'
            WHEN NOT exists(k.states, s -> s.status = 'ACTIVE' AND s.valid_from <= r.to_date AND (s.valid_to IS NULL OR s.valid_to > r.from_date)) THEN 'not active'
            ELSE 'another name' END AS actual,
       CAST(NULL AS BIGINT) AS diff, 'warn' AS severity
FROM acct_rows r JOIN registered k ON k.firm_id = r.firm_id
WHERE r.uscc_shape AND r.status <> 'CLOSED'
  AND NOT coalesce(exists(k.states, s -> s.status = 'ACTIVE' AND s.name_token <=> r.name_token AND s.valid_from <= r.to_date
                                         AND (s.valid_to IS NULL OR s.valid_to > r.from_date)), false)
