"""The payer's money comes `delay_s` after the payment has expired."""

from datetime import datetime, timedelta

import msgspec

from simulator.faults.kind import Deed, PayerFault
from simulator.faults.rule import Fault
from simulator.payment import Event, Payment


def _effect(payment: Payment, deed: Deed, fault: Fault, now: datetime) -> tuple[Deed, ...]:
    at = max(payment.order.expires_at or now, now) + timedelta(seconds=fault.delay_s)
    return (msgspec.structs.replace(deed, event=Event.APPROVE_LATE, at=at),)


FAULT = PayerFault(
    kind="pay_after_expiry",
    number=88,
    en="the money comes delay_s after the payment expired",
    vi="tiền về sau khi giao dịch hết hạn delay_s giây",
    effect=_effect,
    settings=("delay_s",),
)
