"""The decisions of one transaction, taken one after another over what it has loaded, before anything is written.

Rule: pure. A decision sees what those before it in the same transaction have decided; one that raises leaves no trace.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from simulator.clock import Clock
from simulator.faults import Fault
from simulator.outbox import Delivery, DeliveryState
from simulator.payment import Payment, State
from simulator.purse import Purse, is_account
from simulator.settlement.day import moments_of
from simulator.store import (
    NO_TIMES,
    OWN_ACCOUNT,
    ById,
    ByOrder,
    CallbackTimes,
    Change,
    Claimed,
    Decide,
    Entry,
    Exchange,
    ImpossibleChange,
    Key,
    Name,
    R,
    Stored,
    expiry_of,
)

Ref = tuple[int, str]
"""(sandbox number, payment_id)."""

Held = tuple[int, Payment]
"""A payment with its number in the database, by which entries, deliveries and exchanges refer to it."""

Expiry = tuple[int, datetime, int]
"""(sandbox number, when, payment's number) of a pending payment."""

Found = tuple[int, str, datetime, int]
"""(sandbox number, bank, when, payment's number)."""

PurseRef = tuple[int, str]
"""(sandbox number, account's number)."""

Tally = defaultdict[tuple[int, str], int]
"""By how much each counter of each sandbox moves: (sandbox number, counter) -> difference."""


@dataclass(slots=True)
class Tenant:
    """A sandbox as a transaction sees it. `clock_at` is None on the system clock."""

    sandbox_id: int
    clock_at: datetime | None
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Transact:
    """One use case waiting for its turn."""

    sandbox: str
    key: Key | None
    decide: Decide[Any]
    account: str = ""


@dataclass(frozen=True, slots=True)
class Finish:
    """The result of one attempt waiting to be written."""

    claimed: Claimed
    after: Delivery
    exchanges: tuple[Exchange, ...]
    times: CallbackTimes = NO_TIMES


ANSWERED, TOLD = "answered_ms:", "told_ms:"
"""The counters of callbacks' times, each with its milliseconds."""

RETRIES = "retries"
FAULTS = "faults:"
"""The counters of faults spent, each with its kind."""


def state_counter(payment: Payment) -> str:
    return bank_counter(payment.bank, payment.state)


def bank_counter(bank: str, state: State) -> str:
    return f"payments:{bank}:{state.value}"


def delivery_counter(state: str) -> str:
    return f"deliveries:{state}"


def time_counters(times: CallbackTimes) -> Iterator[tuple[str, int]]:
    for prefix, counted in ((ANSWERED, times.answered), (TOLD, times.told)):
        for ms, amount in counted.items():
            yield f"{prefix}{ms}", amount


class Decisions:
    """What was loaded, and beside it what is to be written."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._found: dict[tuple[int, Key], str | None] = {}
        self._payments: dict[Ref, Payment] = {}
        self._loaded: dict[Ref, Payment] = {}
        self._purses: dict[PurseRef, Purse] = {}
        self.numbers: dict[Ref, int] = {}
        self.tenants: dict[str, Tenant] = {}
        self.created: dict[Ref, Payment] = {}
        self.changed: dict[Ref, Payment] = {}
        self.entries: dict[tuple[int, str, str], Entry] = {}
        self.deliveries: dict[tuple[int, str, str], Delivery] = {}
        self.exchanges: list[tuple[int, Exchange]] = []
        self.names: dict[tuple[int, Name], Ref] = {}
        self.faults: dict[int, tuple[Fault, ...]] = {}
        self.purses: dict[PurseRef, Purse] = {}
        self.tally: Tally = defaultdict(int)

    def knows(self, tenant: Tenant, key: Key) -> bool:
        """Whether `key` was looked up, or what it names decided, in this transaction."""
        return (tenant.sandbox_id, key) in self._found

    def load(self, tenant: Tenant, key: Key, held: Held | None) -> None:
        """`held` is what the database has under `key`; a decision already taken about it goes before."""
        if held is None:
            self._found[tenant.sandbox_id, key] = None
            return
        number, payment = held
        ref = (tenant.sandbox_id, payment.payment_id)
        self._found[tenant.sandbox_id, key] = payment.payment_id
        self._loaded.setdefault(ref, payment)
        self._payments.setdefault(ref, payment)
        self.numbers[ref] = number

    def missing_purse(self, tenant: Tenant, key: Key | None, account: str) -> PurseRef | None:
        """The purse that a decision asks for and that is not loaded yet. After `key` was looked up."""
        ref = self._purse_ref(tenant, self._find(tenant, key), account)
        return ref if ref is not None and ref not in self._purses else None

    def load_purse(self, ref: PurseRef, purse: Purse | None) -> None:
        """`purse` is what the database has of that account; a decision already taken about it goes before."""
        self._purses.setdefault(ref, purse or Purse(account=ref[1]))

    def take(self, tenant: Tenant, key: Key | None, decide: Decide[R], account: str = "") -> R:
        """The reply of `decide`; its change is kept for writing. Raises ImpossibleChange, and what `decide` raises."""
        before = self._find(tenant, key)
        shown = self._purse_ref(tenant, before, account) if account else None
        purse = None if shown is None else self._purses[shown]
        change = decide(Stored(tenant.clock_at or self._clock(), before, tenant.faults, purse))
        is_new = change.payment is not None and (before is None or before.payment_id != change.payment.payment_id)
        self._check(tenant, change, is_new)
        if change.purse is not None and change.purse != purse:
            self._keep_purse(shown, change.purse)
        if change.payment is not None:
            self._keep_payment(tenant, change.payment, is_new)
            for name in change.names:
                spelt = Name(change.payment.bank, change.payment.merchant_code, name)
                self.names.setdefault((tenant.sandbox_id, spelt), (tenant.sandbox_id, change.payment.payment_id))
        for entry in change.ledger:
            self._book(tenant, entry)
        for delivery in change.deliveries:
            self.deliveries[tenant.sandbox_id, delivery.payment_id, delivery.delivery_id] = delivery
        self.record(tenant, change.exchanges)
        for kind in change.spent:
            self.tally[tenant.sandbox_id, f"{FAULTS}{kind}"] += 1
        if change.faults is not None and change.faults != tenant.faults:
            self.faults[tenant.sandbox_id] = tenant.faults = change.faults
        return change.reply

    def finished(self, tenant: Tenant, finish: Finish, number: int | None) -> None:
        """`number` is the payment's if the lease still held and the delivery was written; else only the journal is."""
        if number is not None:
            self.numbers[tenant.sandbox_id, finish.after.payment_id] = number
            self.tally[tenant.sandbox_id, delivery_counter(DeliveryState.CLAIMED)] -= 1
            self.tally[tenant.sandbox_id, delivery_counter(finish.after.state)] += 1
            self.tally[tenant.sandbox_id, RETRIES] += finish.after.attempt > max(1, finish.claimed.delivery.attempt)
            for counter, amount in time_counters(finish.times):
                self.tally[tenant.sandbox_id, counter] += amount
        self.record(tenant, finish.exchanges)

    def record(self, tenant: Tenant, exchanges: tuple[Exchange, ...]) -> None:
        self.exchanges.extend((tenant.sandbox_id, exchange) for exchange in exchanges)
        self.tally[tenant.sandbox_id, "exchanges"] += len(exchanges)

    def unnumbered(self) -> set[Ref]:
        """Payments that something written refers to, but that were neither loaded nor created."""
        named = {(of, payment_id) for of, payment_id, _ in (*self.entries, *self.deliveries)}
        named.update((of, exchange.payment_id) for of, exchange in self.exchanges if exchange.payment_id)
        return named - self.numbers.keys() - self.created.keys()

    def expiries(self) -> tuple[list[Expiry], list[Expiry]]:
        """Those that no longer hold, and those that do so now. After all created payments have their numbers."""
        before = {self._expiry(ref, self._loaded[ref]) for ref in self.changed}
        after = {self._expiry(ref, payment) for ref, payment in (*self.created.items(), *self.changed.items())}
        return _sorted(before - after), _sorted(after - before)

    def _expiry(self, ref: Ref, payment: Payment) -> Expiry | None:
        expires_at = expiry_of(payment)
        return None if expires_at is None else (ref[0], expires_at, self.numbers[ref])

    def moments(self) -> list[Found]:
        """Those under which a payment is found from now on. After all payments have their numbers."""
        new = {
            (of, entry.bank, entry.booked_at, self.number_of((of, entry.payment_id)))
            for (of, _, _), entry in self.entries.items()
        }
        for ref, payment in (*self.created.items(), *self.changed.items()):
            known = self._loaded.get(ref)
            for at in moments_of(payment) - (moments_of(known) if known is not None else frozenset()):
                new.add((ref[0], payment.bank, at, self.numbers[ref]))
        return sorted(new)

    def number_of(self, ref: Ref) -> int:
        """Raises ImpossibleChange if there is no such payment."""
        number = self.numbers.get(ref)
        if number is None:
            raise ImpossibleChange(f"there is no payment {ref[1]} to which an entry or a delivery could belong")
        return number

    def _find(self, tenant: Tenant, key: Key | None) -> Payment | None:
        payment_id = None if key is None else self._found[tenant.sandbox_id, key]
        return None if payment_id is None else self._payments[tenant.sandbox_id, payment_id]

    def _purse_ref(self, tenant: Tenant, payment: Payment | None, account: str) -> PurseRef | None:
        if account == OWN_ACCOUNT:
            account = payment.payer_account if payment is not None else ""
        return (tenant.sandbox_id, account) if is_account(account) else None

    def _keep_purse(self, shown: PurseRef | None, purse: Purse) -> None:
        if shown is None or shown[1] != purse.account:
            raise ImpossibleChange(f"the purse of {purse.account} is not the one that the decision was shown")
        self._purses[shown] = self.purses[shown] = purse

    def _check(self, tenant: Tenant, change: Change[Any], is_new: bool) -> None:
        payment = change.payment
        if payment is not None and is_new:
            for key in (ById(payment.payment_id), order_of(payment)):
                if self._found.get((tenant.sandbox_id, key)) is not None:
                    raise ImpossibleChange(f"{key} exists, but was not the key of the decision that creates it")
        booked: set[tuple[int, str, str]] = set()
        for entry in change.ledger:
            ref = (tenant.sandbox_id, entry.payment_id, entry.entry_id)
            if ref in booked or ref in self.entries:
                raise ImpossibleChange(f"entry {entry.entry_id} of payment {entry.payment_id} was booked before")
            booked.add(ref)

    def _keep_payment(self, tenant: Tenant, payment: Payment, is_new: bool) -> None:
        sandbox_id = tenant.sandbox_id
        ref = (sandbox_id, payment.payment_id)
        if is_new:
            self._found[sandbox_id, ById(payment.payment_id)] = payment.payment_id
            self._found[sandbox_id, order_of(payment)] = payment.payment_id
        else:
            self.tally[sandbox_id, state_counter(self._payments[ref])] -= 1
        self.tally[sandbox_id, state_counter(payment)] += 1
        self._payments[ref] = payment
        written = self.created if is_new or ref in self.created else self.changed
        written[ref] = payment

    def _book(self, tenant: Tenant, entry: Entry) -> None:
        self.entries[tenant.sandbox_id, entry.payment_id, entry.entry_id] = entry
        counter = "debited_vnd" if entry.amount_vnd > 0 else "refunded_vnd"
        self.tally[tenant.sandbox_id, counter] += abs(entry.amount_vnd)


def _sorted(expiries: set[Expiry | None]) -> list[Expiry]:
    return sorted(each for each in expiries if each is not None)


def order_of(payment: Payment) -> ByOrder:
    return ByOrder(payment.bank, payment.merchant_code, payment.order.order_key)
