"""The payer has not enough money: the payment fails."""

from datetime import datetime

from simulator.faults.kind import Deed, PayerFault
from simulator.faults.rule import Fault
from simulator.payment import Event, Outcome, Payment


def _effect(payment: Payment, deed: Deed, fault: Fault, now: datetime) -> tuple[Deed, ...]:
    return (Deed(event=Event.DECLINE, outcome=Outcome.INSUFFICIENT_FUNDS, channel=deed.channel),)


FAULT = PayerFault(
    kind="no_funds",
    number=83,
    en="the payer has not enough money; the payment fails",
    vi="tài khoản người nộp không đủ số dư; giao dịch thất bại",
    effect=_effect,
)
