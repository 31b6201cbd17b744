"""The connection is reset after half of the answer; what was asked for is done and kept."""

from random import Random

import msgspec

from simulator.faults.kind import AnswerFault, Ending, Sent
from simulator.faults.rule import Fault


def _effect(sent: Sent, fault: Fault, chance: Random) -> Sent:
    return msgspec.structs.replace(sent, halved=True, ending=Ending.RESET)


FAULT = AnswerFault(
    kind="reset_during",
    number=10,
    en="the connection is reset after half of the answer; all is done and kept",
    vi="kết nối bị ngắt (reset) giữa chừng câu trả lời; mọi việc đã được thực hiện và ghi nhận",
    effect=_effect,
    commits=True,
)
