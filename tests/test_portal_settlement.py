"""Settling: every money once, whatever comes in whatever order, from however many sides at once."""

import asyncio
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.targets.portal import settlement
from conformance.targets.portal.books import Books
from conformance.targets.portal.dossiers import Attempt, AttemptState, BankWord, Dossier, Effect, Outcome, decide
from conformance.targets.portal.jobs import keep_settling
from conformance.targets.portal.settings import Style
from tests.portals import FEE_VND, NOON, running, vnpay_fields, vnpay_query

NO_FLAWS: frozenset = frozenset()
DOSSIER = Dossier(
    dossier_code="HS-1",
    bill_code="H49261122AAAAAAAA",
    province="H49",
    service_code="S",
    fee_vnd=FEE_VND,
    applicant="A",
    phone="",
    email="a@example.vn",
    declared_at=NOON,
)


def attempt(order_ref: str, state: AttemptState = AttemptState.PENDING) -> Attempt:
    return Attempt(
        bank="vnpay",
        order_ref=order_ref,
        dossier_code="HS-1",
        method="redirect",
        amount_vnd=FEE_VND,
        state=state,
        ordered_at=NOON,
        expires_at=NOON + timedelta(minutes=15),
    )


def word(order_ref: str, outcome: Outcome = Outcome.PAID, amount_vnd: int = FEE_VND) -> BankWord:
    return BankWord(
        bank="vnpay", order_ref=order_ref, money_ref=order_ref, amount_vnd=amount_vnd, outcome=outcome, code=outcome
    )


def books_with(folder: Path, *order_refs: str) -> Books:
    books = Books(folder / "portal.db")
    with books.writing() as entries:
        entries.add_dossier(DOSSIER)
        for order_ref in order_refs:
            entries.add_attempt(attempt(order_ref))
    return books


@pytest.mark.parametrize(
    ("awaits", "state", "known", "outcome", "effect"),
    [
        (True, AttemptState.PENDING, False, Outcome.PAID, Effect.SETTLED),
        (True, AttemptState.FAILED, False, Outcome.PAID, Effect.SETTLED),
        (False, AttemptState.PENDING, False, Outcome.PAID, Effect.REFUND_DUE),
        (False, AttemptState.FAILED, False, Outcome.PAID, Effect.REFUND_DUE),
        (False, AttemptState.PAID, False, Outcome.PAID, Effect.REFUND_DUE),
        (False, AttemptState.PAID, True, Outcome.PAID, Effect.REPEATED),
        (True, AttemptState.PENDING, False, Outcome.FAILED, Effect.FAILED),
        (True, AttemptState.FAILED, False, Outcome.FAILED, Effect.REPEATED),
        (False, AttemptState.PAID, True, Outcome.FAILED, Effect.REPEATED),
        (True, AttemptState.PENDING, False, Outcome.UNKNOWN, Effect.NOTED),
        (True, AttemptState.FAILED, False, Outcome.UNKNOWN, Effect.REPEATED),
        (False, AttemptState.PAID, True, Outcome.UNKNOWN, Effect.REPEATED),
    ],
)
def test_what_a_word_does(awaits: bool, state: AttemptState, known: bool, outcome: Outcome, effect: Effect) -> None:
    assert decide(awaits, attempt("A", state), known, word("A", outcome)) is effect


@given(st.sampled_from(AttemptState), st.sampled_from(Outcome), st.booleans(), st.integers())
def test_another_amount_never_does_anything(state: AttemptState, outcome: Outcome, awaits: bool, more: int) -> None:
    told = word("A", outcome, FEE_VND + more)
    assert (decide(awaits, attempt("A", state), False, told) is Effect.WRONG_AMOUNT) == (more != 0)


@pytest.mark.parametrize(
    ("awaits", "known", "amount_vnd", "outcome", "effect"),
    [
        (True, False, FEE_VND + 1, Outcome.PAID, Effect.SETTLED),
        (True, False, FEE_VND, Outcome.PAID, Effect.SETTLED),
        (True, False, FEE_VND - 1, Outcome.PAID, Effect.WRONG_AMOUNT),
        (False, False, FEE_VND + 1, Outcome.PAID, Effect.REFUND_DUE),
        (False, True, FEE_VND + 1, Outcome.PAID, Effect.REPEATED),
        (True, False, FEE_VND + 1, Outcome.FAILED, Effect.WRONG_AMOUNT),
    ],
)
def test_a_portal_that_keeps_overpayments_settles_on_more_and_not_on_less(
    awaits: bool, known: bool, amount_vnd: int, outcome: Outcome, effect: Effect
) -> None:
    told = word("A", outcome, amount_vnd)
    assert decide(awaits, attempt("A", AttemptState.PENDING), known, told, keeps_overpayments=True) is effect


def test_what_is_overpaid_is_due_back_once_beside_the_fee(tmp_path: Path) -> None:
    books = books_with(tmp_path, "A")
    told = [
        settlement.settle(books, word("A", Outcome.PAID, amount_vnd), NOON, NO_FLAWS, set(), True)
        for amount_vnd in (FEE_VND + 7_000, FEE_VND + 7_000, FEE_VND)
    ]
    assert told == [Effect.SETTLED, Effect.REPEATED, Effect.REPEATED]
    with books.reading() as entries:
        standing = entries.standing(entries.dossier("HS-1"))
    assert (standing.paid_vnd, standing.refund_due_vnd, standing.receipts) == (FEE_VND, 7_000, 1)


WORDS = st.builds(
    word,
    st.sampled_from(["A", "B", "C"]),
    st.sampled_from(Outcome),
    st.sampled_from([FEE_VND, FEE_VND, FEE_VND, FEE_VND - 1]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(WORDS, max_size=12), st.integers(0, 12))
def test_any_story_leaves_each_money_settled_or_due_once(story: list[BankWord], cancelled_after: int) -> None:
    with TemporaryDirectory() as folder:
        books = books_with(Path(folder), "A", "B", "C")
        was_paid = False
        for step, told in enumerate(story):
            if step == cancelled_after and not was_paid:
                with books.writing() as entries:
                    entries.cancel("HS-1", NOON)
            settlement.settle(books, told, NOON, NO_FLAWS, set())
            with books.reading() as entries:
                now_paid = entries.standing(entries.dossier("HS-1")).paid_vnd > 0
            assert now_paid or not was_paid, "paid became unpaid"
            was_paid = now_paid
        with books.reading() as entries:
            standing = entries.standing(entries.dossier("HS-1"))
        came_in = {told.order_ref for told in story if told.outcome is Outcome.PAID and told.amount_vnd == FEE_VND}
        assert standing.paid_vnd + standing.refund_due_vnd == FEE_VND * len(came_in)
        assert standing.paid_vnd in (0, FEE_VND)
        assert standing.receipts == standing.notifications == (1 if standing.paid_vnd else 0)


def test_twenty_threads_with_one_word_settle_once(tmp_path: Path) -> None:
    books = books_with(tmp_path, "A")
    start = threading.Barrier(20)
    effects: list[Effect] = []

    def tell() -> None:
        own = Books(tmp_path / "portal.db")
        start.wait()
        effects.append(settlement.settle(own, word("A"), NOON, NO_FLAWS, set()))

    threads = [threading.Thread(target=tell) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(effects) == [Effect.REPEATED] * 19 + [Effect.SETTLED]
    with books.reading() as entries:
        standing = entries.standing(entries.dossier("HS-1"))
    assert (standing.paid_vnd, standing.receipts, standing.notifications) == (FEE_VND, 1, 1)


async def test_twenty_callbacks_at_once_settle_once(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open("vnpay")
        query = vnpay_query(vnpay_fields(opened["order_ref"]))
        answers = await asyncio.gather(*(portal.vnpay_raw(query) for _ in range(20)))
        status = await portal.status()
    assert sorted(answer["RspCode"] for answer in answers) == ["00"] + ["02"] * 19
    assert (status["amount_paid_vnd"], status["receipts"], status["notifications"]) == (FEE_VND, 1, 1)


def test_receipts_are_numbered_without_gap_or_repetition(tmp_path: Path) -> None:
    books = Books(tmp_path / "portal.db")
    with books.writing() as entries:
        for number in range(15):
            code = f"HS-{number}"
            entries.add_dossier(replace(DOSSIER, dossier_code=code, bill_code=f"B{number}"))
            entries.add_attempt(replace(attempt(code), dossier_code=code))
    threads = [
        threading.Thread(target=settlement.settle, args=(books, word(f"HS-{number}"), NOON, NO_FLAWS, set()))
        for number in range(15)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with books.reading() as entries:
        receipts = [receipt for number in range(15) for receipt in entries.receipts(f"HS-{number}")]
    assert sorted(receipt.number for receipt in receipts) == list(range(1, 16))
    assert {(receipt.template, receipt.symbol) for receipt in receipts} == {("EBL01", "26TAB")}


def test_receipt_numbers_begin_anew_with_vietnams_year(tmp_path: Path) -> None:
    books = books_with(tmp_path, "A")
    new_year = NOON.replace(month=12, day=31, hour=17, minute=0)
    settlement.settle(books, word("A"), new_year, NO_FLAWS, set())
    with books.reading() as entries:
        (receipt,) = entries.receipts("HS-1")
    assert (receipt.symbol, receipt.number) == ("27TAB", 1)


async def test_a_second_payment_of_a_dossier_is_due_back(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        first = await portal.open("vnpay")
        second = await portal.open("vnpay")
        third = await portal.open("dvcqg")
        assert (await portal.vnpay(second["order_ref"]))["RspCode"] == "00"
        assert (await portal.vnpay(first["order_ref"]))["RspCode"] == "00"
        assert (await portal.confirm(third["order_ref"]))["MaLoi"] == "00"
        assert (await portal.vnpay(first["order_ref"]))["RspCode"] == "02"
        status = await portal.status()
    assert (status["status"], status["amount_paid_vnd"], status["refund_due_vnd"]) == ("paid", FEE_VND, 2 * FEE_VND)
    assert (status["receipts"], status["notifications"]) == (1, 1)


async def test_money_for_a_cancelled_dossier_is_due_back(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open("vnpay")
        assert (await portal.http.post("/api/dossiers/HS-1/cancel")).json()["status"] == "cancelled"
        assert (await portal.vnpay(opened["order_ref"]))["RspCode"] == "00"
        status = await portal.status()
    assert (status["status"], status["amount_paid_vnd"], status["refund_due_vnd"]) == ("cancelled", 0, FEE_VND)
    assert status["receipts"] == 0


async def test_a_paid_dossier_is_neither_opened_nor_cancelled(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open("vnpay")
        await portal.vnpay(opened["order_ref"])
        for bank, method in (("vnpay", "redirect"), ("dvcqg", "redirect"), ("vietinbank", "bill")):
            again = await portal.http.post("/api/dossiers/HS-1/payments", json={"bank": bank, "method": method})
            assert again.status_code == 409
        assert (await portal.http.post("/api/dossiers/HS-1/cancel")).status_code == 409


async def test_orders_of_one_moment_have_numbers_of_their_own(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        await portal.declare("HS-" + "X" * 70 + "1")
        await portal.declare("HS-" + "X" * 70 + "2")
        codes = ["HS-" + "X" * 70 + end for end in "12"] * 10
        opened = await asyncio.gather(*(portal.open("vnpay", code) for code in codes))
        portal.later(hours=12)
        opened.append(await portal.open("vnpay", codes[0]))
    references = {each["order_ref"] for each in opened}
    assert len(references) == 21
    assert max(map(len, references)) <= 20


async def test_the_browsers_amount_does_not_count(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open("vnpay", amount_vnd=1000)
        assert f"vnp_Amount={FEE_VND * 100}&" in opened["url"]


async def test_who_acknowledges_first_settles_later_and_once(tmp_path: Path) -> None:
    async with running(tmp_path, style=Style.ACKS_FIRST) as portal:
        opened = await portal.open("vnpay")
        assert (await portal.vnpay(opened["order_ref"], FEE_VND - 1))["RspCode"] == "04"
        assert (await portal.vnpay("HS-0001"))["RspCode"] == "01"
        assert (await portal.vnpay(opened["order_ref"]))["RspCode"] == "00"
        assert (await portal.vnpay(opened["order_ref"]))["RspCode"] == "00"
        assert (await portal.status())["status"] == "pending"
        assert (await portal.run_jobs())["settled"] == 2
        status = await portal.status()
        assert (status["status"], status["receipts"]) == ("paid", 1)
        assert (await portal.vnpay(opened["order_ref"]))["RspCode"] == "02"


async def test_what_was_acknowledged_first_survives_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path, style=Style.ACKS_FIRST) as portal:
        opened = await portal.open("vnpay")
        await portal.vnpay(opened["order_ref"])
    async with running(tmp_path, style=Style.ACKS_FIRST) as portal:
        settling = asyncio.create_task(keep_settling(portal.portal))
        async with asyncio.timeout(30):
            while (await portal.status())["status"] != "paid":
                continue
        settling.cancel()
        assert (await portal.status())["receipts"] == 1


async def test_what_was_settled_stays_settled_after_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open("vnpay")
        await portal.vnpay(opened["order_ref"])
    async with running(tmp_path) as portal:
        assert (await portal.vnpay(opened["order_ref"]))["RspCode"] == "02"
        assert (await portal.status())["receipts"] == 1


async def test_a_dossier_is_declared_once(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        first = await portal.declare()
        assert await portal.declare() == first
        other = await portal.http.post("/api/dossiers", json={"dossier_code": "HS-1", "fee_vnd": 1})
        assert other.status_code == 409
        numbered = [(await portal.http.post("/api/dossiers", json={"province": "H17"})).json() for _ in range(2)]
    assert [each["dossier_code"] for each in numbered] == ["H17.12.6-261122-0001", "H17.12.6-261122-0002"]


@pytest.mark.parametrize(
    "body",
    [
        {"fee_vnd": 0},
        {"fee_vnd": -1},
        {"fee_vnd": 10**16},
        {"fee_vnd": 1.5},
        {"dossier_code": "../x"},
        {"dossier_code": "a b"},
        {"service_code": "none"},
        {"province": "H99"},
    ],
)
async def test_nonsense_is_refused(tmp_path: Path, body: dict) -> None:
    async with running(tmp_path) as portal:
        assert (await portal.http.post("/api/dossiers", json=body)).status_code == 422


async def test_what_is_unknown_is_404(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        assert (await portal.http.get("/api/dossiers/X")).status_code == 404
        body = {"bank": "vnpay", "method": "redirect"}
        assert (await portal.http.post("/api/dossiers/X/payments", json=body)).status_code == 404
        assert (await portal.http.post("/api/dossiers/X/refund", json={})).status_code == 404
        assert (await portal.http.get("/api/dossiers/X/notifications")).status_code == 404
