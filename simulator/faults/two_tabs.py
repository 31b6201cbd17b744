"""The payer has two tabs: in one the payment is cancelled, in the other it is paid all the same."""

from datetime import datetime

import msgspec

from simulator.faults.kind import Deed, PayerFault
from simulator.faults.rule import Fault
from simulator.payment import Event, Payment


def _effect(payment: Payment, deed: Deed, fault: Fault, now: datetime) -> tuple[Deed, ...]:
    return (Deed(event=Event.CANCEL, channel=deed.channel), msgspec.structs.replace(deed, event=Event.APPROVE_LATE))


FAULT = PayerFault(
    kind="two_tabs",
    number=86,
    en="cancelled in one tab, then paid in another: two callbacks for one order",
    vi="hủy ở thẻ này rồi trả tiền ở thẻ kia: hai callback cho một đơn hàng",
    effect=_effect,
)
