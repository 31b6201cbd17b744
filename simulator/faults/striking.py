"""What becomes of an answer, of planned callbacks and of a payer's deed once faults have struck them. Pure."""

from collections.abc import Callable
from datetime import datetime
from random import Random

from msgspec import structs

from simulator.faults.kind import AnswerFault, Deed, Sent
from simulator.faults.listing import ANSWERS, CALLBACKS, PAYERS, REFUNDS
from simulator.faults.rule import Fault
from simulator.outbox import Delivery
from simulator.payment import Merchant, Payment, Refund
from simulator.wire import Response


def answering(struck: tuple[Fault, ...]) -> tuple[AnswerFault, ...]:
    return tuple(ANSWERS[fault.kind] for fault in struck)


def sent(response: Response, struck: tuple[Fault, ...], chance: Random, other: Response | None = None) -> Sent:
    """What is really sent in place of that answer."""
    result = Sent(response=response, other=other)
    for fault in struck:
        result = ANSWERS[fault.kind].effect(result, fault, chance)
    return result


def arriving(sent: Sent) -> Response | None:
    """What of it reaches the connector, without any filler; None if not even a status line does."""
    return structs.replace(sent.response, body=sent.body) if sent.starts else None


def shaped(struck: tuple[Fault, ...]) -> Callable[[list[Delivery]], list[Delivery]]:
    """What the faults make of one message's deliveries."""

    def shape(planned: list[Delivery]) -> list[Delivery]:
        for fault in struck:
            effect = CALLBACKS[fault.kind].effect
            planned = effect(planned, fault) if effect else planned
        return planned

    return shape


def falsified(merchant: Merchant, payment: Payment, struck: tuple[Fault, ...]) -> tuple[Merchant, Payment]:
    """Whose keys sign an answer, and what it tells."""
    for fault in struck:
        falsifies = CALLBACKS[fault.kind].falsifies
        merchant, payment = falsifies(merchant, payment, fault) if falsifies else (merchant, payment)
    return merchant, payment


def deeds(payment: Payment, deed: Deed, struck: tuple[Fault, ...], now: datetime) -> tuple[Deed, ...]:
    """What the payer really does."""
    done: tuple[Deed, ...] = (deed,)
    for fault in struck:
        effect = PAYERS[fault.kind].effect
        done = tuple(each for one in done for each in effect(payment, one, fault, now)) if effect else done
    return done


def refunded(refund: Refund, struck: tuple[Fault, ...], now: datetime) -> Refund:
    """What the bank makes of a refund."""
    for fault in struck:
        refund = REFUNDS[fault.kind].effect(refund, fault, now)
    return refund
