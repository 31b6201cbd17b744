"""A false callback, signed with another secret, comes before the true one; or an answer is signed so."""

import msgspec

from simulator.faults.kind import CallbackFault
from simulator.faults.rule import Fault
from simulator.merchants import forged
from simulator.outbox import Delivery, later
from simulator.payment import Merchant, Payment


def _effect(planned: list[Delivery], fault: Fault) -> list[Delivery]:
    false = msgspec.structs.replace(planned[0], forged=True, repeats=True)
    return [false, *(msgspec.structs.replace(each, due_at=later(each, 1)) for each in planned)]


def _falsify(merchant: Merchant, payment: Payment, fault: Fault) -> tuple[Merchant, Payment]:
    return forged(merchant), payment


FAULT = CallbackFault(
    kind="forged_signature",
    number=33,
    en="a forged callback comes first; with operation query: a forged answer",
    vi="một callback giả mạo chữ ký tới trước; với operation query: câu trả lời giả mạo",
    effect=_effect,
    falsifies=_falsify,
)
