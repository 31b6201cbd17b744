"""Nothing is done and nothing answered: the connection stays open until the connector gives up."""

from random import Random

import msgspec

from simulator.faults.kind import AnswerFault, Ending, Sent
from simulator.faults.rule import Fault
from simulator.faults.waiting import waits


def _effect(sent: Sent, fault: Fault, chance: Random) -> Sent:
    return msgspec.structs.replace(waits(sent, fault.delay_s, fault), starts=False, ending=Ending.SILENCE)


FAULT = AnswerFault(
    kind="timeout_before",
    number=8,
    en="no answer until the connector gives up, at most delay_s; nothing is done",
    vi="không trả lời cho tới khi cổng hết kiên nhẫn, tối đa delay_s giây; không có gì được thực hiện",
    effect=_effect,
    commits=False,
    settings=("delay_s",),
)
