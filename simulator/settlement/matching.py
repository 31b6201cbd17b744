"""A bank's rows beside a merchant's: which agree, which only one side has, which differ.

Rule: pure. The codes are those of VietinBank's reply (onefin-settle#reconcile-status), which our own layouts share.
"""

from collections.abc import Iterable, Mapping

from simulator.settlement.sheet import Said, Wrong

AGREED = "00"
BANK_ONLY = "01"
MERCHANT_ONLY = "02"
DIFFERENT = "03"
STATUSES = (AGREED, BANK_ONLY, MERCHANT_ONLY, DIFFERENT)

Told = tuple[str, ...]
"""What both sides compare of a row, as texts: "20000" is not "20000.00"."""


def status_of(key: str, told: Told, own: Mapping[str, Told]) -> str:
    """How the bank finds a row that the merchant lists as a fact."""
    if key not in own:
        return MERCHANT_ONLY
    return AGREED if own[key] == told else DIFFERENT


def objections(said: Iterable[tuple[Said, Told]], own: Mapping[str, Told], key: str, status: str) -> list[Wrong]:
    """Where a merchant's statement about the bank's rows cannot be true. `key` and `status` are the fields' names."""
    errors = []
    seen: set[str] = set()
    last = 1
    for row, told in said:
        last = row.line
        if row.key in seen:
            errors.append(Wrong(row.line, key, f"{row.key[:60]!r} has a row already"))
        seen.add(row.key)
        why = _objection(row, told, own)
        if why:
            errors.append(Wrong(row.line, status, why))
    forgotten = [each for each in own if each not in seen]
    errors.extend(Wrong(last, key, f"the bank's row {each[:60]!r} is not answered") for each in forgotten)
    return errors


def _objection(row: Said, told: Told, own: Mapping[str, Told]) -> str:
    if row.status not in STATUSES:
        return f"is {row.status[:20]!r}, not one of {', '.join(STATUSES)}"
    bank_has = row.key in own
    if bank_has and row.status == MERCHANT_ONLY:
        return "says that the bank has no such row, and it has"
    if not bank_has and row.status != MERCHANT_ONLY:
        return "speaks of a row that the bank does not have"
    if row.status == AGREED and own[row.key] != told:
        return "says that both agree, but " + _difference(told, own[row.key])
    return ""


def _difference(told: Told, own: Told) -> str:
    pairs = [f"{theirs[:40]!r} is not {ours[:40]!r}" for theirs, ours in zip(told, own, strict=True) if theirs != ours]
    return " and ".join(pairs)
