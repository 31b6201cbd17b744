"""A counter or a terminal: somebody else confirms that the payer has paid."""

from datetime import datetime

import msgspec

from simulator.cards import masked
from simulator.payer.means import cards
from simulator.payer.stages import Change, Stage, decided, stage
from simulator.payment import Channel, Outcome, Payment


def confirm(card_number: str = "") -> Change:
    """The teller has counted the cash, or the terminal has read a card (of the test cards, or one with money)."""

    def change(payment: Payment, now: datetime) -> Payment:
        if stage(payment, now) is not Stage.CONFIRM:
            return payment
        if payment.channel is Channel.COUNTER or not card_number:
            return decided(payment, now, Outcome.SUCCESS)
        card = cards().get(card_number)
        if card is None:
            return payment
        carded = msgspec.structs.replace(payment, payer_account=masked(card.number))
        return decided(carded, now, card.outcome)

    return change
