"""What of a sandbox is old enough to be removed, round by round. Rule: pure; the stores read, and remove what it names.

Numbers grow with age, so a round that meets something young has seen all that is old.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from simulator.payment import Payment, ended_at

ROUND = 50
"""So many are looked at in one transaction."""

REMOVED_PAYMENTS, REMOVED_EXCHANGES, REMOVED_LETTERS = "removed:payments", "removed:exchanges", "removed:letters"
"""The counters of what was removed."""


BELONGINGS = ("name", "ledger", "moment", "delivery")
"""The tables of what refers to a payment, beside the journal."""


def ended(looked: Sequence[tuple[int, Payment]], before: datetime) -> list[int]:
    """The numbers of those that had ended by then."""
    ends = ((number, ended_at(payment)) for number, payment in looked)
    return [number for number, at in ends if at is not None and at < before]


def older(looked: Sequence[tuple[int, datetime]], before: datetime, spared: Collection[int]) -> list[int]:
    """The numbers of those that happened before, without the `spared`."""
    return [number for number, at in looked if at < before and number not in spared]


def following(looked: Sequence[tuple[int, datetime]], before: datetime, limit: int) -> int | None:
    """Where the next round begins; None = all that is old was looked at."""
    if len(looked) < limit or any(at >= before for _, at in looked):
        return None
    return looked[-1][0]
