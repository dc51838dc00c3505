"""Continuity of any ledger with a running balance: what a foreign file means, and whether its balances chain."""
