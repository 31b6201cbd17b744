"""A program that accepts payments as fast as it can and names each only after it was answered; made to be killed.

`python -m tests.accepting STORE-URL NAME` prints one payment's id a line, for ever.
"""

import asyncio
import itertools
import sys
from collections.abc import Iterator

from simulator.clock import system_clock
from simulator.outbox import announce
from simulator.payment import Event, Order, Payment, apply
from simulator.store import ById, ByOrder, Change, Entry, Store, Stored
from simulator.store.opening import open_store

AT_ONCE = 16
AMOUNT_VND = 50_000
SANDBOX = "default"


async def accept(store: Store, name: str) -> None:
    """One payment, created and then approved with its entry and its callback."""

    def create(stored: Stored) -> Change[None]:
        order = Order(order_ref=name, order_key=name, amount_vnd=AMOUNT_VND)
        payment = Payment(
            payment_id=name,
            bank="vnpay",
            merchant_code="DEMO",
            order=order,
            amount_vnd=AMOUNT_VND,
            bank_ref=name,
            created_at=stored.now,
        )
        return Change(None, payment=payment)

    def approve(stored: Stored) -> Change[None]:
        assert stored.payment is not None, "what was answered is there"
        paid = apply(stored.payment, Event.APPROVE, stored.now)
        entry = Entry(
            payment_id=name,
            entry_id="debit",
            bank=paid.bank,
            merchant_code=paid.merchant_code,
            order_ref=name,
            amount_vnd=AMOUNT_VND,
            booked_at=stored.now,
        )
        return Change(None, payment=paid, ledger=(entry,), deliveries=announce(paid, stored.now))

    await store.transact(SANDBOX, ByOrder("vnpay", "DEMO", name), create)
    await store.transact(SANDBOX, ById(name), approve)


async def accept_for_ever(store: Store, names: Iterator[str]) -> None:
    for name in names:
        await accept(store, name)
        sys.stdout.write(f"{name}\n")
        sys.stdout.flush()


async def main(url: str, process: str) -> None:
    store = open_store(url, system_clock)
    await store.open()
    names = (f"{process}-{number}" for number in itertools.count())
    await asyncio.gather(*(accept_for_ever(store, names) for _ in range(AT_ONCE)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
