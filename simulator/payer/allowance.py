"""What the payer's bank says when an account is to be debited: money, limits, and a look at the payer's face.

Rule: pure, and the last word: whatever a payer did, on whatever channel, his account is debited only through here.
"""

from datetime import datetime

import msgspec

from simulator import qr
from simulator.dialect import Dialect, Shape
from simulator.payer.means import account_of
from simulator.payer.qr import text_of
from simulator.payment import COLLECTED, Channel, Event, Merchant, Outcome, Payment, State, Step, apply
from simulator.purse import Biometrics, Kind, Purse, refusal, standing, wants_face

FEES_AS = "fees_as"
"""A merchant's option: "transfer" = banks take its fees for plain transfers when they ask for biometrics."""

_TAKEN = COLLECTED | {State.SUSPECTED, State.REVERSED}
"""States that begin with a debit."""

_FACE_REFUSED = Outcome.OVER_LIMIT
"""Assumption: the bank sends the payer to a branch. It refuses the amount and not the payer, who may still pay less;
so connectors are told what they are told of any amount that is not allowed."""


def debits(before: Payment, after: Payment) -> bool:
    return before.state is State.PENDING and after.state in _TAKEN


def kind_of(payment: Payment, dialect: Dialect, merchant: Merchant | None) -> Kind:
    """What the payer's bank takes the payment for."""
    if payment.channel is Channel.COUNTER:
        return Kind.COUNTER
    if dialect.shape is Shape.ADVICE or (merchant and merchant.options.get(FEES_AS) == Kind.TRANSFER):
        return Kind.TRANSFER
    scanned = payment.channel is Channel.QR and qr.parse(text_of(payment, dialect, merchant)).service in qr.TRANSFERS
    return Kind.TRANSFER if scanned else Kind.PAYMENT


def allowed(before: Payment, after: Payment, purse: Purse, kind: Kind, now: datetime, *, has_page: bool) -> Payment:
    """`after` if the account may be debited so; else as the bank lets it be: declined, or waiting for biometrics.

    Only where there is a page (`has_page`) can anybody look into a camera. The account is a test account.
    """
    account = account_of(purse.account)
    assert account is not None, "only test accounts have a purse that is judged"
    short = refusal(purse, account.terms, kind, after.amount_vnd, now)
    if short is not None:
        return _declined(after, now, short)
    face = standing(purse, account.terms, now).biometrics
    if before.step is Step.BIOMETRICS:
        return after if face is Biometrics.REGISTERED else _declined(after, now, _FACE_REFUSED)
    if not wants_face(purse, kind, after.amount_vnd, now):
        return after
    if face is Biometrics.NONE or not has_page:
        return _declined(after, now, _FACE_REFUSED)
    return msgspec.structs.replace(_undecided(after), step=Step.BIOMETRICS)


def _undecided(after: Payment) -> Payment:
    return msgspec.structs.replace(after, state=State.PENDING, outcome=None, settled_at=None)


def _declined(after: Payment, now: datetime, why: Outcome) -> Payment:
    return apply(_undecided(after), Event.DECLINE, now, why)
