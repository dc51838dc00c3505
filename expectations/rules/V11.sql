-- id: V11
-- title: Currency
-- title_zh: 币种
-- family: validity
-- severity: quarantine, warn
-- scope: ROW
-- tolerance: known names for CNY (RMB, 156, 01) are read as CNY with a warning
-- views: odd_rows
-- sentence: The currency is not an active ISO 4217 code, or no central parity is known for the date.
-- sentence_zh: 币种不是有效的 ISO 4217 代码，或当日无中间价。
SELECT 'V11' AS rule_id, bank_id, coalesce(biz_date, from_date) AS biz_date, file_type, submission_id, 'ROW' AS scope_kind,
       concat(submission_id, ':', row_no) AS scope_key,
       CASE WHEN places IS NULL THEN 'ISO 4217' WHEN currency <> currency_sent THEN currency ELSE 'a currency with a parity' END AS expected,
       left(currency_sent, 8) AS actual, CAST(NULL AS BIGINT) AS diff,
       CASE WHEN places IS NULL OR no_parity THEN 'quarantine' ELSE 'warn' END AS severity
FROM odd_rows
WHERE currency_sent IS NOT NULL AND (places IS NULL OR no_parity OR currency <> currency_sent)
