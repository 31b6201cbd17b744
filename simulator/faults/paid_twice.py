"""The payer pays, and then once more over another channel: a bill, or a transfer of the same text."""

from datetime import datetime

from simulator.faults.kind import Deed, PayerFault, Where
from simulator.faults.rule import Fault
from simulator.payment import Payment


def _effect(payment: Payment, deed: Deed, fault: Fault, now: datetime) -> tuple[Deed, ...]:
    return (deed,)


FAULT = PayerFault(
    kind="paid_twice",
    number=90,
    en="a bill or a transfer is paid once more, over another channel",
    vi="hóa đơn hoặc lệnh chuyển khoản được trả thêm một lần qua kênh khác",
    effect=_effect,
    again=True,
    where=Where.UNASKED,
)
