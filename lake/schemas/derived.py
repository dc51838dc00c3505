"""Everything we make ourselves: data quality, tiles, features, scores, samples and the ledgers of operation.

Tile and feature schemas are generated from the catalogue (`conf/catalogue/*.csv`), the only source of their names and types.
"""

from __future__ import annotations

import csv
import re
from functools import lru_cache
from pathlib import Path

CATALOGUE = Path(__file__).resolve().parents[2] / "conf" / "catalogue"

VIOLATION = """
source string! flows, tax, court, registry, loans
violation_id string! sha256 of rule, provider, scope and key
rule_id string! rule, e.g. C3
bank_id string! bank or provider
biz_date date accounting date
file_type string file type the rule looked at
submission_id string delivery, where the rule looks at one
scope_kind string! FILE, ROW, ACCOUNT_DAY, GL_GROUP, CONTROL_CELL, BANK_DAY, BANK_MONTH
scope_key string! key inside the bank-day: a token, or file and row number; never a raw identifier
expected string what the rule expected
actual string what was found
diff bigint difference in minor units or counts
severity string! block, quarantine or warn
as_of date! night
"""

QUARANTINE = """
source string! flows, tax, court, registry, loans
q_id string! sha256 of violation and scope
rule_id string! rule
violation_id string! violation that parked it
cascade_of string violation it is a consequence of, null when it is the violation's own scope
bank_id string! bank
biz_date date accounting date
file_type string! file type of the parked row
submission_id string! delivery
row_no bigint! line in the file
scope_kind string! scope of the violation
scope_key string! key of the violation
severity string! block or quarantine
status string! OPEN or RELEASED
as_of date! night
"""

EXPLANATION = """
source string! flows
violation_id string! the violation explained
part int! its causes in order, from 1; several only where the broken account-days of a control cell have different ones
rule_id string! rule
bank_id string! bank
biz_date date accounting date
scope_kind string! ACCOUNT_DAY, GL_GROUP or CONTROL_CELL
scope_key string! key of the violation
kind string! missing_row, duplicate, extra_row, flipped, shifted_day, altered, swapped, currency_or_scale, rounding, wrong_subject, none, not_searched
amount_minor bigint what the cause explains, found less expected, minor units; null when there is none
suspects string up to 10 rows (submission_id:row_no) or account tokens that may be it, separated by spaces
suspect_cnt bigint! how many there are
as_of date! night
"""

ISSUE = """
source string! flows, tax, court, registry, loans
issue_id string! bank, rule, date
bank_id string! bank
rule_id string! rule
biz_date date accounting date
severity string! highest severity
violations bigint! violations in it
rows_parked bigint! rows parked by it
status string! OPEN, NOTIFIED, RESUBMITTED, RECHECKED, RELEASED, REJECTED, WAIVED
opened_on date! night that opened it
due_on date! block 1 workday, quarantine 3, warn 10
as_of date! night
"""

GATE = """
checkpoint string! name of the checkpoint
source string! flows, tax, court, registry, loans
expectation string! rule or contract
severity string! critical, warning, info
action string! block, quarantine, warn, stop
success boolean! passed
observed bigint violations or rows observed
message string sentence for people
as_of date! night
"""

CONTRACT = """
source string! flows, tax, court, registry, loans
table_name string! table
column_name string! column
rows bigint! rows written in the night
nulls bigint! nulls
distincts bigint approximate distinct values
min_value string smallest
max_value string largest
out_of_set bigint values outside the allowed set
as_of date! night
"""

RECONCILIATION = """
source string! flows, tax, court, registry, loans
bank_id string! bank or provider
submission_id string! delivery
file_type string! file type or table
biz_date date accounting date
received bigint! rows received
accepted bigint! rows accepted
quarantined bigint! rows parked
rejected bigint! rows refused
duplicate bigint! identical copies
superseded bigint! replaced by a later version
deleted bigint! deleted by a DELTA
received_amt_minor bigint parseable amount received (sum of abs)
accounted_amt_minor bigint amount of the six classes (sum of abs)
as_of date! night
"""

QUALITY = """
bank_id string! bank
month date! first day of the month judged
q double quality score, 0 to 100; null when no part was measured
grade string A, B, C or D
rank int place among the banks, by Q, then rows accepted
trend double Q less that of the month before
weight_measured int! weight of the parts that were measured, of 100
capped_at int bound on Q by a failed sample, 84 or 69
rows_accepted bigint! rows accepted
timeliness_failing bigint files not there by T+1 04:00
timeliness_total bigint files due
timeliness_score double 0 to 100; null when not measured
completeness_failing bigint difference to the second channel, CNY fen
completeness_total bigint amount by the second channel, CNY fen
completeness_score double 0 to 100; null when not measured
validity_failing bigint rows that fail a rule V
validity_total bigint rows received
validity_score double 0 to 100; null when not measured
totals_failing bigint ledger groups that fail a rule G
totals_total bigint ledger groups received
totals_score double 0 to 100; null when not measured
continuity_failing bigint account-days that fail a rule C
continuity_total bigint account-days
continuity_score double 0 to 100; null when not measured
sampling_failing bigint critical mismatches, no answer counts
sampling_total bigint rows sampled
sampling_score double 0 to 100; null when not measured
rectification_failing bigint issues past due
rectification_total bigint issues
rectification_score double 0 to 100; null when not measured
as_of date! night that judged it
"""

SAMPLE_SEED = """
month date! first day of the month
commitment string! sha256 of the seed, hex; published before the month closes
as_of date! night of the promise
"""

SAMPLE = """
bank_id string! bank
month date! first day of the month sampled
plan string! NORMAL (p = 1 %) or TIGHT (p = 0.5 %)
allowed int! critical mismatches that pass
frame_rows bigint! accepted transactions of the bank-month
population bigint! of them neither largest nor reversal
random_rows bigint! drawn of the population
sampled bigint! rows drawn, all strata
commitment string! sha256 of the seed
seed string! the seed, hex; published with the draw
export_digest string! SHA-256 of the exported file
as_of date! night that drew
"""

SAMPLE_ITEM = """
bank_id string! bank
month date! first day of the month sampled
position int! order in the export, from 1
txn_key string! transaction
stratum string! LARGEST, REVERSAL or RANDOM
as_of date! night that drew
"""

SAMPLE_ANSWER = """
bank_id string! bank
month date! first day of the month sampled
txn_key string! transaction
critical string! columns that the voucher contradicts, comma separated: date, side, currency, amount, account; empty: none
minor string! the same of the columns that do not decide
as_of date! night that read the answer
"""

SAMPLE_RESULT = """
bank_id string! bank
month date! first day of the month sampled
decision string! PASS, FAIL or PENDING
sampled bigint! rows drawn, all strata
answered bigint! rows answered
silent bigint! rows without an answer for more than 10 workdays, critical
waiting bigint! rows without an answer yet
critical bigint! critical mismatches, all strata, silent ones included
random_critical bigint! of them in the random stratum, which decides
minor bigint! rows with minor mismatches only
upper_bound double one-sided Clopper-Pearson 95 % upper bound of the error rate; null while answers are waited for
lower_bound double the lower bound
cap int bound on the month's quality score
remind boolean! more than 5 workdays without an answer to some row
as_of date! night that judged
"""

TILE_TECH = """
available_at timestamp when the row was known
tile_version int yyyymmdd of the night that wrote it; the highest version of a key is current
as_of date! night that wrote it
"""

FIRM_DAY_ADDENDS = ["in_cnt", "out_cnt", "op_in_cnt", "op_out_cnt", "all_cnt", "active", "covered", "round_cnt", "night_cnt"]

FIRM_STATE = """
firm_id string! firm
snapshot_date date! D
status string registration status; null where no registry delivers to the lake
covered_months int! covered months of the last 24
coverage_share double covered days / days over the covered history of the last 12 months
op_in_12m bigint operating inflow of the last 12 closed months, fen
op_in_6m bigint of the last 6
op_in_3m bigint of the last 3
op_in_3m_year_before bigint the same three months a year before
op_in_12m_year_before bigint months 12 to 23
low_quality_inflow_share double share of 12-month inflow at banks graded D
class5_now int worst class of open loans
dpd_now int worst days past due now
court_freeze_now boolean account frozen now by a court
rep_dishonest_active boolean legal representative on the dishonest list
months_without_wages int current run of months without wages, null when wages were paid in fewer than 8 of the 12 before
sso_missed_3m int missed social insurance months of 3
new_sales_cases_30d int new sales cases
new_loan_cases_30d int new loan cases
debt_service_12m bigint interest, instalments and a third of bullets due in 12 months, fen
unsecured_balance bigint unsecured balance at all lenders, fen
has_loan_before boolean a loan contract before D at any lender
data_gap boolean a bank with at least 30 percent of inflow silent for 5 days
tax_covered boolean! tax feed covers the firm
court_covered boolean! court feed delivered
loan_covered boolean! loan feed delivered
registry_covered boolean! registry feed delivered
as_of date! night
"""

FIRM_SCORE = """
firm_id string! firm
snapshot_date date! D
model_id string bundle
model_kind string full or flow_only
segment string! STANDARD, THIN, NO_FLOW
credit_invisible boolean! no loan contract before D
confidence string HIGH, MEDIUM, LOW
stale_since date last good score is older than D
unscored_reason string why there is no score, else null
pd double default probability in 12 months
score int 300 to 900
grade_model string grade by the model
grade string final grade
override_rule string rules that lowered it, comma separated
sub_fund_scale double 0 to 100
sub_economic_benefit double 0 to 100
sub_customer_dispersion double 0 to 100
sub_flow_stability double 0 to 100
sub_supply_chain_stability double 0 to 100
sub_fund_usage double 0 to 100
sub_external double 0 to 100
limit_fen bigint flow-loan limit
limit_binding string which part binds
limit_parts map<string,bigint> all parts of the limit, fen
reasons array<struct<code:string,name:string,direction:string,points:double,value:double,peer_median:double>> top reasons
event_timestamp timestamp! D + 1 day 06:00
created_timestamp timestamp! D + 1 day 06:00
"""

WARNING = """
firm_id string! firm
snapshot_date date! D
rule_id string! W01 to W14 or DATA_GAP
level string! yellow, orange, red or gap
value double what was measured
threshold double what it was held against
"""

SAMPLE_FRAME = """
release_id string! release of the sample library
firm_id string! firm
snapshot_date date! observation D
event_timestamp timestamp! D + 1 day 06:00
sample_kind string! behaviour or origination
segment string! STANDARD or THIN
credit_invisible boolean! no loan before D
split string! train, calibrate or test by firm hash
is_oot boolean! one of the last two matured quarters
digest string! digest of the release
"""

SAMPLE_LABEL = """
release_id string! release
firm_id string! firm
snapshot_date date! observation D
event_timestamp timestamp! D + 1 day 06:00
sample_kind string! behaviour or origination
outcome string! bad, good, indeterminate
label int 1 bad, 0 good, null indeterminate
bad_reason string dpd90, class5, written_off, restructured
bad_date date first day it was bad
max_dpd int worst dpd in the window
digest string! digest of the release
"""

PULL = """
pull_id string! id: source, provider, as_of
source string! flows, tax, court, registry, loans
provider_id string! bank or system
unit string! file type or table
as_of date! night
watermark_from timestamp covers changes after this; null = from the beginning
watermark_to timestamp! covers changes up to this
deliveries bigint! files or pages
rows bigint! rows staged
bytes bigint! bytes read
status string! DONE, NOTHING, LATE or FAILED
message string what happened
staged_path string folder of the staged rows, relative to home
is_history boolean! history load
at timestamp! wall clock
"""

RUN = """
run_id string! id
job string! job
as_of date! night
status string! DONE, NOTHING or FAILED
seconds double! wall time
rows bigint rows written
detail string JSON with counts and table versions
at timestamp! wall clock at the end
"""

NIGHT = """
as_of date! night
status string! PUBLISHED
versions string! JSON: table -> Delta version the night reads
model_id string champion
firms_scored bigint! firms
at timestamp! wall clock
"""


@lru_cache
def catalogue() -> list[dict[str, str]]:
    """Rows of the indicator catalogue, in its order."""
    with (CATALOGUE / "indicators.csv").open(encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


@lru_cache
def tile_columns(tile: str) -> list[dict[str, str]]:
    """Rows of the tile dictionary that name a real column of `tile`."""
    with (CATALOGUE / "tile_columns.csv").open(encoding="utf-8", newline="") as f:
        return [r for r in csv.DictReader(f) if r["tile"] == tile and re.fullmatch(r"[a-z0-9_]+", r["column"])]


def day_clock_columns(alias: str) -> list[str]:
    """Tile columns that day-clock indicators read by `alias` (fm or fcat), sorted."""
    text = " ".join(r["formula"] for r in catalogue() if r["clock"] == "day")
    return sorted(set(re.findall(rf"\b{alias}\.(\w+)", text)))


def _columns(tile: str, skip: tuple[str, ...] = ()) -> str:
    lines = [f"{r['column']} {r['type_unit'].split()[0]} {r['definition']}" for r in tile_columns(tile) if r["column"] not in skip]
    return "\n".join(lines) + "\n"


def dimensions() -> list[str]:
    """Dimension names in catalogue order (11)."""
    return list(dict.fromkeys(r["dimension"] for r in catalogue()))


def tile_schema(tile: str) -> str:
    """Schema text of `tile.<tile>`; keys as the architecture fixes them, measures from the tile dictionary."""
    keys = {
        "firm_month": "firm_id string! firm\nmonth date! first day\n",
        "firm_counterparty_month": "firm_id string! firm\ncpty_id string! counterparty\nmonth date! first day\n",
        "tax_month": "firm_id string! firm\nmonth date! month of the tax period\n",
        "registration": "firm_id string! firm\nsnapshot_date date! D\n",
        "loan": "firm_id string! firm\nmonth date! first day\n",
        "network": "firm_id string! firm\nmonth date! first day\n",
        "firm_bank_month": "firm_id string! firm\nbank_id string! bank\nmonth date! first day\n",
    }
    if tile in keys:
        return keys[tile] + _columns(tile) + TILE_TECH
    if tile == "firm_category_month":
        return (
            "firm_id string! firm\nmonth date! first day\ncategory string! category\namt bigint! sum of amounts, fen\ncnt int! rows\n"
            + TILE_TECH
        )
    if tile == "firm_day":
        cats = "".join(f"cat_{c}_amt bigint amount of category {c}, fen\n" for c in day_clock_columns("fcat"))
        addends = "".join(f"{c} int addend of firm_bucket\n" for c in FIRM_DAY_ADDENDS)
        return (
            "firm_id string! firm\nbiz_date date! day\n"
            + _columns("firm_day")
            + addends
            + "sameday_amt bigint least of in and out, fen\n"
            + cats
            + TILE_TECH
        )
    if tile == "firm_bucket":
        types = {r["column"]: r["type_unit"].split()[0] for r in tile_columns("firm_month")}
        names = ["days_in_month", "days_covered", *[c for c in day_clock_columns("fm") if c != "days_covered"]]
        measures = "".join(f"{c} {types[c]} as firm_month over the bucket\n" for c in names)
        cats = "".join(f"cat_{c}_amt bigint amount of category {c} over the bucket, fen\n" for c in day_clock_columns("fcat"))
        return "firm_id string! firm\nsnapshot_date date! D\nbucket int! 0, 1, 2: 30 days each, back from D\n" + measures + cats + TILE_TECH
    if tile == "court_event":
        return (
            "event_id string! event\nfirm_id string! firm\nevent_type string! case_def, case_pla, judgment_lost, enforcement, dishonest, restriction, freeze\n"
            "cause_group string loan, sales, labor, other\nvia string! firm or rep\nrep_from date term of the person, via = rep\nrep_to date end of the term\n"
            "publish_date date! published\nstart_date date start\nend_date date end\namount bigint fen\n" + TILE_TECH
        )
    if tile == "registration_event":
        return (
            "event_id string! event\nfirm_id string! firm\nkind string! kind of rg_n\nevent_date date! date\nend_date date end\n"
            + TILE_TECH
        )
    if tile == "firm_state":
        return FIRM_STATE
    raise KeyError(tile)


def feature_schema(dimension: str) -> str:
    """Schema text of `feature.<dimension>`: keys, timestamps and the catalogue's indicators in its order."""
    types = {"double": "double", "int": "bigint"}
    body = "".join(f"{r['name']} {types[r['dtype']]} {r['id']} {r['description']}\n" for r in catalogue() if r["dimension"] == dimension)
    return (
        "firm_id string! firm\nsnapshot_date date! D\nevent_timestamp timestamp! D + 1 day 06:00\ncreated_timestamp timestamp! D + 1 day 06:00\n"
        + body
    )
