"""The answer has its status and headers, and an empty body."""

from random import Random

import msgspec

from simulator.faults.kind import AnswerFault, Sent
from simulator.faults.rule import Fault


def _effect(sent: Sent, fault: Fault, chance: Random) -> Sent:
    return msgspec.structs.replace(sent, response=msgspec.structs.replace(sent.response, body=b""))


FAULT = AnswerFault(
    kind="empty_answer",
    number=23,
    en="the answer has the usual status and no body; all is done and kept",
    vi="câu trả lời có mã như thường lệ nhưng thân rỗng; mọi việc đã được thực hiện và ghi nhận",
    effect=_effect,
    commits=True,
)
