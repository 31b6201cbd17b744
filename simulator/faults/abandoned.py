"""The payer closes the browser in place of paying: the payment stays open until it expires."""

from datetime import datetime

from simulator.faults.kind import Deed, PayerFault
from simulator.faults.rule import Fault
from simulator.payment import Payment


def _effect(payment: Payment, deed: Deed, fault: Fault, now: datetime) -> tuple[Deed, ...]:
    return ()


FAULT = PayerFault(
    kind="abandoned",
    number=81,
    en="the payer leaves in place of paying; the payment stays open and expires",
    vi="người nộp bỏ dở không trả tiền; giao dịch treo cho tới khi hết hạn",
    effect=_effect,
)
