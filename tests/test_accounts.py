"""Test accounts with money, over whole worlds: every debit and every return, atomic, on whatever channel."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import msgspec
import pytest

from simulator import accounts, payer
from simulator.bank import act, progress
from simulator.banks import dialects
from simulator.control import create_control
from simulator.control.guard import Guard
from simulator.payer import Change, Stage
from simulator.payment import Channel, Event, Order, Outcome, Payment, State, Step
from simulator.purse import Biometrics, Kind
from simulator.store import Sandbox
from simulator.world import World, Worlds
from tests.samples.dvcqg import dvcqg_init
from tests.samples.vnpay import vnpay_pay, vnpay_refund
from tests.worlds import START, ask, courier_of

MILLION = 1_000_000


@pytest.fixture
async def world(worlds: Worlds) -> World:
    return await worlds.create("ci", seed="42", clock_at=START)


async def ordered(world: World, order_ref: str, amount_vnd: int) -> Payment:
    """A payment to a merchant that the payer's bank knows."""
    await ask(world, "vnpay", vnpay_pay(order_ref, amount_vnd, START))
    (payment,) = await world.store.payments(world.name, order_ref=order_ref)
    return payment


async def pays(world: World, payment: Payment, *changes: Change) -> Payment:
    for change in changes:
        payment = await progress(world, payment.payment_id, change)
    return payment


def banking(username: str, otp: str = "123456") -> tuple[Change, ...]:
    chosen = payer.choose(Channel.INTERNET_BANKING, "NCB")
    return chosen, payer.log_in(username, "banksim"), payer.give_otp(otp)


async def stands(world: World, username: str) -> accounts.Kept:
    return next(each for each in await accounts.kept_in(world) if each.account.username == username)


async def at(world: World, hours: float) -> None:
    await world.store.set_clock(world.name, START + timedelta(hours=hours))


# --- money and limits --------------------------------------------------------------------------------------------


async def test_an_account_pays_what_it_has_and_no_dong_more(world: World) -> None:
    first = await pays(world, await ordered(world, "A", 50_000), *banking("vuadu"))
    assert (first.state, (await stands(world, "vuadu")).stands.balance_vnd) == (State.PAID, 0)
    second = await pays(world, await ordered(world, "B", 10_000), *banking("vuadu"))
    assert (second.state, second.outcome) == (State.FAILED, Outcome.INSUFFICIENT_FUNDS)
    assert (await stands(world, "vuadu")).spent_vnd == 50_000


@pytest.mark.parametrize(("amount_vnd", "outcome"), [(MILLION, Outcome.SUCCESS), (MILLION + 1, Outcome.OVER_LIMIT)])
async def test_a_transfer_above_the_accounts_limit_is_declined(world: World, amount_vnd: int, outcome: Outcome) -> None:
    ended = await pays(world, await ordered(world, "A", amount_vnd), *banking("hanmuclan"))
    assert ended.outcome is outcome


async def test_the_daily_limit_is_used_up_and_fresh_after_midnight_in_vietnam(world: World) -> None:
    outcomes = []
    for number, hours in enumerate((0, 1, 2, 13.9, 14)):  # The sandbox begins at 10:00 in Vietnam.
        await at(world, hours)
        payment = await pays(world, await later(world, str(number), MILLION, hours), *banking("hanmucngay"))
        outcomes.append(payment.outcome)
    assert outcomes == [Outcome.SUCCESS, Outcome.SUCCESS, Outcome.OVER_LIMIT, Outcome.OVER_LIMIT, Outcome.SUCCESS]


async def later(world: World, order_ref: str, amount_vnd: int, hours: float) -> Payment:
    await ask(world, "vnpay", vnpay_pay(order_ref, amount_vnd, START + timedelta(hours=hours)))
    (payment,) = await world.store.payments(world.name, order_ref=order_ref)
    return payment


@pytest.mark.parametrize("username", ["hetsodu", "vuothanmuc", "loikhac"])
async def test_who_is_declined_keeps_the_money(world: World, username: str) -> None:
    await pays(world, await ordered(world, "A", 50_000), *banking(username))
    assert (await stands(world, username)).spent_vnd == 0


@pytest.mark.parametrize(("username", "spent_vnd"), [("nghingo", 50_000), ("hoantien", 0), ("chuaro", 0)])
async def test_suspected_money_is_gone_and_reversed_money_is_back(world: World, username: str, spent_vnd: int) -> None:
    await pays(world, await ordered(world, "A", 50_000), *banking(username))
    assert (await stands(world, username)).spent_vnd == spent_vnd


async def test_a_reversal_gives_the_money_back_once(world: World) -> None:
    payment = await pays(world, await ordered(world, "A", 50_000), *banking("nghingo"))
    await act(world, payment.payment_id, Event.REVERSE)
    kept = await stands(world, "nghingo")
    assert (kept.spent_vnd, kept.stands.today_vnd) == (0, 50_000)


async def test_a_connectors_refund_comes_back_to_the_account_that_paid(world: World) -> None:
    await pays(world, await ordered(world, "A", 50_000), *banking("vuadu"))
    await ask(world, "vnpay", vnpay_refund("A", START, "R1", 20_000, "03"))
    kept = await stands(world, "vuadu")
    assert (kept.stands.balance_vnd, kept.stands.today_vnd) == (20_000, 50_000), "the day's limit is not restored"
    assert (await stands(world, "nguyenvana")).spent_vnd == 0


async def test_scanning_debits_the_account_that_scans(world: World) -> None:
    payment = await pays(world, await ordered(world, "A", 50_000), payer.choose(Channel.QR, ""), payer.scan("vuadu"))
    assert payment.state is State.PAID
    again = await pays(world, await ordered(world, "B", 50_000), payer.choose(Channel.QR, ""), payer.scan("vuadu"))
    assert again.outcome is Outcome.INSUFFICIENT_FUNDS


async def test_a_test_that_decrees_a_payment_debits_whoever_has_logged_in_whatever_he_has(world: World) -> None:
    payment = await pays(world, await ordered(world, "A", 60_000), *banking("vuadu", otp="000000"))
    await act(world, payment.payment_id, Event.APPROVE)
    assert (await stands(world, "vuadu")).stands.balance_vnd == -10_000


async def test_a_payment_of_nobody_in_particular_debits_no_account(world: World) -> None:
    await act(world, (await ordered(world, "A", 60_000)).payment_id, Event.APPROVE)
    assert await world.store.purses(world.name) == []


async def test_payments_at_once_from_one_account_never_overdraw_it(world: World) -> None:
    await accounts.change(world, payer.accounts()["tranthib"], balance_vnd=170_000)
    waiting = [await pays(world, await ordered(world, f"HS{n}", 50_000), *banking("tranthib")[:2]) for n in range(12)]
    ended = await asyncio.gather(*(pays(world, each, payer.give_otp("123456")) for each in waiting))
    assert [each.state for each in ended].count(State.PAID) == 3
    assert (await stands(world, "tranthib")).stands.balance_vnd == 20_000
    booked = sum(entry.amount_vnd for entry in await world.store.ledger(world.name))
    assert booked == (await stands(world, "tranthib")).spent_vnd == 150_000


async def test_one_payment_confirmed_twice_at_once_is_debited_once(world: World) -> None:
    payment = await pays(world, await ordered(world, "A", 50_000), *banking("tranthib")[:2])
    await asyncio.gather(*(pays(world, payment, payer.give_otp("123456")) for _ in range(10)))
    assert (await stands(world, "tranthib")).spent_vnd == 50_000


async def test_sandboxes_share_no_money_and_a_reset_gives_it_back(worlds: Worlds, world: World) -> None:
    other = await worlds.create("other", seed="42", clock_at=START)
    await pays(world, await ordered(world, "A", 50_000), *banking("vuadu"))
    assert (await stands(other, "vuadu")).stands.balance_vnd == 50_000
    fresh = await worlds.reset("ci")
    assert (await stands(fresh, "vuadu")).stands.balance_vnd == 50_000


# --- biometrics: qd-2345-2023#annex-1 ----------------------------------------------------------------------------


async def with_fees_as_transfers(worlds: Worlds) -> World:
    """The same world, where banks take this merchant's fees for plain transfers."""

    def switched(sandbox: Sandbox) -> Sandbox:
        merchants = tuple(
            msgspec.structs.replace(each, options={**each.options, payer.FEES_AS: "transfer"})
            for each in sandbox.merchants
        )
        return msgspec.structs.replace(sandbox, merchants=merchants)

    return await worlds.update("ci", switched)


def step_of(payment: Payment) -> Stage:
    return payer.stage(payment, START)


@pytest.mark.parametrize(
    ("amounts", "stages"),
    [
        ((10 * MILLION,), [Stage.DONE]),
        ((10 * MILLION + 1,), [Stage.BIOMETRICS]),
        ((10 * MILLION, 10 * MILLION), [Stage.DONE, Stage.DONE]),
        ((10 * MILLION, 9 * MILLION, MILLION + 1), [Stage.DONE, Stage.DONE, Stage.BIOMETRICS]),
    ],
)
async def test_transfers_want_a_face_above_ten_million_and_twenty_a_day(
    worlds: Worlds, world: World, amounts: tuple[int, ...], stages: list[Stage]
) -> None:
    world = await with_fees_as_transfers(worlds)
    ended = [
        await pays(world, await ordered(world, f"HS{n}", amount), *banking("tranthib"))
        for n, amount in enumerate(amounts)
    ]
    assert [step_of(each) for each in ended] == stages


@pytest.mark.parametrize(
    ("amounts", "last"),
    [
        ((100 * MILLION,), Stage.DONE),
        ((100 * MILLION + 1,), Stage.BIOMETRICS),
        ((60 * MILLION, 40 * MILLION), Stage.DONE),
        ((60 * MILLION, 40 * MILLION + 1), Stage.BIOMETRICS),
    ],
)
async def test_fees_of_a_known_merchant_want_a_face_only_above_a_hundred_million_a_day(
    world: World, amounts: tuple[int, ...], last: Stage
) -> None:
    for number, amount in enumerate(amounts):
        payment = await pays(world, await ordered(world, f"HS{number}", amount), *banking("tranthib"))
    assert step_of(payment) is last


BIG = 100 * MILLION + 1


async def waiting_for_a_face(world: World, username: str = "tranthib") -> Payment:
    payment = await pays(world, await ordered(world, "BIG", BIG), *banking(username))
    assert (step_of(payment), payment.state, payment.outcome) == (Stage.BIOMETRICS, State.PENDING, None)
    assert (await stands(world, username)).spent_vnd == 0
    return payment


async def test_a_face_that_is_found_alike_pays_and_begins_the_days_count_anew(world: World) -> None:
    payment = await pays(world, await waiting_for_a_face(world), payer.show_face(True))
    assert (payment.state, (await stands(world, "tranthib")).spent_vnd) == (State.PAID, BIG)
    again = await pays(world, await ordered(world, "AGAIN", 100 * MILLION), *banking("tranthib"))
    assert again.state is State.PAID


async def test_a_face_that_is_not_alike_sends_the_payer_to_a_branch(world: World) -> None:
    ended = await pays(world, await waiting_for_a_face(world), payer.show_face(False), payer.show_face(True))
    assert (ended.state, ended.outcome) == (State.FAILED, Outcome.OVER_LIMIT)
    assert (await stands(world, "tranthib")).spent_vnd == 0


async def test_a_camera_that_never_finds_the_payer_alike_declines_whatever_the_page_says(world: World) -> None:
    ended = await pays(world, await waiting_for_a_face(world, "saikhuonmat"), payer.show_face(True))
    assert (ended.state, ended.outcome) == (State.FAILED, Outcome.OVER_LIMIT)


async def test_who_never_gave_the_bank_a_face_is_not_even_asked_for_it(world: World) -> None:
    ended = await pays(world, await ordered(world, "BIG", BIG), *banking("chuakhuonmat"))
    assert (ended.state, ended.outcome) == (State.FAILED, Outcome.OVER_LIMIT)
    small = await pays(world, await ordered(world, "SMALL", 50_000), *banking("chuakhuonmat"))
    assert small.state is State.PAID


async def test_money_is_looked_at_before_the_face_and_again_with_it(world: World) -> None:
    poor = await pays(world, await ordered(world, "POOR", BIG), *banking("vuadu"))
    assert poor.outcome is Outcome.INSUFFICIENT_FUNDS
    payment = await waiting_for_a_face(world)
    await accounts.change(world, payer.accounts()["tranthib"], balance_vnd=1)
    assert (await pays(world, payment, payer.show_face(True))).outcome is Outcome.INSUFFICIENT_FUNDS


async def test_the_face_is_asked_for_once_even_if_the_page_is_sent_twice(world: World) -> None:
    payment = await waiting_for_a_face(world)
    await asyncio.gather(*(pays(world, payment, payer.show_face(True)) for _ in range(5)))
    assert (await stands(world, "tranthib")).spent_vnd == BIG


def test_a_vietqr_code_is_a_plain_transfer_wherever_it_is_shown() -> None:
    payment = Payment(
        payment_id="p1",
        bank="dvcqg",
        merchant_code="M",
        order=Order(order_ref="A", order_key="A", amount_vnd=50_000),
        amount_vnd=50_000,
        bank_ref="14000001",
        created_at=START,
    )
    scanned = msgspec.structs.replace(payment, channel=Channel.QR)
    assert payer.kind_of(payment, dialects()["dvcqg"], None) is Kind.PAYMENT
    assert payer.kind_of(scanned, dialects()["dvcqg"], None) is Kind.TRANSFER
    assert payer.kind_of(payment, dialects()["sepay"], None) is Kind.TRANSFER


async def test_a_scanned_transfer_waits_for_the_face_with_the_amount_that_was_typed(world: World) -> None:
    await ask(world, "dvcqg", dvcqg_init("A", 50_000, START))
    (payment,) = await world.store.payments(world.name)
    scanned = await pays(world, payment, payer.choose(Channel.QR, ""), payer.scan("tranthib", 10 * MILLION + 1))
    assert (step_of(scanned), scanned.step) == (Stage.BIOMETRICS, Step.BIOMETRICS)
    ended = await pays(world, scanned, payer.show_face(True))
    assert (ended.state, ended.amount_vnd) == (State.PAID, 10 * MILLION + 1)
    assert (await stands(world, "tranthib")).spent_vnd == 10 * MILLION + 1


# --- by the control API ------------------------------------------------------------------------------------------


@pytest.fixture
async def api(worlds: Worlds, world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with courier_of(worlds) as courier:
        app = create_control(worlds, courier, Guard(hosts=frozenset({"banks.test"})))
        base_url = "http://banks.test/_control/sandboxes/ci"
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base_url) as http:
            yield http


async def test_an_account_is_given_money_limits_and_a_face(api: httpx.AsyncClient, world: World) -> None:
    wanted = {"balance_vnd": 70_000, "per_transfer_vnd": 60_000, "daily_vnd": 65_000, "biometrics": "none"}
    told = (await api.put("/accounts/tranthib", json=wanted)).json()
    assert {name: told[name] for name in wanted} == wanted
    assert (await api.get("/accounts/100000000002")).json() == told
    await pays(world, await ordered(world, "A", 60_000), *banking("tranthib"))
    after = (await api.get("/accounts/tranthib")).json()
    assert (after["balance_vnd"], after["today_vnd"], after["left_today_vnd"]) == (10_000, 60_000, 5_000)
    more = (await api.put("/accounts/tranthib", json={"balance_vnd": 80_000})).json()
    assert (more["balance_vnd"], more["spent_vnd"], more["per_transfer_vnd"]) == (80_000, 60_000, 60_000)


async def test_all_test_accounts_are_listed_with_what_they_have(api: httpx.AsyncClient) -> None:
    listed = {each["username"]: each for each in (await api.get("/accounts")).json()}
    assert list(listed) == list(payer.accounts())
    assert listed["vuadu"]["balance_vnd"] == 50_000
    assert listed["saikhuonmat"]["biometrics"] == Biometrics.MISMATCH


@pytest.mark.parametrize(
    ("path", "body", "status", "word"),
    [
        ("/accounts/nobody", {"balance_vnd": 1}, 404, "nguyenvana"),
        ("/accounts/vuadu", {"balance_vnd": -1}, 400, "balance_vnd"),
        ("/accounts/vuadu", {"balance": 1}, 400, "balance"),
        ("/accounts/vuadu", {"biometrics": "yes"}, 400, "biometrics"),
        ("/maintenance", {"window": "25:00-01:00"}, 400, "23:00-01:00"),
        ("/maintenance", {"window": "01:00-01:00"}, 400, "empty"),
    ],
)
async def test_a_change_that_makes_no_sense_is_refused_in_a_sentence(
    api: httpx.AsyncClient, path: str, body: dict[str, object], status: int, word: str
) -> None:
    refused = await api.put(path, json=body)
    assert refused.status_code == status
    assert word in refused.json()["detail"]


async def test_the_hours_of_maintenance_are_set_and_shown(api: httpx.AsyncClient, world: World) -> None:
    assert (await api.get("/maintenance")).json() == {"window": "", "until": None}
    set_ = (await api.put("/maintenance", json={"window": "09:00-10:30"})).json()
    assert set_ == {"window": "09:00-10:30", "until": "2026-11-22T03:30:00Z"}
    await at(world, 0.5)
    assert (await api.get("/maintenance")).json()["until"] is None
    assert (await api.put("/maintenance", json={"window": ""})).json() == {"window": "", "until": None}
