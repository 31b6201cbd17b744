"""What faults make of a bank's answer before it is sent: what was asked for, refused instead, or said otherwise.

Rule: pure.
"""

from collections.abc import Callable

import msgspec

from simulator.dialect import Command, Create, Dialect, Endpoint, Query
from simulator.faults import ANSWER_KINDS, Fault, Sent, answering, asked_by_amount
from simulator.merchants import forged
from simulator.payment import Reason, Refusal
from simulator.store import Stored
from simulator.wire import Request, Response
from simulator.world import World


def asked_for(world: World, command: Command | None, stored: Stored, asked: tuple[Fault, ...]) -> tuple[Fault, ...]:
    """What the request asks for, and the amount of a new order. What was not understood is of no order."""
    if command is None:
        return tuple(fault for fault in asked if fault.kind in ANSWER_KINDS)
    if not (world.sandbox.faults_by_amount and isinstance(command, Create) and stored.payment is None):
        return asked
    by_amount = asked_by_amount(command.order.amount_vnd)
    return (*asked, by_amount) if by_amount else asked


def noted(struck: tuple[Fault, ...], really: Sent | None, note: str) -> str:
    """What the journal says of the faults, and then of the answer."""
    if really is None:
        return note
    parts = (", ".join(fault.kind for fault in struck), really.note, note)
    return f"fault: {'; '.join(part for part in parts if part)}"


def refusing(struck: tuple[Fault, ...], command: Command | None, refusal: Refusal | None) -> Refusal | None:
    """The refusal that a fault asks of the bank, in place of its own."""
    reason = next((each.refuses for each in answering(struck) if each.refuses), None)
    if reason is None:
        return None
    if command is not None:
        return Refusal(reason, "fault", merchant=command.merchant, wire=dict(command.wire))
    return Refusal(reason, "fault", merchant=refusal.merchant, wire=refusal.wire) if refusal else Refusal(reason)


def otherwise(
    dialect: Dialect,
    endpoint: Endpoint,
    request: Request,
    command: Command | None,
    refusal: Refusal | None,
    struck: tuple[Fault, ...],
    resigned: Callable[[Command | None, Refusal | None], Response],
) -> Response | None:
    """What the bank would say instead, for the faults that compare; None = none does.

    A refusal in the words that it has for whatever it has no words for; else this answer signed by an impostor. That
    it is asked too often a bank can say only of queries, and only where its document has an interval for them.
    `resigned` answers anew, without faults.
    """
    if not any(each.compares for each in answering(struck)):
        return None
    if any(each.refuses for each in answering(struck)) and refusal is not None:
        limited = dialect.query_interval_s and isinstance(command, Query)
        speaks = refusal.reason is not Reason.TOO_SOON or limited
        vague = Refusal(Reason.UNKNOWN, refusal.detail, merchant=refusal.merchant, wire=refusal.wire)
        return endpoint.encode(request, command, vague if speaks else refusal)
    if command is not None:
        command = msgspec.structs.replace(command, merchant=forged(command.merchant))
    if refusal is not None and refusal.merchant is not None:
        merchant = forged(refusal.merchant)
        refusal = Refusal(refusal.reason, refusal.detail, merchant=merchant, wire=refusal.wire)
    return resigned(command, refusal)
