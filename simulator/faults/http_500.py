"""The exchange ends in an internal error, and nothing is done."""

from random import Random

from simulator.faults.kind import AnswerFault, Break, Sent
from simulator.faults.rule import Fault
from simulator.wire import text_response


def _effect(sent: Sent, fault: Fault, chance: Random) -> Sent:
    return Sent(response=text_response("Internal Server Error", 500), wait_s=sent.wait_s)


FAULT = AnswerFault(
    kind="http_500",
    number=1,
    en="the exchange ends in an internal error; nothing is done",
    vi="giao dịch kết thúc bằng lỗi nội bộ của ngân hàng; không có gì được thực hiện",
    effect=_effect,
    commits=False,
    breaks=Break.GATEWAY_ERROR,
)
