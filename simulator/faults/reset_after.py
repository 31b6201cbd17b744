"""All is done and kept, then the connection is reset before a byte of the answer."""

from random import Random

import msgspec

from simulator.faults.kind import AnswerFault, Ending, Sent
from simulator.faults.rule import Fault


def _effect(sent: Sent, fault: Fault, chance: Random) -> Sent:
    return msgspec.structs.replace(sent, starts=False, ending=Ending.RESET)


FAULT = AnswerFault(
    kind="reset_after",
    number=11,
    en="all is done and kept, then the connection is reset without an answer",
    vi="mọi việc đã được thực hiện và ghi nhận, rồi kết nối bị ngắt (reset) không có câu trả lời",
    effect=_effect,
    commits=True,
)
