"""The stores' benchmark: whole payments and their transactions per second, beside bare sqlite3 in the same run.

Run it with `python -m tests.bench.store`. Trust the ratios, not the rates.
"""

import argparse
import asyncio
import os
import sqlite3
import statistics
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from time import perf_counter, process_time

import msgspec
import uvloop

from simulator.clock import system_clock
from simulator.outbox import Retry, after_attempt, announce
from simulator.payment import Event, Order, Payment, apply
from simulator.store import ById, ByOrder, Change, Entry, Exchange, Sandbox, Store, Stored
from simulator.store.opening import open_store
from tests.postgres import postgres_server

LADDER = Retry(delays_s=(60, 300))


def new_payment(number: int, stored: Stored) -> Payment:
    fields = {f"vnp_Field{index}": f"value {index} of {number}" for index in range(8)}
    order = Order(
        order_ref=f"HS{number:08}",
        order_key=f"HS{number:08}|20261122",
        amount_vnd=150_000,
        description=f"Nop le phi ho so {number}",
        expires_at=stored.now + timedelta(minutes=15),
        return_url="http://portal.test/return/vnpay",
        wire=fields,
    )
    return Payment(
        payment_id=f"{number * 2654435761 % 2**64:016x}{number:016x}",
        bank="vnpay",
        merchant_code="DEMOV210",
        order=order,
        amount_vnd=150_000,
        bank_ref=f"14{number:06}",
        created_at=stored.now,
    )


def exchange(payment: Payment, operation: str, stored: Stored) -> Exchange:
    return Exchange(
        direction="in",
        at=stored.now,
        bank="vnpay",
        operation=operation,
        payment_id=payment.payment_id,
        order_ref=payment.order.order_ref,
        method="GET",
        url="http://127.0.0.1:8080/vnpay/paymentv2/vpcpay.html?" + "&".join(payment.order.wire.values()),
        request_headers=(("host", "127.0.0.1:8080"), ("user-agent", "portal/1.0"), ("accept", "*/*")),
        status=200,
        response_headers=(("content-type", "application/json"),),
        response_body=b'{"RspCode":"00","Message":"Confirm Success"}',
    )


def create(number: int) -> Callable[[Stored], Change[Payment]]:
    def decide(stored: Stored) -> Change[Payment]:
        payment = new_payment(number, stored)
        return Change(payment, payment=payment, exchanges=(exchange(payment, "create", stored),))

    return decide


def approve(stored: Stored) -> Change[None]:
    assert stored.payment is not None
    payment = apply(stored.payment, Event.APPROVE, stored.now)
    entry = Entry(
        payment_id=payment.payment_id,
        entry_id="debit",
        bank=payment.bank,
        merchant_code=payment.merchant_code,
        order_ref=payment.order.order_ref,
        amount_vnd=payment.amount_vnd,
        booked_at=stored.now,
    )
    return Change(None, payment=payment, ledger=(entry,), deliveries=announce(payment, stored.now))


def query(stored: Stored) -> Change[None]:
    assert stored.payment is not None
    asked = msgspec.structs.replace(stored.payment, queries=(("Q1", stored.now),))
    return Change(None, payment=asked, exchanges=(exchange(asked, "query", stored),))


async def pay(store: Store, number: int) -> None:
    key = ByOrder("vnpay", "DEMOV210", f"HS{number:08}|20261122")
    payment = await store.transact("bench", key, create(number))
    await store.transact("bench", ById(payment.payment_id), approve)
    await store.transact("bench", key, query)


async def deliver(store: Store, count: int) -> None:
    """Claims and finishes `count` callbacks, as they fall due."""
    while count:
        now = system_clock()
        claimed = await store.claim(now, 200, 30, "bench")
        count -= len(claimed)
        await asyncio.gather(
            *(
                store.finish(
                    each,
                    after_attempt(each.delivery, True, "00", now, LADDER),
                    (exchange(each.payment, "callback", Stored(now, None, ())),),
                )
                for each in claimed
            )
        )
        await asyncio.sleep(0.02)


async def whole_payments(store: Store, count: int, at_once: int) -> tuple[float, float]:
    """(whole payments a second, microseconds of this process's processor for each)."""
    await store.put_sandbox(Sandbox(name="bench", seed="bench"))
    numbers = iter(range(count))

    async def payer() -> None:
        for number in numbers:
            await pay(store, number)

    start, processor = perf_counter(), process_time()
    await asyncio.gather(deliver(store, count), *(payer() for _ in range(at_once)))
    elapsed, spent = perf_counter() - start, process_time() - processor
    totals = await store.totals("bench")
    assert totals.payments_by_state == {"paid": count}, totals
    assert totals.deliveries_by_state == {"acknowledged": count}, totals
    return count / elapsed, spent / count * 1e6


def bare_autocommit(path: str, count: int) -> float:
    """Rows of a payment's size a second, one transaction each, in this thread."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE payment (payment_id TEXT PRIMARY KEY, document BLOB)")
    document = bytes(700)
    start = perf_counter()
    for number in range(count):
        connection.execute("INSERT INTO payment VALUES (?, ?)", (f"{number:032}", document))
    elapsed = perf_counter() - start
    connection.close()
    return count / elapsed


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    store = open_store(url, system_clock)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def sqlite_round(count: int, at_once: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        async with opened(f"sqlite:///{folder}/bench.db") as store:
            return await whole_payments(store, count, at_once)


async def postgres_round(dsn: str, count: int, at_once: int) -> tuple[float, float]:
    async with opened(dsn) as store:
        if "bench" in [sandbox.name for sandbox in await store.sandboxes()]:
            await store.drop_sandbox("bench")
        return await whole_payments(store, count, at_once)


def line(name: str, measured: list[tuple[float, float]], bare: float) -> str:
    rate = statistics.median(rate for rate, _ in measured)
    cpu = statistics.median(cpu for _, cpu in measured)
    return f"{name:<28}{rate:>12,.0f}{rate * 5:>16,.0f}{cpu:>10,.0f}{rate * 5 / bare:>14.2f}"


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="interleaved runs; medians are printed")
    parser.add_argument("--count", type=int, default=5000, help="whole payments a run")
    parser.add_argument("--at-once", type=int, default=64, help="payers at the same time")
    parser.add_argument("--store", choices=("sqlite", "postgres"), help="only this one")
    args = parser.parse_args()
    bare: list[float] = []
    measured: dict[str, list[tuple[float, float]]] = {}
    with postgres_server() as dsn, tempfile.TemporaryDirectory() as folder:
        for run in range(args.runs):
            bare.append(bare_autocommit(f"{folder}/{run}.db", 5000))
            if args.store != "postgres":
                measured.setdefault("SQLite", []).append(await sqlite_round(args.count, args.at_once))
            if args.store != "sqlite":
                measured.setdefault("PostgreSQL", []).append(await postgres_round(dsn, args.count, args.at_once))
    print(f"{os.cpu_count()} processors, {args.at_once} payers at once, medians of {args.runs} interleaved runs")
    print(f"{'':<28}{'payments/s':>12}{'transactions/s':>16}{'CPU us':>10}{'x autocommit':>14}")
    base = statistics.median(bare)
    print(f"{'bare sqlite3, autocommit':<28}{'':>12}{base:>16,.0f}{'':>10}{1:>14.2f}")
    for name, results in measured.items():
        print(line(name, results, base))


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(main())
