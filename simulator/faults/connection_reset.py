"""The connection is reset before anything is done."""

from random import Random

import msgspec

from simulator.faults.kind import AnswerFault, Break, Ending, Sent
from simulator.faults.rule import Fault


def _effect(sent: Sent, fault: Fault, chance: Random) -> Sent:
    return msgspec.structs.replace(sent, starts=False, ending=Ending.RESET)


FAULT = AnswerFault(
    kind="connection_reset",
    number=2,
    en="the connection is reset before anything is done",
    vi="kết nối bị ngắt (reset) trước khi ngân hàng thực hiện bất cứ điều gì",
    effect=_effect,
    commits=False,
    breaks=Break.RESET,
)
