"""The store's contract, tested on both stores: what is decided is kept whole, and once, whoever else is writing."""

import asyncio
import itertools
import os
import random
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import msgspec
import pytest

from simulator.faults import Fault, FaultKind, Occasion, take
from simulator.letter import Letter, LetterKind
from simulator.maintenance import Window
from simulator.outbox import Delivery, DeliveryState, Retry, after_attempt, announce
from simulator.payment import Event, IllegalEvent, Merchant, Order, Payment, Refund, RefundState, apply
from simulator.purse import Biometrics, Kind, Purse, changed, debited
from simulator.slip import PaidWith, TellerSlip
from simulator.store import (
    OWN_ACCOUNT,
    ById,
    ByOrder,
    CallbackTimes,
    Change,
    Claimed,
    Entry,
    Exchange,
    ImpossibleChange,
    Key,
    Name,
    Outdated,
    Removed,
    Sandbox,
    Store,
    Stored,
    StoreError,
    UnknownSandbox,
    migrations,
    rows,
)
from simulator.store.migrations import Migration
from simulator.store.opening import open_store
from simulator.store.postgres import SETTINGS, PostgresStore
from simulator.store.postgres_statements import MOMENTS_READ
from simulator.store.sqlite import SqliteStore
from simulator.wire import Outgoing
from tests.postgres import empty_schema, postgres_server

NOW = datetime(2026, 11, 22, 3, 0, 0, 123456, tzinfo=UTC)
LADDER = Retry(delays_s=(60, 300))

numbers = itertools.count()


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@dataclass
class Database:
    """An empty database of one kind; `open` gives as many stores on it as a test wants, and closes them at its end."""

    url: str
    now: datetime = NOW
    opened: list[Store] = field(default_factory=list)

    def store(self, known: tuple[Migration, ...] | None = None) -> SqliteStore | PostgresStore:
        if self.url.startswith("postgresql"):
            return PostgresStore(self.url, lambda: self.now, known=known)
        return SqliteStore(self.url, lambda: self.now, known=known)

    async def open(self, known: tuple[Migration, ...] | None = None) -> Store:
        store = self.store(known)
        await store.open()
        self.opened.append(store)
        return store

    def released(self) -> tuple[Migration, ...]:
        return migrations.released("postgres" if self.url.startswith("postgresql") else "sqlite")


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with postgres_server() as dsn:
        yield dsn


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.xdist_group("postgres")]),
    ]
)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    if request.param == "sqlite":
        database = Database(str(tmp_path / "bank.db"))
    else:
        database = Database(await empty_schema(request.getfixturevalue("server"), f"bank{next(numbers)}"))
    yield database
    for store in database.opened:
        await store.close()


@pytest.fixture
async def store(database: Database) -> Store:
    """With two sandboxes: "manual" on a clock of its own, and "default" on the system's."""
    store = await database.open()
    await store.put_sandbox(Sandbox(name="default", seed="7"))
    await store.put_sandbox(Sandbox(name="manual", seed="8", clock_at=NOW))
    return store


# What the decisions of these tests are made of.


def new_payment(name: str, *, expires_in_s: float | None = 900, bank: str = "vnpay", ref: str = "") -> Payment:
    expires_at = None if expires_in_s is None else later(expires_in_s)
    order = Order(
        order_ref=ref or f"HS-{name}",
        order_key=f"{name}|20261122",
        amount_vnd=50_000,
        description="Nộp lệ phí hồ sơ",
        expires_at=expires_at,
        wire={"vnp_OrderInfo": "Nop le phi"},
    )
    return Payment(
        payment_id=f"id-{name}",
        bank=bank,
        merchant_code="DEMO",
        order=order,
        amount_vnd=50_000,
        bank_ref=f"14{name}",
        created_at=NOW,
    )


def order_key(payment: Payment) -> ByOrder:
    return ByOrder(payment.bank, payment.merchant_code, payment.order.order_key)


def entry_of(payment: Payment, entry_id: str = "debit", amount_vnd: int = 50_000) -> Entry:
    return Entry(
        payment_id=payment.payment_id,
        entry_id=entry_id,
        bank=payment.bank,
        merchant_code=payment.merchant_code,
        order_ref=payment.order.order_ref,
        amount_vnd=amount_vnd,
        booked_at=NOW,
    )


def exchange_of(payment_id: str, note: str = "") -> Exchange:
    return Exchange(
        direction="in",
        at=NOW,
        bank="vnpay",
        operation="create",
        payment_id=payment_id,
        method="POST",
        url="http://banksim.test/vnpay",
        request_headers=(("content-type", "application/json"),),
        request_body=b"\x00\xff not text",
        status=200,
        response_body=b"{}",
        note=note,
    )


def create(payment: Payment, **written: Any) -> Callable[[Stored], Change[str]]:
    """Creates it unless it exists: "new" or "old"."""

    def decide(stored: Stored) -> Change[str]:
        return Change("old") if stored.payment else Change("new", payment=payment, **written)

    return decide


def approve(stored: Stored) -> Change[Payment]:
    assert stored.payment is not None
    paid = apply(stored.payment, Event.APPROVE, stored.now)
    return Change(
        paid,
        payment=paid,
        ledger=(entry_of(paid),),
        deliveries=announce(paid, stored.now),
        exchanges=(exchange_of(paid.payment_id, "approved"),),
    )


def try_otp(stored: Stored) -> Change[int]:
    assert stored.payment is not None
    tries = stored.payment.otp_tries + 1
    return Change(tries, payment=msgspec.structs.replace(stored.payment, otp_tries=tries))


async def added(store: Store, name: str, sandbox: str = "default", **written: Any) -> Payment:
    payment = new_payment(name)
    assert await store.transact(sandbox, order_key(payment), create(payment, **written)) == "new"
    return payment


async def paid(store: Store, name: str, sandbox: str = "default") -> Payment:
    payment = await added(store, name, sandbox)
    return await store.transact(sandbox, ById(payment.payment_id), approve)


async def owing(store: Store, name: str, sandbox: str = "default", **changes: Any) -> Delivery:
    """A payment with one delivery, due now unless changed."""
    payment = new_payment(name)
    delivery = msgspec.structs.replace(announce(payment, NOW)[0], **changes)
    await store.transact(sandbox, order_key(payment), create(payment, deliveries=(delivery,)))
    return delivery


def acknowledged(claimed: Claimed) -> Delivery:
    return after_attempt(claimed.delivery, True, "00", NOW, LADDER)


def ids(claimed: list[Claimed]) -> list[str]:
    return [each.delivery.delivery_id for each in claimed]


# Use cases


@pytest.mark.parametrize("key", [order_key(new_payment("A")), ById("id-A")])
async def test_what_is_decided_is_found_by_id_and_by_order(store: Store, key: Key) -> None:
    payment = await added(store, "A")
    seen = await store.transact("default", key, lambda stored: Change(stored.payment))
    assert seen == payment
    assert await store.payment("default", key) == payment


async def test_a_decision_is_kept_whole(store: Store) -> None:
    payment = await paid(store, "A")
    assert await store.payment("default", ById("id-A")) == payment
    assert await store.ledger("default") == [entry_of(payment)]
    assert await store.deliveries("default") == list(announce(payment, NOW))
    assert [each for _, each in await store.exchanges("default")] == [exchange_of("id-A", "approved")]


async def test_a_decision_without_a_key_sees_no_payment(store: Store) -> None:
    await added(store, "A")
    assert await store.transact("default", None, lambda stored: Change(stored.payment)) is None


async def test_what_a_decision_raises_comes_out_and_nothing_is_written(store: Store) -> None:
    await added(store, "A")

    def cancel_then_fail(stored: Stored) -> Change[None]:
        assert stored.payment is not None
        apply(apply(stored.payment, Event.CANCEL, stored.now), Event.CANCEL, stored.now)
        return Change(None)

    with pytest.raises(IllegalEvent, match="cancelled cannot cancel"):
        await store.transact("default", ById("id-A"), cancel_then_fail)
    assert (await store.totals("default")).payments_by_state == {"pending": 1}


async def test_creating_one_order_at_once_makes_one_payment(store: Store) -> None:
    payment = new_payment("A")
    replies = await asyncio.gather(*(store.transact("default", order_key(payment), create(payment)) for _ in range(50)))
    assert Counter(replies) == {"new": 1, "old": 49}
    assert (await store.totals("default")).payments == 1


async def test_creating_one_order_from_two_stores_makes_one_payment(database: Database, store: Store) -> None:
    other = await database.open()
    for name in map(str, range(20)):
        payment = new_payment(name)
        replies = await asyncio.gather(
            *(each.transact("default", order_key(payment), create(payment)) for each in (store, other))
        )
        assert sorted(replies) == ["new", "old"]


@pytest.mark.parametrize("by_order", [0, 50], ids=["one key", "both keys"])
async def test_a_hundred_changes_at_once_lose_none(store: Store, by_order: int) -> None:
    payment = await added(store, "A")
    keys: list[Key] = [ById("id-A")] * (100 - by_order) + [order_key(payment)] * by_order
    replies = await asyncio.gather(*(store.transact("default", key, try_otp) for key in keys))
    assert sorted(replies) == list(range(1, 101))
    kept = await store.payment("default", ById("id-A"))
    assert kept is not None
    assert kept.otp_tries == 100


async def test_changes_from_two_stores_at_once_lose_none(database: Database, store: Store) -> None:
    other = await database.open()
    names = ("A", "B", "C")
    for name in names:
        await added(store, name)

    async def client(which: Store, name: str) -> None:
        for _ in range(10):
            await which.transact("default", ById(f"id-{name}"), try_otp)

    await asyncio.gather(*(client(which, name) for _ in range(3) for which in (store, other) for name in names))
    assert [each.otp_tries for each in await other.payments("default")] == [60, 60, 60]


async def test_an_order_key_belongs_to_one_merchant_bank_and_sandbox(store: Store) -> None:
    first = new_payment("A")
    twins = [
        msgspec.structs.replace(first, payment_id="other-bank", bank="dvcqg"),
        msgspec.structs.replace(first, payment_id="other-merchant", merchant_code="OTHER"),
        first,
    ]
    for payment in twins:
        assert await store.transact("default", order_key(payment), create(payment)) == "new"
        assert await store.transact("manual", order_key(payment), create(payment)) == "new"
    assert (await store.totals("default")).payments == (await store.totals("manual")).payments == 3


async def test_a_payment_is_found_by_each_of_its_names(store: Store) -> None:
    payment = new_payment("A")
    await store.transact("default", order_key(payment), create(payment, names=("link-1", "9001")))
    changed = msgspec.structs.replace(payment, otp_tries=1)
    again = Change("changed", payment=changed, names=("refund-1",))
    await store.transact("default", ById(payment.payment_id), lambda stored: again)
    for name in ("link-1", "9001", "refund-1"):
        assert await store.named("default", Name("vnpay", payment.merchant_code, name)) == payment.payment_id


async def test_a_name_belongs_to_one_merchant_bank_and_sandbox(store: Store) -> None:
    payment = new_payment("A")
    await store.transact("default", order_key(payment), create(payment, names=("9001",)))
    assert await store.named("default", Name("dvcqg", payment.merchant_code, "9001")) is None
    assert await store.named("default", Name("vnpay", "OTHER", "9001")) is None
    assert await store.named("manual", Name("vnpay", payment.merchant_code, "9001")) is None


async def test_a_name_that_is_taken_stays_with_whom_it_names(store: Store) -> None:
    for each in ("A", "B"):
        payment = new_payment(each)
        assert await store.transact("default", order_key(payment), create(payment, names=("R1",))) == "new"
    assert await store.named("default", Name("vnpay", payment.merchant_code, "R1")) == "id-A"


async def test_an_entry_booked_twice_is_impossible_and_nothing_of_it_is_written(store: Store) -> None:
    payment = await paid(store, "A")

    def again(stored: Stored) -> Change[None]:
        entries = (entry_of(payment, "refund:1", -10), entry_of(payment))
        return Change(None, ledger=entries, exchanges=(exchange_of("id-A", "again"),))

    with pytest.raises(ImpossibleChange):
        await store.transact("default", ById("id-A"), again)
    assert await store.ledger("default") == [entry_of(payment)]
    assert (await store.totals("default")).exchanges == 1


async def test_one_entry_twice_in_one_decision_is_impossible(store: Store) -> None:
    payment = await added(store, "A")
    with pytest.raises(ImpossibleChange):
        await store.transact(
            "default", ById("id-A"), lambda stored: Change(None, ledger=(entry_of(payment), entry_of(payment)))
        )


async def test_an_impossible_change_does_not_hurt_its_neighbours(store: Store) -> None:
    for name in map(str, range(10)):
        await paid(store, name)
    outcomes = await asyncio.gather(
        *(store.transact("default", ById(f"id-{name}"), try_otp) for name in range(10)),
        store.transact("default", ById("id-3"), lambda stored: Change(None, ledger=(entry_of(new_payment("3")),))),
        store.transact("default", ById("id-4"), lambda stored: 1 // 0),  # type: ignore[arg-type, return-value]
        return_exceptions=True,
    )
    assert outcomes[:10] == [1] * 10
    assert isinstance(outcomes[10], ImpossibleChange)
    assert isinstance(outcomes[11], ZeroDivisionError)
    assert {each.otp_tries for each in await store.payments("default")} == {1}


@pytest.mark.parametrize("key", [None, ById("id-B")])
async def test_a_payment_that_exists_is_not_created_anew_under_another_key(store: Store, key: Key | None) -> None:
    payment = await added(store, "A")
    with pytest.raises(ImpossibleChange):
        await store.transact("default", key, create(payment))


async def test_entries_of_no_payment_are_impossible(store: Store) -> None:
    with pytest.raises(ImpossibleChange):
        await store.transact("default", None, lambda stored: Change(None, ledger=(entry_of(new_payment("A")),)))


async def test_a_cancelled_caller_takes_nobody_along(store: Store) -> None:
    await added(store, "A")
    tasks = [asyncio.create_task(store.transact("default", ById("id-A"), try_otp)) for _ in range(30)]
    await asyncio.sleep(0)
    for task in tasks[::3]:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    answered = [each for each in outcomes if isinstance(each, int)]
    assert len(answered) == len(set(answered)) == 20
    kept = await store.payment("default", ById("id-A"))
    assert kept is not None
    assert max(answered) <= kept.otp_tries <= 30


async def test_the_time_of_a_decision_is_the_sandboxs_own(database: Database, store: Store) -> None:
    database.now = later(500)
    await store.set_clock("manual", later(10))
    assert await store.transact("default", None, lambda stored: Change(stored.now)) == later(500)
    assert await store.transact("manual", None, lambda stored: Change(stored.now)) == later(10)


def noting(note: str) -> Callable[[Stored], Change[None]]:
    return lambda stored: Change(None, exchanges=(exchange_of("", note),))


def strike(order_ref: str) -> Callable[[Stored], Change[int]]:
    """Takes the faults that strike this order and tells how many."""

    def decide(stored: Stored) -> Change[int]:
        occasion = Occasion(bank="vnpay", operation="create", order_ref=order_ref)
        struck, remaining = take(stored.faults, frozenset(FaultKind), occasion, lambda: 0.0)
        return Change(len(struck), faults=remaining)

    return decide


async def test_faults_are_spent_exactly_once_by_two_stores(database: Database, store: Store) -> None:
    other = await database.open()
    await store.set_faults("default", (Fault(fault_id="f", kind=FaultKind.HTTP_500, times=7, skip=3),))
    struck = await asyncio.gather(
        *(each.transact("default", None, strike(str(n))) for n in range(20) for each in (store, other))
    )
    assert sum(struck) == 7
    assert (await store.sandbox("default")).faults == ()


async def test_a_decision_that_takes_no_fault_leaves_the_plan_alone(store: Store) -> None:
    plan = (Fault(fault_id="f", kind=FaultKind.LOST, order_ref="X"),)
    await store.set_faults("default", plan)
    assert await store.transact("default", None, strike("Y")) == 0
    assert (await store.sandbox("default")).faults == plan


# Letters


def letter_of(recipient: str, text: str) -> Letter:
    return Letter(kind=LetterKind.SMS, at=NOW, sender="DVC", recipient=recipient, text=text)


async def test_letters_are_read_in_order_by_recipient_and_on_from_the_last(store: Store) -> None:
    sent = [letter_of("0912345678", "1"), letter_of("0987654321", "2"), letter_of("0912345678", "3")]
    numbered = [(await store.put_letter("default", each), each) for each in sent]
    assert await store.letters("default") == numbered
    assert await store.letters("default", recipient="0912345678") == [numbered[0], numbered[2]]
    assert await store.letters("default", after_id=numbered[0][0], limit=1) == [numbered[1]]
    assert await store.letters("manual") == []
    await store.clear_sandbox("default")
    assert await store.letters("default") == []


# Purses

ACCOUNT = "100000000001"
BALANCE_VND = 1_530_000


def pay(stored: Stored) -> Change[bool]:
    """Pays 50,000 from the account, as long as there is so much."""
    assert stored.payment is not None
    assert stored.purse is not None
    if stored.purse.spent_vnd + 50_000 > BALANCE_VND:
        return Change(False)
    after = apply(stored.payment, Event.APPROVE, stored.now, payer_account=ACCOUNT)
    purse = debited(stored.purse, Kind.PAYMENT, 50_000, stored.now, confirmed=False)
    return Change(True, payment=after, ledger=(entry_of(after),), purse=purse)


def identify(stored: Stored) -> Change[None]:
    assert stored.payment is not None
    return Change(None, payment=msgspec.structs.replace(stored.payment, payer_account=ACCOUNT))


async def test_an_account_that_has_paid_nothing_has_an_empty_purse(store: Store) -> None:
    seen = await store.transact("default", None, lambda stored: Change(stored.purse), ACCOUNT)
    assert seen == Purse(account=ACCOUNT)
    assert await store.purses("default") == []


async def test_a_purse_is_kept_with_its_payment(store: Store) -> None:
    payment = await added(store, "A")
    assert await store.transact("default", ById("id-A"), pay, ACCOUNT)
    assert [(each.account, each.spent_vnd) for each in await store.purses("default")] == [(ACCOUNT, 50_000)]
    assert await store.purses("manual") == []
    assert await store.transact("default", order_key(payment), lambda stored: Change(stored.purse)) is None


async def test_what_a_purse_holds_comes_back(store: Store) -> None:
    whole = debited(Purse(account=ACCOUNT), Kind.TRANSFER, 7, NOW, confirmed=False)
    whole = changed(whole, balance_vnd=50_000, per_transfer_vnd=1, daily_vnd=2, biometrics=Biometrics.NONE)
    await store.transact("default", None, lambda stored: Change(None, purse=whole), ACCOUNT)
    assert await store.purses("default") == [whole]


async def test_the_payments_own_account_is_the_one_it_is_paid_from(store: Store) -> None:
    await added(store, "A")

    def look(stored: Stored) -> Change[Purse | None]:
        return Change(stored.purse)

    assert await store.transact("default", ById("id-A"), look, OWN_ACCOUNT) is None
    # Whoever says who pays may be in the same batch as whoever asks for his purse.
    _, purse = await asyncio.gather(
        store.transact("default", ById("id-A"), identify), store.transact("default", ById("id-A"), look, OWN_ACCOUNT)
    )
    assert purse == Purse(account=ACCOUNT)


async def test_a_masked_card_has_no_purse(store: Store) -> None:
    assert await store.transact("default", None, lambda stored: Change(stored.purse), "970419*********2198") is None


async def test_payments_at_once_from_two_stores_never_overdraw_an_account(database: Database, store: Store) -> None:
    """Clients that come back for more: whoever reads the purse must keep the others from it until the commit."""
    other = await database.open()
    rich = changed(Purse(account=ACCOUNT), daily_vnd=1)
    await store.transact("default", None, lambda stored: Change(None, purse=rich), ACCOUNT)
    for number in range(48):
        await added(store, str(number))
        if number % 2:
            await store.transact("default", ById(f"id-{number}"), identify)

    async def client(which: Store, numbers: range) -> int:
        accounts = (ACCOUNT, OWN_ACCOUNT)
        keys = [(ById(f"id-{number}"), accounts[number % 2]) for number in numbers]
        return sum([await which.transact("default", key, pay, account) for key, account in keys])

    clients = [client((store, other)[start % 2], range(start, 48, 6)) for start in range(6)]
    assert sum(await asyncio.gather(*clients)) == BALANCE_VND // 50_000
    (purse,) = await other.purses("default")
    assert purse.spent_vnd == sum(each.amount_vnd for each in await store.ledger("default"))


async def test_another_purse_than_the_one_shown_cannot_be_written(store: Store) -> None:
    strange = Purse(account="100000000002", spent_vnd=1)
    for account in ("", ACCOUNT):
        with pytest.raises(ImpossibleChange, match="100000000002"):
            await store.transact("default", None, lambda stored: Change(None, purse=strange), account)
    assert await store.purses("default") == []


async def test_a_cleared_sandbox_keeps_no_purse(store: Store) -> None:
    for sandbox in ("default", "manual"):
        await added(store, "A", sandbox)
        await store.transact(sandbox, ById("id-A"), pay, ACCOUNT)
    await store.clear_sandbox("default")
    assert await store.purses("default") == []
    assert len(await store.purses("manual")) == 1


# Sandboxes

CALLS: dict[str, Callable[[Store], Awaitable[object]]] = {
    "sandbox": lambda store: store.sandbox("none"),
    "clear_sandbox": lambda store: store.clear_sandbox("none"),
    "drop_sandbox": lambda store: store.drop_sandbox("none"),
    "set_clock": lambda store: store.set_clock("none", NOW),
    "set_faults": lambda store: store.set_faults("none", ()),
    "transact": lambda store: store.transact("none", ById("id"), lambda stored: Change(None)),
    "claim": lambda store: store.claim(NOW, 1, 30, "node", "none"),
    "next_due": lambda store: store.next_due("none"),
    "next_expiry": lambda store: store.next_expiry("none", NOW),
    "expiring": lambda store: store.expiring(NOW, 1, "none"),
    "payment": lambda store: store.payment("none", ById("id")),
    "named": lambda store: store.named("none", Name("vnpay", "DEMO", "1")),
    "payments": lambda store: store.payments("none"),
    "deliveries": lambda store: store.deliveries("none"),
    "exchanges": lambda store: store.exchanges("none"),
    "ledger": lambda store: store.ledger("none"),
    "put_letter": lambda store: store.put_letter("none", letter_of("0912345678", "1")),
    "letters": lambda store: store.letters("none"),
    "purses": lambda store: store.purses("none"),
    "totals": lambda store: store.totals("none"),
    "remove_payments": lambda store: store.remove_payments("none", NOW),
    "remove_exchanges": lambda store: store.remove_exchanges("none", NOW),
    "remove_letters": lambda store: store.remove_letters("none", NOW),
}


async def test_every_method_knows_which_sandboxes_there_are(store: Store) -> None:
    for name, call in CALLS.items():
        with pytest.raises(UnknownSandbox, match="none"):
            pytest.fail(f"{name}: {await call(store)}")


async def test_a_sandbox_comes_back_as_it_was_put(store: Store) -> None:
    merchant = Merchant(bank="vnpay", merchant_code="DEMO", name="Cổng dịch vụ công", secrets={"secret": "s"})
    sandbox = Sandbox(
        name="ci-1",
        seed="42",
        clock_at=NOW,
        merchants=(merchant,),
        faults=(Fault(fault_id="f", kind=FaultKind.DELAY),),
        retries={"vnpay": LADDER},
    )
    version = await store.put_sandbox(sandbox)
    assert await store.sandbox("ci-1") == msgspec.structs.replace(sandbox, version=version)
    assert [each.name for each in await store.sandboxes()] == ["ci-1", "default", "manual"]


async def test_the_hours_of_maintenance_are_a_setting(store: Store) -> None:
    await store.set_settings(msgspec.structs.replace(await store.sandbox("manual"), maintenance=Window(1380, 60)))
    kept = await store.sandbox("manual")
    assert (kept.maintenance, kept.clock_at) == (Window(1380, 60), NOW)
    assert (await store.sandbox("default")).maintenance is None


async def test_new_settings_leave_payments_alone(store: Store) -> None:
    payment = await added(store, "A")
    await store.put_sandbox(Sandbox(name="default", seed="9", clock_at=NOW))
    assert (await store.sandbox("default")).seed == "9"
    assert await store.payments("default") == [payment]


async def test_changed_settings_leave_clock_and_faults_as_they_moved(store: Store) -> None:
    before = await store.sandbox("manual")
    await store.set_clock("manual", later(3600))
    await store.set_faults("manual", (Fault(fault_id="f", kind=FaultKind.DELAY),))
    await store.set_settings(msgspec.structs.replace(before, retries={"vnpay": LADDER}))
    kept = await store.sandbox("manual")
    assert (kept.clock_at, kept.faults) == (later(3600), (Fault(fault_id="f", kind=FaultKind.DELAY),))
    assert kept.retries == {"vnpay": LADDER}


async def test_settings_have_another_version_whenever_they_are_written(store: Store) -> None:
    written = [await store.put_sandbox(Sandbox(name="default", seed="9"))]
    written.append(await store.set_settings(await store.sandbox("default")))
    await store.set_clock("manual", later(5))
    await store.set_faults("default", (Fault(fault_id="f", kind=FaultKind.DELAY),))
    assert await store.version("default") == (await store.sandbox("default")).version == written[-1]
    await store.drop_sandbox("default")
    with pytest.raises(UnknownSandbox):
        await store.version("default")
    written.append(await store.put_sandbox(Sandbox(name="default", seed="9")))
    assert len(set(written)) == 3


async def test_settings_that_another_process_has_changed_are_not_overwritten(store: Store) -> None:
    read = await store.sandbox("manual")
    await store.set_settings(msgspec.structs.replace(read, seed="theirs"))
    with pytest.raises(Outdated):
        await store.set_settings(msgspec.structs.replace(read, seed="ours"))
    assert (await store.sandbox("manual")).seed == "theirs"


async def test_a_sandbox_that_is_there_is_not_added(store: Store) -> None:
    before = await store.sandbox("manual")
    await store.add_sandbox(Sandbox(name="manual", seed="another"))
    await store.add_sandbox(Sandbox(name="new", seed="5", clock_at=NOW))
    assert await store.sandbox("manual") == before
    new = await store.sandbox("new")
    assert (new.seed, new.clock_at, bool(new.version)) == ("5", NOW, True)


async def test_a_clock_never_goes_back(store: Store) -> None:
    await store.set_clock("manual", later(3600))
    await store.set_clock("manual", later(1800))
    assert (await store.sandbox("manual")).clock_at == later(3600)


async def test_times_of_callbacks_are_counted_once_each(store: Store) -> None:
    await owing(store, "A")
    [claimed] = await store.claim(NOW, 5, 60, "n1")
    times = CallbackTimes({12: 1}, {140: 1})
    assert await store.finish(claimed, acknowledged(claimed), (), times) is True
    assert await store.finish(claimed, acknowledged(claimed), (), times) is False, "the lease is over"
    assert await store.callback_times("default") == times
    assert await store.callback_times("manual") == CallbackTimes()
    await store.clear_sandbox("default")
    assert await store.callback_times("default") == CallbackTimes()


async def test_settings_of_nobody_are_refused(store: Store) -> None:
    with pytest.raises(UnknownSandbox):
        await store.set_settings(Sandbox(name="nobody", seed="1"))


async def test_a_clock_moves_only_where_it_is_manual(store: Store) -> None:
    await store.set_clock("manual", later(3600))
    assert (await store.sandbox("manual")).clock_at == later(3600)
    with pytest.raises(ValueError, match="system clock"):
        await store.set_clock("default", NOW)


async def nothing_of(store: Store, sandbox: str) -> bool:
    totals = await store.totals(sandbox)
    counted = (totals.payments, totals.debited_vnd, totals.deliveries_by_state, totals.exchanges)
    lists = [
        await store.payments(sandbox),
        await store.ledger(sandbox),
        await store.deliveries(sandbox),
        await store.exchanges(sandbox),
    ]
    return counted == (0, 0, {}, 0) and not any(lists)


async def test_a_cleared_sandbox_keeps_its_settings_and_its_neighbours(store: Store) -> None:
    await paid(store, "A")
    await paid(store, "A", "manual")
    before = await store.sandbox("default")
    named = msgspec.structs.replace(new_payment("N"), payment_id="named")
    await store.transact("default", order_key(named), create(named, names=("9001",)))
    await store.clear_sandbox("default")
    assert await nothing_of(store, "default")
    assert await store.named("default", Name("vnpay", named.merchant_code, "9001")) is None
    assert await store.sandbox("default") == before
    assert not await nothing_of(store, "manual")


async def test_a_dropped_sandbox_leaves_nothing_to_its_successor(store: Store) -> None:
    await paid(store, "A")
    [claimed] = await store.claim(NOW, 1, 30, "node")
    await store.drop_sandbox("default")
    assert await store.finish(claimed, acknowledged(claimed), (exchange_of("id-A"),)) is False
    assert [each.name for each in await store.sandboxes()] == ["manual"]
    await store.put_sandbox(Sandbox(name="default", seed="7"))
    assert await nothing_of(store, "default")


async def test_a_sandbox_cleared_under_load_keeps_no_half_payment(database: Database, store: Store) -> None:
    other = await database.open()

    async def payer(which: Store, name: str) -> None:
        for number in range(3):
            with suppress(AssertionError):  # Cleared between its creation and its approval.
                await paid(which, f"{name}-{number}")

    async def clear_between(step: int) -> None:
        for _ in range(step):
            await store.payments("default", limit=1)
        await other.clear_sandbox("default")

    for step in range(10):
        payers = [payer(which, f"{step}-{which is store}-{number}") for number in range(4) for which in (store, other)]
        await asyncio.gather(clear_between(step), *payers)
        await assert_counted(store, "default")
        known = {each.payment_id for each in await store.payments("default", limit=1000)}
        assert {each.payment_id for each in await store.ledger("default")} <= known
        assert {each.payment_id for each in await store.deliveries("default")} <= known


# Deliveries


async def test_claims_come_by_due_time_then_id_and_no_more_than_asked(store: Store) -> None:
    await owing(store, "A", due_at=later(2))
    await owing(store, "C", due_at=later(1))
    await owing(store, "B", due_at=later(1))
    await owing(store, "D", due_at=later(60))
    assert ids(await store.claim(later(2), 2, 30, "node")) == ["id-B.0", "id-C.0"]
    assert ids(await store.claim(later(2), 9, 30, "node")) == ["id-A.0"]
    assert await store.claim(later(2), 9, 30, "node") == []


async def test_a_claim_carries_the_payment_and_the_end_of_its_lease(store: Store) -> None:
    payment = await paid(store, "A")
    [claimed] = await store.claim(NOW, 1, 30, "node")
    assert (claimed.sandbox, claimed.payment) == ("default", payment)
    assert (claimed.delivery.state, claimed.delivery.due_at) == (DeliveryState.CLAIMED, later(30))
    assert await store.deliveries("default") == [claimed.delivery]


async def test_a_lease_that_ran_out_is_due_again_and_the_first_holder_has_lost_it(store: Store) -> None:
    await owing(store, "A")
    [first] = await store.claim(NOW, 1, 30, "node-1")
    assert await store.claim(later(29), 1, 30, "node-2") == []
    [second] = await store.claim(later(30), 1, 30, "node-2")
    assert await store.finish(first, acknowledged(first), (exchange_of("id-A", "late"),)) is False
    assert (await store.deliveries("default"))[0].state == DeliveryState.CLAIMED
    assert [each.note for _, each in await store.exchanges("default", payment_id="id-A")] == ["late"]
    assert await store.finish(second, acknowledged(second), (exchange_of("id-A", "in time"),)) is True
    assert [each.note for _, each in await store.exchanges("default", payment_id="id-A")] == ["late", "in time"]


async def test_a_delivery_is_finished_once(store: Store) -> None:
    await owing(store, "A")
    [claimed] = await store.claim(NOW, 1, 30, "node")
    done = await asyncio.gather(*(store.finish(claimed, acknowledged(claimed), ()) for _ in range(5)))
    assert sorted(done) == [False, False, False, False, True]
    assert await store.deliveries("default") == [acknowledged(claimed)]
    assert await store.claim(later(1000), 1, 30, "node") == []


async def test_an_unacknowledged_delivery_is_due_when_its_ladder_says(store: Store) -> None:
    await owing(store, "A")
    [claimed] = await store.claim(NOW, 1, 30, "node")
    await store.finish(claimed, after_attempt(claimed.delivery, False, "500", NOW, LADDER), ())
    assert await store.next_due() == later(60)
    assert await store.claim(later(59), 1, 30, "node") == []
    [again] = await store.claim(later(60), 1, 30, "node")
    assert again.delivery.attempt == 1


@pytest.mark.parametrize("state", [DeliveryState.LOST, DeliveryState.ACKNOWLEDGED, DeliveryState.EXHAUSTED])
async def test_what_is_done_is_never_claimed(store: Store, state: DeliveryState) -> None:
    await owing(store, "A", state=state)
    assert await store.claim(later(9999), 1, 30, "node") == []
    assert await store.next_due() is None


async def test_a_held_delivery_goes_out_once_it_is_due(store: Store) -> None:
    await owing(store, "A", held=True, due_at=later(900))
    assert await store.claim(later(899), 1, 30, "node") == []
    assert ids(await store.claim(later(900), 1, 30, "node")) == ["id-A.0"]


async def test_a_delivery_is_kept_with_all_that_it_has_to_remember(database: Database, store: Store) -> None:
    bytes_ = Outgoing("POST", "http://portal.test/", (("a", "b"),), b"\x00\xff")
    memory = {"distorted": "wrong_order", "replay_s": 0.5, "kept": bytes_, "deaf": True, "overtaken": True}
    delivery = await owing(store, "A", **memory)
    other = await database.open()
    assert await other.deliveries("default") == [delivery]
    [claimed] = await other.claim(NOW, 1, 30, "node")
    assert {name: getattr(claimed.delivery, name) for name in memory} == memory


async def test_a_waiting_delivery_may_be_put_off(store: Store) -> None:
    delivery = await owing(store, "A")
    later_on = msgspec.structs.replace(delivery, due_at=later(5))
    await store.transact("default", None, lambda stored: Change(None, deliveries=(later_on,)))
    assert await store.deliveries("default") == [later_on]
    assert await store.claim(later(4), 9, 30, "node") == []
    assert ids(await store.claim(later(5), 9, 30, "node")) == ["id-A.0"]
    await assert_counted(store, "default")


async def test_a_delivery_that_is_being_sent_is_changed_by_nobody_else(store: Store) -> None:
    """Else it would wait again while it is under way, and be sent twice."""
    delivery = await owing(store, "A")
    [claimed] = await store.claim(NOW, 1, 30, "node")
    again = msgspec.structs.replace(delivery, due_at=later(5))
    await store.transact("default", None, lambda stored: Change(None, deliveries=(again,)))
    assert await store.claim(later(5), 9, 30, "node") == []
    assert await store.finish(claimed, acknowledged(claimed), ()) is True
    await store.transact("default", None, lambda stored: Change(None, deliveries=(again,)))
    assert await store.claim(later(99), 9, 30, "node") == []
    await assert_counted(store, "default")


async def test_manual_clocks_are_claimed_only_by_name(store: Store) -> None:
    await owing(store, "A", "manual")
    await owing(store, "B", "default")
    assert ids(await store.claim(NOW, 9, 30, "node")) == ["id-B.0"]
    assert ids(await store.claim(NOW, 9, 30, "node", "manual")) == ["id-A.0"]
    await owing(store, "C", "default")
    assert ids(await store.claim(NOW, 9, 30, "node", "default")) == ["id-C.0"]


async def test_two_stores_never_claim_the_same(database: Database, store: Store) -> None:
    other = await database.open()
    await asyncio.gather(*(owing(store, f"{n:03}") for n in range(200)))
    rounds = await asyncio.gather(
        *(each.claim(NOW, 7, 30, "one name for both") for _ in range(20) for each in (store, other))
    )
    claimed = [delivery_id for each in rounds for delivery_id in ids(each)]
    assert len(claimed) == len(set(claimed)) == 200


async def test_the_next_due_is_the_earliest_of_those_a_claim_would_see(store: Store) -> None:
    assert await store.next_due() is None
    await owing(store, "A", "manual", due_at=later(5))
    await owing(store, "B", "default", due_at=later(9))
    assert await store.next_due() == later(9)
    assert await store.next_due("default") == later(9)
    assert await store.next_due("manual") == later(5)
    await store.claim(later(9), 1, 30, "node")
    assert await store.next_due() == later(39)


async def test_pending_payments_expire_in_order(store: Store) -> None:
    for name, seconds in (("A", 30), ("B", 10), ("C", 20), ("D", 99), ("E", None)):
        payment = new_payment(name, expires_in_s=seconds)
        await store.transact("default", order_key(payment), create(payment))
    await added(store, "M", "manual")
    assert await store.next_expiry("default", NOW) == later(10)
    assert await store.next_expiry("default", later(10)) == later(20)
    assert await store.next_expiry("default", later(99)) is None
    assert await store.expiring(later(30), 2) == [("default", "id-B"), ("default", "id-C")]
    assert await store.expiring(later(30), 9, "default") == [("default", f"id-{name}") for name in "BCA"]
    assert await store.expiring(later(900), 9, "manual") == [("manual", "id-M")]


async def test_an_expiry_moves_with_its_payment(store: Store) -> None:
    payment = new_payment("A", expires_in_s=None)
    await store.transact("default", order_key(payment), create(payment))
    for seconds in (50, 20, None, 70):
        expires_at = None if seconds is None else later(seconds)
        order = msgspec.structs.replace(payment.order, expires_at=expires_at)
        moved = msgspec.structs.replace(payment, order=order)
        await store.transact("default", ById("id-A"), lambda stored, moved=moved: Change(None, payment=moved))
        assert await store.next_expiry("default", NOW) == expires_at
        due = await store.expiring(later(999), 9)
        assert due == ([] if expires_at is None else [("default", "id-A")])


async def test_a_pending_refund_falls_due_like_an_expiry(store: Store) -> None:
    await paid(store, "A")
    payment = await store.payment("default", ById("id-A"))
    assert payment is not None
    refund = Refund(request_ref="R", amount_vnd=1, refunded_at=NOW, bank_ref="1", state=RefundState.PENDING)
    for seconds, state in ((50, RefundState.PENDING), (20, RefundState.PENDING), (20, RefundState.REFUSED)):
        changed = msgspec.structs.replace(refund, state=state, decides_at=later(seconds))
        asked = msgspec.structs.replace(payment, unmade_refunds=(changed,))
        await store.transact("default", ById("id-A"), lambda stored, asked=asked: Change(None, payment=asked))
        assert await store.payment("default", ById("id-A")) == asked
        waits = state is RefundState.PENDING
        assert await store.next_expiry("default", NOW) == (later(seconds) if waits else None)
        assert await store.expiring(later(99), 9) == ([("default", "id-A")] if waits else [])


async def test_a_settled_payment_expires_no_more(store: Store) -> None:
    await paid(store, "A")
    assert await store.next_expiry("default", NOW) is None
    assert await store.expiring(later(9999), 9) == []


# Reading


async def test_payments_are_listed_newest_first_in_pages_and_by_order_or_bank(store: Store) -> None:
    for number in range(5):
        bank = "dvcqg" if number % 2 else "vnpay"
        payment = new_payment(str(number), bank=bank, ref=f"HS-{number // 2}")
        await store.transact("default", order_key(payment), create(payment))

    async def listed(**wanted: Any) -> str:
        return "".join(each.payment_id.removeprefix("id-") for each in await store.payments("default", **wanted))

    assert await listed() == "43210"
    assert await listed(limit=2, offset=1) == "32"
    assert await listed(bank="dvcqg") == "31"
    assert await listed(order_ref="HS-1") == "32"
    assert await listed(order_ref="HS-1", bank="vnpay") == "2"
    assert await listed(order_ref="HS-9") == ""


async def test_deliveries_are_listed_by_due_time_and_id(store: Store) -> None:
    await owing(store, "B", due_at=later(1))
    await owing(store, "A", due_at=later(1))
    await owing(store, "C")
    listed = [each.delivery_id for each in await store.deliveries("default")]
    assert listed == ["id-C.0", "id-A.0", "id-B.0"]
    assert [each.delivery_id for each in await store.deliveries("default", limit=1, offset=1)] == ["id-A.0"]
    assert [each.delivery_id for each in await store.deliveries("default", payment_id="id-B")] == ["id-B.0"]
    assert await store.deliveries("default", payment_id="id-Z") == []


async def test_the_journal_is_read_on_from_the_last_number(store: Store) -> None:
    for note in "abc":
        await store.transact(
            "default", None, lambda stored, note=note: Change(None, exchanges=(exchange_of("", note),))
        )
    await added(store, "A", exchanges=(exchange_of("id-A", "d"),))
    first = await store.exchanges("default", limit=2)
    rest = await store.exchanges("default", after_id=first[-1][0])
    assert [each.note for _, each in (*first, *rest)] == ["a", "b", "c", "d"]
    assert [each.note for _, each in await store.exchanges("default", payment_id="id-A")] == ["d"]
    assert await store.exchanges("default", payment_id="id-Z") == []
    assert await store.exchanges("manual") == []


async def test_the_journals_numbers_go_on_after_a_clearing(store: Store) -> None:
    await added(store, "A", exchanges=(exchange_of("id-A"),))
    [(last, _)] = await store.exchanges("default")
    await store.clear_sandbox("default")
    await added(store, "A", exchanges=(exchange_of("id-A"),))
    assert len(await store.exchanges("default", after_id=last)) == 1


async def test_a_reader_of_the_journal_misses_nothing_written_meanwhile(database: Database, store: Store) -> None:
    stores = [store, *[await database.open() for _ in range(3)]]

    async def writer(which: Store, number: int) -> None:
        for step in range(10):
            await which.transact("default", None, noting(str(100 * step + number)))

    writers = [asyncio.create_task(writer(stores[number % 4], number)) for number in range(40)]
    read: list[str] = []
    last = 0
    while len(read) < 400:
        are_done = all(each.done() for each in writers)
        found = await store.exchanges("default", after_id=last, limit=1000)
        read.extend(exchange.note for _, exchange in found)
        last = found[-1][0] if found else last
        assert found or not are_done, "a number below the last one read was committed after it"
    assert len(set(read)) == 400


async def test_the_ledger_is_listed_as_it_was_booked(store: Store) -> None:
    for name in "BAC":
        await paid(store, name)
    refund = entry_of(new_payment("A"), "refund:1", -20_000)
    await store.transact("default", ById("id-A"), lambda stored: Change(None, ledger=(refund,)))
    listed = [(each.payment_id, each.entry_id) for each in await store.ledger("default")]
    assert listed == [("id-B", "debit"), ("id-A", "debit"), ("id-C", "debit"), ("id-A", "refund:1")]
    assert [each.amount_vnd for each in await store.ledger("default", payment_id="id-A")] == [50_000, -20_000]
    assert [each.payment_id for each in await store.ledger("default", limit=2, offset=1)] == ["id-A", "id-C"]
    totals = await store.totals("default")
    assert (totals.debited_vnd, totals.refunded_vnd) == (150_000, 20_000)


async def test_standings_are_read_in_pages_with_money_and_what_is_still_to_be_told(store: Store) -> None:
    for name in "AB":
        await paid(store, name)
    await store.transact("default", ById("id-B"), refund(20_000, later(5)))
    await owing(store, "C")
    read, after = [], 0
    while page := await store.standings("default", after=after, limit=2):
        assert len(page) <= 2
        read += [(each.payment.payment_id, [entry.amount_vnd for entry in each.entries]) for each in page]
        after = page[-1].number
    assert read == [("id-A", [50_000]), ("id-B", [50_000, -20_000]), ("id-C", [])]
    *_, owed = await store.standings("default")
    assert owed.telling
    [claimed] = [each for each in await store.claim(later(1), 10, 30, "node") if each.payment.payment_id == "id-C"]
    assert (await store.standings("default"))[-1].telling
    await store.finish(claimed, acknowledged(claimed), ())
    assert not (await store.standings("default"))[-1].telling


def refund(amount_vnd: int, at: datetime) -> Callable[[Stored], Change[None]]:
    def decide(stored: Stored) -> Change[None]:
        assert stored.payment is not None
        number = f"refund:{at.isoformat()}"
        booked = msgspec.structs.replace(entry_of(stored.payment, number, -amount_vnd), booked_at=at)
        return Change(None, payment=msgspec.structs.replace(stored.payment, otp_tries=1), ledger=(booked,))

    return decide


async def moments(store: Store, since: float = -1e6, until: float = 1e6, **more: Any) -> list[tuple[float, str, int]]:
    """(seconds after NOW, payment, how many entries it has)."""
    asked = {"bank": "vnpay", "merchant_code": "DEMO", "since": later(since), "until": later(until), **more}
    found = await store.moments("default", **asked)
    return [((each.at - NOW).total_seconds(), each.payment.payment_id, len(each.entries)) for each in found]


async def test_a_payment_is_found_under_each_moment_of_its_money_and_no_other(store: Store) -> None:
    await paid(store, "B")
    await paid(store, "A")
    await added(store, "C")
    await paid(store, "D", "manual")
    await store.transact("default", ById("id-A"), refund(1, later(60)))
    await store.transact("default", ById("id-A"), refund(1, later(30)))
    assert await moments(store) == [(0, "id-B", 1), (0, "id-A", 3), (30, "id-A", 3), (60, "id-A", 3)]
    assert await moments(store, 30, 60) == [(30, "id-A", 3)]
    assert await moments(store, bank="momo") == await moments(store, merchant_code="OTHER") == []


async def test_moments_are_read_in_pages_by_the_last_one(store: Store) -> None:
    for name in "ABCDE":
        await paid(store, name)
    await store.transact("default", ById("id-B"), refund(1, later(5)))
    read, since, after = [], later(-9), -1
    while page := await store.moments(
        "default", bank="vnpay", merchant_code="DEMO", since=since, until=later(9), after=after, limit=2
    ):
        assert len(page) <= 2
        read += [each.payment.payment_id for each in page]
        since, after = page[-1].at, page[-1].number
    assert read == ["id-A", "id-B", "id-C", "id-D", "id-E", "id-B"]


async def test_held_money_and_a_tellers_slip_have_moments_of_their_own(store: Store) -> None:
    held = await added(store, "A")
    slip = TellerSlip(
        branch="1", teller_id="T", sequence=1, paid_with=PaidWith.CASH, taken_at=NOW, booked_on=date(2026, 11, 24)
    )

    def suspect(stored: Stored) -> Change[None]:
        assert stored.payment is not None
        return Change(None, payment=apply(stored.payment, Event.SUSPECT, NOW), ledger=(entry_of(held),))

    def clear(stored: Stored) -> Change[None]:
        assert stored.payment is not None
        return Change(None, payment=apply(stored.payment, Event.APPROVE, later(70), slip=slip))

    await store.transact("default", ById("id-A"), suspect)
    assert await moments(store) == [(0, "id-A", 1)]
    await store.transact("default", ById("id-A"), clear)
    noon = (datetime(2026, 11, 24, 5, tzinfo=UTC) - NOW).total_seconds()
    assert await moments(store) == [(0, "id-A", 1), (70, "id-A", 1), (noon, "id-A", 1)]


async def test_a_cleared_sandbox_is_found_under_no_moment(store: Store) -> None:
    await paid(store, "A")
    await store.clear_sandbox("default")
    assert await moments(store) == []


async def test_what_an_older_schema_kept_is_found_by_its_moments(database: Database, store: Store) -> None:
    """As it was before there were any: what is newer is taken away, and the version put back."""
    await paid(store, "A")
    await paid(store, "B")
    await store.transact("default", ById("id-A"), refund(1, later(60)))
    before = await moments(store)
    await store.close()
    script = (
        "DROP TABLE moment; ALTER TABLE sandbox DROP COLUMN version; DROP INDEX name_by_payment; "
        "DROP INDEX letter_by_sandbox; UPDATE schema_version SET version = 4"
    )
    await executed(database, script)
    assert await moments(await database.open()) == before != []


async def executed(database: Database, script: str) -> None:
    if database.url.startswith("postgresql"):
        connection = await asyncpg.connect(database.url)
        await connection.execute(script)
        await connection.close()
    else:
        with closing(sqlite3.connect(database.url)) as file:
            file.executescript(script)


@pytest.mark.postgres
@pytest.mark.xdist_group("postgres")
async def test_postgres_searches_moments_by_their_index_even_while_there_are_none(server: str) -> None:
    url = await empty_schema(server, f"bank{next(numbers)}")
    await (opened := PostgresStore(url, lambda: NOW)).open()
    await opened.close()
    connection = await asyncpg.connect(url, server_settings=SETTINGS)
    await connection.execute(f"PREPARE reading AS {MOMENTS_READ}")
    told = await connection.fetch("EXPLAIN EXECUTE reading (1, 'vnpay', 'DEMO', 0, -1, 9, 500)")
    await connection.close()
    plan = " ".join(row[0] for row in told)
    assert "using moment_pkey" in plan
    assert "using payment_pkey" in plan
    assert "Seq Scan" not in plan


async def assert_counted(store: Store, sandbox: str) -> None:
    """The counters say what counting the rows says."""
    totals = await store.totals(sandbox)
    payments = await store.payments(sandbox, limit=10_000)
    deliveries = await store.deliveries(sandbox, limit=10_000)
    entries = await store.ledger(sandbox, limit=10_000)
    assert totals.payments == len(payments)
    assert totals.payments_by_state == Counter(each.state for each in payments)
    assert totals.deliveries_by_state == Counter(each.state for each in deliveries)
    assert totals.exchanges == len(await store.exchanges(sandbox, limit=10_000))
    assert totals.debited_vnd == sum(each.amount_vnd for each in entries if each.amount_vnd > 0)
    assert totals.refunded_vnd == -sum(each.amount_vnd for each in entries if each.amount_vnd < 0)


# What is old and removed


def at(moment: datetime, payment: Payment) -> Payment:
    return msgspec.structs.replace(payment, created_at=moment)


async def kept_rows(store: Store, sandbox: str = "default") -> dict[str, int]:
    """How many rows there are of each kind that a reader sees."""
    return {
        "payments": len(await store.payments(sandbox, limit=10_000)),
        "deliveries": len(await store.deliveries(sandbox, limit=10_000)),
        "ledger": len(await store.ledger(sandbox, limit=10_000)),
        "exchanges": len(await store.exchanges(sandbox, limit=10_000)),
    }


async def rows_of(database: Database, table: str) -> int:
    """How many there are in the table, whoever reads them."""
    if database.url.startswith("postgresql"):
        connection = await asyncpg.connect(database.url)
        count = int(await connection.fetchval(f"SELECT count(*) FROM {table}"))
        await connection.close()
        return count
    with closing(sqlite3.connect(database.url)) as file:
        return int(file.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


async def told_of(store: Store, name: str, sandbox: str = "default") -> Payment:
    """A payment with a name of its own that was paid, and its callback acknowledged."""
    new = new_payment(name)
    await store.transact(sandbox, order_key(new), create(new, names=(f"bank-{name}",)))
    payment = await store.transact(sandbox, ById(new.payment_id), approve)
    for claimed in await store.claim(later(1), 10, 1, "n", sandbox):
        await store.finish(claimed, acknowledged(claimed), (exchange_of(payment.payment_id, "told"),))
    return payment


async def test_what_ended_long_ago_is_removed_with_all_that_belongs_to_it(database: Database, store: Store) -> None:
    for name in ("A", "B"):
        await told_of(store, name)
    await told_of(store, "C", "manual")
    everything = await store.totals("default")
    removed = await store.remove_payments("default", later(3600))
    assert (removed.count, removed.after) == (2, None)
    assert set((await kept_rows(store)).values()) == {0}
    assert await store.named("default", Name("vnpay", "DEMO", "bank-A")) is None
    assert await moments(store) == []
    assert [each.payment_id for each in await store.payments("manual")] == ["id-C"]
    for table in ("payment", "name", "moment", "ledger", "delivery"):
        assert await rows_of(database, table) == 1, table
    totals = await store.totals("default")
    gone = {"payments_removed": 2, "exchanges_removed": 4}
    assert totals == msgspec.structs.replace(everything, **gone), "totals go on counting what is gone"


async def test_an_order_of_a_removed_payment_may_come_again(store: Store) -> None:
    await told_of(store, "A")
    await told_of(store, "B")
    await store.remove_payments("default", later(3600))
    assert (await told_of(store, "A")).payment_id == "id-A"


async def test_the_number_of_a_removed_payment_is_never_given_again(store: Store) -> None:
    """Whoever reads on from it must not miss what comes."""
    await told_of(store, "A")
    last = (await store.standings("default"))[-1].number
    await store.remove_payments("default", later(3600))
    await told_of(store, "B")
    assert [each.payment.payment_id for each in await store.standings("default", after=last)] == ["id-B"]


def with_pending_refund(stored: Stored) -> Change[None]:
    assert stored.payment is not None
    refund = Refund(request_ref="R", amount_vnd=1, refunded_at=NOW, bank_ref="r", state=RefundState.PENDING)
    return Change(None, payment=msgspec.structs.replace(stored.payment, unmade_refunds=(refund,)))


def happens(event: Event, moment: datetime = NOW) -> Callable[[Stored], Change[None]]:
    def decide(stored: Stored) -> Change[None]:
        assert stored.payment is not None
        return Change(None, payment=apply(stored.payment, event, moment))

    return decide


async def test_what_has_not_ended_or_is_still_told_is_not_removed(store: Store) -> None:
    await added(store, "pending")
    for name, decide in (("held", happens(Event.SUSPECT)), ("late", happens(Event.CANCEL, later(7200)))):
        await added(store, name)
        await store.transact("default", ById(f"id-{name}"), decide)
    await told_of(store, "refunding")
    await store.transact("default", ById("id-refunding"), with_pending_refund)
    await told_of(store, "gone")
    await paid(store, "untold")
    await paid(store, "telling")
    assert len(await store.claim(NOW, 1, 1, "n", "default")) == 1, "one is being sent, one waits"
    await told_of(store, "youngest", "manual")
    removed = await store.remove_payments("default", later(3600))
    kept = [each.payment_id for each in await store.payments("default")]
    assert kept == [f"id-{name}" for name in ("telling", "untold", "refunding", "late", "held", "pending")]
    assert removed.count == 1


async def test_removing_goes_on_from_round_to_round_and_stops_at_what_is_young(store: Store) -> None:
    for number in range(7):
        await told_of(store, f"{number}")
    young = at(later(7200), new_payment("young"))
    await store.transact("default", order_key(young), create(young))
    first = await store.remove_payments("default", later(3600), limit=3)
    assert (first.count, first.after is None) == (3, False)
    second = await store.remove_payments("default", later(3600), after=first.after or 0, limit=3)
    assert (second.count, second.after is None) == (3, False)
    third = await store.remove_payments("default", later(3600), after=second.after or 0, limit=3)
    assert (third.count, third.after) == (1, None)
    assert [each.payment_id for each in await store.payments("default")] == ["id-young"]


async def test_a_callback_that_was_done_lately_keeps_its_payment(store: Store) -> None:
    await paid(store, "A")
    for claimed in await store.claim(later(7000), 10, 300, "n"):
        await store.finish(claimed, acknowledged(claimed), ())
    await told_of(store, "B", "manual")
    assert (await store.remove_payments("default", later(7100))).count == 0
    assert (await store.remove_payments("default", later(7400))).count == 1


async def test_entries_of_the_journal_that_belong_to_no_payment_are_removed_by_their_age(store: Store) -> None:
    await added(store, "A", exchanges=(exchange_of("id-A"),))
    for seconds in (0, 10, 7200):
        exchange = msgspec.structs.replace(exchange_of("", str(seconds)), at=later(seconds))
        await store.transact("default", None, lambda stored, exchange=exchange: Change(None, exchanges=(exchange,)))  # type: ignore[misc]
    removed = await store.remove_exchanges("default", later(3600))
    assert (removed.count, removed.after) == (2, None)
    assert [each.note for _, each in await store.exchanges("default")] == ["", "7200"]
    totals = await store.totals("default")
    assert (totals.exchanges, totals.exchanges_removed) == (4, 2)
    again = await store.remove_exchanges("default", later(3600), limit=1)
    assert (again.count, again.after is None) == (0, False), "there may be more behind what stays"


async def test_letters_are_removed_by_their_age(store: Store) -> None:
    for seconds in (0, 10, 7200):
        letter = msgspec.structs.replace(letter_of("0912345678", str(seconds)), at=later(seconds))
        await store.put_letter("default", letter)
    await store.put_letter("manual", letter_of("0912345678", "0"))
    assert await store.remove_letters("default", later(3600)) == Removed(2, None)
    assert [each.text for _, each in await store.letters("default")] == ["7200"]
    assert len(await store.letters("manual")) == 1
    assert (await store.totals("default")).letters_removed == 2


async def test_what_is_removed_while_it_is_asked_for_is_there_whole_or_not_at_all(
    database: Database, store: Store
) -> None:
    """Payers change and refund payments while another process removes what ended."""
    other = await database.open()
    for number in range(30):
        await told_of(store, f"{number}")

    async def asker(number: int) -> None:
        def decide(stored: Stored) -> Change[bool]:
            if stored.payment is None:
                return Change(False)
            told = msgspec.structs.replace(stored.payment, told=stored.payment.told + 1)
            return Change(True, payment=told, deliveries=announce(told, later(9000)))

        is_there = await store.transact("default", ById(f"id-{number}"), decide)
        rows_left = await store.deliveries("default", payment_id=f"id-{number}")
        assert len(rows_left) == (2 if is_there else 0)

    async def remover() -> None:
        after = 0
        while after is not None:
            after = (await other.remove_payments("default", later(3600), after=after, limit=4)).after

    await asyncio.gather(remover(), *(asker(number) for number in range(30)))
    payments = {each.payment_id for each in await store.payments("default", limit=100)}
    assert {each.payment_id for each in await store.ledger("default", limit=100)} == payments
    assert {each.payment_id for each in await store.deliveries("default", limit=100)} == payments


@pytest.mark.postgres
@pytest.mark.xdist_group("postgres")
async def test_postgres_leaves_a_payment_alone_that_somebody_works_on_and_waits_for_nobody(server: str) -> None:
    database = Database(await empty_schema(server, f"bank{next(numbers)}"))
    store = await database.open()
    await store.put_sandbox(Sandbox(name="default", seed="7"))
    for name in ("A", "B"):
        await told_of(store, name)
    other = await asyncpg.connect(database.url)
    async with other.transaction():
        await other.execute("SELECT 1 FROM payment WHERE payment_id = 'id-A' FOR NO KEY UPDATE")
        removed = await asyncio.wait_for(store.remove_payments("default", later(3600)), 10)
    assert (removed.count, [each.payment_id for each in await store.payments("default")]) == (1, ["id-A"])
    assert (await store.remove_payments("default", later(3600))).count == 1
    await other.close()
    await store.close()


async def test_a_store_says_what_it_takes_on_the_disk_and_gives_it_back(database: Database, store: Store) -> None:
    for number in range(60):
        note = "x" * 4000
        await added(store, f"{number}", exchanges=(exchange_of(f"id-{number}", note),))
        await store.transact("default", ById(f"id-{number}"), happens(Event.CANCEL))
    assert (before := await store.size()).gives_back
    assert before.size_bytes > 60 * 4000
    assert (await store.remove_payments("default", later(3600), limit=100)).count >= 59
    if database.url.startswith("postgresql"):
        assert not await store.give_back(), "autovacuum does it"
        return
    free = (await store.size()).free_bytes
    assert free > 50 * 4000
    assert await store.give_back(10)
    assert (await store.size()).free_bytes == free - 10 * 4096
    while await store.give_back(10):
        continue
    assert (await store.size()).free_bytes == 0
    await store.close()
    assert os.stat(database.url).st_size < free


async def test_figures_are_those_of_every_sandbox_oldest_first(store: Store) -> None:
    await owing(store, "A", due_at=later(5))
    await added(store, "B", "manual")
    await store.transact("default", None, lambda stored: Change(None, spent=("lost", "lost", "delay")))
    default, manual = await store.figures()
    assert (default.sandbox, default.manual, default.due_at) == ("default", False, later(5))
    assert (manual.sandbox, manual.manual, manual.due_at) == ("manual", True, None)
    assert default.totals == await store.totals("default")
    assert default.totals.payments_by_bank == {"vnpay": {"pending": 1}}
    assert default.totals.faults_spent == {"lost": 2, "delay": 1}


async def test_second_and_later_attempts_are_counted_as_retries(store: Store) -> None:
    await owing(store, "A")
    for seconds in (0, 100, 1000):
        for claimed in await store.claim(later(seconds), 5, 10, "n"):
            after = after_attempt(claimed.delivery, False, "", later(seconds), LADDER)
            await store.finish(claimed, after, ())
    totals = await store.totals("default")
    assert (totals.retries, totals.deliveries_by_state) == (2, {"exhausted": 1})


async def test_payments_that_an_older_schema_counted_are_counted_by_bank(database: Database, store: Store) -> None:
    await paid(store, "A")
    await added(store, "B")
    await store.close()
    script = (
        "DROP INDEX name_by_payment; DROP INDEX moment_by_payment; DROP INDEX letter_by_sandbox; "
        "DELETE FROM tally WHERE counter LIKE 'payments:%'; "
        "INSERT INTO tally SELECT sandbox_id, 'payments:paid', 1 FROM sandbox WHERE name = 'default'; "
        "INSERT INTO tally SELECT sandbox_id, 'payments:pending', 1 FROM sandbox WHERE name = 'default'; "
        "UPDATE schema_version SET version = 6"
    )
    await executed(database, script)
    totals = await (await database.open()).totals("default")
    assert totals.payments_by_bank == {"vnpay": {"paid": 1, "pending": 1}}
    assert totals.payments_by_state == {"paid": 1, "pending": 1}


async def test_the_counters_agree_with_the_rows(database: Database, store: Store) -> None:
    """Payers, a courier whose leases run out and repeated deliveries, all at once from two stores."""
    other = await database.open()
    chance = random.Random(5)

    async def payer(number: int) -> None:
        payment = await added(store, str(number))
        event = chance.choice((Event.APPROVE, Event.CANCEL, Event.EXPIRE))
        if event is Event.APPROVE:
            await other.transact("default", ById(payment.payment_id), approve)
            return
        await other.transact(
            "default",
            order_key(payment),
            lambda stored: Change(None, payment=apply(stored.payment or payment, event, stored.now)),
        )

    async def courier(which: Store) -> None:
        for step in range(8):
            for claimed in await which.claim(later(40 * step), 5, 30, "node"):
                if chance.random() < 0.7:
                    after = after_attempt(claimed.delivery, chance.random() < 0.5, "", later(40 * step), LADDER)
                    await which.finish(claimed, after, (exchange_of(claimed.payment.payment_id),))

    await asyncio.gather(*(payer(number) for number in range(40)), courier(store), courier(other))
    await asyncio.gather(courier(store), courier(other))
    await assert_counted(store, "default")
    assert (await store.totals("default")).payments == 40


# Opening


async def test_what_was_answered_is_there_after_reopening(database: Database, store: Store) -> None:
    payment = await paid(store, "A")
    await store.close()
    reopened = await database.open()
    assert await reopened.payments("default") == [payment]


async def test_a_closed_store_says_so(store: Store) -> None:
    await store.close()
    await store.close()
    with pytest.raises(StoreError, match="not open"):
        await store.totals("default")
    with pytest.raises(StoreError, match="not open"):
        await store.transact("default", None, lambda stored: Change(None))


async def test_several_may_open_an_empty_database_at_once(database: Database) -> None:
    stores = await asyncio.gather(*(database.open() for _ in range(4)))
    await stores[0].put_sandbox(Sandbox(name="default", seed="7"))
    assert [each.name for each in await stores[3].sandboxes()] == ["default"]


async def test_every_released_schema_is_brought_up_to_date(database: Database) -> None:
    await (await database.open(database.released()[:1])).close()
    await _kept_by_the_first(database.url, Sandbox(name="default", seed="7"))
    newest = await database.open()
    assert (await newest.sandbox("default")).seed == "7"
    await newest.set_settings(await newest.sandbox("default"))
    payment = new_payment("A")
    await newest.transact("default", order_key(payment), create(payment, names=("9001",)))
    assert await newest.named("default", Name("vnpay", payment.merchant_code, "9001")) == "id-A"


async def _kept_by_the_first(url: str, sandbox: Sandbox) -> None:
    columns = rows.new_sandbox(sandbox)[:-1]
    insert = "INSERT INTO sandbox (name, clock_at, faults, settings) VALUES"
    if url.startswith("postgresql"):
        connection = await asyncpg.connect(url)
        await connection.execute(f"{insert} ($1, $2, $3, $4)", *columns)
        await connection.close()
        return
    with closing(sqlite3.connect(url)) as file:
        file.execute(f"{insert} (?, ?, ?, ?)", columns)
        file.commit()


async def test_an_older_schema_is_brought_up_to_date(database: Database, store: Store) -> None:
    payment = await added(store, "A")
    await store.close()
    newest = database.released()[-1].version
    known = (*database.released(), Migration(newest + 1, "CREATE TABLE extra (note TEXT NOT NULL);\n-- done\n"))
    migrated = await database.open(known)
    assert await migrated.payments("default") == [payment]
    await migrated.close()
    with pytest.raises(StoreError, match=rf"found schema version {newest + 1}, expected {newest} or older"):
        await database.open()


async def test_a_newer_schema_is_refused_by_name(database: Database) -> None:
    known = (*database.released(), Migration(99, "CREATE TABLE extra (note TEXT NOT NULL);"))
    await (await database.open(known)).close()
    with pytest.raises(StoreError) as refused:
        await database.open()
    assert urlsplit(database.url).path in str(refused.value)
    assert "found schema version 99" in str(refused.value)


async def test_a_migration_that_fails_changes_nothing(database: Database) -> None:
    await (await database.open()).close()
    newest = database.released()[-1].version
    good = Migration(newest + 1, "CREATE TABLE extra (note TEXT NOT NULL);")
    with pytest.raises(StoreError):
        await database.open((*database.released(), good, Migration(newest + 2, "CREATE NONSENSE;")))
    migrated = await database.open((*database.released(), good))
    assert await migrated.sandboxes() == []


FOREIGN = {
    "no name": "CREATE TABLE invoice (amount INTEGER);",
    "their own schema_version": "CREATE TABLE schema_version (version INTEGER); CREATE TABLE invoice (amount INTEGER);",
    "another name": """
        CREATE TABLE schema_version (application TEXT, version INTEGER);
        INSERT INTO schema_version VALUES ('ledgerly', 1);
        CREATE TABLE invoice (amount INTEGER);
    """,
}


async def carry_out(database: Database, script: str) -> None:
    if database.url.startswith("postgresql"):
        connection = await asyncpg.connect(database.url)
        await connection.execute(script)
        await connection.close()
    else:
        with closing(sqlite3.connect(database.url)) as file:
            file.executescript(script)


@pytest.mark.parametrize("script", FOREIGN.values(), ids=FOREIGN.keys())
async def test_another_applications_database_is_refused_and_left_alone(database: Database, script: str) -> None:
    await carry_out(database, script)
    with pytest.raises(StoreError, match=r"belongs to another application: found .*, expected banksim"):
        await database.open()
    await carry_out(database, "INSERT INTO invoice VALUES (1); CREATE TABLE sandbox (ours INTEGER);")


async def test_an_address_names_its_store(tmp_path: Path) -> None:
    def clock() -> datetime:
        return NOW

    assert isinstance(open_store(f"sqlite:///{tmp_path}/bank.db", clock), SqliteStore)
    assert isinstance(open_store("bank.db", clock), SqliteStore)
    assert isinstance(open_store("postgresql://host/bank", clock), PostgresStore)
    for address in (":memory:", "sqlite://", "sqlite:///", "mysql://host/bank", ""):
        with pytest.raises(StoreError, match="names no store"):
            open_store(address, clock)


async def test_a_server_that_is_not_there_is_a_store_error_without_the_password() -> None:
    store = PostgresStore("postgresql://banksim:hush@127.0.0.1:1/bank", lambda: NOW)
    with pytest.raises(StoreError, match=r"127\.0\.0\.1:1/bank") as refused:
        await store.open()
    assert "hush" not in str(refused.value)
