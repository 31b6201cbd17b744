"""The payer fails with a wrong password, goes back and pays: success follows failure."""

from datetime import datetime

import msgspec

from simulator.faults.kind import Deed, PayerFault
from simulator.faults.rule import Fault
from simulator.payment import Event, Outcome, Payment


def _effect(payment: Payment, deed: Deed, fault: Fault, now: datetime) -> tuple[Deed, ...]:
    failed = Deed(event=Event.DECLINE, outcome=Outcome.WRONG_PASSWORD, channel=deed.channel)
    return (failed, msgspec.structs.replace(deed, event=Event.APPROVE_LATE))


FAULT = PayerFault(
    kind="back_button",
    number=87,
    en="a wrong password, then back and paid: a failure, then success of one order",
    vi="nhập sai mật khẩu rồi quay lại trả tiền: thất bại rồi thành công cho một đơn hàng",
    effect=_effect,
)
