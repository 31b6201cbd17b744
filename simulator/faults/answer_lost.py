"""All is done and kept, then the connection is closed without an answer."""

from random import Random

import msgspec

from simulator.faults.kind import AnswerFault, Break, Ending, Sent
from simulator.faults.rule import Fault


def _effect(sent: Sent, fault: Fault, chance: Random) -> Sent:
    return msgspec.structs.replace(sent, starts=False, ending=Ending.CLOSE)


FAULT = AnswerFault(
    kind="answer_lost",
    number=3,
    en="all is done and kept, but the answer never arrives",
    vi="mọi việc đã được thực hiện và ghi nhận, nhưng câu trả lời không bao giờ tới",
    effect=_effect,
    commits=True,
    breaks=Break.ANSWER_LOST,
)
