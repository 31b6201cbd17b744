"""What follows from a changed payment, in the same transaction: money booked, callbacks planned, faults spent.

Rule: pure; given what is stored and the faults still planned, it says what is to be written.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import count
from random import Random

import msgspec

from simulator import payer
from simulator.banks import dialects
from simulator.dialect import Dialect
from simulator.distortion import unfit
from simulator.faults import (
    ANSWER_KINDS,
    CALLBACK,
    CALLBACK_KINDS,
    EXCHANGE_KINDS,
    FAILURE_KINDS,
    PAY,
    PAYER_KINDS,
    PAYERS,
    Deed,
    Fault,
    Occasion,
    Where,
    deeds,
    shaped,
    take,
)
from simulator.outbox import Delivery, announce
from simulator.payment import COLLECTED, TRANSITIONS, Channel, Event, Merchant, Order, Payment, State, Step, apply
from simulator.purse import Kind, Purse, debited, returned
from simulator.store import Entry, Stored
from simulator.world import World

_DEBITED = COLLECTED | {State.SUSPECTED}


class Follows(msgspec.Struct, frozen=True):
    """The payment as it is to be kept, the money that moved, the callbacks now due, and the payment's new names.

    `purse` is that of the test account from which or to which the money moved.
    """

    payment: Payment | None = None
    ledger: tuple[Entry, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    names: tuple[str, ...] = ()
    purse: Purse | None = None


NOTHING = Follows()


class PurseWanted(Exception):
    """The decision moves money of that account, and was not shown its purse: it is to be taken again with it."""

    def __init__(self, account: str) -> None:
        super().__init__(account)
        self.account = account


class Plan:
    """The faults still planned while one decision spends some of them. `struck` names the kinds of those that did."""

    def __init__(self, world: World, dialect: Dialect, stored: Stored) -> None:
        self.left = stored.faults
        self._world = world
        self._dialect = dialect
        self._payment = stored.payment
        self._now = stored.now
        self._streams: dict[tuple[str, ...], Random] = {}
        self._spent = False
        self.struck: tuple[str, ...] = ()

    def ask(self, asked: Iterable[Fault], operation: str, merchant_code: str, order_ref: str) -> None:
        """Adds what this very request or its amount asks for: rules for its own order alone.

        One for the bank's answer means the answer to this request, unless it names another.
        """
        for fault in asked:
            told = fault.operation or (operation if fault.kind in ANSWER_KINDS else "")
            taken = {each.fault_id for each in self.left}
            ids = (f"a-{self._world.token('asked', self._now.isoformat(), order_ref, str(n))[:10]}" for n in count())
            mine = msgspec.structs.replace(
                fault,
                fault_id=next(fault_id for fault_id in ids if fault_id not in taken),
                bank=self._dialect.code,
                operation=told,
                merchant_code=merchant_code,
                order_ref=order_ref,
            )
            self.left = (*self.left, mine)
            self._spent = True

    def take(self, kinds: frozenset[str], operation: str, merchant_code: str, order_ref: str) -> tuple[Fault, ...]:
        """The faults that strike this occasion; without faults this costs nothing."""
        if not self.left:
            return ()
        orders = self._dialect.shape.connector_orders
        occasion = Occasion(
            bank=self._dialect.code,
            operation=operation,
            merchant_code=merchant_code,
            order_ref=order_ref,
            usual=operation == ("create" if orders else CALLBACK),
            orders=orders,
            at=self._now,
        )
        struck, left = take(self.left, kinds, occasion, self.chance(operation, merchant_code, order_ref).random)
        self._spent = self._spent or left != self.left
        self.left = left
        self.struck += tuple(fault.kind for fault in struck)
        return struck

    def chance(self, operation: str, merchant_code: str, order_ref: str) -> Random:
        """Chance that depends on this order and on how often it has had its turn, on nothing else."""
        turn = f"{self._payment.told}.{len(self._payment.queries)}" if self._payment else ""
        purpose = (self._dialect.code, operation, merchant_code, order_ref, turn)
        if purpose not in self._streams:
            self._streams[purpose] = self._world.rng_for("faults", *purpose)
        return self._streams[purpose]

    @property
    def remaining(self) -> tuple[Fault, ...] | None:
        """What is to be kept of the plan, None if none of it was spent."""
        return self.left if self._spent else None


def new_payment(world: World, dialect: Dialect, merchant: Merchant, order: Order, now: datetime) -> Payment:
    """A pending payment of that order; its ids follow from the sandbox's seed and the order alone."""
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


def usual_channel(payment: Payment) -> Channel:
    """Where the payer acted, if nobody said."""
    return payment.channel or dialects()[payment.bank].channels[0]


def settled(
    world: World, dialect: Dialect, before: Payment | None, after: Payment, plan: Plan, stored: Stored
) -> Follows:
    """What is to be written of a payment that was `before` and is `after`. Raises PurseWanted."""
    now = stored.now
    after = held(dialect, before, after)
    ledger = _movements(before, after, now)
    purse = _purse_after(world, dialect, before, after, ledger, stored) if ledger else None
    was = before.state if before else State.PENDING
    names = dialect.names(after)
    if names and before is not None:
        known = dialect.names(before)
        names = tuple(name for name in names if name not in known)
    given_back = before is not None and len(after.refunds) > len(before.refunds)
    if (after.state is was and not given_back) or after.state not in dialect.announces:
        return Follows(after, ledger, names=names, purse=purse)
    where = (CALLBACK, after.merchant_code, after.order.order_ref)
    struck = plan.take(_fitting(dialect, plan), *where)
    deliveries = announce(
        after, now, shaped(struck), _breaks(plan, world.retry(dialect).attempts_max, where), dialect.messages
    )
    told = msgspec.structs.replace(after, told=after.told + len(deliveries))
    return Follows(told, ledger, deliveries, names, purse)


def _fitting(dialect: Dialect, plan: Plan) -> frozenset[str]:
    """The faults that this bank's callbacks can have; the others wait for a bank that fits them."""
    if not plan.left:
        return CALLBACK_KINDS
    never = frozenset() if dialect.tells_failures else FAILURE_KINDS
    return CALLBACK_KINDS - never - {fault.kind for fault in plan.left if unfit(dialect.code, fault.kind)}


def judged(
    world: World, dialect: Dialect, before: Payment, after: Payment, stored: Stored, *, has_page: bool = True
) -> Payment:
    """What a payer did, as his bank lets it be if it debits a test account. Raises PurseWanted."""
    if not payer.debits(before, after) or payer.account_of(after.payer_account) is None:
        return after
    purse, kind = _shown(stored, after.payer_account), _kind(world, dialect, after)
    return payer.allowed(before, after, purse, kind, stored.now, has_page=has_page)


def _purse_after(
    world: World, dialect: Dialect, before: Payment | None, after: Payment, ledger: tuple[Entry, ...], stored: Stored
) -> Purse | None:
    if payer.account_of(after.payer_account) is None:
        return None
    purse = _shown(stored, after.payer_account)
    face_seen = before is not None and before.step is Step.BIOMETRICS
    for entry in ledger:
        if entry.amount_vnd < 0:
            purse = returned(purse, -entry.amount_vnd)
        else:
            kind = _kind(world, dialect, after)
            purse = debited(purse, kind, entry.amount_vnd, stored.now, confirmed=face_seen)
    return purse


def _shown(stored: Stored, account: str) -> Purse:
    if stored.purse is None or stored.purse.account != account:
        raise PurseWanted(account)
    return stored.purse


def _kind(world: World, dialect: Dialect, payment: Payment) -> Kind:
    return payer.kind_of(payment, dialect, world.merchant(payment.bank, payment.merchant_code))


_DEEDS = {
    State.PAID: Event.APPROVE,
    State.FAILED: Event.DECLINE,
    State.CANCELLED: Event.CANCEL,
    State.SUSPECTED: Event.SUSPECT,
}
"""By what deed of its payer a pending payment has come into a state; the rest is the bank's doing, or time's."""


class Conduct(msgspec.Struct, frozen=True):
    """What a payer really did: the payment after each deed. `again` = another payment of the same order follows."""

    steps: tuple[Payment, ...]
    again: bool = False


def as_payers_do(dialect: Dialect, before: Payment, after: Payment, plan: Plan, now: datetime) -> Conduct:
    """What its payer did where a fault has changed his mind; else the one step. Faults that strike are spent.

    A deed that the payment's state does not allow is left out.
    """
    event = _DEEDS.get(after.state) if before.state is State.PENDING else None
    if event is None or not plan.left:
        return Conduct((after,))
    fitting = frozenset(kind for kind in PAYER_KINDS if not _unable(dialect, after, kind))
    struck = plan.take(fitting, PAY, before.merchant_code, before.order.order_ref)
    if not struck:
        return Conduct((after,))
    deed = Deed(event=event, outcome=after.outcome, amount_vnd=after.amount_vnd, channel=after.channel)
    payment = msgspec.structs.replace(
        after, state=State.PENDING, outcome=before.outcome, amount_vnd=before.amount_vnd, settled_at=before.settled_at
    )
    steps: list[Payment] = []
    for each in deeds(before, deed, struck, now):
        if each.at is not None:
            payment = msgspec.structs.replace(payment, late_at=each.at)
            late = steps.pop() if steps else before
            steps.append(msgspec.structs.replace(late, late_at=each.at))
        elif (payment.state, each.event) in TRANSITIONS:
            given = {"amount_vnd": each.amount_vnd, "channel": each.channel}
            changes = {name: value for name, value in given.items() if value is not None}
            payment = apply(payment, each.event, now, each.outcome, **changes)
            steps.append(payment)
    return Conduct(tuple(steps) or (before,), any(PAYERS[fault.kind].again for fault in struck) and bool(steps))


def settled_in_turn(
    world: World, dialect: Dialect, before: Payment, steps: tuple[Payment, ...], plan: Plan, stored: Stored
) -> Follows:
    """What is to be written of a payment that came through all these steps. Raises PurseWanted."""
    follows = settled(world, dialect, before, steps[0], plan, stored)
    for after in steps[1:]:
        was = follows.payment
        assert was is not None, "a settled payment is written"
        shown = msgspec.structs.replace(stored, purse=follows.purse) if follows.purse else stored
        then = settled(world, dialect, was, msgspec.structs.replace(after, told=was.told), plan, shown)
        follows = Follows(
            then.payment,
            (*follows.ledger, *then.ledger),
            (*follows.deliveries, *then.deliveries),
            (*follows.names, *then.names),
            then.purse or follows.purse,
        )
    return follows


def spared(dialect: Dialect, kind: str) -> str:
    """Why no payer of this bank can do that, "" if some can, or if it is nothing that payers do."""
    where = PAYERS[kind].where if kind in PAYERS else Where.ANYWHERE
    ordered = dialect.shape.connector_orders
    if where is Where.OPEN_AMOUNT and ordered and Channel.QR not in dialect.channels:
        return f"payers of {dialect.code} do not type the amount"
    if where is Where.UNASKED and ordered:
        return f"an order of {dialect.code} is paid once: it has neither bills nor transfers"
    if where is Where.BROWSER and not dialect.sends_back:
        return f"{dialect.code} sends no browser back"
    return ""


def _unable(dialect: Dialect, payment: Payment, kind: str) -> bool:
    """Whether the payer of this payment cannot do that: where orders are made, only a scanned code asks for a sum."""
    typed = PAYERS[kind].where is Where.OPEN_AMOUNT
    fixed = dialect.shape.connector_orders and usual_channel(payment) is not Channel.QR
    return bool(spared(dialect, kind)) or (typed and fixed)


def held(dialect: Dialect, before: Payment | None, after: Payment) -> Payment:
    """The payment as it is kept: approved money that the connector has still to capture is only suspected."""
    was = before.state if before else State.PENDING
    if after.state is not State.PAID or was in _DEBITED or not dialect.holds(after):
        return after
    return msgspec.structs.replace(after, state=State.SUSPECTED)


def _breaks(plan: Plan, attempts: int, where: tuple[str, str, str]) -> tuple[str | None, ...]:
    """Which of a callback's coming attempts are broken, one entry an attempt."""
    if not any(fault.kind in EXCHANGE_KINDS for fault in plan.left):
        return ()
    hits = [plan.take(EXCHANGE_KINDS, *where) for _ in range(attempts)]
    return tuple(struck[0].kind if struck else None for struck in hits) if any(hits) else ()


def _movements(before: Payment | None, after: Payment, now: datetime) -> tuple[Entry, ...]:
    """The money that moved between two states of one payment."""
    was = before.state if before else State.PENDING
    if after.state is was and not after.refunds:
        return ()
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
