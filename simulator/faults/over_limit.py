"""The payer's limit is too low: the payment fails."""

from datetime import datetime

from simulator.faults.kind import Deed, PayerFault
from simulator.faults.rule import Fault
from simulator.payment import Event, Outcome, Payment


def _effect(payment: Payment, deed: Deed, fault: Fault, now: datetime) -> tuple[Deed, ...]:
    return (Deed(event=Event.DECLINE, outcome=Outcome.OVER_LIMIT, channel=deed.channel),)


FAULT = PayerFault(
    kind="over_limit",
    number=84,
    en="the amount is above the payer's limit; the payment fails",
    vi="số tiền vượt hạn mức của người nộp; giao dịch thất bại",
    effect=_effect,
)
