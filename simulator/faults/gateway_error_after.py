"""A gateway in front of the bank answers with an HTML page and a 5xx of its own; all is done and kept."""

from random import Random

from simulator.faults.gateway import behind_a_gateway
from simulator.faults.kind import AnswerFault, Sent
from simulator.faults.rule import Fault


def _effect(sent: Sent, fault: Fault, chance: Random) -> Sent:
    return behind_a_gateway(sent, fault.status)


FAULT = AnswerFault(
    kind="gateway_error_after",
    number=13,
    en="a gateway's HTML page with status 500, 502, 503 or 504 comes as the answer; all is done and kept",
    vi="trang HTML của gateway với mã 500, 502, 503 hoặc 504 thay cho câu trả lời; mọi việc đã được thực hiện",
    effect=_effect,
    commits=True,
    settings=("status",),
    defaults={"status": 504},
)
