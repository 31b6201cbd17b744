"""A well-signed callback names another order, in place of the true one; or an answer does."""

import msgspec

from simulator.another import another_order
from simulator.faults.kind import CallbackFault
from simulator.faults.rule import Fault
from simulator.outbox import Delivery, instead
from simulator.payment import Merchant, Payment


def _effect(planned: list[Delivery], fault: Fault) -> list[Delivery]:
    return instead(planned, "wrong_order")


def _falsify(merchant: Merchant, payment: Payment, fault: Fault) -> tuple[Merchant, Payment]:
    return merchant, msgspec.structs.replace(payment, order=another_order(payment.order))


FAULT = CallbackFault(
    kind="wrong_order",
    number=47,
    en="the callback (or the answer to a query) names another order, well signed",
    vi="callback (hoặc câu trả lời truy vấn) ghi mã đơn hàng khác, chữ ký hợp lệ",
    effect=_effect,
    falsifies=_falsify,
)
