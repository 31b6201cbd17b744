"""What a bank answers to each command of a connector, alike for all dialects.

Rule: pure decisions over what is stored.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import msgspec

from simulator import payer
from simulator.dialect import (
    Ask,
    CancelOrder,
    Capture,
    Command,
    Confirm,
    Create,
    Dialect,
    Endpoint,
    GetReceipt,
    OfOrder,
    Query,
    QueryRefund,
    RefundOrder,
    Reply,
    Shape,
)
from simulator.faults import FALSIFYING_KINDS, REFUND, REFUND_KINDS, RUSH_KINDS, falsified, refunded
from simulator.payment import (
    COLLECTED,
    Event,
    Order,
    Outcome,
    Payment,
    Reason,
    Refund,
    RefundState,
    Refusal,
    State,
    apply,
    with_refund,
)
from simulator.settling import Plan, held, judged, new_payment, usual_channel
from simulator.store import Stored
from simulator.wire import Request, Response
from simulator.world import World

QUERIES_KEPT = 20

NOBODY = "no test account or test card has that number; use the listed ones only, never a real card"


class Done(msgspec.Struct, frozen=True):
    """What was decided: the reply, and the payment before and after it."""

    reply: Reply
    before: Payment | None = None
    after: Payment | None = None


def answer(
    world: World,
    dialect: Dialect,
    endpoint: Endpoint,
    request: Request,
    command: Command | None,
    refusal: Refusal | None,
    stored: Stored,
    plan: Plan,
) -> tuple[Done | None, Response, str]:
    """(what was decided, None for a refusal; the bank's answer; a note for the journal)."""
    if command is None:
        assert refusal is not None, "what was not understood is refused"
        return None, endpoint.encode(request, None, refusal), str(refusal)
    try:
        if refusal is not None:
            raise refusal
        dialect.judge(command, stored.payment, stored.now)
        done = _DECISIONS[type(command)](world, dialect, command, stored, plan)
    except Refusal as refused:
        return None, endpoint.encode(request, command, refused), str(refused)

    def written(command: Command, reply: Reply) -> Response:
        return endpoint.encode(request, command, _wordless(dialect, command, reply) or reply)

    told_by, told, note = _distorted(command, done.reply, plan)
    response = written(told_by, told)
    if note and response == written(command, done.reply):
        note = (*note, "not falsified: this answer tells nothing of it")
    return done, response, "; ".join((*command.warnings, *note))


def takes(world: World, dialect: Dialect, command: Command, stored: Stored, plan: Plan) -> bool:
    """Whether the command would be carried out and not refused."""
    try:
        dialect.judge(command, stored.payment, stored.now)
        _DECISIONS[type(command)](world, dialect, command, stored, plan)
    except Refusal:
        return False
    return True


def _distorted(command: Command, reply: Reply, plan: Plan) -> tuple[Command, Reply, tuple[str, ...]]:
    """The answer as a fault on this operation falsifies it: the truth in the books is untouched."""
    payment = reply.payment
    if payment is None or not plan.left:
        return command, reply, ()
    where = (OPERATIONS[type(command)], command.merchant.merchant_code, payment.order.order_ref)
    struck = plan.take(FALSIFYING_KINDS, *where)
    if struck:
        merchant, told = falsified(command.merchant, payment, struck)
        command = msgspec.structs.replace(command, merchant=merchant)
        reply = msgspec.structs.replace(reply, payment=told)
    return command, reply, tuple(f"fault: {fault.kind}" for fault in struck)


def _wordless(dialect: Dialect, command: Command, reply: Reply) -> Refusal | None:
    """What is answered of a refund that is kept, but for whose state this bank has no words of success."""
    refund = reply.refund
    if not isinstance(command, RefundOrder) or refund is None or refund.state in dialect.tells_refunds:
        return None
    reason = Reason.TIMED_OUT if refund.state is RefundState.PENDING else Reason.REFUND_REFUSED
    return Refusal(reason, f"the refund is {refund.state}", merchant=command.merchant)


def _create(world: World, dialect: Dialect, command: Create, stored: Stored, plan: Plan) -> Done:
    order, merchant, now = command.order, command.merchant, stored.now
    if merchant.return_hosts and urlsplit(order.return_url).hostname not in merchant.return_hosts:
        raise Refusal(Reason.RETURN_URL_NOT_REGISTERED, order.return_url, merchant=merchant)
    if order.expires_at is not None and order.expires_at <= now:
        raise Refusal(Reason.EXPIRED, f"the order expired at {order.expires_at:%Y-%m-%d %H:%M:%SZ}", merchant=merchant)
    before = stored.payment
    if before is not None:
        reloaded = dialect.shape is Shape.REDIRECT and before.state is State.PENDING
        if (reloaded or command.repeatable) and _same_order(before.order, order):
            return Done(_reply(world, command, stored, before, order.order_key))
        raise Refusal(Reason.DUPLICATE_ORDER, order.order_ref, merchant=merchant)
    payment = new_payment(world, dialect, merchant, order, now)
    if command.pays_with:
        presented = _presented(payment, command, now)
        payment = judged(world, dialect, payment, presented, stored, has_page=False)
    rushed = plan.take(RUSH_KINDS, "create", merchant.merchant_code, order.order_ref)
    if rushed and payment.state is State.PENDING:
        payment = apply(payment, Event.APPROVE, now, channel=usual_channel(payment))
    payment = held(dialect, None, payment)
    return Done(_reply(world, command, stored, payment, order.order_key), None, payment)


def _presented(payment: Payment, command: Create, now: datetime) -> Payment:
    luhn = payer.checks_luhn(command.merchant)
    presented = payer.present(command.pays_with, at_once=command.at_once, luhn=luhn)(payment, now)
    if presented == payment:
        raise Refusal(Reason.WRONG_PAYER, NOBODY, merchant=command.merchant)
    return presented


def _query(world: World, dialect: Dialect, command: Query, stored: Stored, plan: Plan) -> Done:
    payment = _known(command, stored)
    asked = payment.queries
    interval = timedelta(seconds=dialect.query_interval_s)
    if any(ref == command.request_ref and ref for ref, _ in asked):
        raise Refusal(Reason.TOO_SOON, f"request {command.request_ref} was used before", merchant=command.merchant)
    if asked and dialect.query_interval_s and stored.now - asked[-1][1] < interval:
        raise Refusal(Reason.TOO_SOON, f"asked again within {interval}", merchant=command.merchant)
    queries = (*asked, (command.request_ref, stored.now))[-QUERIES_KEPT:]
    after = msgspec.structs.replace(payment, queries=queries)
    reply = _reply(world, command, stored, payment, f"{payment.order.order_key}|{command.request_ref}|{len(asked)}")
    return Done(reply, payment, after)


def _refund(world: World, dialect: Dialect, command: RefundOrder, stored: Stored, plan: Plan) -> Done:
    payment = _known(command, stored)
    if command.all_left:
        left_vnd = payment.amount_vnd - payment.refunded_vnd - payment.refunding_vnd
        command = msgspec.structs.replace(command, amount_vnd=left_vnd)
    known = payment.refund(command.request_ref)
    if known is not None and _is_repeated(command, known):
        reply = _reply(world, command, stored, payment, f"{payment.order.order_key}|{command.request_ref}")
        return Done(msgspec.structs.replace(reply, refund=known))
    reason = _refund_refusal(payment, command, known)
    if reason is not None:
        raise Refusal(reason, f"{command.amount_vnd} of {payment.amount_vnd}", merchant=command.merchant)
    refund = _asked_back(world, dialect, command, payment, stored.now, plan)
    after = with_refund(payment, refund, stored.now)
    reply = _reply(world, command, stored, after, f"{payment.order.order_key}|{command.request_ref}")
    return Done(msgspec.structs.replace(reply, refund=refund), payment, after)


def _asked_back(
    world: World, dialect: Dialect, command: RefundOrder, payment: Payment, now: datetime, plan: Plan
) -> Refund:
    """The refund as the bank takes it on: made at once unless a rule has it wait or refused."""
    tried = [each for each in payment.all_refunds if each.request_ref == command.request_ref]
    again = (str(len(tried)),) if tried else ()
    asked = Refund(
        request_ref=command.request_ref,
        amount_vnd=command.amount_vnd,
        refunded_at=now,
        bank_ref=dialect.bank_ref(world.rng_for("refund", payment.payment_id, command.request_ref, *again), now),
        idempotency_key=command.idempotency_key,
    )
    struck = plan.take(REFUND_KINDS, REFUND, command.merchant.merchant_code, payment.order.order_ref)
    return refunded(asked, struck, now)


def _is_repeated(command: RefundOrder, known: Refund) -> bool:
    """The very same request again, at a bank that answers it with what became of the first."""
    as_much = command.all_left or command.amount_vnd == known.amount_vnd
    return command.repeatable and command.idempotency_key == known.idempotency_key and as_much


def _refund_refusal(payment: Payment, command: RefundOrder, known: Refund | None) -> Reason | None:
    taken_vnd = payment.refunded_vnd + payment.refunding_vnd
    free = known is None or (command.unnumbered and known.state is RefundState.REFUSED)
    checks = (
        (not free, Reason.TOO_SOON),
        (payment.state not in COLLECTED, Reason.NOT_PAID),
        (command.amount_vnd <= 0 or command.amount_vnd > payment.amount_vnd, Reason.REFUND_ABOVE_PAYMENT),
        (command.full and taken_vnd > 0, Reason.FULL_REFUND_AFTER_PART),
        (command.full and command.amount_vnd != payment.amount_vnd, Reason.REFUND_ABOVE_PAYMENT),
        (command.amount_vnd > payment.amount_vnd - taken_vnd, Reason.REFUNDS_ABOVE_PAYMENT),
    )
    return next((reason for holds, reason in checks if holds), None)


def _receipt(world: World, dialect: Dialect, command: GetReceipt, stored: Stored, plan: Plan) -> Done:
    payment = _known(command, stored)
    if payment.state not in COLLECTED:
        raise Refusal(Reason.NOT_PAID, "there is no receipt of an unpaid order", merchant=command.merchant)
    return Done(_reply(world, command, stored, payment, payment.order.order_key))


def _query_refund(world: World, dialect: Dialect, command: QueryRefund, stored: Stored, plan: Plan) -> Done:
    payment = _known(command, stored)
    refund = payment.refund(command.request_ref)
    if refund is None:
        raise Refusal(Reason.UNKNOWN_ORDER, f"refund {command.request_ref}", merchant=command.merchant)
    return Done(msgspec.structs.replace(_reply(world, command, stored, payment, command.request_ref), refund=refund))


def _capture(world: World, dialect: Dialect, command: Capture, stored: Stored, plan: Plan) -> Done:
    payment = _known(command, stored)
    after = apply(payment, Event.APPROVE, stored.now) if _is_held(payment) else payment
    return Done(_reply(world, command, stored, after, payment.order.order_key), payment, after)


def _is_held(payment: Payment) -> bool:
    """The payer has paid, the connector has not captured it yet."""
    return payment.state is State.SUSPECTED and payment.outcome is Outcome.SUCCESS


def _cancel(world: World, dialect: Dialect, command: CancelOrder, stored: Stored, plan: Plan) -> Done:
    payment = _known(command, stored)
    if not _is_held(payment):
        payment = _pending(command, stored)
    order = payment.order
    if command.reason:
        order = msgspec.structs.replace(order, wire={**order.wire, "cancel_reason": command.reason})
    event = Event.REVERSE if _is_held(payment) else Event.CANCEL
    after = apply(payment, event, stored.now, order=order)
    return Done(_reply(world, command, stored, after, payment.order.order_key), payment, after)


def _confirm(world: World, dialect: Dialect, command: Confirm, stored: Stored, plan: Plan) -> Done:
    """A wrong password is no refusal: it is counted, and the reply's payment shows it."""
    payment = _pending(command, stored)
    passed = payer.pass_otp(command.otp)(payment, stored.now)
    after = judged(world, dialect, payment, passed, stored, has_page=False)
    purpose = f"{payment.order.order_key}|{payment.otp_tries}"
    return Done(_reply(world, command, stored, after, purpose), payment, after)


def _ask(world: World, dialect: Dialect, command: Ask, stored: Stored, plan: Plan) -> Done:
    if command.pays_with and not payer.is_known(command.pays_with, luhn=payer.checks_luhn(command.merchant)):
        raise Refusal(Reason.WRONG_PAYER, NOBODY, merchant=command.merchant)
    reply_ref = world.token("ask", dialect.code, command.merchant.merchant_code)
    return Done(Reply(now=stored.now, reply_ref=reply_ref, bank_url=world.bank_url(dialect.code)))


_DECISIONS: dict[type[Command], Callable[..., Done]] = {
    Create: _create,
    Query: _query,
    RefundOrder: _refund,
    QueryRefund: _query_refund,
    GetReceipt: _receipt,
    CancelOrder: _cancel,
    Capture: _capture,
    Confirm: _confirm,
    Ask: _ask,
}
OPERATIONS: dict[type[Command], str] = {
    Create: "create",
    Query: "query",
    RefundOrder: "refund",
    QueryRefund: "query_refund",
    GetReceipt: "receipt",
    CancelOrder: "cancel",
    Capture: "capture",
    Confirm: "confirm",
    Ask: "ask",
}


def _known(command: OfOrder, stored: Stored) -> Payment:
    if stored.payment is None:
        raise Refusal(Reason.UNKNOWN_ORDER, command.order_key or command.name, merchant=command.merchant)
    return stored.payment


def _pending(command: OfOrder, stored: Stored) -> Payment:
    payment = _known(command, stored)
    if payment.state in COLLECTED:
        raise Refusal(Reason.ALREADY_PAID, payment.order.order_ref, merchant=command.merchant)
    if payment.state is not State.PENDING or payer.expired(payment, stored.now):
        raise Refusal(Reason.EXPIRED, f"the payment is {payment.state}", merchant=command.merchant)
    return payment


def _reply(world: World, command: Command, stored: Stored, payment: Payment, purpose: str) -> Reply:
    kind = OPERATIONS[type(command)]
    return Reply(
        now=stored.now,
        reply_ref=world.token("reply", kind, command.merchant.merchant_code, purpose),
        payment=payment,
        page_url=world.page_url(payment.payment_id),
        bank_url=world.bank_url(payment.bank),
    )


def _same_order(kept: Order, asked: Order) -> bool:
    """The very same request again (a reloaded page), whatever expiry the bank added itself."""
    return msgspec.structs.replace(kept, expires_at=None) == msgspec.structs.replace(asked, expires_at=None)
