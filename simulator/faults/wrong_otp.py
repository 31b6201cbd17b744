"""The payer's one-time password is wrong to the end: the payment fails."""

from datetime import datetime

from simulator.faults.kind import Deed, PayerFault
from simulator.faults.rule import Fault
from simulator.payment import Event, Outcome, Payment


def _effect(payment: Payment, deed: Deed, fault: Fault, now: datetime) -> tuple[Deed, ...]:
    return (Deed(event=Event.DECLINE, outcome=Outcome.WRONG_OTP, channel=deed.channel),)


FAULT = PayerFault(
    kind="wrong_otp",
    number=82,
    en="the payer's one-time password is wrong too often; the payment fails",
    vi="người nộp nhập sai OTP quá số lần; giao dịch thất bại",
    effect=_effect,
)
