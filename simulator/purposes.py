"""What a payment is for: internal kinds of rows, the purpose codes banks send, and the rules that read them back.

A purpose code has four digits: the first two name the family, the last two the case. The rule table
`conf/ref/ref_purpose_rule.csv` is written from here; reversal and own transfers are decided before it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind of generated row: number, side, purpose code, text, instrument, cash flag, channel (None: drawn)."""

    no: int
    name: str
    side: str
    purpose: str
    summary: str
    instrument: str = "TRANSFER"
    cash: str = "TRANSFER"
    channel: str | None = None


_ROWS: tuple[tuple[int, str, str, str, str, str, str, str | None], ...] = (
    (1, "SALES", "C", "0101", "货款", "TRANSFER", "TRANSFER", None),
    (2, "PURCHASE", "D", "0101", "货款", "TRANSFER", "TRANSFER", None),
    (3, "PURCHASE_OUTSIDE", "D", "0102", "采购款", "TRANSFER", "TRANSFER", None),
    (4, "POS", "C", "0201", "POS清算", "CARD", "TRANSFER", "SYSTEM"),
    (5, "PLATFORM", "C", "0202", "平台结算", "TRANSFER", "TRANSFER", "API"),
    (6, "WAGE", "D", "0301", "代发工资", "TRANSFER", "TRANSFER", "BATCH"),
    (7, "TAX", "D", "0401", "缴税", "TRANSFER", "TRANSFER", "BATCH"),
    (8, "TAX_REFUND", "C", "0402", "退税", "TRANSFER", "TRANSFER", "BATCH"),
    (9, "SUBSIDY", "C", "0403", "财政补助", "TRANSFER", "TRANSFER", "BATCH"),
    (10, "SOCIAL", "D", "0404", "社保费", "TRANSFER", "TRANSFER", "BATCH"),
    (11, "RENT", "D", "0501", "房租", "TRANSFER", "TRANSFER", None),
    (12, "UTILITY", "D", "0502", "水电费", "TRANSFER", "TRANSFER", "BATCH"),
    (13, "LOGISTICS", "D", "0503", "运费", "TRANSFER", "TRANSFER", None),
    (14, "SERVICE", "D", "0504", "服务费", "TRANSFER", "TRANSFER", None),
    (15, "INSURANCE", "D", "0505", "保险费", "TRANSFER", "TRANSFER", None),
    (16, "TRAVEL", "D", "0506", "差旅招待", "CARD", "TRANSFER", "POS"),
    (17, "FIXED_ASSET", "D", "0507", "设备款", "TRANSFER", "TRANSFER", None),
    (18, "FEE", "D", "0601", "手续费", "INTERNAL", "TRANSFER", "SYSTEM"),
    (19, "INTEREST", "C", "0602", "结息", "INTERNAL", "TRANSFER", "SYSTEM"),
    (20, "LOAN_IN", "C", "0701", "贷款发放", "INTERNAL", "TRANSFER", "SYSTEM"),
    (21, "LOAN_PRINCIPAL", "D", "0702", "归还贷款本金", "INTERNAL", "TRANSFER", "SYSTEM"),
    (22, "LOAN_INTEREST", "D", "0703", "贷款利息", "INTERNAL", "TRANSFER", "SYSTEM"),
    (23, "INVEST_BUY", "D", "0801", "理财购买", "TRANSFER", "TRANSFER", "NET"),
    (24, "INVEST_SELL", "C", "0802", "理财赎回", "TRANSFER", "TRANSFER", "SYSTEM"),
    (25, "OWN_OUT", "D", "0901", "同名划转", "TRANSFER", "TRANSFER", "NET"),
    (26, "OWN_IN", "C", "0901", "同名划转", "TRANSFER", "TRANSFER", "NET"),
    (27, "RELATED_OUT", "D", "1001", "往来款", "TRANSFER", "TRANSFER", None),
    (28, "RELATED_IN", "C", "1001", "往来款", "TRANSFER", "TRANSFER", None),
    (29, "PERSON_OUT", "D", "1002", "备用金", "TRANSFER", "TRANSFER", None),
    (30, "PERSON_IN", "C", "1002", "还款", "TRANSFER", "TRANSFER", None),
    (31, "CASH_OUT", "D", "1101", "取现", "CASH", "CASH", "COUNTER"),
    (32, "CASH_IN", "C", "1102", "存现", "CASH", "CASH", "COUNTER"),
    (33, "REFUND_OUT", "D", "1201", "退货款", "TRANSFER", "TRANSFER", None),
    (34, "REFUND_IN", "C", "1202", "退款", "TRANSFER", "TRANSFER", None),
    (35, "CAPITAL", "C", "1301", "投资款", "TRANSFER", "TRANSFER", None),
    (36, "RISK", "D", "1401", "充值", "TRANSFER", "TRANSFER", "NET"),
    (37, "COURT", "D", "1501", "执行款", "TRANSFER", "TRANSFER", "COUNTER"),
    (38, "OTHER_OUT", "D", "9901", "其他", "TRANSFER", "TRANSFER", None),
    (39, "OTHER_IN", "C", "9901", "其他", "TRANSFER", "TRANSFER", None),
    (40, "BILL_IN", "C", "0103", "票据托收", "BILL", "TRANSFER", "COUNTER"),
    (41, "RETURNED_OUT", "D", "0102", "采购款", "TRANSFER", "TRANSFER", None),
    (42, "RETURNED_IN", "C", "1203", "退汇", "TRANSFER", "TRANSFER", "SYSTEM"),
    (43, "ZERO", "D", "0601", "手续费减免", "INTERNAL", "TRANSFER", "SYSTEM"),
)
KINDS = {row[1]: Kind(*row) for row in _ROWS}
BY_NO = {kind.no: kind for kind in KINDS.values()}

# Rows without a purpose of their own: they only hold the balance of a day and are never sent as transactions.
TOP_UP, SWEEP, MARK = 60, 61, 62

RULES: tuple[tuple[int, str, str, str, str, str, str], ...] = (
    (100, "C", "0701", "", "", "loan_disbursement", "loan paid out"),
    (101, "D", "0702", "", "", "loan_principal", "loan principal repaid"),
    (102, "D", "0703", "", "", "loan_interest", "loan interest paid"),
    (103, "C", "", "贷款发放|放款", "", "loan_disbursement", "loan paid out, by text"),
    (104, "D", "", "归还贷款|还本", "", "loan_principal", "loan principal, by text"),
    (105, "D", "", "贷款利息|贷款结息", "", "loan_interest", "loan interest, by text"),
    (200, "C", "0402", "", "", "tax_refund", "tax refunded"),
    (201, "C", "0403", "", "", "gov_subsidy", "subsidy from the treasury"),
    (202, "C", "", "退税", "gov", "tax_refund", "tax refunded, by text"),
    (203, "C", "", "补助|补贴|奖励", "gov", "gov_subsidy", "subsidy, by text"),
    (204, "D", "0404", "", "", "social_security", "social insurance"),
    (205, "D", "", "社保|养老保险|医疗保险费", "", "social_security", "social insurance, by text"),
    (206, "D", "0401", "", "", "tax", "tax"),
    (207, "D", "", "缴税|税款|增值税|所得税", "", "tax", "tax, by text"),
    (300, "D", "0301", "", "", "wage", "wages; a batch to at least 3 persons counts without the code"),
    (301, "D", "", "工资|薪酬|奖金", "person", "wage", "wages, by text"),
    (400, "D", "1501", "", "", "court_payment", "paid to a court"),
    (401, "D", "", "执行款|诉讼费|案款", "", "court_payment", "paid to a court, by text"),
    (500, "D", "1401", "", "", "risk_merchant", "merchant on the risk list"),
    (501, "D", "", "", "risk", "risk_merchant", "counterparty in ref_risk_party"),
    (600, "D", "0801", "", "", "invest_purchase", "financial product bought"),
    (601, "C", "0802", "", "", "invest_redemption", "financial product redeemed"),
    (602, "D", "", "理财购买|基金申购|认购", "fin", "invest_purchase", "financial product bought, by text"),
    (603, "C", "", "理财赎回|基金赎回", "fin", "invest_redemption", "financial product redeemed, by text"),
    (700, "D", "1101", "", "", "cash_withdrawal", "cash"),
    (701, "C", "1102", "", "", "cash_deposit", "cash"),
    (800, "C", "0602", "", "", "interest_income", "interest on deposits"),
    (801, "C", "", "结息|存款利息", "", "interest_income", "interest on deposits, by text"),
    (900, "D", "0601", "", "", "bank_fee", "fees of the bank"),
    (901, "D", "", "手续费|工本费|账户管理费", "", "bank_fee", "fees of the bank, by text"),
    (1000, "D", "0505", "", "", "insurance", "insurance premium"),
    (1001, "D", "", "保险费|保费", "", "insurance", "insurance premium, by text"),
    (1100, "C", "0201", "", "", "pos_settlement", "card acquirer settles"),
    (1101, "C", "", "POS|收单", "", "pos_settlement", "card acquirer settles, by text"),
    (1200, "C", "0202", "", "", "platform_settlement", "payment platform settles"),
    (1201, "C", "", "平台结算", "platform", "platform_settlement", "payment platform settles, by text"),
    (1300, "D", "0501", "", "", "rent", "rent"),
    (1301, "D", "", "房租|租金", "", "rent", "rent, by text"),
    (1400, "D", "0502", "", "", "utility", "power, water, gas"),
    (1401, "D", "", "水电费|电费|水费|燃气", "", "utility", "power, water, gas, by text"),
    (1500, "D", "0503", "", "", "logistics", "freight"),
    (1501, "D", "", "运费|物流|快递", "", "logistics", "freight, by text"),
    (1600, "D", "0507", "", "", "fixed_asset", "equipment, vehicles, buildings"),
    (1601, "D", "", "设备款|购车|工程款", "", "fixed_asset", "equipment, by text"),
    (1700, "D", "0506", "", "", "travel_ent", "travel and entertainment"),
    (1701, "D", "", "差旅|招待", "", "travel_ent", "travel and entertainment, by text"),
    (1800, "D", "0504", "", "", "service_fee", "services"),
    (1801, "D", "", "服务费|咨询费|广告费", "", "service_fee", "services, by text"),
    (1900, "D", "1201", "", "", "refund_out", "refund of a sale"),
    (1901, "C", "1202", "", "", "refund_in", "refund of a purchase"),
    (2000, "C", "1301", "", "", "capital_injection", "capital paid in by a shareholder"),
    (2001, "C", "", "投资款|出资|注资", "", "capital_injection", "capital paid in, by text"),
    (2100, "C", "0101;0102;0103", "", "", "sales_receipt", "trade, whoever the party is"),
    (2101, "D", "0101;0102;0103", "", "", "supplier_payment", "trade, whoever the party is"),
    (2102, "C", "", "货款|采购款|销售款", "", "sales_receipt", "trade, by text"),
    (2103, "D", "", "货款|采购款|材料款", "", "supplier_payment", "trade, by text"),
    (2200, "C", "", "", "related", "related_in", "rest: a related party"),
    (2201, "D", "", "", "related", "related_out", "rest: a related party"),
    (2300, "C", "", "", "person", "personal_in", "rest: a person"),
    (2301, "D", "", "", "person", "personal_out", "rest: a person"),
    (2400, "C", "", "", "corp", "sales_receipt", "rest: a firm"),
    (2401, "D", "", "", "corp", "supplier_payment", "rest: a firm"),
    (2500, "C", "", "", "", "other_in", "nothing fits"),
    (2501, "D", "", "", "", "other_out", "nothing fits"),
)
"""(priority, side, purpose codes joined by `;`, regex over the summary, required kind of counterparty, category, meaning).

All given conditions must hold; the lowest priority that fits wins. Kind is corp, person, gov, fin, platform, or
`related` (a related party of the firm) or `risk` (listed in ref_risk_party); empty asks for nothing.
"""

CATEGORY_OF_KIND = {
    "OWN_OUT": "own_transfer_out",
    "OWN_IN": "own_transfer_in",
    "RELATED_OUT": "related_out",
    "RELATED_IN": "related_in",
    "PERSON_OUT": "personal_out",
    "PERSON_IN": "personal_in",
    "OTHER_OUT": "supplier_payment",
    "OTHER_IN": "sales_receipt",
    "RETURNED_IN": "other_in",
}
"""Category of the kinds that no purpose code decides, given the counterparty the simulator gives them."""
