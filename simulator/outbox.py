"""What a bank still owes the connector: deliveries of callbacks, planned, and the ladder of retries.

Rule: pure. A delivery is planned in the same transaction as the change it tells of, and is then only carried out.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from simulator.payment import COLLECTED, Outcome, Payment, State
from simulator.wire import Outgoing

FAR_S = 900
"""A callback held for the payer's return goes out after this long all the same: browsers are closed."""

AFTER_RETURN_S = 2
"""How long after the payer's return a held callback goes out."""


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """A bank's ladder: `delays_s[k]` seconds after attempt k+1 failed, then it gives up. `timeout_s` for one answer."""

    delays_s: tuple[int, ...]
    timeout_s: float = 15.0

    @property
    def attempts_max(self) -> int:
        return len(self.delays_s) + 1


class DeliveryState(StrEnum):
    WAITING = "waiting"
    CLAIMED = "claimed"
    ACKNOWLEDGED = "acknowledged"
    EXHAUSTED = "exhausted"
    LOST = "lost"


class Delivery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message to the connector, with what it says where that differs from the payment by now.

    `due_at` is the next attempt, or for a claimed one the end of its lease. `says_*` is what the callback tells.
    `repeats` = whatever is answered, no retry (an added duplicate). `copies` are sent at the same moment.
    `message` is which of the bank's messages it is. `says_refunds` = only the first so many refunds were made by then.
    `breaks` names the exchange faults of the coming attempts, one an attempt, None for one that goes unharmed.
    `distorted` names what is done to the message when it is sent, "" = nothing. `replay_s` after its first attempt
    the very same bytes come once more, as a delivery that has them `kept`. `deaf` = whatever is answered counts for
    nothing. `overtaken` = it waits until a later message of its payment has gone, at the latest until `due_at`.
    """

    delivery_id: str
    payment_id: str
    bank: str
    merchant_code: str
    due_at: datetime
    says_state: State
    says_outcome: Outcome | None
    says_amount_vnd: int
    attempt: int = 0
    state: DeliveryState = DeliveryState.WAITING
    forged: bool = False
    repeats: bool = False
    held: bool = False
    copies: int = 1
    breaks: tuple[str | None, ...] = ()
    last_answer: str = ""
    message: str = ""
    distorted: str = ""
    replay_s: float = 0.0
    kept: Outgoing | None = None
    deaf: bool = False
    overtaken: bool = False
    says_refunds: int | None = None


Shape = Callable[[list[Delivery]], list[Delivery]]
"""What faults make of one message's planned deliveries."""


def _as_planned(planned: list[Delivery]) -> list[Delivery]:
    return planned


def said(payment: Payment, delivery: Delivery) -> Payment:
    """The payment as this callback tells it."""
    if delivery.says_refunds is not None:
        payment = msgspec.structs.replace(payment, refunds=payment.refunds[: delivery.says_refunds])
    return msgspec.structs.replace(
        payment,
        state=delivery.says_state,
        outcome=delivery.says_outcome,
        amount_vnd=delivery.says_amount_vnd,
    )


def announce(
    payment: Payment,
    now: datetime,
    shape: Shape = _as_planned,
    breaks: tuple[str | None, ...] = (),
    messages: tuple[str, ...] = ("",),
) -> tuple[Delivery, ...]:
    """The deliveries that tell the connector of the payment's present state, as `shape` makes them.

    They are numbered from `payment.told` on: two announcements of one payment never share an id.
    """
    true = Delivery(
        delivery_id="",
        payment_id=payment.payment_id,
        bank=payment.bank,
        merchant_code=payment.merchant_code,
        due_at=now,
        says_state=payment.state,
        says_outcome=payment.outcome,
        says_amount_vnd=payment.amount_vnd,
        breaks=breaks,
        says_refunds=len(payment.refunds) or None,
    )
    each_message = [msgspec.structs.replace(true, message=message) if message else true for message in messages]
    planned = [each for one in each_message for each in shape([one])]
    return tuple(
        msgspec.structs.replace(delivery, delivery_id=f"{payment.payment_id}.{payment.told + index}")
        for index, delivery in enumerate(planned)
    )


def after_attempt(
    delivery: Delivery, acknowledged: bool, answer: str, now: datetime, retry: Retry, until: datetime | None = None
) -> Delivery:
    """The delivery once an attempt was answered (or not): done, rescheduled by the ladder, or given up.

    `until` = nothing is tried after that, whatever the ladder says.
    """
    attempt = delivery.attempt + 1
    acknowledged = acknowledged and not delivery.deaf
    done = msgspec.structs.replace(
        delivery, attempt=attempt, last_answer=answer[:200], breaks=delivery.breaks[1:], copies=1
    )
    if acknowledged:
        return msgspec.structs.replace(done, state=DeliveryState.ACKNOWLEDGED)
    if delivery.repeats or attempt >= retry.attempts_max:
        return msgspec.structs.replace(done, state=DeliveryState.EXHAUSTED)
    due_at = now + timedelta(seconds=retry.delays_s[attempt - 1])
    if until is not None and due_at > until:
        return msgspec.structs.replace(done, state=DeliveryState.EXHAUSTED)
    return msgspec.structs.replace(done, state=DeliveryState.WAITING, due_at=due_at)


def release(delivery: Delivery, now: datetime) -> Delivery:
    """A held callback once the payer's browser has gone back."""
    due_at = min(delivery.due_at, now + timedelta(seconds=AFTER_RETURN_S))
    return msgspec.structs.replace(delivery, held=False, due_at=due_at)


def later(delivery: Delivery, seconds: float) -> datetime:
    return delivery.due_at + timedelta(seconds=seconds)


def as_failure(delivery: Delivery) -> Delivery:
    """The same message, telling of a failure."""
    return msgspec.structs.replace(delivery, says_state=State.FAILED, says_outcome=Outcome.INSUFFICIENT_FUNDS)


def against(delivery: Delivery) -> Delivery:
    """The same message, telling of the other end: a failure of what was paid, a success of what failed."""
    if delivery.says_state in COLLECTED:
        return as_failure(delivery)
    return msgspec.structs.replace(delivery, says_state=State.PAID, says_outcome=Outcome.SUCCESS)


def instead(planned: list[Delivery], distorted: str) -> list[Delivery]:
    """A distorted message in place of each true one."""
    return [msgspec.structs.replace(each, distorted=distorted) for each in planned]


def preceded(planned: list[Delivery], distorted: str) -> list[Delivery]:
    """A distorted message first, which is not sent again; the true ones a second later."""
    false = msgspec.structs.replace(planned[0], distorted=distorted, repeats=True)
    return [false, *(msgspec.structs.replace(each, due_at=later(each, 1)) for each in planned)]


def replayed(delivery: Delivery, outgoing: Outgoing, now: datetime) -> Delivery:
    """The delivery that sends those bytes once more."""
    return msgspec.structs.replace(
        delivery,
        delivery_id=f"{delivery.delivery_id}r",
        due_at=now + timedelta(seconds=delivery.replay_s),
        state=DeliveryState.WAITING,
        kept=outgoing,
        replay_s=0.0,
        repeats=True,
        copies=1,
        breaks=(),
    )


def let_pass(delivery: Delivery, now: datetime) -> Delivery:
    """An overtaken message once the later one has gone: a second after it."""
    due_at = min(delivery.due_at, now + timedelta(seconds=1))
    return msgspec.structs.replace(delivery, overtaken=False, due_at=due_at)
