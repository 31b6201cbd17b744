"""A banking app that reads a QR code."""

from datetime import datetime

import msgspec

from simulator.payer.means import account_with_money, accounts
from simulator.payer.stages import Change, Stage, decided, stage
from simulator.payment import Payment


def scan(username: str = "", amount_vnd: int | None = None) -> Change:
    """The payer's banking app reads the QR code and pays, from that test account or from one with money.

    `amount_vnd` is what the payer typed instead of the code's amount; nothing happens for an amount below 1.
    """

    def change(payment: Payment, now: datetime) -> Payment:
        account = accounts().get(username.strip().lower()) if username else account_with_money()
        sent = payment.amount_vnd if amount_vnd is None else amount_vnd
        if stage(payment, now) is not Stage.QR or account is None or sent < 1:
            return payment
        sending = msgspec.structs.replace(payment, payer_account=account.number, amount_vnd=sent)
        return decided(sending, now, account.outcome)

    return change
