"""A payment and the only ways it may change: a transition table over plain values.

Rule: pure. No clock, no store, no randomness, no bank's field names.

    pending --approve--> paid --refund_part--> partly_refunded --refund_rest--> refunded
    pending --decline / cancel / expire--> failed / cancelled / expired --approve_late--> paid
    pending --suspect--> suspected --approve / reverse--> paid / reversed

Its refunds have states of their own; money moves, and the payment's state with it, only when one is made:

    asked --> made / refused / pending --decide--> made / refused
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from simulator.slip import PaidWith, TellerSlip, TerminalSlip


class Channel(StrEnum):
    """Where the payer acts."""

    INTERNET_BANKING = "internet_banking"
    QR = "qr"
    CARD = "card"
    MOBILE = "mobile"
    POS = "pos"
    COUNTER = "counter"


class State(StrEnum):
    PENDING = "pending"
    PAID = "paid"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    SUSPECTED = "suspected"
    """The payer was debited, the bank holds the money for a fraud check: not paid."""
    REVERSED = "reversed"
    """The payer was debited and given the money back by the bank: not paid."""
    PARTLY_REFUNDED = "partly_refunded"
    REFUNDED = "refunded"


class Event(StrEnum):
    APPROVE = "approve"
    DECLINE = "decline"
    CANCEL = "cancel"
    EXPIRE = "expire"
    SUSPECT = "suspect"
    REVERSE = "reverse"
    APPROVE_LATE = "approve_late"
    """The money arrives after the bank had given the payment up."""
    REFUND_PART = "refund_part"
    REFUND_REST = "refund_rest"


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.PENDING, Event.APPROVE): State.PAID,
    (State.PENDING, Event.DECLINE): State.FAILED,
    (State.PENDING, Event.CANCEL): State.CANCELLED,
    (State.PENDING, Event.EXPIRE): State.EXPIRED,
    (State.PENDING, Event.SUSPECT): State.SUSPECTED,
    (State.PENDING, Event.REVERSE): State.REVERSED,
    (State.FAILED, Event.APPROVE_LATE): State.PAID,
    (State.CANCELLED, Event.APPROVE_LATE): State.PAID,
    (State.EXPIRED, Event.APPROVE_LATE): State.PAID,
    (State.SUSPECTED, Event.APPROVE): State.PAID,
    (State.SUSPECTED, Event.REVERSE): State.REVERSED,
    (State.PAID, Event.REVERSE): State.REVERSED,
    (State.PAID, Event.REFUND_PART): State.PARTLY_REFUNDED,
    (State.PAID, Event.REFUND_REST): State.REFUNDED,
    (State.PARTLY_REFUNDED, Event.REFUND_PART): State.PARTLY_REFUNDED,
    (State.PARTLY_REFUNDED, Event.REFUND_REST): State.REFUNDED,
}

COLLECTED = frozenset({State.PAID, State.PARTLY_REFUNDED, State.REFUNDED})
"""States in which the merchant's account was credited at some time."""


class Outcome(StrEnum):
    """How a payer's attempt ended, in the house's words; each dialect has its own code for it."""

    SUCCESS = "success"
    SUSPECTED_FRAUD = "suspected_fraud"
    NOT_REGISTERED = "not_registered"
    WRONG_DETAILS = "wrong_details"
    TIMED_OUT = "timed_out"
    ACCOUNT_LOCKED = "account_locked"
    WRONG_OTP = "wrong_otp"
    CANCELLED = "cancelled"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    OVER_LIMIT = "over_limit"
    MAINTENANCE = "maintenance"
    WRONG_PASSWORD = "wrong_password"
    REVERSED = "reversed"
    UNKNOWN = "unknown"
    """The bank itself does not know yet: the payment stays pending."""
    OTHER = "other"


class Step(StrEnum):
    """How far the payer has come on the bank's pages."""

    CHOOSE = "choose"
    LOGIN = "login"
    OTP = "otp"
    BIOMETRICS = "biometrics"
    QR = "qr"
    DONE = "done"


class Reason(StrEnum):
    """Why a bank says no, in order of precedence: the first that applies is the one that is answered."""

    MALFORMED = "malformed"
    UNKNOWN_COMMAND = "unknown_command"
    UNKNOWN_MERCHANT = "unknown_merchant"
    BAD_SIGNATURE = "bad_signature"
    RETURN_URL_NOT_REGISTERED = "return_url_not_registered"
    INVALID_AMOUNT = "invalid_amount"
    INVALID_CURRENCY = "invalid_currency"
    MAINTENANCE = "maintenance"
    EXPIRED = "expired"
    DUPLICATE_ORDER = "duplicate_order"
    UNKNOWN_ORDER = "unknown_order"
    TOO_SOON = "too_soon"
    """The same question again within the bank's interval, or a request number used before."""
    NOT_PAID = "not_paid"
    FULL_REFUND_AFTER_PART = "full_refund_after_part"
    ONLY_PART_REFUND = "only_part_refund"
    REFUND_ABOVE_PAYMENT = "refund_above_payment"
    REFUNDS_ABOVE_PAYMENT = "refunds_above_payment"
    ALREADY_PAID = "already_paid"
    WRONG_PAYER = "wrong_payer"
    """There is no account or card of the number that the connector gives for its payer."""
    REFUND_REFUSED = "refund_refused"
    """The bank looked at the refund and gives nothing back."""
    TIMED_OUT = "timed_out"
    UNKNOWN = "unknown"


class Refusal(Exception):
    """The protocol's own "no". Its dialect turns `reason` into the bank's code.

    `detail` is for the journal ("vnp_Amount: 'abc' is not a number"). `merchant` and `wire` carry what had been
    understood when the request was refused, so that the dialect can sign its refusal and echo the caller's fields.
    """

    def __init__(
        self,
        reason: Reason,
        detail: str = "",
        *,
        merchant: "Merchant | None" = None,
        wire: dict[str, str] | None = None,
    ) -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail
        self.merchant = merchant
        self.wire = wire or {}


class IllegalEvent(Exception):
    """That event cannot happen to a payment in that state; nothing was changed."""

    def __init__(self, state: State, event: Event) -> None:
        super().__init__(f"a payment that is {state} cannot {event}")
        self.state = state
        self.event = event


class NoSuchPendingRefund(Exception):
    """The payment has no refund of that number that is still to be decided."""

    def __init__(self, request_ref: str) -> None:
        super().__init__(f"no refund {request_ref} of this payment is pending: it was decided, or never asked for")
        self.request_ref = request_ref


class Merchant(msgspec.Struct, frozen=True, kw_only=True):
    """One merchant's contract with one bank.

    `secrets` holds what the dialect's `secrets` names (a shared secret, PEM keys). `options` are the
    dialect's switches ("format" = "records"). `return_hosts` empty = any host may be returned to.
    """

    bank: str
    merchant_code: str
    name: str
    secrets: dict[str, str] = {}
    callback_url: str = ""
    inquiry_url: str = ""
    return_hosts: tuple[str, ...] = ()
    options: dict[str, str] = {}


class ThreeDS(msgspec.Struct, frozen=True, array_like=True):
    """What 3-D Secure said of a card's holder: the transaction status (Y, A, C, N, U, R) and the ECI ("" with C)."""

    status: str
    eci: str = ""


class Order(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the connector asked for. `order_key` is unique within a merchant: what "the same order" means to this bank.

    `wire` keeps the request's fields that the bank echoes later.
    """

    order_ref: str
    order_key: str
    amount_vnd: int
    description: str = ""
    ordered_at: datetime | None = None
    expires_at: datetime | None = None
    return_url: str = ""
    channel: Channel | None = None
    issuer_code: str = ""
    locale: str = "vi"
    client_ip: str = ""
    wire: dict[str, str] = {}


class RefundState(StrEnum):
    MADE = "made"
    PENDING = "pending"
    """Taken on; nothing is given back yet, but its money is spoken for."""
    REFUSED = "refused"
    """Looked at, and nothing is given back."""


class Refund(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`idempotency_key` is what the connector sent beside the refund's number to tell a repetition.

    `refunded_at` is when it came to its present state. A pending one is decided at `decides_at` by itself, as
    `decided_as`; None = only when somebody decides.
    """

    request_ref: str
    amount_vnd: int
    refunded_at: datetime
    bank_ref: str
    idempotency_key: str = ""
    state: RefundState = RefundState.MADE
    decides_at: datetime | None = None
    decided_as: RefundState = RefundState.MADE


class Payment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The bank's record of one payment order, from its creation to its last refund.

    `amount_vnd` is what the payer pays, normally the order's amount; a QR transfer may differ.
    `queries` are the (request number, instant) pairs of status queries, newest last, bounded. `told` counts the
    deliveries planned so far. `active_at` is when the payer, logged in, last did something. `three_ds` is what the
    card's issuer said, `slip` what a terminal or a teller recorded of it. `late_at` = money comes
    then, if the bank has given the payment up. `refunds` are those that were made, in that
    order; `unmade_refunds` those that are pending or were refused.
    """

    payment_id: str
    bank: str
    merchant_code: str
    order: Order
    amount_vnd: int
    bank_ref: str
    created_at: datetime
    state: State = State.PENDING
    outcome: Outcome | None = None
    channel: Channel | None = None
    issuer_code: str = ""
    payer_account: str = ""
    step: Step = Step.CHOOSE
    otp_tries: int = 0
    otp_sent_at: datetime | None = None
    active_at: datetime | None = None
    three_ds: ThreeDS | None = None
    settled_at: datetime | None = None
    refunds: tuple[Refund, ...] = ()
    unmade_refunds: tuple[Refund, ...] = ()
    queries: tuple[tuple[str, datetime], ...] = ()
    told: int = 0
    slip: TerminalSlip | TellerSlip | None = None
    late_at: datetime | None = None

    @property
    def refunded_vnd(self) -> int:
        return sum(refund.amount_vnd for refund in self.refunds)

    @property
    def pending_refunds(self) -> tuple[Refund, ...]:
        return tuple(refund for refund in self.unmade_refunds if refund.state is RefundState.PENDING)

    @property
    def refunding_vnd(self) -> int:
        """What is asked back and neither given back nor refused."""
        return sum(refund.amount_vnd for refund in self.pending_refunds)

    @property
    def all_refunds(self) -> tuple[Refund, ...]:
        """Whatever became of them: those not made last."""
        return (*self.refunds, *self.unmade_refunds)

    def refund(self, request_ref: str) -> Refund | None:
        """The refund of that number; of several (a refused one tried again) the one that stands."""
        found = [each for each in self.all_refunds if each.request_ref == request_ref]
        return min(reversed(found), key=lambda each: each.state is RefundState.REFUSED, default=None)

    @property
    def in_cash(self) -> bool:
        """Whether notes were put down at a counter: what nobody says otherwise of is cash there."""
        from_account = isinstance(self.slip, TellerSlip) and self.slip.paid_with is PaidWith.ACCOUNT
        return (self.channel or self.order.channel) is Channel.COUNTER and not from_account


class Bill(msgspec.Struct, frozen=True, kw_only=True):
    """What a connector says is owed under a bill code. `wire` keeps fields that the notice must repeat."""

    bill_code: str
    amount_vnd: int
    payer_name: str = ""
    description: str = ""
    wire: dict[str, str] = {}


def apply(payment: Payment, event: Event, now: datetime, outcome: Outcome | None = None, **changes: Any) -> Payment:
    """The payment after `event`; `changes` are further fields set with it. Raises IllegalEvent, changing nothing."""
    state = TRANSITIONS.get((payment.state, event))
    if state is None:
        raise IllegalEvent(payment.state, event)
    if event in (Event.REFUND_PART, Event.REFUND_REST):
        return msgspec.structs.replace(payment, state=state, **changes)
    return msgspec.structs.replace(
        payment,
        state=state,
        outcome=outcome or DEFAULT_OUTCOMES[event],
        settled_at=now,
        step=Step.DONE,
        **changes,
    )


def with_refund(payment: Payment, refund: Refund, now: datetime) -> Payment:
    """The payment with one more refund; only one that is made changes its state. Raises IllegalEvent."""
    if refund.state is not RefundState.MADE:
        return msgspec.structs.replace(payment, unmade_refunds=(*payment.unmade_refunds, refund))
    whole = payment.refunded_vnd + refund.amount_vnd == payment.amount_vnd
    event = Event.REFUND_REST if whole else Event.REFUND_PART
    return apply(payment, event, now, refunds=(*payment.refunds, refund))


def decide_refund(payment: Payment, request_ref: str, state: RefundState, now: datetime) -> Payment:
    """The payment once its pending refund is made or refused. Raises NoSuchPendingRefund.

    What is no longer there to be given back, because the bank has reversed the payment, is refused.
    """
    refund = next((each for each in payment.pending_refunds if each.request_ref == request_ref), None)
    if refund is None or state is RefundState.PENDING:
        raise NoSuchPendingRefund(request_ref)
    if payment.state not in COLLECTED:
        state = RefundState.REFUSED
    others = tuple(each for each in payment.unmade_refunds if each is not refund)
    decided = msgspec.structs.replace(refund, state=state, refunded_at=now, decides_at=None)
    return with_refund(msgspec.structs.replace(payment, unmade_refunds=others), decided, now)


def due_at(payment: Payment) -> datetime | None:
    """When something happens to the payment by itself: it expires, late money comes, or a refund is decided."""
    if payment.state is State.PENDING:
        return payment.order.expires_at
    if payment.late_at is not None and (payment.state, Event.APPROVE_LATE) in TRANSITIONS:
        return payment.late_at
    return min((each.decides_at for each in payment.pending_refunds if each.decides_at is not None), default=None)


def ended_at(payment: Payment) -> datetime | None:
    """When the last thing happened to it; None = it has not ended: something is still pending, held, or to come."""
    open_states = (State.PENDING, State.SUSPECTED)
    if payment.state in open_states or payment.pending_refunds or due_at(payment) is not None:
        return None
    events = (payment.created_at, payment.settled_at, *(refund.refunded_at for refund in payment.all_refunds))
    return max(at for at in events if at is not None)


def fallen_due(payment: Payment, now: datetime) -> Payment:
    """The payment once all has happened that was due by `now`."""
    if payment.state is State.PENDING:
        late = payment.order.expires_at is not None and payment.order.expires_at <= now
        return apply(payment, Event.EXPIRE, now) if late else payment
    if payment.late_at is not None and payment.late_at <= now and (payment.state, Event.APPROVE_LATE) in TRANSITIONS:
        return apply(payment, Event.APPROVE_LATE, now, late_at=None)
    for refund in payment.pending_refunds:
        if refund.decides_at is not None and refund.decides_at <= now:
            payment = decide_refund(payment, refund.request_ref, refund.decided_as, now)
    return payment


DEFAULT_OUTCOMES: dict[Event, Outcome] = {
    Event.APPROVE: Outcome.SUCCESS,
    Event.APPROVE_LATE: Outcome.SUCCESS,
    Event.DECLINE: Outcome.OTHER,
    Event.CANCEL: Outcome.CANCELLED,
    Event.EXPIRE: Outcome.TIMED_OUT,
    Event.SUSPECT: Outcome.SUSPECTED_FRAUD,
    Event.REVERSE: Outcome.REVERSED,
}
