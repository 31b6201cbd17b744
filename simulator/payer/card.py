"""Cards typed into a page, and what a connector collected itself."""

from datetime import datetime

import msgspec

from simulator.cards import masked
from simulator.payer.means import accounts, cards, issuer_of
from simulator.payer.stages import Change, Stage, awaits, identified, wrong
from simulator.payment import Outcome, Payment


def give_card(number: str, holder: str, date: str, tries_seen: int | None = None) -> Change:
    """A card's number, holder and MM/YY. The payment keeps the number masked."""

    def change(payment: Payment, now: datetime) -> Payment:
        if not awaits(payment, now, Stage.CARD, tries_seen):
            return payment
        card = cards().get("".join(number.split()))
        if card is None or _letters(holder) != _letters(card.holder) or date.strip() != card.date:
            return wrong(payment, now, Outcome.WRONG_DETAILS)
        carded = msgspec.structs.replace(payment, issuer_code=payment.issuer_code or issuer_of(card.number))
        return identified(carded, now, card, masked(card.number))

    return change


def present(number: str) -> Change:
    """The account or card that the connector collected itself; an unknown one changes nothing."""

    def change(payment: Payment, now: datetime) -> Payment:
        digits = "".join(number.split())
        account = next((each for each in accounts().values() if each.number == digits), None)
        card = cards().get(digits)
        if account is not None:
            return identified(payment, now, account, account.number)
        return payment if card is None else identified(payment, now, card, masked(card.number))

    return change


def _letters(name: str) -> str:
    return " ".join(name.upper().split())
