"""The use cases of a bank, alike for every dialect: serve a connector's request, let the payer act, ask for a bill.

Rule: each is one decision over what is stored, written in one transaction with its callback and its journal entry;
nobody awaits between reading and writing.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import msgspec

from simulator.banks import dialects
from simulator.cards import mask_pans
from simulator.dialect import (
    Command,
    Create,
    Dialect,
    Endpoint,
    GetReceipt,
    ListIssuers,
    Notice,
    Query,
    Question,
    RefundOrder,
    Reply,
    Shape,
)
from simulator.faults import (
    ANSWER_KINDS,
    CALLBACK,
    CALLBACK_KINDS,
    EXCHANGE_KINDS,
    Fault,
    FaultKind,
    Occasion,
    take,
)
from simulator.merchants import impostor_key
from simulator.outbox import Delivery, announce, release
from simulator.payment import (
    COLLECTED,
    Bill,
    Channel,
    Event,
    Merchant,
    Order,
    Outcome,
    Payment,
    Reason,
    Refund,
    Refusal,
    State,
    apply,
)
from simulator.store import ById, ByOrder, Change, Entry, Exchange, Stored
from simulator.wire import Answer, Headers, Outgoing, Request, Response
from simulator.world import World

QUERIES_KEPT = 20
VISITS_MAX = 10_000
INTERNAL_ERROR = Response(500, (("content-type", "text/plain; charset=utf-8"),), b"Internal Server Error")


class UnknownPayment(Exception):
    """This sandbox has no payment of that id."""


@dataclass(frozen=True, slots=True)
class Served:
    """A bank's answer, and what becomes of it: `fault` breaks the exchange, `rushed` = callbacks go out before it."""

    response: Response
    fault: FaultKind | None = None
    rushed: bool = False


@dataclass(frozen=True, slots=True)
class _Done:
    """What a use case decided: the reply, and the payment before and after it."""

    reply: Reply
    before: Payment | None = None
    after: Payment | None = None
    refund: Refund | None = None
    plan: "_Plan | None" = None


class _Plan:
    """The faults still planned while one decision spends some of them."""

    def __init__(self, world: World, dialect: Dialect, faults: tuple[Fault, ...]) -> None:
        self.world = world
        self.dialect = dialect
        self.left = faults
        self.spent = False

    def take(
        self, kinds: frozenset[FaultKind], operation: str, merchant_code: str, order_ref: str
    ) -> tuple[Fault, ...]:
        """The faults that strike this occasion; without faults this costs nothing."""
        if not self.left:
            return ()
        usual = operation == ("create" if self.dialect.endpoints else CALLBACK)
        occasion = Occasion(
            bank=self.dialect.code,
            operation=operation,
            merchant_code=merchant_code,
            order_ref=order_ref,
            usual=usual,
        )
        chance = self.world.rng_for("faults", self.dialect.code, operation, merchant_code, order_ref).random
        struck, left = take(self.left, kinds, occasion, chance)
        self.spent = self.spent or left != self.left
        self.left = left
        return struck

    @property
    def remaining(self) -> tuple[Fault, ...] | None:
        return self.left if self.spent else None


async def serve(world: World, dialect: Dialect, endpoint: Endpoint, request: Request) -> Served:
    """Answers one request of a connector; the answer exists only once all that it says is committed."""
    try:
        command: Command | None = endpoint.decode(request, lambda code: world.merchant(dialect.code, code))
        refusal = None
    except Refusal as refused:
        command, refusal = None, refused
    operation = endpoint.operation if command is None else _OPERATIONS[type(command)]
    asked_ref = _order_ref(command)
    merchant_code = "" if command is None else command.merchant.merchant_code

    def decide(stored: Stored) -> Change[Served]:
        plan = _Plan(world, dialect, stored.faults)
        order_ref = stored.payment.order.order_ref if stored.payment else asked_ref
        struck = plan.take(EXCHANGE_KINDS, operation, merchant_code, order_ref)
        fault = struck[0].kind if struck else None
        if fault in (FaultKind.HTTP_500, FaultKind.CONNECTION_RESET):
            done, response, note = None, INTERNAL_ERROR, f"fault: {fault}"
        else:
            done, response, note = _answer(world, dialect, endpoint, request, command, refusal, stored, plan)
            note = f"fault: {fault}; {note}" if fault else note
        exchange = Exchange(
            direction="in",
            at=stored.now,
            bank=dialect.code,
            operation=operation,
            payment_id=done.after.payment_id if done and done.after else "",
            order_ref=order_ref,
            method=request.method,
            url=_url(world, dialect, request),
            request_headers=journal_headers(request.headers.items()),
            request_body=mask_pans(request.body),
            status=0 if fault in (FaultKind.CONNECTION_RESET, FaultKind.ANSWER_LOST) else response.status,
            response_headers=journal_headers(response.headers),
            response_body=mask_pans(response.body),
            note=note.strip("; "),
        )
        payment, ledger, deliveries = _settled(world, dialect, done, stored.now, plan) if done else (None, (), ())
        return Change(
            reply=Served(response, fault, rushed=bool(deliveries)),
            payment=payment,
            ledger=ledger,
            deliveries=deliveries,
            exchanges=(exchange,),
            faults=plan.remaining,
        )

    served = await world.store.transact(world.name, _key(dialect, command), decide)
    if served.rushed:
        world.poke()
    return served


async def act(
    world: World,
    payment_id: str,
    event: Event,
    *,
    outcome: Outcome | None = None,
    amount_vnd: int | None = None,
    channel: Channel | None = None,
) -> Payment:
    """Lets an event happen to a payment. Raises UnknownPayment, or IllegalEvent (and nothing changes)."""

    def change(payment: Payment, now: datetime) -> Payment:
        given = {"amount_vnd": amount_vnd, "channel": channel or payment.channel or _usual_channel(payment)}
        changes = {name: value for name, value in given.items() if value is not None}
        return apply(payment, event, now, outcome, **changes)

    return await progress(world, payment_id, change)


async def progress(world: World, payment_id: str, change: Callable[[Payment, datetime], Payment]) -> Payment:
    """Changes a payment by a pure function; if that settles it, its callback becomes due in the same transaction.

    Raises UnknownPayment and whatever `change` raises; nothing is then written.
    """

    def decide(stored: Stored) -> Change[Payment]:
        before = stored.payment
        if before is None:
            raise UnknownPayment(payment_id)
        dialect = dialects()[before.bank]
        plan = _Plan(world, dialect, stored.faults)
        done = _Done(Reply(now=stored.now, reply_ref=""), before, change(before, stored.now))
        payment, ledger, deliveries = _settled(world, dialect, done, stored.now, plan)
        assert payment is not None, "a changed payment is written"
        return Change(reply=payment, payment=payment, ledger=ledger, deliveries=deliveries, faults=plan.remaining)

    payment = await world.store.transact(world.name, ById(payment_id), decide)
    world.poke()
    return payment


async def returned(world: World, payment_id: str) -> str:
    """The payer's browser goes back: the merchant's return URL, "" if this bank has none. Held callbacks are let go."""
    payment = await world.store.payment(world.name, ById(payment_id))
    if payment is None:
        raise UnknownPayment(payment_id)
    held = [d for d in await world.store.deliveries(world.name, payment_id=payment_id) if d.held]
    if held:
        await world.store.transact(
            world.name,
            None,
            lambda stored: Change(reply=None, deliveries=tuple(release(each, stored.now) for each in held)),
        )
        world.poke()
    merchant = world.merchant(payment.bank, payment.merchant_code)
    return dialects()[payment.bank].return_url(payment, merchant) if merchant else ""


async def open_visit(
    world: World, dialect: Dialect, merchant: Merchant, bill_code: str, channel: Channel
) -> tuple[Payment, Question]:
    """A payer names a bill code: the visit is recorded, still without an amount, before the connector is asked."""
    earlier = await world.store.payments(world.name, bank=dialect.code, order_ref=bill_code, limit=VISITS_MAX)
    now = await world.now()
    for visit in range(len(earlier), VISITS_MAX):
        rng = world.rng_for("visit", dialect.code, merchant.merchant_code, bill_code, str(visit))
        trans_ref = dialect.trans_ref(rng, now)
        order = Order(order_ref=bill_code, order_key=trans_ref, amount_vnd=0, channel=channel)

        def decide(stored: Stored, order: Order = order) -> Change[Payment | None]:
            if stored.payment is not None:
                return Change(reply=None)
            payment = _new_payment(world, dialect, merchant, order, stored.now)
            return Change(reply=payment, payment=payment)

        key = ByOrder(dialect.code, merchant.merchant_code, trans_ref)
        payment = await world.store.transact(world.name, key, decide)
        if payment is not None:
            at = payment.created_at
            return payment, Question(bill_code=bill_code, trans_ref=trans_ref, channel=channel, now=at)
    raise Refusal(Reason.TOO_SOON, f"the bill {bill_code} was visited {VISITS_MAX} times")


async def close_visit(
    world: World,
    dialect: Dialect,
    payment: Payment,
    found: Bill | Refusal,
    exchange: Exchange | None,
) -> tuple[Payment, bool]:
    """Records what the connector said of the bill; (the payment, whether its callback is already due)."""

    def decide(stored: Stored) -> Change[tuple[Payment, bool]]:
        before = stored.payment
        if before is None:
            raise UnknownPayment(payment.payment_id)
        plan = _Plan(world, dialect, stored.faults)
        after = _billed(before, found, stored.now)
        if isinstance(found, Refusal):  # Nobody was asked to pay, so there is nothing to tell the connector.
            return Change(reply=(after, False), payment=after, exchanges=(exchange,) if exchange else ())
        rush = frozenset({FaultKind.CALLBACK_BEFORE_ANSWER})
        if plan.take(rush, "inquiry", before.merchant_code, before.order.order_ref):
            after = apply(after, Event.APPROVE, stored.now)
        done = _Done(Reply(now=stored.now, reply_ref=""), before, after)
        written, ledger, deliveries = _settled(world, dialect, done, stored.now, plan)
        return Change(
            reply=(after, bool(deliveries)),
            payment=written,
            ledger=ledger,
            deliveries=deliveries,
            exchanges=(exchange,) if exchange else (),
            faults=plan.remaining,
        )

    after, due = await world.store.transact(world.name, ById(payment.payment_id), decide)
    if due:
        world.poke()
    return after, due


async def exchange_fault(world: World, dialect: Dialect, operation: str, order_ref: str) -> FaultKind | None:
    """The fault, now spent, that breaks this exchange with the connector."""

    def decide(stored: Stored) -> Change[FaultKind | None]:
        plan = _Plan(world, dialect, stored.faults)
        struck = plan.take(EXCHANGE_KINDS, operation, "", order_ref)
        return Change(reply=struck[0].kind if struck else None, faults=plan.remaining)

    return await world.store.transact(world.name, None, decide)


def notice_of(
    world: World, dialect: Dialect, payment: Payment, now: datetime, *, forge: bool = False, attempt: int = 1
) -> Notice:
    """All that a callback is made of. `forge` = signed with secrets that are not this merchant's."""
    merchant = world.merchant(payment.bank, payment.merchant_code)
    if merchant is None:
        raise UnknownPayment(f"{payment.payment_id}: its merchant {payment.merchant_code} is gone")
    if forge:
        merchant = forged(merchant)
    return Notice(payment=payment, merchant=merchant, now=now, attempt=attempt)


_CREDENTIALS = frozenset({"authorization", "cookie", "set-cookie", "x-api-key"})


def journal_headers(headers: Iterable[tuple[str, str]]) -> Headers:
    """Headers as the journal keeps them: no credentials, and no `date`, which is the machine's time."""
    lowered = ((name.lower(), value) for name, value in headers)
    return tuple((name, "***" if name in _CREDENTIALS else value) for name, value in lowered if name != "date")


def outgoing_exchange(
    dialect: Dialect,
    operation: str,
    payment: Payment | None,
    outgoing: Outgoing,
    answer: Answer,
    at: datetime,
    note: str,
) -> Exchange:
    """The journal entry of a bank's request to a connector."""
    return Exchange(
        direction="out",
        at=at,
        bank=dialect.code,
        operation=operation,
        payment_id=payment.payment_id if payment else "",
        order_ref=payment.order.order_ref if payment else "",
        method=outgoing.method,
        url=outgoing.url,
        request_headers=journal_headers(outgoing.headers),
        request_body=mask_pans(outgoing.body),
        status=answer.status,
        response_headers=journal_headers(answer.headers),
        response_body=mask_pans(answer.body),
        note="; ".join(part for part in (note, answer.error) if part),
    )


# --- one decision for each command ---------------------------------------------------------------------------


def _answer(
    world: World,
    dialect: Dialect,
    endpoint: Endpoint,
    request: Request,
    command: Command | None,
    refusal: Refusal | None,
    stored: Stored,
    plan: _Plan,
) -> tuple[_Done | None, Response, str]:
    if command is None:
        assert refusal is not None, "a request is either understood or refused"
        return None, endpoint.encode(request, None, refusal), str(refusal)
    try:
        done = _DECISIONS[type(command)](world, dialect, command, stored, plan)
    except Refusal as refused:
        return None, endpoint.encode(request, command, refused), str(refused)
    command, reply, note = _distorted(command, done.reply, plan)
    return done, endpoint.encode(request, command, reply), "; ".join((*command.warnings, *note))


def _distorted(command: Command, reply: Reply, plan: _Plan) -> tuple[Command, Reply, tuple[str, ...]]:
    """The answer as a fault on this operation falsifies it: the truth in the books is untouched."""
    payment = reply.payment
    if payment is None or not plan.left:
        return command, reply, ()
    where = (_OPERATIONS[type(command)], command.merchant.merchant_code, payment.order.order_ref)
    struck = plan.take(ANSWER_KINDS, *where)
    for fault in struck:
        if fault.kind is FaultKind.FORGED_SIGNATURE:
            command = replace(command, merchant=forged(command.merchant))
        else:
            amount_vnd = payment.amount_vnd + fault.amount_delta_vnd
            reply = replace(reply, payment=msgspec.structs.replace(payment, amount_vnd=amount_vnd))
    return command, reply, tuple(f"fault: {fault.kind}" for fault in struck)


def _create(world: World, dialect: Dialect, command: Create, stored: Stored, plan: _Plan) -> _Done:
    order, merchant, now = command.order, command.merchant, stored.now
    if merchant.return_hosts and urlsplit(order.return_url).hostname not in merchant.return_hosts:
        raise Refusal(Reason.RETURN_URL_NOT_REGISTERED, order.return_url, merchant=merchant)
    if order.expires_at is not None and order.expires_at <= now:
        raise Refusal(Reason.EXPIRED, f"the order expired at {order.expires_at:%Y-%m-%d %H:%M:%SZ}", merchant=merchant)
    before = stored.payment
    if before is not None:
        if dialect.shape is Shape.REDIRECT and before.state is State.PENDING and _same_order(before.order, order):
            return _Done(_reply(world, command, stored, before, order.order_key))
        raise Refusal(Reason.DUPLICATE_ORDER, order.order_ref, merchant=merchant)
    payment = _new_payment(world, dialect, merchant, order, now)
    rush = frozenset({FaultKind.CALLBACK_BEFORE_ANSWER})
    if plan.take(rush, "create", merchant.merchant_code, order.order_ref):
        payment = apply(payment, Event.APPROVE, now, channel=_usual_channel(payment))
    return _Done(_reply(world, command, stored, payment, order.order_key), None, payment)


def _query(world: World, dialect: Dialect, command: Query, stored: Stored, plan: _Plan) -> _Done:
    payment = _known(command, stored, command.order_key)
    asked = payment.queries
    interval = timedelta(seconds=dialect.query_interval_s)
    if any(ref == command.request_ref and ref for ref, _ in asked):
        raise Refusal(Reason.TOO_SOON, f"request {command.request_ref} was used before", merchant=command.merchant)
    if asked and dialect.query_interval_s and stored.now - asked[-1][1] < interval:
        raise Refusal(Reason.TOO_SOON, f"asked again within {interval}", merchant=command.merchant)
    queries = (*asked, (command.request_ref, stored.now))[-QUERIES_KEPT:]
    after = msgspec.structs.replace(payment, queries=queries)
    reply = _reply(world, command, stored, payment, f"{command.order_key}|{command.request_ref}|{len(asked)}")
    return _Done(reply, payment, after)


def _refund(world: World, dialect: Dialect, command: RefundOrder, stored: Stored, plan: _Plan) -> _Done:
    payment = _known(command, stored, command.order_key)
    reason = _refund_refusal(payment, command)
    if reason is not None:
        raise Refusal(reason, f"{command.amount_vnd} of {payment.amount_vnd}", merchant=command.merchant)
    rng = world.rng_for("refund", payment.payment_id, command.request_ref)
    refund = Refund(
        request_ref=command.request_ref,
        amount_vnd=command.amount_vnd,
        refunded_at=stored.now,
        bank_ref=dialect.bank_ref(rng, stored.now),
    )
    whole = payment.refunded_vnd + command.amount_vnd == payment.amount_vnd
    event = Event.REFUND_REST if whole else Event.REFUND_PART
    after = apply(payment, event, stored.now, refunds=(*payment.refunds, refund))
    reply = _reply(world, command, stored, after, f"{command.order_key}|{command.request_ref}")
    return _Done(replace(reply, refund=refund), payment, after, refund)


def _refund_refusal(payment: Payment, command: RefundOrder) -> Reason | None:
    left = payment.amount_vnd - payment.refunded_vnd
    checks = (
        (any(refund.request_ref == command.request_ref for refund in payment.refunds), Reason.TOO_SOON),
        (payment.state not in COLLECTED, Reason.NOT_PAID),
        (command.amount_vnd <= 0 or command.amount_vnd > payment.amount_vnd, Reason.REFUND_ABOVE_PAYMENT),
        (command.full and bool(payment.refunds), Reason.FULL_REFUND_AFTER_PART),
        (command.full and command.amount_vnd != payment.amount_vnd, Reason.REFUND_ABOVE_PAYMENT),
        (command.amount_vnd > left, Reason.REFUNDS_ABOVE_PAYMENT),
    )
    return next((reason for holds, reason in checks if holds), None)


def _receipt(world: World, dialect: Dialect, command: GetReceipt, stored: Stored, plan: _Plan) -> _Done:
    payment = _known(command, stored, command.order_key)
    if payment.state not in COLLECTED:
        raise Refusal(Reason.NOT_PAID, "there is no receipt of an unpaid order", merchant=command.merchant)
    return _Done(_reply(world, command, stored, payment, command.order_key))


def _issuers(world: World, dialect: Dialect, command: ListIssuers, stored: Stored, plan: _Plan) -> _Done:
    return _Done(Reply(now=stored.now, reply_ref=world.token("issuers", dialect.code)))


_DECISIONS: dict[type[Command], Callable[..., _Done]] = {
    Create: _create,
    Query: _query,
    RefundOrder: _refund,
    GetReceipt: _receipt,
    ListIssuers: _issuers,
}
_OPERATIONS: dict[type[Command], str] = {
    Create: "create",
    Query: "query",
    RefundOrder: "refund",
    GetReceipt: "receipt",
    ListIssuers: "issuers",
}


# --- what they share -----------------------------------------------------------------------------------------


def _known(command: Command, stored: Stored, order_key: str) -> Payment:
    if stored.payment is None:
        raise Refusal(Reason.UNKNOWN_ORDER, order_key, merchant=command.merchant)
    return stored.payment


def _reply(world: World, command: Command, stored: Stored, payment: Payment, purpose: str) -> Reply:
    kind = _OPERATIONS[type(command)]
    return Reply(
        now=stored.now,
        reply_ref=world.token("reply", kind, command.merchant.merchant_code, purpose),
        payment=payment,
        page_url=world.page_url(payment.payment_id),
    )


def _new_payment(world: World, dialect: Dialect, merchant: Merchant, order: Order, now: datetime) -> Payment:
    purpose = ("payment", dialect.code, merchant.merchant_code, order.order_key)
    expires_at = order.expires_at or now + timedelta(seconds=dialect.page_life_s)
    return Payment(
        payment_id=world.token(*purpose),
        bank=dialect.code,
        merchant_code=merchant.merchant_code,
        order=msgspec.structs.replace(order, expires_at=expires_at),
        amount_vnd=order.amount_vnd,
        bank_ref=dialect.bank_ref(world.rng_for("bank_ref", *purpose), now),
        created_at=now,
        channel=order.channel,
        issuer_code=order.issuer_code,
    )


def _same_order(kept: Order, asked: Order) -> bool:
    """The very same request again (a reloaded page), whatever expiry the bank added itself."""
    return msgspec.structs.replace(kept, expires_at=None) == msgspec.structs.replace(asked, expires_at=None)


def _usual_channel(payment: Payment) -> Channel:
    return payment.channel or dialects()[payment.bank].channels[0]


def _billed(payment: Payment, found: Bill | Refusal, now: datetime) -> Payment:
    if isinstance(found, Refusal):
        return apply(payment, Event.DECLINE, now)
    order = msgspec.structs.replace(
        payment.order,
        amount_vnd=found.amount_vnd,
        description=found.description,
        wire={**payment.order.wire, **found.wire, "payer_name": found.payer_name},
    )
    return msgspec.structs.replace(payment, order=order, amount_vnd=found.amount_vnd)


def _settled(
    world: World, dialect: Dialect, done: _Done, now: datetime, plan: _Plan
) -> tuple[Payment | None, tuple[Entry, ...], tuple[Delivery, ...]]:
    """What follows from a changed payment: its ledger entries, and its callback if the bank tells of that state."""
    after = done.after
    if after is None:
        return None, (), ()
    ledger = _movements(done.before, after, now)
    was = done.before.state if done.before else State.PENDING
    if after.state is was or after.state not in dialect.announces:
        return after, ledger, ()
    where = (CALLBACK, after.merchant_code, after.order.order_ref)
    struck = plan.take(CALLBACK_KINDS, *where)
    deliveries = announce(after, now, struck, _breaks(plan, world.retry(dialect).attempts_max, where))
    return msgspec.structs.replace(after, told=after.told + len(deliveries)), ledger, deliveries


def _breaks(plan: _Plan, attempts: int, where: tuple[str, str, str]) -> tuple[FaultKind | None, ...]:
    """Which of a callback's coming attempts are broken, one entry an attempt."""
    if not any(fault.kind in EXCHANGE_KINDS for fault in plan.left):
        return ()
    hits = [plan.take(EXCHANGE_KINDS, *where) for _ in range(attempts)]
    return tuple(struck[0].kind if struck else None for struck in hits) if any(hits) else ()


_DEBITED = COLLECTED | {State.SUSPECTED}


def _movements(before: Payment | None, after: Payment, now: datetime) -> tuple[Entry, ...]:
    """The money that moved between two states of one payment."""
    was = before.state if before else State.PENDING
    moved: list[tuple[str, int]] = []
    if was not in _DEBITED and was is not State.REVERSED and after.state in _DEBITED | {State.REVERSED}:
        moved.append(("debit", after.amount_vnd))
    if after.state is State.REVERSED and was is not State.REVERSED:
        moved.append(("reversal", after.refunded_vnd - after.amount_vnd))
    known = before.refunds if before else ()
    moved.extend((f"refund:{refund.bank_ref}", -refund.amount_vnd) for refund in after.refunds[len(known) :])
    return tuple(
        Entry(
            payment_id=after.payment_id,
            entry_id=entry_id,
            bank=after.bank,
            merchant_code=after.merchant_code,
            order_ref=after.order.order_ref,
            amount_vnd=amount_vnd,
            booked_at=now,
        )
        for entry_id, amount_vnd in moved
    )


def _key(dialect: Dialect, command: Command | None) -> ByOrder | None:
    if command is None:
        return None
    order_key = command.order.order_key if isinstance(command, Create) else getattr(command, "order_key", None)
    return ByOrder(dialect.code, command.merchant.merchant_code, order_key) if order_key is not None else None


def _order_ref(command: Command | None) -> str:
    if isinstance(command, Create):
        return command.order.order_ref
    return str(getattr(command, "order_key", ""))


def _url(world: World, dialect: Dialect, request: Request) -> str:
    query = mask_pans(request.query).decode("latin-1")
    return f"{world.prefix}/{dialect.code}{request.path}" + (f"?{query}" if query else "")


def forged(merchant: Merchant) -> Merchant:
    """The merchant with secrets of the right form that are not its own: what a forger would sign with."""
    secrets = {name: _other_secret(value) for name, value in merchant.secrets.items()}
    return msgspec.structs.replace(merchant, secrets=secrets)


def _other_secret(value: str) -> str:
    if "PUBLIC KEY" in value:
        return value  # It signs nothing; the connector's answer is still judged by it.
    return impostor_key() if "PRIVATE KEY" in value else "forged-" + value[::-1]
