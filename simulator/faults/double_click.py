"""The payer clicks twice: a sound bank takes the payment once, and tells of it once."""

from datetime import datetime

from simulator.faults.kind import Deed, PayerFault
from simulator.faults.rule import Fault
from simulator.payment import Payment


def _effect(payment: Payment, deed: Deed, fault: Fault, now: datetime) -> tuple[Deed, ...]:
    return (deed, deed)


FAULT = PayerFault(
    kind="double_click",
    number=85,
    en="the payer clicks twice; a sound bank takes the payment once",
    vi="người nộp bấm hai lần; ngân hàng chỉ ghi nhận một lần",
    effect=_effect,
)
