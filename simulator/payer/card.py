"""Cards typed into a page, and what a connector collected itself."""

from datetime import datetime

import msgspec

from simulator.cards import masked
from simulator.payer.means import accounts, cards, issuer_of
from simulator.payer.stages import Change, Stage, awaits, decided, identified, wrong
from simulator.payment import Outcome, Payment, Step


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


def present(number: str, *, at_once: bool = False) -> Change:
    """The account or card that the connector collected itself; an unknown one changes nothing.

    `at_once` = it decides without a one-time password.
    """

    def change(payment: Payment, now: datetime) -> Payment:
        digits = "".join(number.split())
        account = next((each for each in accounts().values() if each.number == digits), None)
        card = cards().get(digits)
        means, known_as = (account, account.number) if account else (card, masked(card.number) if card else "")
        if means is None:
            return payment
        known = identified(payment, now, means, known_as)
        return decided(known, now, means.outcome) if at_once and known.step is Step.OTP else known

    return change


def _letters(name: str) -> str:
    return " ".join(name.upper().split())
