"""The use cases of a bank, alike for every dialect: serve a connector's request, let the payer act, ask for a bill.

Rule: each is one decision over what is stored, written in one transaction with its callback and its journal entry;
nobody awaits between reading and writing.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

import msgspec

from simulator.answering import OPERATIONS, answer, takes
from simulator.banks import dialects
from simulator.dialect import (
    Command,
    Confirm,
    Create,
    Dialect,
    Endpoint,
    Notice,
    OfOrder,
    Probe,
    Question,
    RefundOrder,
)
from simulator.faults import (
    ANSWER_KINDS,
    CALLBACK,
    EXCHANGE_KINDS,
    RETURN,
    RUSH_KINDS,
    TAMPER_KINDS,
    Fault,
    Sent,
    answering,
    arriving,
    asked_by_amount,
    sent,
)
from simulator.journal import incoming_exchange, outgoing_exchange
from simulator.merchants import forged
from simulator.outbox import release
from simulator.payment import (
    Bill,
    Channel,
    Event,
    Merchant,
    Order,
    Outcome,
    Payment,
    Reason,
    RefundState,
    Refusal,
    State,
    apply,
    fallen_due,
)
from simulator.payment import decide_refund as decided
from simulator.settling import (
    NOTHING,
    Conduct,
    Follows,
    Plan,
    PurseWanted,
    as_payers_do,
    judged,
    new_payment,
    settled,
    settled_in_turn,
    usual_channel,
)
from simulator.spoiling import asked_for, noted, otherwise, refusing
from simulator.store import (
    OWN_ACCOUNT,
    ById,
    ByOrder,
    Change,
    Decide,
    Exchange,
    Key,
    Name,
    R,
    Stored,
    StoreError,
)
from simulator.tampering import posted, tampered
from simulator.watch import struck
from simulator.wire import Answer, Outgoing, Request, Response
from simulator.world import World

VISITS_MAX = 10_000
ACCOUNTS_TRIED_MAX = 5
INTERNAL_ERROR = Response(500, (("content-type", "text/plain; charset=utf-8"),), b"Internal Server Error")


class UnknownPayment(Exception):
    """This sandbox has no payment of that id."""


class Served(msgspec.Struct, frozen=True):
    """A bank's answer, and what becomes of it.

    `sent` is what is really sent where faults have struck, None = the response as it is; `fault` names the first of
    them. `rushed` = callbacks go out before the answer.
    """

    response: Response
    fault: str | None = None
    rushed: bool = False
    sent: Sent | None = None


Send = Callable[[Outgoing, float], Awaitable[Answer]]
"""Calls a connector, with so many seconds for its answer."""


async def serve(
    world: World,
    dialect: Dialect,
    endpoint: Endpoint,
    request: Request,
    send: Send | None = None,
    asked: tuple[Fault, ...] = (),
) -> Served:
    """Answers one request of a connector; the answer exists only once all that it says is committed.

    `send` None = nobody can be called: an endpoint's probe is then left out. `asked` are faults that the request itself
    asks for.
    """
    command, refusal = _understood(world, dialect, endpoint, request)
    key = await _key(world, dialect, command)
    if command is not None and command.claims:
        refusal = await _claimed_by_another(world, dialect, command, key)
    operation = endpoint.operation if command is None else OPERATIONS[type(command)]
    merchant_code = "" if command is None else command.merchant.merchant_code
    probed = None
    if command is not None and refusal is None and endpoint.probe is not None and send is not None:
        refusal, probed = await _probed(world, dialect, endpoint.probe, command, send)

    def decide(stored: Stored) -> Change[Served]:
        def resigned(command: Command | None, no: Refusal | None) -> Response:
            unspoilt = Plan(world, dialect, msgspec.structs.replace(stored, faults=()))
            return answer(world, dialect, endpoint, request, command, no, stored, unspoilt)[1]

        plan = Plan(world, dialect, stored)
        order_ref = stored.payment.order.order_ref if stored.payment else _asked_ref(command)
        if asked or world.sandbox.faults_by_amount:
            plan.ask(asked_for(world, command, stored, asked), operation, merchant_code, order_ref)
        struck = plan.take(ANSWER_KINDS, operation, merchant_code, order_ref)
        done, response, note = None, INTERNAL_ERROR, ""
        no = (refusing(struck, command, refusal) if struck else None) or refusal
        if not struck or all(each.commits for each in answering(struck)):
            done, response, note = answer(world, dialect, endpoint, request, command, no, stored, plan)
        follows = settled(world, dialect, done.before, done.after, plan, stored) if done and done.after else NOTHING
        really = None
        if struck:
            other = otherwise(dialect, endpoint, request, command, no, struck, resigned)
            really = sent(response, struck, plan.chance(operation, merchant_code, order_ref), other)
        exchange = incoming_exchange(
            world,
            dialect.code,
            operation,
            done.after if done else stored.payment,
            order_ref,
            request,
            arriving(really) if really else response,
            stored.now,
            noted(struck, really, note),
            refused=done is None,
        )
        fault = struck[0].kind if struck else None
        served = Served(response, fault, rushed=bool(follows.deliveries), sent=really)
        return _change(served, follows, plan, probed, exchange)

    return await _transact(world, key, decide, OWN_ACCOUNT if isinstance(command, RefundOrder | Confirm) else "")


def closed(world: World, dialect: Dialect, endpoint: Endpoint, request: Request) -> Served:
    """What a bank answers while its books cannot be reached: as under the fault `maintenance`, and nobody keeps it."""
    command, refusal = _understood(world, dialect, endpoint, request)
    struck = (Fault(fault_id="", kind="maintenance"),)
    no = refusing(struck, command, refusal)
    assert no is not None, "that fault refuses"
    response = endpoint.encode(request, command, no)
    other = otherwise(dialect, endpoint, request, command, no, struck, lambda command, no: response)
    return Served(response, sent=sent(response, struck, world.rng_for("closed"), other))


def _understood(
    world: World, dialect: Dialect, endpoint: Endpoint, request: Request
) -> tuple[Command | None, Refusal | None]:
    try:
        return endpoint.decode(request, lambda code: world.merchant(dialect.code, code)), None
    except Refusal as refused:
        return None, refused


async def _claimed_by_another(world: World, dialect: Dialect, command: Command, key: Key | None) -> Refusal | None:
    """Why the command is refused: a name that it claims is another payment's. None if all are free or its own.

    A refund that can be made takes its names first, so that of two sent at once for two payments one is refused.
    """
    payment = await world.store.payment(world.name, key) if key else None
    if isinstance(command, OfOrder) and payment is None:
        return None

    def take(stored: Stored) -> Change[None]:
        plan = Plan(world, dialect, stored)
        names = tuple(command.claims) if takes(world, dialect, command, stored, plan) else ()
        return Change(reply=None, payment=stored.payment, names=names)

    if isinstance(command, RefundOrder):
        await world.store.transact(world.name, key, take)
    own = payment.payment_id if payment else None
    for name, reason in command.claims.items():
        owner = await world.store.named(world.name, Name(dialect.code, command.merchant.merchant_code, name))
        if owner not in (None, own):
            return Refusal(reason, f"{name} is of another order", merchant=command.merchant)
    return None


async def _probed(
    world: World, dialect: Dialect, probe: Probe, command: Command, send: Send
) -> tuple[Refusal | None, Exchange]:
    """Why the connector did not pass (None = it did), and the exchange for the journal."""
    now = await world.now()
    outgoing = probe.ask(command, now)
    answer = await send(outgoing, world.retry(dialect).timeout_s)
    refusal = None
    try:
        probe.read(answer, command)
    except Refusal as refused:
        refusal = refused
    note = str(refusal) if refusal else ""
    return refusal, outgoing_exchange(dialect.code, "probe", None, outgoing, answer, now, note)


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
        given = {"amount_vnd": amount_vnd, "channel": channel or payment.channel or usual_channel(payment)}
        changes = {name: value for name, value in given.items() if value is not None}
        return apply(payment, event, now, outcome, **changes)

    return await progress(world, payment_id, change, decreed=True)


async def decide_refund(world: World, payment_id: str, request_ref: str, state: RefundState) -> Payment:
    """A pending refund is made or refused. Raises UnknownPayment, or NoSuchPendingRefund (and nothing changes)."""

    def change(payment: Payment, now: datetime) -> Payment:
        return decided(payment, request_ref, state, now)

    return await progress(world, payment_id, change, decreed=True)


async def let_fall_due(world: World, payment_id: str) -> Payment:
    """What happens to a payment by itself: it expires, or its pending refunds are decided."""

    def change(payment: Payment, now: datetime) -> Payment:
        after = fallen_due(payment, now)
        if after.state is not State.EXPIRED or after.channel is not None:
            return after
        return msgspec.structs.replace(after, channel=usual_channel(after))

    return await progress(world, payment_id, change, decreed=True)


async def progress(
    world: World,
    payment_id: str,
    change: Callable[[Payment, datetime], Payment],
    names: tuple[str, ...] = (),
    *,
    decreed: bool = False,
    sound: bool = False,
) -> Payment:
    """Changes a payment by a pure function; if that settles it, its callback becomes due in the same transaction.

    The payer's bank has the last word when a test account is to be debited, unless it is `decreed` by a test: the
    account pays then, whatever it has. `names` are given to the payment, as far as they are free. Raises UnknownPayment
    and whatever `change` raises; nothing is then written.
    """

    def decide(stored: Stored) -> Change[tuple[Payment, bool]]:
        before = stored.payment
        if before is None:
            raise UnknownPayment(payment_id)
        dialect = dialects()[before.bank]
        plan = Plan(world, dialect, stored)
        after = change(before, stored.now)
        if not decreed:
            after = judged(world, dialect, before, after, stored)
        conduct = Conduct((after,)) if sound else as_payers_do(dialect, before, after, plan, stored.now)
        follows = settled_in_turn(world, dialect, before, conduct.steps, plan, stored)
        assert follows.payment is not None, "a changed payment is written"
        given = msgspec.structs.replace(follows, names=(*follows.names, *names))
        return _change((follows.payment, conduct.again), given, plan)

    payment, again = await _transact(world, ById(payment_id), decide, "" if decreed else OWN_ACCOUNT)
    if again:
        await _pay_again(world, payment)
    world.poke()
    return payment


async def _pay_again(world: World, first: Payment) -> None:
    """The same bill, or the same transfer, paid once more over another channel: nobody asks what is owed."""
    dialect, merchant = dialects()[first.bank], world.merchant(first.bank, first.merchant_code)
    if merchant is None:
        return
    order = first.order
    channel = next((each for each in dialect.channels if each is not first.channel), usual_channel(first))
    visit, _ = await open_visit(world, dialect, merchant, order.order_ref, channel)
    bill = Bill(
        bill_code=order.order_ref,
        amount_vnd=order.amount_vnd,
        payer_name=order.wire.get("payer_name", ""),
        description=order.description,
        wire=order.wire,
    )
    second, _ = await close_visit(world, dialect, visit, bill, None)

    def paid(payment: Payment, now: datetime) -> Payment:
        return apply(payment, Event.APPROVE, now, channel=channel)

    await progress(world, second.payment_id, paid, decreed=True, sound=True)


async def _transact(world: World, key: Key | None, decide: Decide[R], account: str = "") -> R:
    """Decides, and once more with the purse if it turns out that another account's money moves."""
    taken: list[Change[R]] = []

    def taking(stored: Stored) -> Change[R]:
        taken[:] = [decide(stored)]
        return taken[0]

    for _ in range(ACCOUNTS_TRIED_MAX):
        try:
            reply = await world.store.transact(world.name, key, taking, account)
            if taken[0].spent:
                struck(world.name, taken[0])
            return reply
        except PurseWanted as wanted:
            account = wanted.account
    raise StoreError("the payment changed its payer again and again while it was decided upon: try again")


async def way_back(world: World, payment_id: str) -> tuple[str, Mapping[str, str]]:
    """Where the browser goes and what it posts there, as its payer lets it. Held callbacks are let go."""
    url, fields = await returned(world, payment_id), await posted_back(world, payment_id)
    payment = await _kept(world, payment_id)
    dialect, merchant = dialects()[payment.bank], world.merchant(payment.bank, payment.merchant_code)
    message = tampered(dialect, payment, merchant) if merchant and dialect.sends_back else None
    if message is None or (message.url, posted(message)) == (url, fields):
        return url, fields

    def decide(stored: Stored) -> Change[bool]:
        plan = Plan(world, dialect, stored)
        struck = plan.take(TAMPER_KINDS, RETURN, payment.merchant_code, payment.order.order_ref)
        return Change(reply=bool(struck), faults=plan.remaining, spent=plan.struck)

    if not await _transact(world, ById(payment_id), decide):
        return url, fields
    return message.url, posted(message)


async def posted_back(world: World, payment_id: str) -> Mapping[str, str]:
    """The fields that the payer's browser posts to the address of `returned`; {} = it goes there without a form."""
    payment = await _kept(world, payment_id)
    dialect, merchant = dialects()[payment.bank], world.merchant(payment.bank, payment.merchant_code)
    return dialect.return_form(payment, merchant) if merchant and dialect.return_url(payment, merchant) else {}


async def returned(world: World, payment_id: str) -> str:
    """The payer's browser goes back: the merchant's return URL, "" if this bank has none. Held callbacks are let go."""
    payment = await _kept(world, payment_id)
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


async def _kept(world: World, payment_id: str) -> Payment:
    payment = await world.store.payment(world.name, ById(payment_id))
    if payment is None:
        raise UnknownPayment(payment_id)
    return payment


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
            payment = new_payment(world, dialect, merchant, order, stored.now)
            return Change(reply=payment, payment=payment, names=dialect.names(payment))

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
        plan = Plan(world, dialect, stored)
        after = _billed(before, found, stored.now)
        if isinstance(found, Refusal):  # Nobody was asked to pay, so there is nothing to tell the connector.
            return Change(reply=(after, False), payment=after, exchanges=(exchange,) if exchange else ())
        by_amount = asked_by_amount(found.amount_vnd) if world.sandbox.faults_by_amount else None
        if by_amount and (by_amount.kind not in ANSWER_KINDS or by_amount.kind in EXCHANGE_KINDS):
            plan.ask((by_amount,), CALLBACK, before.merchant_code, before.order.order_ref)
        if plan.take(RUSH_KINDS, "inquiry", before.merchant_code, before.order.order_ref):
            after = apply(after, Event.APPROVE, stored.now)
        follows = settled(world, dialect, before, after, plan, stored)
        return _change((after, bool(follows.deliveries)), follows, plan, exchange)

    after, due = await _transact(world, ById(payment.payment_id), decide)
    if due:
        world.poke()
    return after, due


async def exchange_fault(world: World, dialect: Dialect, operation: str, order_ref: str) -> str | None:
    """The fault, now spent, that breaks this exchange with the connector."""

    def decide(stored: Stored) -> Change[str | None]:
        plan = Plan(world, dialect, stored)
        struck = plan.take(EXCHANGE_KINDS, operation, "", order_ref)
        return Change(reply=struck[0].kind if struck else None, faults=plan.remaining, spent=plan.struck)

    return await _transact(world, None, decide)


def notice_of(
    world: World,
    dialect: Dialect,
    payment: Payment,
    now: datetime,
    *,
    forge: bool = False,
    attempt: int = 1,
    message: str = "",
) -> Notice:
    """All that a callback is made of. `forge` = signed with secrets that are not this merchant's."""
    merchant = world.merchant(payment.bank, payment.merchant_code)
    if merchant is None:
        raise UnknownPayment(f"{payment.payment_id}: its merchant {payment.merchant_code} is gone")
    if forge:
        merchant = forged(merchant)
    return Notice(payment=payment, merchant=merchant, now=now, attempt=attempt, message=message or dialect.messages[0])


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


def _change(reply: R, follows: Follows, plan: Plan, *exchanges: Exchange | None) -> Change[R]:
    return Change(
        reply=reply,
        payment=follows.payment,
        ledger=follows.ledger,
        deliveries=follows.deliveries,
        exchanges=tuple(each for each in exchanges if each is not None),
        faults=plan.remaining,
        spent=plan.struck,
        names=follows.names,
        purse=follows.purse,
    )


async def _key(world: World, dialect: Dialect, command: Command | None) -> Key | None:
    """What the command is about; None if that is no payment."""
    if isinstance(command, Create):
        return ByOrder(dialect.code, command.merchant.merchant_code, command.order.order_key)
    if not isinstance(command, OfOrder):
        return None
    if not command.name:
        return ByOrder(dialect.code, command.merchant.merchant_code, command.order_key)
    name = Name(dialect.code, command.merchant.merchant_code, command.name)
    payment_id = await world.store.named(world.name, name)
    return ById(payment_id) if payment_id is not None else None


def _asked_ref(command: Command | None) -> str:
    if isinstance(command, Create):
        return command.order.order_ref
    return command.order_key or command.name if isinstance(command, OfOrder) else ""
