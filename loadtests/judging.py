"""Whether one dossier's money is where it belongs: the bank's book and the connector's, side by side. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class Fate(StrEnum):
    """What became of a dossier's money. Only the first three are right."""

    SETTLED_ONCE = "settled_once"
    """The bank has it, and the connector has booked it and issued one receipt."""
    NOT_PAID = "not_paid"
    """Nobody paid, and nobody says so."""
    REFUND_DUE = "refund_due"
    """More came than was owed, and the connector knows that the rest must go back."""
    STUCK = "stuck"
    """The bank has it and still tries to tell, or the connector has booked it and issued no receipt."""
    LOST = "lost"
    """The bank has it and has no more to tell; the connector does not know."""
    DOUBLED = "doubled"
    """The connector has booked more than came, or issued two receipts."""
    WRONG_AMOUNT = "wrong_amount"
    """The connector has booked another sum than came, or takes another one for the whole fee."""
    PHANTOM = "phantom"
    """Paid at the connector, and there is no money at the bank."""
    REFUND_TWICE = "refund_twice"
    """More went back to the payer than came, or than the connector knows of: some of it twice, as a rule."""


RIGHT = frozenset({Fate.SETTLED_ONCE, Fate.NOT_PAID, Fate.REFUND_DUE})
WRONG = tuple(fate for fate in Fate if fate not in RIGHT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """One dossier in both books; amounts in dong.

    At the bank: `debits` = how many payments took money, `debited_vnd` how much, `returned_vnd` what went back,
    `telling` = callbacks are still under way. At the connector: what it has booked, how many receipts it issued, what
    it says must go back (`due_vnd`) and has gone back (`refunded_vnd`; None = it does not tell).
    """

    fee_vnd: int
    debits: int = 0
    debited_vnd: int = 0
    returned_vnd: int = 0
    telling: bool = False
    booked_vnd: int = 0
    paid: bool = False
    receipts: int = 0
    due_vnd: int = 0
    refunded_vnd: int | None = None


def fate(books: Books) -> Fate:
    """The worst that is true of it."""
    if books.returned_vnd > books.debited_vnd:
        return Fate.REFUND_TWICE
    if books.debited_vnd == 0:
        return Fate.PHANTOM if books.paid or books.booked_vnd or books.due_vnd else Fate.NOT_PAID
    kept_vnd, known_vnd = books.debited_vnd - books.returned_vnd, books.booked_vnd + books.due_vnd
    if not books.paid and known_vnd == 0:
        if kept_vnd == 0:
            return Fate.NOT_PAID
        return Fate.STUCK if books.telling else Fate.LOST
    if books.receipts > 1 or known_vnd > books.debited_vnd:
        return Fate.DOUBLED
    holds_vnd = known_vnd - _gone_back(books)
    if holds_vnd > kept_vnd:
        return Fate.REFUND_TWICE
    if holds_vnd < kept_vnd or (books.paid and books.booked_vnd != books.fee_vnd):
        # The second payment of a dossier may still be on its way to the connector.
        return Fate.STUCK if books.telling else Fate.WRONG_AMOUNT
    if books.paid and books.receipts == 0:
        return Fate.STUCK
    return Fate.REFUND_DUE if books.due_vnd else Fate.SETTLED_ONCE


def _gone_back(books: Books) -> int:
    """What of the money that the connector knows has gone back, as it says; else what the bank says.

    What was due back and has gone back is in neither of the connector's figures any more.
    """
    if books.refunded_vnd is not None:
        return books.refunded_vnd
    of_due_vnd = books.debited_vnd - books.booked_vnd - books.due_vnd
    return max(0, books.returned_vnd - of_due_vnd)
