"""Where payments live: one contract, two stores (sqlite.py, postgres.py), and no rule of the business in either.

A use case is a pure function from what is stored to a `Change`; the store loads, locks, decides and writes it in
one transaction, and answers only after the commit.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Generic, Protocol, TypeVar

import msgspec

from simulator.faults import Fault
from simulator.letter import Letter
from simulator.maintenance import Window
from simulator.outbox import Delivery, Retry
from simulator.payment import Merchant, Payment, due_at
from simulator.purse import Purse
from simulator.wire import Headers

R = TypeVar("R")


class Sandbox(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant: its own merchants, clock, seed, faults, payments and journal.

    `clock_at` is None for the system clock, otherwise the manual clock's time. `retries` override the banks' ladders.
    In the hours of `maintenance` no payer can log in. `faults_by_amount` = amounts that end in 9NN ask for faults.
    `version` is the store's own: another text each time these settings are written.
    """

    name: str
    seed: str
    clock_at: datetime | None = None
    merchants: tuple[Merchant, ...] = ()
    faults: tuple[Fault, ...] = ()
    retries: dict[str, Retry] = {}
    maintenance: Window | None = None
    faults_by_amount: bool = False
    version: str = ""


class ByOrder(msgspec.Struct, frozen=True):
    """A payment as its merchant names it."""

    bank: str
    merchant_code: str
    order_key: str


class ById(msgspec.Struct, frozen=True):
    payment_id: str


Key = ByOrder | ById

OWN_ACCOUNT = "own"
"""In place of an account's number: the one from which the payment is paid, if it is known by then."""


class Name(msgspec.Struct, frozen=True):
    """One more name of a payment, unique with its merchant: the bank's own number, a refund's number, a link's."""

    bank: str
    merchant_code: str
    name: str


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One movement of money, from the payer's account (+) or back to it (-). Never changed, never removed.

    `entry_id` is unique within a payment ("debit", "refund:REQ1"): the same movement cannot be written twice.
    """

    payment_id: str
    entry_id: str
    bank: str
    merchant_code: str
    order_ref: str
    amount_vnd: int
    booked_at: datetime


class Moment(msgspec.Struct, frozen=True):
    """An instant under which a payment is found, with the payment and all its entries. `number` orders equal ones."""

    at: datetime
    number: int
    payment: Payment
    entries: tuple[Entry, ...]


class Standing(msgspec.Struct, frozen=True):
    """A payment with all its entries. `number` grows with its age; `telling` = a callback of it is still under way."""

    number: int
    payment: Payment
    entries: tuple[Entry, ...]
    telling: bool


class Exchange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One HTTP exchange as it crossed the wire, secrets and card numbers masked. `status` 0 = there was no answer.

    `direction` "in" = the connector called the bank, "out" = the bank called the connector.
    """

    direction: str
    at: datetime
    bank: str
    operation: str
    payment_id: str = ""
    order_ref: str = ""
    method: str = ""
    url: str = ""
    request_headers: Headers = ()
    request_body: bytes = b""
    status: int = 0
    response_headers: Headers = ()
    response_body: bytes = b""
    note: str = ""


class Stored(msgspec.Struct, frozen=True):
    """What a decision may look at: the sandbox's time, the payment (if it exists) and the faults still planned.

    `purse` is that of the account that was named, None if none was.
    """

    now: datetime
    payment: Payment | None
    faults: tuple[Fault, ...]
    purse: Purse | None = None


class Change(msgspec.Struct, Generic[R], frozen=True):
    """What a decision wants written, all or nothing. `payment` and `deliveries` are inserted or replaced; a delivery
    that no longer waits, because a courier has claimed it meanwhile, is left alone. `names` are added to `payment`;
    one that is taken stays with whom it names already.

    `faults`, when not None, is the plan that remains after some were spent; `spent` names the kinds of those that
    struck, once for each time. `purse`, when not None, replaces the one
    that the decision was shown.
    """

    reply: R
    payment: Payment | None = None
    ledger: tuple[Entry, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    exchanges: tuple[Exchange, ...] = ()
    faults: tuple[Fault, ...] | None = None
    names: tuple[str, ...] = ()
    purse: Purse | None = None
    spent: tuple[str, ...] = ()


Decide = Callable[[Stored], Change[R]]


class Claimed(msgspec.Struct, frozen=True):
    """A delivery that this process, and no other, may carry out until its lease ends. `lease` proves it."""

    sandbox: str
    delivery: Delivery
    payment: Payment
    lease: str


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Counters of one sandbox, of all that ever was in it since it was made or cleared; money in dong.

    What was removed since for its age goes on counting, and `..._removed` says how much of it is gone.
    """

    payments: int
    payments_by_state: dict[str, int]
    debited_vnd: int
    refunded_vnd: int
    deliveries_by_state: dict[str, int]
    exchanges: int
    payments_by_bank: dict[str, dict[str, int]] = {}
    retries: int = 0
    faults_spent: dict[str, int] = {}
    payments_removed: int = 0
    exchanges_removed: int = 0
    letters_removed: int = 0


class CallbackTimes(msgspec.Struct, frozen=True):
    """How many callbacks took how many milliseconds, on the system clock; two digits of each figure are exact.

    `answered` = from sending one to the connector's answer, of every attempt. `told` = from the payment's settlement
    until its connector has acknowledged.
    """

    answered: dict[int, int] = {}
    told: dict[int, int] = {}


NO_TIMES = CallbackTimes()


class Figures(msgspec.Struct, frozen=True):
    """What one sandbox comes to at this moment. `due_at` is when the next of its callbacks falls due, or fell."""

    sandbox: str
    manual: bool
    due_at: datetime | None
    totals: Totals
    times: CallbackTimes


class Removed(msgspec.Struct, frozen=True):
    """A round of removing: how many are gone, and the number after which to go on; None = all that is old was seen."""

    count: int
    after: int | None


class Size(msgspec.Struct, frozen=True):
    """What a store takes on the disk. `gives_back` = what is removed makes it smaller, not only free to be used."""

    size_bytes: int
    free_bytes: int
    gives_back: bool


class StoreError(Exception):
    """The database cannot be used; the message says why and what to do."""


class UnknownSandbox(Exception):
    """There is no sandbox of that name."""


class Outdated(Exception):
    """Another process has changed that sandbox's settings since they were read; nothing was written."""


class ImpossibleChange(Exception):
    """A bug in a decision; nothing was written.

    It books an entry twice, creates a payment that exists (its key named another, or none), writes entries or
    deliveries of a payment that does not exist, or another purse than it was shown.
    """


class Store(Protocol):
    """All methods that take `sandbox` raise UnknownSandbox if it does not exist."""

    async def open(self) -> None:
        """Connects and migrates. Raises StoreError: unreadable, or written by a newer schema."""

    async def close(self) -> None: ...

    async def put_sandbox(self, sandbox: Sandbox) -> str:
        """Creates it, or replaces its settings; payments stay. The new version."""

    async def add_sandbox(self, sandbox: Sandbox) -> None:
        """Creates it unless it exists."""

    async def set_settings(self, sandbox: Sandbox) -> str:
        """Replaces its seed, merchants, retries and the like; clock and faults, which move on their own, stay.

        The new version. Raises Outdated if they are no longer of the `version` that they were read with.
        """

    async def sandbox(self, name: str) -> Sandbox: ...

    async def version(self, name: str) -> str:
        """That of the sandbox's settings, cheaper than to read them."""

    async def sandboxes(self) -> list[Sandbox]: ...

    async def clear_sandbox(self, name: str) -> None:
        """Removes its payments, ledger, deliveries and journal; its settings stay."""

    async def drop_sandbox(self, name: str) -> None: ...

    async def set_clock(self, name: str, at: datetime) -> None:
        """Moves a manual clock, never back. Raises ValueError for a sandbox on the system clock."""

    async def set_faults(self, name: str, faults: tuple[Fault, ...]) -> None: ...

    async def transact(self, sandbox: str, key: Key | None, decide: Decide[R], account: str = "") -> R:
        """Loads, locks, decides, writes and commits. What `decide` raises comes out and nothing is written.

        `decide` may be called more than once (a lost race is decided again) and must be pure. `account` is the number
        of the account whose purse it is to see, or OWN_ACCOUNT; an account that has paid nothing has an empty one.
        """

    async def claim(
        self, now: datetime, limit: int, lease_s: float, node: str, sandbox: str | None = None
    ) -> list[Claimed]:
        """Claims deliveries due at `now`, earliest first (then by id).

        Without `sandbox`: of all sandboxes on the system clock. With it: of that one, whatever its clock.
        A claim whose lease has run out is due again.
        """

    async def finish(
        self, claimed: Claimed, after: Delivery, exchanges: tuple[Exchange, ...], times: CallbackTimes = NO_TIMES
    ) -> bool:
        """Writes the result of an attempt, its times and the journal; False (and only the journal kept) if the lease
        was lost."""

    async def next_due(self, sandbox: str | None = None) -> datetime | None:
        """When the next delivery falls due, among those `claim` would consider; None if nothing is owed."""

    async def next_expiry(self, sandbox: str, after: datetime) -> datetime | None:
        """The earliest instant later than `after` at which a payment expires or a refund is decided."""

    async def expiring(self, now: datetime, limit: int, sandbox: str | None = None) -> list[tuple[str, str]]:
        """(sandbox, payment_id) of what expires, or has a refund decided, at or before `now`; scope as in `claim`."""

    async def payment(self, sandbox: str, key: Key) -> Payment | None: ...

    async def named(self, sandbox: str, name: Name) -> str | None:
        """The payment_id of the payment that bears this name. A name never comes to mean another payment."""

    async def payments(
        self, sandbox: str, *, order_ref: str = "", bank: str = "", limit: int = 100, offset: int = 0
    ) -> list[Payment]:
        """Newest first."""

    async def deliveries(
        self, sandbox: str, *, payment_id: str = "", limit: int = 100, offset: int = 0
    ) -> list[Delivery]:
        """In the order of their due time and id."""

    async def exchanges(
        self, sandbox: str, *, payment_id: str = "", after_id: int = 0, limit: int = 100
    ) -> list[tuple[int, Exchange]]:
        """In the order they happened, with their ids."""

    async def ledger(self, sandbox: str, *, payment_id: str = "", limit: int = 1000, offset: int = 0) -> list[Entry]:
        """In the order they were booked."""

    async def moments(
        self,
        sandbox: str,
        *,
        bank: str,
        merchant_code: str,
        since: datetime,
        until: datetime,
        after: int = -1,
        limit: int = 100,
    ) -> list[Moment]:
        """When money of that merchant moved, or counted, from `since` up to, but without, `until`; in that order.

        To read on, give the last one's instant and number as `since` and `after`.
        """

    async def standings(self, sandbox: str, *, after: int = 0, limit: int = 100) -> list[Standing]:
        """All payments, oldest first. To read on, give the last one's number as `after`."""

    async def totals(self, sandbox: str) -> Totals: ...

    async def callback_times(self, sandbox: str) -> CallbackTimes:
        """Of all that were sent since the sandbox was made or cleared."""

    async def figures(self) -> list[Figures]:
        """Of every sandbox, the oldest first."""

    async def remove_payments(self, sandbox: str, before: datetime, *, after: int = 0, limit: int = 50) -> Removed:
        """Removes payments that ended before that instant, with all that belongs to them, in one transaction.

        Looks at the `limit` oldest of those after the number `after`. One that is pending or held, has a pending
        refund, or whose connector is still being told, stays; and so may the youngest of all. The counters stay, too.
        """

    async def remove_exchanges(self, sandbox: str, before: datetime, *, after: int = 0, limit: int = 50) -> Removed:
        """The same for older entries of the journal that belong to no payment, or to none any more."""

    async def remove_letters(self, sandbox: str, before: datetime, *, after: int = 0, limit: int = 50) -> Removed:
        """The same for older letters."""

    async def give_back(self, pages: int = 50) -> bool:
        """Gives at most so many free pages back to the disk, if that is to be asked for. Whether there are more."""

    async def size(self) -> Size: ...

    async def purses(self, sandbox: str) -> list[Purse]:
        """Of the accounts that have paid, or were changed, by their numbers."""

    async def put_letter(self, sandbox: str, letter: Letter) -> int:
        """Keeps what a portal sent to a payer; its number."""

    async def letters(
        self, sandbox: str, *, recipient: str = "", after_id: int = 0, limit: int = 100
    ) -> list[tuple[int, Letter]]:
        """In the order they came, with their numbers."""


def expiry_of(payment: Payment) -> datetime | None:
    """When a pending payment expires, or a pending refund of a paid one is decided; None = nothing is due."""
    return due_at(payment)
