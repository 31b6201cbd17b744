"""A banking app that reads a QR code."""

from datetime import datetime

import msgspec

from simulator import qr
from simulator.dialect import Dialect
from simulator.payer.means import account_with_money, accounts
from simulator.payer.stages import Change, Stage, decided, stage
from simulator.payment import Merchant, Payment

NO_BANK = "970499"
"""A number that no bank has: a real banking app cannot pay a code with it."""


def text_of(payment: Payment, dialect: Dialect, merchant: Merchant | None) -> str:
    """The code that the bank shows for this payment; a VietQR code at no real bank, if it has no code of its own."""
    if dialect.qr_text is not None and merchant is not None:
        return dialect.qr_text(payment, merchant)
    return qr.vietqr(NO_BANK, payment.bank_ref[-19:], payment.amount_vnd, purpose=payment.bank_ref[-25:])


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
