"""The bank is closed for maintenance, now or in the `hours` of the rule, and says so in its own words.

Where its document knows no such refusal its gateway answers 503, an assumption of this project.
"""

from random import Random

from simulator.faults.gateway import behind_a_gateway
from simulator.faults.kind import AnswerFault, Sent
from simulator.faults.rule import Fault
from simulator.payment import Reason


def _effect(sent: Sent, fault: Fault, chance: Random) -> Sent:
    return sent if sent.response != sent.other else behind_a_gateway(sent, 503)


FAULT = AnswerFault(
    kind="maintenance",
    number=22,
    en="every request is refused for maintenance, in the hours given: by the bank's own code, or HTTP 503",
    vi="mọi yêu cầu bị từ chối vì bảo trì, trong hours nếu có: mã riêng của ngân hàng, hoặc HTTP 503",
    effect=_effect,
    commits=True,
    settings=("hours",),
    defaults={"times": 0},
    refuses=Reason.MAINTENANCE,
    compares=True,
)
