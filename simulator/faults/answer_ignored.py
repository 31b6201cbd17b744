"""Whatever the connector answers to the callback counts for nothing: the bank's retries go on to their end."""

import msgspec

from simulator.faults.kind import CallbackFault
from simulator.faults.rule import Fault
from simulator.outbox import Delivery


def _effect(planned: list[Delivery], fault: Fault) -> list[Delivery]:
    return [msgspec.structs.replace(each, deaf=True) for each in planned]


FAULT = CallbackFault(
    kind="answer_ignored",
    number=55,
    en="no answer to the callback is heard: the bank repeats it to the end of its ladder",
    vi="ngân hàng bỏ qua mọi câu trả lời cho callback và gửi lại tới hết lịch",
    effect=_effect,
)
