"""A callback, or an answer, with `amount_delta_vnd` added and a valid signature comes instead of the true one."""

import msgspec

from simulator.faults.kind import CallbackFault
from simulator.faults.rule import Fault
from simulator.outbox import Delivery
from simulator.payment import Merchant, Payment


def _effect(planned: list[Delivery], fault: Fault) -> list[Delivery]:
    return [
        msgspec.structs.replace(each, says_amount_vnd=each.says_amount_vnd + fault.amount_delta_vnd) for each in planned
    ]


def _falsify(merchant: Merchant, payment: Payment, fault: Fault) -> tuple[Merchant, Payment]:
    return merchant, msgspec.structs.replace(payment, amount_vnd=payment.amount_vnd + fault.amount_delta_vnd)


FAULT = CallbackFault(
    kind="wrong_amount",
    number=34,
    en="the callback (or the answer to a query) is off by amount_delta_vnd, well signed",
    vi="callback (hoặc câu trả lời truy vấn) sai lệch amount_delta_vnd đồng, chữ ký hợp lệ",
    effect=_effect,
    settings=("amount_delta_vnd",),
    falsifies=_falsify,
)
