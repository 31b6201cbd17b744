"""Facts about the simulated phone's scanner: pasted and photographed codes, transfers, other amounts, late payers."""

import io
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import msgspec
import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st

from conformance.payer import read_page
from simulator import qr
from simulator.app import App
from simulator.bank import act, progress
from simulator.banks import dialects
from simulator.delivery import Courier
from simulator.dialect import Shape
from simulator.pages import create_pages
from simulator.pages.scanner import PICTURE_BYTES_MAX, text_of
from simulator.payee import payee_of
from simulator.payer import choose
from simulator.payment import Channel, Event, Outcome, Payment, State
from simulator.world import World, Worlds
from tests.samples.dvcqg import dvcqg_init
from tests.worlds import START, ask

ADVICE = next(each for each in dialects().values() if each.shape is Shape.ADVICE and Channel.QR in each.channels)
ACCOUNT = "0099887766554"
CODE = qr.vietqr("970436", ACCOUNT, 65_000, purpose="HS1")


def nobody_objects(method: str, host: str, origin: str, authorization: str) -> None:
    return None


@pytest.fixture
async def world(worlds: Worlds) -> World:
    await worlds.create("ci", seed="1", clock_at=START)
    return await worlds.update(
        "ci",
        lambda box: msgspec.structs.replace(
            box,
            merchants=tuple(
                msgspec.structs.replace(each, options={**each.options, "account": ACCOUNT})
                if each.bank == ADVICE.code
                else each
                for each in box.merchants
            ),
        ),
    )


@pytest.fixture
async def http(worlds: Worlds, world: World) -> AsyncIterator[httpx.AsyncClient]:
    courier = Courier(worlds, "node")
    app = App(worlds, courier, create_pages(worlds, courier, nobody_objects), "1")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://banksim.test/s/ci") as client:
        yield client


async def payments(world: World) -> list[Payment]:
    return await world.store.payments(world.name)


def picture(text: str) -> bytes:
    drawn = io.BytesIO()
    segno.make(text, micro=False).save(drawn, kind="png", scale=4)
    return drawn.getvalue()


# --- reading -----------------------------------------------------------------------------------------------------


def test_a_photographed_code_is_read() -> None:
    assert text_of(picture(CODE)) == CODE


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n" + b"\x00" * 40, picture("x")[:100]])
def test_what_is_no_picture_has_no_code(content: bytes) -> None:
    assert text_of(content) is None


@given(st.binary(max_size=300))
def test_no_bytes_break_the_phone(content: bytes) -> None:
    assert text_of(content) is None


async def test_a_picture_without_a_code_is_said_so(http: httpx.AsyncClient) -> None:
    answer = await http.post("/phone/picture", files={"picture": ("a.png", b"no picture")})
    assert (answer.status_code, read_page("", 422, answer.text).refused) == (422, "no_code")


async def test_a_huge_picture_is_refused(http: httpx.AsyncClient) -> None:
    answer = await http.post("/phone/picture", files={"picture": ("a.png", b"x" * (PICTURE_BYTES_MAX + 1))})
    assert answer.status_code == 413


@pytest.mark.parametrize("reason", [qr.QrReason.BAD_CRC, qr.QrReason.BAD_LENGTH])
async def test_a_wrong_code_is_refused_with_its_reason(http: httpx.AsyncClient, reason: qr.QrReason) -> None:
    wrong = CODE[:-4] + "0000" if reason is qr.QrReason.BAD_CRC else CODE[:-1]
    answer = await http.post("/phone", data={"qr": wrong})
    assert (answer.status_code, read_page("", 422, answer.text).refused) == (422, reason)


# --- transfers ---------------------------------------------------------------------------------------------------


async def test_a_code_of_an_account_shows_payee_amount_and_content(http: httpx.AsyncClient, world: World) -> None:
    answer = await http.post("/phone/picture", files={"picture": ("code.png", picture(CODE))})
    shown = read_page("", 200, answer.text).form("transfer")
    assert {name: shown.fields[name] for name in ("account", "amount_vnd", "content")} == {
        "account": ACCOUNT,
        "amount_vnd": "65000",
        "content": "HS1",
    }
    payee = payee_of(world, ACCOUNT)
    assert payee is not None
    assert payee[1].name in answer.text
    assert "Vietcombank" in answer.text
    assert await payments(world) == [], "reading pays nothing"


@pytest.mark.parametrize("amount_vnd", [65_000, 1, 64_999, 65_001])
async def test_the_payer_sends_what_he_types(http: httpx.AsyncClient, world: World, amount_vnd: int) -> None:
    sent = {"account": ACCOUNT, "content": "HS1", "amount_vnd": str(amount_vnd), "username": "nguyenvana"}
    answer = await http.post("/phone/transfer", data=sent)
    (paid,) = await payments(world)
    assert answer.headers["location"] == f"/s/ci/pay/{paid.payment_id}"
    assert (paid.bank, paid.order.order_ref, paid.state, paid.amount_vnd) == (
        ADVICE.code,
        "HS1",
        State.PAID,
        amount_vnd,
    )
    assert [entry.amount_vnd for entry in await world.store.ledger(world.name)] == [amount_vnd]
    assert len(await world.store.deliveries(world.name)) == len(ADVICE.messages)


async def test_paying_a_static_code_twice_is_two_payments(http: httpx.AsyncClient, world: World) -> None:
    sent = {"account": ACCOUNT, "content": "HS1", "amount_vnd": "65000", "username": "nguyenvana"}
    for _ in range(2):
        await http.post("/phone/transfer", data=sent)
    assert [each.state for each in await payments(world)] == [State.PAID, State.PAID]


async def test_a_payer_without_money_sends_none(http: httpx.AsyncClient, world: World) -> None:
    sent = {"account": ACCOUNT, "content": "HS1", "amount_vnd": "65000", "username": "hetsodu"}
    await http.post("/phone/transfer", data=sent)
    (tried,) = await payments(world)
    assert (tried.state, tried.outcome) == (State.FAILED, Outcome.INSUFFICIENT_FUNDS)
    assert await world.store.ledger(world.name) == []


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"account": "999"}, "nobody"),
        ({"account": ""}, "bad_account"),
        ({"account": "0" * 20}, "bad_account"),
        ({"content": ""}, "bad_content"),
        ({"content": "a\x00b"}, "bad_content"),
        ({"amount_vnd": "0"}, "bad_amount"),
        ({"amount_vnd": "-5"}, "bad_amount"),
        ({"amount_vnd": "5e3"}, "bad_amount"),
        ({"amount_vnd": "500000000"}, "bad_amount"),
        ({"amount_vnd": "9" * 30}, "bad_amount"),
    ],
)
async def test_a_transfer_that_cannot_be_is_refused_and_nothing_moves(
    http: httpx.AsyncClient, world: World, changed: dict[str, str], problem: str
) -> None:
    sent = {"account": ACCOUNT, "content": "HS1", "amount_vnd": "65000", "username": "nguyenvana", **changed}
    answer = await http.post("/phone/transfer", data=sent)
    assert (answer.status_code, read_page("", 422, answer.text).refused) == (422, problem)
    assert await payments(world) == []


# --- codes of orders ---------------------------------------------------------------------------------------------


async def waiting(world: World) -> Payment:
    """An order whose code, a transfer to an account, is on the payer's screen."""
    await ask(world, "dvcqg", dvcqg_init("HS1", 65_000, START))
    (payment,) = await payments(world)
    return await progress(world, payment.payment_id, choose(Channel.QR, ""))


@pytest.mark.parametrize("typed", ["64999", "65001"])
async def test_another_amount_than_the_codes_may_be_sent(http: httpx.AsyncClient, world: World, typed: str) -> None:
    payment = await waiting(world)
    await http.post(f"/pay/{payment.payment_id}/scan", data={"username": "nguyenvana", "amount_vnd": typed})
    (paid,) = await payments(world)
    assert (paid.state, paid.amount_vnd, paid.order.amount_vnd) == (State.PAID, int(typed), 65_000)


@pytest.mark.parametrize("typed", ["", "0", "-1", "x", "1e9"])
async def test_an_amount_that_is_none_is_not_sent(http: httpx.AsyncClient, world: World, typed: str) -> None:
    payment = await waiting(world)
    await http.post(f"/pay/{payment.payment_id}/scan", data={"username": "nguyenvana", "amount_vnd": typed})
    (after,) = await payments(world)
    assert after.amount_vnd == 65_000


async def test_a_transfer_after_the_order_has_ended_arrives_all_the_same(http: httpx.AsyncClient, world: World) -> None:
    payment = await waiting(world)
    await world.store.set_clock(world.name, START + timedelta(days=1))
    await act(world, payment.payment_id, Event.EXPIRE)
    phone = await http.get(f"/pay/{payment.payment_id}/phone")
    assert f"/pay/{payment.payment_id}/late" in phone.text
    await http.post(f"/pay/{payment.payment_id}/late")
    (paid,) = await payments(world)
    assert paid.state is State.PAID
    assert [entry.amount_vnd for entry in await world.store.ledger(world.name)] == [65_000]
    await http.post(f"/pay/{payment.payment_id}/late")
    assert len(await world.store.ledger(world.name)) == 1, "once is enough"
