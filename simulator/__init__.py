"""A synthetic province: firms, banks, tax office, courts, registry and lenders that send what real ones send.

Deterministic: every value is a function of the seed and of what it belongs to, so the result does not depend on
partitions. Nothing but tests and its own command line imports it; its truth tables are read by tests only.
"""
