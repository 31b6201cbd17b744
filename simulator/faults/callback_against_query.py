"""The callback tells the opposite of the bank's books: only a query says what is true."""

from simulator.faults.kind import CallbackFault
from simulator.faults.rule import Fault
from simulator.outbox import Delivery, against


def _effect(planned: list[Delivery], fault: Fault) -> list[Delivery]:
    return [against(each) for each in planned]


FAULT = CallbackFault(
    kind="callback_against_query",
    number=52,
    en="the callback says failed of what was paid (or the reverse), well signed; a query tells the truth",
    vi="callback báo thất bại cho giao dịch đã trả (hoặc ngược lại), chữ ký hợp lệ; truy vấn mới cho biết sự thật",
    effect=_effect,
    tells_failure=True,
)
