"""The right answer under a content type that it is not."""

from random import Random

import msgspec

from simulator.faults.kind import AnswerFault, Sent
from simulator.faults.rule import Fault


def _effect(sent: Sent, fault: Fault, chance: Random) -> Sent:
    response = sent.response
    was = next((value for name, value in response.headers if name.lower() == "content-type"), "")
    wrong = "application/json" if was.startswith("text/html") else "text/html; charset=iso-8859-1"
    kept = tuple(pair for pair in response.headers if pair[0].lower() != "content-type")
    headers = (("content-type", wrong), *kept)
    return msgspec.structs.replace(sent, response=msgspec.structs.replace(response, headers=headers))


FAULT = AnswerFault(
    kind="wrong_content_type",
    number=16,
    en="the right answer comes as text/html (a page as application/json); all is done and kept",
    vi="câu trả lời đúng nhưng mang content-type text/html (trang HTML thì application/json)",
    effect=_effect,
    commits=True,
)
