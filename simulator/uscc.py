"""Unified social credit codes: check characters of GB 32100-2015 and GB 11714, as SQL and as Python."""

from __future__ import annotations

from simulator.draws import select

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


def org_valid(uscc: str) -> bool:
    """Whether characters 9 to 17 of a code of the right shape pass the check of organization codes."""
    total = sum(ORG_ALPHABET.index(c) * w for c, w in zip(uscc[8:16], ORG_WEIGHTS))
    return uscc[16] == "123456789X0"[10 - total % 11]


def _sum(code: str, alphabet: str, weights: tuple[int, ...]) -> str:
    return " + ".join(f"(instr('{alphabet}', substr({code}, {i + 1}, 1)) - 1) * {w}" for i, w in enumerate(weights))


def coded(source: str, region: str, serial: str, wrong: str = "false", org_wrong: str = "false") -> str:
    """Query of all columns of `source` and `uscc`, the code of an enterprise.

    Where `wrong` holds its check character is off by one, where `org_wrong` holds the one of the organization code in it.
    """
    numbered = select(source, "*", f"concat('MA', lpad(({serial})::VARCHAR, 6, '0')) AS first8")
    org_place = f"10 - ({_sum('first8', ORG_ALPHABET, ORG_WEIGHTS)}) % 11 + IF({org_wrong}, 1, 0)"
    org_check = f"substr('123456789X0', ({org_place}) % 11 + 1, 1)"
    placed = select(numbered, "*", f"concat('91', {region}, first8, {org_check}) AS first17")
    check = f"substr('{ALPHABET}', ((31 - ({_sum('first17', ALPHABET, WEIGHTS)}) % 31) % 31 + IF({wrong}, 1, 0)) % 31 + 1, 1)"
    return select(placed, "* EXCLUDE (first8, first17)", f"concat(first17, {check}) AS uscc")


def next_char(c: str) -> str:
    """Another character of the alphabet, to make a code wrong."""
    return ALPHABET[(ALPHABET.index(c) + 1) % 31]
