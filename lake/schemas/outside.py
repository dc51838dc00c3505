"""Outside evidence: tax, court, registry and loan tables (domain A), and the bronze record they arrive in.

Each silver row is one version of one record as the source knew it: a source sends every change, never only the final
state, so that a snapshot of the past reads what was known then. Money is BIGINT CNY fen.
"""

RECORD = """
source string! tax, court, registry or loans
table_name string! name of the silver table the record belongs to
pull_id string! pull that brought it
record_no bigint! position in the pull
payload string! the record as sent, JSON text, with identifiers of firms, persons and accounts replaced by tokens at entry
updated_at timestamp! when the source changed the record
is_history boolean! part of a history load
as_of date! night that pulled it
"""

TECH = """
provider_id string! source system
submission_id string! pull that brought the row
row_version int! version of the row, higher replaces lower per key
ingested_at timestamp! when the source changed the record
available_at timestamp! when the row was accepted (knowledge time)
is_history boolean! part of a history load
as_of date! night that accepted the row
"""

# name -> (key columns, schema text without the technical columns)
OUTSIDE: dict[str, tuple[str, str, str]] = {
    "tax_vat_return": (
        "tax",
        "firm_id period return_type",
        "firm_id string! firm\nperiod string! yyyymm (monthly: the month, quarterly: its last month)\nreturn_type string! VAT\ntaxpayer_type string! GENERAL or SMALL\nfiling_cycle string! M or Q\ndue_date date! due\nfiled_at timestamp filed; null while due and not filed\nsales_taxable_fen bigint taxable sales\nsales_exempt_fen bigint exempt sales\noutput_tax_fen bigint output tax\ninput_tax_fen bigint input tax\npayable_fen bigint payable",
    ),
    "tax_payment": (
        "tax",
        "firm_id voucher_no",
        "firm_id string! firm\nvoucher_no string! voucher\ntax_type string! VAT, CIT, IIT, SURCHARGE, STAMP, LATE_FEE, FINE, OTHER\nperiod string! yyyymm\ndue_date date due\npay_date date! paid\namount_fen bigint! amount",
    ),
    "tax_arrears": (
        "tax",
        "firm_id tax_type period",
        "firm_id string! firm\ntax_type string! tax type\nperiod string! yyyymm\narrears_fen bigint! outstanding\nstart_date date! since\nend_date date until",
    ),
    "tax_credit_rating": (
        "tax",
        "firm_id rating_year",
        "firm_id string! firm\nrating_year int! year rated\nrating string! A, B, M, C, D\nscore int points\npublished_at date! published\nin_force_from date! from\nin_force_to date to",
    ),
    "tax_invoice": (
        "tax",
        "firm_id direction invoice_code invoice_no",
        "firm_id string! firm\ndirection string! OUT or IN\ninvoice_code string! code, may be empty\ninvoice_no string! number\nother_party_id string! other party\nissue_date date! issued\namount_fen bigint! amount without tax\ntax_fen bigint! tax\ncolor string! BLUE or RED\nstatus string! VALID or VOID\norig_invoice_no string original of a red one",
    ),
    "tax_cit_return": (
        "tax",
        "firm_id period",
        "firm_id string! firm\nperiod string! yyyymm, last month of the quarter\nrevenue_fen bigint! revenue, year to date\nprofit_fen bigint! profit, year to date\nfiled_at timestamp! filed",
    ),
    "tax_social_insurance": (
        "tax",
        "firm_id month",
        "firm_id string! firm\nmonth date! month\nheadcount int! insured\ndue_fen bigint! due\npaid_fen bigint! paid\ndue_date date! due\npaid_date date paid",
    ),
    "court_case": (
        "court",
        "case_no party_id role",
        "case_no string! case\nparty_id string! party\nrole string! PLAINTIFF or DEFENDANT\ncourt string! court\ncause_code string! cause\ncause_group string! loan, sales, labor, other\nfiled_date date! filed\npublish_date date! published\nclaim_fen bigint! claim\njudged_date date judged\njudgment_publish_date date judgment published\njudged_payable_fen bigint payable by this party\nstatus string! OPEN, JUDGED, WITHDRAWN, CLOSED",
    ),
    "court_enforcement": (
        "court",
        "case_no party_id",
        "case_no string! case\nparty_id string! party\ncourt string! court\nfiled_date date! filed\npublish_date date! published\ntarget_fen bigint! target\nperformed_fen bigint! performed\nend_date date ended\nend_kind string PERFORMED, TERMINATED_NO_ASSETS, WITHDRAWN",
    ),
    "court_dishonest": (
        "court",
        "case_no party_id",
        "case_no string! case\nparty_id string! party\nbasis_no string! basis\ncourt string! court\npublish_date date! published\nconduct_code string! conduct\nperformance string! NONE, PART, ALL\nend_date date removed",
    ),
    "court_restriction": (
        "court",
        "order_no party_id",
        "order_no string! order\nparty_id string! party\nrelated_person_token string person\npublish_date date! published\nend_date date lifted",
    ),
    "court_equity_freeze": (
        "court",
        "notice_no party_id",
        "notice_no string! notice\nparty_id string! party\ntarget_firm_id string! firm whose equity\namount_fen bigint! frozen\nstart_date date! from\nend_date date to\npublish_date date! published",
    ),
    "reg_enterprise": (
        "registry",
        "firm_id valid_from",
        "firm_id string! firm\nuscc_token string! token\nname_token string! token of the normalized name\norg_form string! form\nindustry4 string! GB/T 4754 class, e.g. C3911\nregion6 string! GB/T 2260\nreg_capital_cny_fen bigint! registered capital\npaid_in_capital_cny_fen bigint! paid-in capital\nestablished_date date! established\nstatus string! ACTIVE, REVOKED, CANCELLED, MOVED_OUT\nemployees int staff\nlegal_rep_token string! legal representative\naddress_token string! address\nvalid_from date! from\nvalid_to date to (exclusive)",
    ),
    "reg_change": (
        "registry",
        "event_id",
        "event_id string! event\nfirm_id string! firm\nkind string! legal_rep, shareholder, address, capital_decrease\nevent_date date! date\nend_date date end\namount_fen bigint amount",
    ),
    "reg_abnormal": (
        "registry",
        "event_id",
        "event_id string! event\nfirm_id string! firm\nkind string! abnormal\nevent_date date! listed\nend_date date removed\namount_fen bigint amount",
    ),
    "reg_penalty": (
        "registry",
        "event_id",
        "event_id string! event\nfirm_id string! firm\nkind string! penalty\nevent_date date! date\nend_date date end\namount_fen bigint amount",
    ),
    "reg_pledge": (
        "registry",
        "event_id",
        "event_id string! event\nfirm_id string! firm\nkind string! equity_pledge\nevent_date date! date\nend_date date end\namount_fen bigint amount",
    ),
    "reg_shareholder": (
        "registry",
        "firm_id party_id valid_from",
        "firm_id string! firm\nparty_id string! holder\nparty_kind string! FIRM or PERSON\nholding_pct decimal(9,6)! share, 0 to 1\nvalid_from date! from\nvalid_to date to",
    ),
    "reg_key_person": (
        "registry",
        "firm_id party_id role valid_from",
        "firm_id string! firm\nparty_id string! person\nrole string! LEGAL_REP, DIRECTOR, MANAGER\nvalid_from date! from\nvalid_to date to",
    ),
    "tag_enterprise": (
        "registry",
        "firm_id tag_code valid_from",
        "firm_id string! firm\ntag_code string! key-enterprise tag, 01 to 28\nlevel string! NATIONAL, PROVINCE, CITY, DERIVED\nbatch_no string! list\nvalid_from date! from\nvalid_to date until (exclusive)\nsource string! who published the list, or the rule and its version\nsource_doc_hash string! SHA-256 of the list",
    ),
    "loan_contract": (
        "loans",
        "lender_id loan_no",
        "lender_id string! lender\nloan_no string! loan\nfirm_id string! borrower\nlender_type string! BANK, SMALL_LOAN, LEASING, OTHER\nproduct string! product\nguarantee_type string! CREDIT, GUARANTEE, COLLATERAL, PLEDGE\ngranted_date date! granted\nmaturity_date date! due\nprincipal_fen bigint! principal\nlimit_fen bigint! limit\nrate_bp int! yearly rate in basis points\nrollover_flag boolean! refinances another loan",
    ),
    "loan_performance": (
        "loans",
        "lender_id loan_no month_end",
        "lender_id string! lender\nloan_no string! loan\nfirm_id string! borrower\nmonth_end date! month end\nbalance_fen bigint! balance\ndue_principal_fen bigint! due in the month\ndue_interest_fen bigint! due in the month\npaid_fen bigint! paid in the month\noverdue_fen bigint! overdue at month end\ndpd int! days past due at month end\nclass5 int! 1 to 5\nwritten_off boolean! written off\nrestructured boolean! distressed restructuring",
    ),
    "loan_schedule": (
        "loans",
        "lender_id loan_no due_date",
        "lender_id string! lender\nloan_no string! loan\nfirm_id string! borrower\ndue_date date! due\nprincipal_fen bigint! principal\ninterest_fen bigint! interest\nbullet_flag boolean! bullet repayment",
    ),
    "loan_query": (
        "loans",
        "query_id",
        "query_id string! query\nfirm_id string! firm\nlender_id string! lender\npurpose string! LOAN_APPROVAL, POST_LOAN, OTHER\nquery_date date! date",
    ),
    "loan_guarantee": (
        "loans",
        "contract_no",
        "contract_no string! contract\nguarantor_id string! guarantor\nobligor_id string! obligor\nbalance_fen bigint! outstanding\nstart_date date! from\nend_date date to",
    ),
    "ref_related_party": (
        "registry",
        "firm_id party_id valid_from",
        "firm_id string! firm\nparty_id string! related firm or person token (shareholder, legal representative, common holder)\nkind string! SHAREHOLDER, LEGAL_REP, COMMON\nvalid_from date! from\nvalid_to date to",
    ),
}
