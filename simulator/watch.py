"""What an operator is told: callbacks that are tried again or given up, leases that are lost, faults that strike.

Rule: who and what, never what was said: no bodies, no signatures, nothing that a connector answered.
"""

import logging
from typing import Any

from simulator.outbox import Delivery, DeliveryState
from simulator.payment import Payment
from simulator.store import Change, Claimed
from simulator.wire import Answer

log = logging.getLogger(__name__)


def attempted(claimed: Claimed, after: Delivery, kept: bool, answer: Answer | None) -> None:
    """An attempt of a callback was made, or could not be (`answer` None). `kept` = its lease still held."""
    if kept and after.state is DeliveryState.ACKNOWLEDGED:
        return
    level, told = _told(after, kept)
    if log.isEnabledFor(level):
        how = "it was not sent" if answer is None else f"HTTP {answer.status}" if answer.status else "no answer"
        known = {**_about(claimed.sandbox, claimed.payment), "delivery_id": after.delivery_id, "attempt": after.attempt}
        log.log(level, "%s (%s)", told, how, extra=known)


def _told(after: Delivery, kept: bool) -> tuple[int, str]:
    if not kept:
        return logging.WARNING, "the lease of a callback was lost while it was sent: it may be sent twice"
    if after.state is DeliveryState.WAITING:
        due = after.due_at.isoformat(timespec="seconds")
        return logging.INFO, f"a callback was not acknowledged and is due again at {due}"
    if after.state is DeliveryState.LOST:
        return logging.INFO, "a fault leaves a callback without its message"
    if after.repeats:
        return logging.INFO, "an added copy of a callback was not acknowledged; it is not sent again"
    return logging.WARNING, "a callback was not acknowledged and is given up"


def struck(sandbox: str, change: Change[Any]) -> None:
    """Faults that a committed decision has spent."""
    if not log.isEnabledFor(logging.INFO):
        return
    known: dict[str, object] = {"sandbox": sandbox}
    if change.payment is not None:
        known = _about(sandbox, change.payment)
    elif change.exchanges:
        first = change.exchanges[0]
        known |= {"bank": first.bank, "order_ref": first.order_ref, "payment_id": first.payment_id}
    for kind in change.spent:
        log.info("a fault strikes: %s", kind, extra={**known, "fault": kind})


def _about(sandbox: str, payment: Payment) -> dict[str, object]:
    return {
        "sandbox": sandbox,
        "bank": payment.bank,
        "order_ref": payment.order.order_ref,
        "payment_id": payment.payment_id,
    }
