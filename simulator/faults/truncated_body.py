"""Half of the answer comes, its content-length promises the whole, and the connection is closed."""

from random import Random

import msgspec

from simulator.faults.kind import AnswerFault, Ending, Sent
from simulator.faults.rule import Fault


def _effect(sent: Sent, fault: Fault, chance: Random) -> Sent:
    response = sent.response
    if not response.body:  # A redirect has none: it promises one then.
        response = msgspec.structs.replace(response, body=b"\n")
    return msgspec.structs.replace(sent, response=response, halved=True, ending=Ending.CLOSE)


FAULT = AnswerFault(
    kind="truncated_body",
    number=15,
    en="half of the answer comes, less than its content-length says; all is done and kept",
    vi="chỉ nửa câu trả lời tới, ít hơn content-length; mọi việc đã được thực hiện và ghi nhận",
    effect=_effect,
    commits=True,
)
