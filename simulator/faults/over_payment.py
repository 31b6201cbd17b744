"""The payer types a larger amount than is owed, where the payer types it."""

from datetime import datetime

import msgspec

from simulator.faults.kind import Deed, PayerFault, Where
from simulator.faults.rule import Fault
from simulator.payment import Payment


def _effect(payment: Payment, deed: Deed, fault: Fault, now: datetime) -> tuple[Deed, ...]:
    owed_vnd = deed.amount_vnd or payment.amount_vnd
    return (msgspec.structs.replace(deed, amount_vnd=max(owed_vnd + fault.amount_delta_vnd, 1)),)


FAULT = PayerFault(
    kind="over_payment",
    number=92,
    en="where payers type the amount, amount_delta_vnd more is paid",
    vi="ở nơi người nộp tự nhập số tiền, trả thừa amount_delta_vnd đồng",
    effect=_effect,
    settings=("amount_delta_vnd",),
    defaults={"amount_delta_vnd": 1000},
    where=Where.OPEN_AMOUNT,
)
