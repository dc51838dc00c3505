"""Unified social credit codes: check characters of GB 32100-2015 and GB 11714, as SQL and as Python."""

from __future__ import annotations

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
WEIGHTS = tuple(pow(3, i, 31) for i in range(17))
ORG_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ORG_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)


def check_char(first17: str) -> str:
    """18th character of a code."""
    return ALPHABET[(31 - sum(ALPHABET.index(c) * w for c, w in zip(first17, WEIGHTS)) % 31) % 31]


def valid(uscc: str) -> bool:
    """Whether the check character is right."""
    return len(uscc) == 18 and all(c in ALPHABET for c in uscc) and check_char(uscc[:17]) == uscc[17]


def _sum(code: str, alphabet: str, weights: tuple[int, ...]) -> str:
    return " + ".join(f"(instr('{alphabet}', substr({code}, {i + 1}, 1)) - 1) * {w}" for i, w in enumerate(weights))


def org_check_sql(first8: str) -> str:
    """9th character of an organisation code (the 17th of a USCC)."""
    return f"element_at(transform(array(11 - ({_sum(first8, ORG_ALPHABET, ORG_WEIGHTS)}) % 11), c -> CASE c WHEN 10 THEN 'X' WHEN 11 THEN '0' ELSE CAST(c AS STRING) END), 1)"


def check_sql(first17: str, shift: str = "0") -> str:
    """18th character of a code; moved `shift` places on to make it wrong."""
    return f"substr('{ALPHABET}', ((31 - ({_sum(first17, ALPHABET, WEIGHTS)}) % 31) % 31 + {shift}) % 31 + 1, 1)"


def next_char(c: str) -> str:
    """Another character of the alphabet, to make a code wrong."""
    return ALPHABET[(ALPHABET.index(c) + 1) % 31]
