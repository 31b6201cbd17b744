"""A well-signed callback names another merchant or another account, in place of the true one; or an answer does."""

import msgspec

from simulator.another import another
from simulator.faults.kind import CallbackFault
from simulator.faults.rule import Fault
from simulator.outbox import Delivery, instead
from simulator.payment import Merchant, Payment


def _effect(planned: list[Delivery], fault: Fault) -> list[Delivery]:
    return instead(planned, "wrong_merchant")


def _falsify(merchant: Merchant, payment: Payment, fault: Fault) -> tuple[Merchant, Payment]:
    code = another(merchant.merchant_code)
    return msgspec.structs.replace(merchant, merchant_code=code), msgspec.structs.replace(payment, merchant_code=code)


FAULT = CallbackFault(
    kind="wrong_merchant",
    number=46,
    en="the callback (or the answer to a query) names another merchant or account, well signed",
    vi="callback (hoặc câu trả lời truy vấn) ghi mã đơn vị hoặc tài khoản khác, chữ ký hợp lệ",
    effect=_effect,
    falsifies=_falsify,
)
