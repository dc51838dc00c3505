"""Bank side: bronze rows as sent, silver accounts, balances, transactions, control totals, submissions (domain A).

Bronze keeps every field as the text the bank sent plus keyed tokens made at entry. Money in silver is BIGINT in the
currency's minor unit (`_minor`) or CNY fen (`_cny_fen`).
"""

# Columns every bronze bank row has besides its own fields.
BRONZE_ROW = """
bank_id string! sending bank, e.g. B0007
submission_id string! bank_type_from_vNN, e.g. B0007_TXN_20260914_v00
file_name string! name of the file
file_type string! ACCT, BAL, TXN, GL or CTL
from_date date! first accounting date the file covers
to_date date! last accounting date the file covers
version int! file version, 0 = FULL
mode string! FULL, REPLACE, DELTA or ZERO
sent_at timestamp! when the bank says it sent the file
row_no bigint! line number in the file, header = 1
raw string the line as sent, kept only when it does not parse
parse_error string why it does not parse (field count, encoding), else null
is_history boolean! part of a history load
as_of date! night that pulled the file
"""

ACCT_FIELDS = [
    "account_no",
    "uscc",
    "firm_name",
    "branch_id",
    "account_type",
    "product_type",
    "parent_account_no",
    "is_summary",
    "currency",
    "gl_subject",
    "open_date",
    "close_date",
    "status",
    "freeze_authority",
    "overdraft_flag",
    "op",
]
BAL_FIELDS = [
    "account_no",
    "currency",
    "biz_date",
    "opening",
    "credit",
    "debit",
    "closing",
    "credit_cnt",
    "debit_cnt",
    "frozen",
    "last_seq_no",
    "branch_id",
    "gl_subject",
    "sparse",
    "op",
]
TXN_FIELDS = [
    "txn_no",
    "sub_no",
    "account_no",
    "biz_date",
    "time",
    "seq_no",
    "dr_cr",
    "currency",
    "amount",
    "balance_after",
    "cpty_account",
    "cpty_name",
    "cpty_bank_no",
    "instrument",
    "cash_flag",
    "channel",
    "purpose_code",
    "summary",
    "batch_no",
    "value_date",
    "reversal_flag",
    "orig_txn_no",
    "orig_sub_no",
    "returned_flag",
    "op",
]
GL_FIELDS = [
    "branch_id",
    "gl_subject",
    "currency",
    "biz_date",
    "open",
    "debit",
    "credit",
    "close",
    "account_cnt",
    "ne_open",
    "ne_debit",
    "ne_credit",
    "ne_close",
    "ne_cnt",
]
CTL_FIELDS = ["kind", "branch_id", "currency", "biz_date", "dr_cr", "cnt", "amount"]

FILE_FIELDS = {"ACCT": ACCT_FIELDS, "BAL": BAL_FIELDS, "TXN": TXN_FIELDS, "GL": GL_FIELDS, "CTL": CTL_FIELDS}
"""Order of the fields of a D row by file type; the reader of bank files and the simulator's writer are held to it."""

TOKENS = {
    "ACCT": "account_id string token of account_no\naccount_no_tail4 string last 4 digits\nfirm_id string token of uscc\nname_token string token of the normalized firm_name\nparent_account_id string token of parent_account_no",
    "BAL": "account_id string token of account_no",
    "TXN": "account_id string token of account_no\ncpty_account_token string token of cpty_account\ncpty_name_token string token of the normalized cpty_name\nsummary_masked string summary with digit runs of 6 and more masked",
    "GL": "",
    "CTL": "",
}
"""Token columns the entry adds to a bronze row; every silver table carries these and never the raw identifier."""


def bronze_rows(file_type: str) -> str:
    """Schema text of `bronze.bank_<type>`: the row's fields as text, its tokens, and where it came from."""
    fields = "\n".join(f"{name} string as sent" for name in FILE_FIELDS[file_type])
    return f"{fields}\n{TOKENS[file_type]}\n{BRONZE_ROW}"


BANK_FILE = """
bank_id string! sending bank as in the file name
submission_id string! bank_type_from_vNN
file_name string! name of the file
file_type string! ACCT, BAL, TXN, GL, CTL
from_date date first accounting date covered; null when the header cannot be read
to_date date last accounting date covered
version int file version
mode string FULL, REPLACE, DELTA, ZERO
sent_at timestamp time of sending by header; null when unreadable
manifest_status string! OK, MISSING, UNREADABLE or UNSIGNED (a signature is required and is missing or wrong)
read_error string why the content could not be read (truncated gzip, empty, unknown bank, header), else null
digest_alg string algorithm named in the manifest
digest_expected string digest by the manifest
digest_actual string! digest of the file as received
duplicate_of string submission_id of the identical file received before, else null
size_bytes bigint! compressed size
rows_body bigint D lines found
rows_bad bigint D lines that do not parse
rows_trailer bigint rows stated by the trailer
rows_manifest bigint rows stated by the manifest
encoding string utf-8 or gb18030
signer string key that signed the manifest; null when the bank does not sign
manifest string the signed manifest with its signature in canonical form; null when the bank does not sign
is_history boolean! part of a history load
as_of date! night that pulled the file
"""

BANK_FILE_TOTAL = """
submission_id string! file
bank_id string! sending bank
stated_by string! TRAILER or MANIFEST
currency string! ISO 4217 as sent
dr_cr string! C, D (BAL: closing; GL, CTL: as stated)
row_cnt bigint! rows stated
amount string! amount stated, decimal text
as_of date! night
"""

TECH = """
submission_id string! delivery the row came with
row_version int! version of the row, higher replaces lower per key
ingested_at timestamp! when the delivery was sent
available_at timestamp! when the row was accepted (knowledge time)
is_history boolean! part of a history load
as_of date! night that accepted the row
"""

ACCT_ACCOUNT = (
    """
account_id string! token of the account number
bank_id string! bank
branch_id string! branch
firm_id string! owner
account_no_tail4 string! last 4 digits
name_token string token of the firm's name as the bank has it
account_type string! BASIC, GENERAL, SPECIAL, TEMP
product_type string! DEMAND, NOTICE, TIME, MARGIN
parent_account_id string parent account
currency string! ISO 4217
gl_subject string! general ledger subject
open_date date! opened
close_date date closed
status string! NORMAL, DORMANT, FROZEN, STOPPED, CLOSED
freeze_authority string COURT, TAX, POLICE, BANK
overdraft_flag boolean! may be negative
is_summary boolean! repeats its children, left out of sums
valid_from date! state valid from
valid_to date state valid to (exclusive), open = null
"""
    + TECH
)

ACCT_BALANCE_DAILY = (
    """
bank_id string! bank
account_id string! account
firm_id string! owner
currency string! ISO 4217
biz_date date! accounting date
opening_minor bigint! opening balance
credit_minor bigint! credits of the day
debit_minor bigint! debits of the day
closing_minor bigint! closing balance
closing_cny_fen bigint! closing balance in CNY fen at the day's parity
credit_cnt int! number of credits
debit_cnt int! number of debits
frozen_minor bigint! frozen amount
last_seq_no bigint last sequence number of the day
branch_id string! branch on that day
gl_subject string! subject on that day
sparse boolean! the bank sends rows only on days with movement and month ends
chain_unverified boolean! no row of the day before to chain to
"""
    + TECH
)

ACCT_TXN = (
    """
txn_key string! sha256 of bank_id, txn_no, sub_no, biz_date
bank_id string! bank
txn_no string! transaction number
sub_no string! line of the transaction
biz_date date! accounting date
account_id string! account
firm_id string! owner
txn_ts timestamp! time of the transaction
seq_no bigint! order inside the account-day
dr_cr string! C or D
currency string! ISO 4217
amt_minor bigint! amount as sent (red reversals negative)
amt_cny_fen bigint! amount in CNY fen
balance_after_minor bigint! balance after the row
value_date date value date
cpty_account_token string counterparty account
cpty_name_token string counterparty name
cpty_bank_no string bank code of the counterparty
cpty_id string firm_id of the counterparty when known, else its account or name token
cpty_kind string corp, person, gov, fin, platform or own
is_related boolean! counterparty is a related party
instrument string! TRANSFER, BILL, CARD, CASH, INTERNAL
cash_flag string! CASH or TRANSFER
channel string! COUNTER, NET, MOBILE, API, POS, ATM, BATCH, SYSTEM
purpose_code string purpose as sent
summary_masked string text with long digit runs masked
batch_no string wage run
category string! what the payment is for (49 categories of the catalogue)
reversal_flag string! N, R or S
orig_txn_no string original of a reversal
orig_sub_no string line of the original
is_reversed boolean! a leg of a reversal, outside flow tiles
returned_flag boolean! returned payment, outside flow tiles
"""
    + TECH
)

SUB_MANIFEST = """
bank_id string! bank
biz_date date! accounting date (history: first date)
to_date date! last accounting date
file_type string! ACCT, BAL, TXN, GL, CTL
version int! version
submission_id string! id
mode string! FULL, REPLACE, DELTA, ZERO
file_name string! file
row_cnt bigint! rows
digest_alg string! SM3 or SHA-256
digest string! digest
sent_at timestamp! sent
status string! ACCEPTED, PARTIAL, BLOCKED, DUPLICATE or SUPERSEDED
is_history boolean! history
as_of date! night
"""

GL_CONTROL_TOTAL = (
    """
bank_id string! bank
branch_id string! branch
gl_subject string! subject
currency string! ISO 4217
biz_date date! date
open_minor bigint! opening
debit_minor bigint! debits
credit_minor bigint! credits
close_minor bigint! closing
account_cnt int! open accounts
non_entrusted_open_minor bigint! of accounts not delivered
non_entrusted_debit_minor bigint! of accounts not delivered
non_entrusted_credit_minor bigint! of accounts not delivered
non_entrusted_close_minor bigint! of accounts not delivered
non_entrusted_cnt int! accounts not delivered
"""
    + TECH
)

BANK_CONTROL_FLOW = (
    """
bank_id string! bank
branch_id string! branch
currency string! ISO 4217
biz_date date! date
dr_cr string! C or D
txn_cnt bigint! transactions by the second channel
txn_amt_minor bigint! amount by the second channel
"""
    + TECH
)

BANK_CONTROL_BALANCE = (
    """
bank_id string! bank
branch_id string! branch
currency string! ISO 4217
biz_date date! date
closing_minor bigint! closing by the second channel
open_account_cnt bigint! open accounts by the second channel
"""
    + TECH
)
