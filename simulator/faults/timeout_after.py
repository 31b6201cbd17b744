"""All is done and kept, but not answered: the connection stays open until the connector gives up."""

from random import Random

import msgspec

from simulator.faults.kind import AnswerFault, Ending, Sent
from simulator.faults.rule import Fault
from simulator.faults.waiting import waits


def _effect(sent: Sent, fault: Fault, chance: Random) -> Sent:
    return msgspec.structs.replace(waits(sent, fault.delay_s, fault), starts=False, ending=Ending.SILENCE)


FAULT = AnswerFault(
    kind="timeout_after",
    number=9,
    en="no answer until the connector gives up, at most delay_s; all is done and kept",
    vi="không trả lời cho tới khi cổng hết kiên nhẫn, tối đa delay_s giây; mọi việc đã được thực hiện và ghi nhận",
    effect=_effect,
    commits=True,
    settings=("delay_s",),
)
