"""Text messages and e-mails to payers: those that banks send, made from the payment, and those that a portal sends.

Rule: pure. What a bank has sent follows from the payment, so it is never stored.
"""

from datetime import datetime
from enum import StrEnum

import msgspec

from simulator.clock import VIETNAM
from simulator.payment import COLLECTED, Payment, State

TEXT_MAX = 20_000
"""Characters of a letter that are kept."""


class LetterKind(StrEnum):
    SMS = "sms"
    EMAIL = "email"


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """`recipient` is a phone number in digits, or an address in lower case; a text message has no subject.

    `reference` is the sender's own number of it, "" if it gave none.
    """

    kind: LetterKind
    at: datetime
    sender: str
    recipient: str
    text: str
    subject: str = ""
    reference: str = ""


def recipient_of(kind: LetterKind, given: str) -> str:
    """One spelling for each recipient: "+84 912 345 678" and "0912345678" are the same phone."""
    if kind is LetterKind.EMAIL:
        return given.strip().lower()
    digits = "".join(each for each in given if each.isascii() and each.isdigit())
    return f"0{digits[2:]}" if digits.startswith("84") and len(digits) >= 11 else digits


def bank_letters(payment: Payment, sender: str, otp: str) -> list[Letter]:
    """What the payer's bank has sent so far: the one-time password, then the change of the balance.

    TT 50/2024: a message with a one-time password says what it is for.
    """
    letters = []
    if otp and payment.otp_sent_at is not None:
        purpose = f"thanh toan {_dong(payment.amount_vnd)} cho {payment.order.order_ref}"
        text = f"OTP {otp} de {purpose}. KHONG cung cap OTP cho bat ky ai."
        letters.append(_sms(payment, payment.otp_sent_at, sender, text))
    if payment.settled_at is not None and _was_debited(payment):
        words = f"TK {_ending(payment)} -{_dong(payment.amount_vnd)} luc {_hour(payment.settled_at)}"
        letters.append(_sms(payment, payment.settled_at, sender, f"{words}. ND: {payment.order.order_ref}"))
    if payment.state is State.REVERSED and payment.settled_at is not None:
        words = f"TK {_ending(payment)} +{_dong(payment.amount_vnd - payment.refunded_vnd)}"
        letters.append(_sms(payment, payment.settled_at, sender, f"{words}. ND: hoan tien {payment.order.order_ref}"))
    for refund in payment.refunds:
        words = f"TK {_ending(payment)} +{_dong(refund.amount_vnd)} luc {_hour(refund.refunded_at)}"
        letters.append(_sms(payment, refund.refunded_at, sender, f"{words}. ND: hoan phi {payment.order.order_ref}"))
    return letters


def _was_debited(payment: Payment) -> bool:
    return payment.state in COLLECTED or payment.state in (State.SUSPECTED, State.REVERSED)


def _sms(payment: Payment, at: datetime, sender: str, text: str) -> Letter:
    return Letter(kind=LetterKind.SMS, at=at, sender=sender, recipient=payment.payer_account, text=text)


def _ending(payment: Payment) -> str:
    return f"...{payment.payer_account[-4:]}" if payment.payer_account else "..."


def _dong(amount_vnd: int) -> str:
    return f"{amount_vnd:,}VND"


def _hour(instant: datetime) -> str:
    return instant.astimezone(VIETNAM).strftime("%H:%M %d/%m/%Y")
