"""Every door that a card number can be typed into refuses all but test cards, and no digit of the others is kept."""

import asyncio
import base64
import json
import logging
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.payer import Payer, read_page
from simulator import client, payer
from simulator.app import App
from simulator.cards import luhn_holds, scheme_of
from simulator.control import PREFIXES, create_control
from simulator.control.guard import Guard
from simulator.pages import create_pages
from simulator.payment import Channel, Outcome, Payment, Reason, State
from simulator.wire import Request
from simulator.world import World
from tests.samples import etax, napas
from tests.samples import vietinbank_wallet as wallet
from tests.samples.vnpay import vnpay_pay
from tests.test_pages import PORTAL, Bridge, answering, nobody_objects, served_by
from tests.worlds import START, ask, connector, courier_of, worlds_in

HERE = "http://127.0.0.1:8080"
CI = "/_control/sandboxes/ci"


@dataclass(frozen=True, slots=True)
class House:
    """A whole server in process, with a sandbox "ci" on a manual clock, and a browser for robots."""

    world: World
    http: httpx.AsyncClient
    browser: httpx.Client
    answers: list[httpx.Response]

    async def card_page(self, order_ref: str, bank: str = "vnpay") -> Payment:
        """A payment whose payer has chosen to pay by card."""
        await ask(self.world, bank, vnpay_pay(order_ref, 50_000, START))
        payment = (await self.world.store.payments("ci", order_ref=order_ref))[0]
        await self.post(payment, "choose", channel="card")
        return await self.stored(payment)

    async def stored(self, payment: Payment) -> Payment:
        return next(each for each in await self.world.store.payments("ci") if each.payment_id == payment.payment_id)

    async def post(self, payment: Payment, step: str, **form: str) -> httpx.Response:
        return self.seen(await self.http.post(f"/s/ci/pay/{payment.payment_id}/{step}", data=form))

    async def say(self, bank: str, request: Request) -> str:
        served = await ask(self.world, bank, request)
        return served.response.body.decode()

    def seen(self, answer: httpx.Response) -> httpx.Response:
        self.answers.append(answer)
        return answer


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[House]:
    async with worlds_in(folder) as worlds, courier_of(worlds) as courier, connector() as portal:
        portal.answer = answering
        default = await worlds.create("default", seed="1", clock_at=START)
        merchants = served_by(portal, default.sandbox.merchants)
        world = await worlds.create("ci", seed="42", clock_at=START, merchants=merchants)
        control, pages = create_control(worlds, courier, Guard()), create_pages(worlds, courier, nobody_objects)

        async def rest(scope: Any, receive: Any, send: Any) -> None:
            await (control if scope["path"].startswith(PREFIXES) else pages)(scope, receive, send)

        app = App(worlds, courier, rest, "1")
        with httpx.Client(transport=Bridge(app, asyncio.get_running_loop())) as browser:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HERE) as http:
                yield House(world, http, browser, [])


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as it:
        yield it


# --- no other number is kept ---------------------------------------------------------------------------------------

Door = Callable[[House, str, str], Awaitable[None]]


async def by_form(it: House, number: str, ref: str) -> None:
    """In every field of the card's form, not only in its own."""
    payment = await it.card_page(f"F{ref}")
    for name in ("card_number", "card_holder", "card_date", "card_cvc"):
        form = {"card_number": "x", "card_holder": "NGUYEN VAN A", "card_date": "12/26", "card_cvc": "123"}
        answer = await it.post(payment, "card", **{**form, name: number})
        it.seen(await it.http.get(answer.headers["location"]))
    assert (await it.stored(payment)).state is State.FAILED


async def by_address(it: House, number: str, ref: str) -> None:
    payment = await it.card_page(f"A{ref}")
    it.seen(await it.http.get(f"/s/ci/pay/{payment.payment_id}", params={"card_number": number, "problem": number}))
    challenged = await it.card_page(f"B{ref}")
    await it.post(challenged, "card", card_number="4456530000001096", card_holder="NGUYEN VAN A", card_date="12/26",
                  card_cvc="123")  # fmt: skip
    answer = await it.http.get(f"/s/ci/pay/{challenged.payment_id}", params={"problem": number})
    assert number not in str(answer.headers)
    await it.post(challenged, "challenge", otp=number)


async def by_log_in(it: House, number: str, ref: str) -> None:
    await ask(it.world, "vnpay", vnpay_pay(f"L{ref}", 50_000, START, vnp_BankCode="NCB"))
    payment = (await it.world.store.payments("ci", order_ref=f"L{ref}"))[0]
    await it.post(payment, "login", username=number, password=number)
    await it.post(payment, "login", username="nguyenvana", password="banksim")
    await it.post(payment, "otp", otp=number)


async def by_robot(it: House, number: str, ref: str) -> None:
    payment = await it.card_page(f"R{ref}")
    url, card = it.world.page_url(payment.payment_id), (number, "NGUYEN VAN A", "12/26")
    walk = await asyncio.to_thread(lambda: Payer(it.browser).pay(url, channel="card", card=card))
    assert walk.outcome == Outcome.WRONG_DETAILS


async def by_terminal(it: House, number: str, ref: str) -> None:
    robot = Payer(it.browser)
    page = await asyncio.to_thread(lambda: robot.inquire_bill(f"{HERE}/s/ci", "vietinbank", f"T{ref}", "pos"))
    payment = (await it.world.store.payments("ci", bank="vietinbank", limit=1))[0]
    answer = await it.post(payment, "confirm", card_number=number)
    it.seen(await it.http.get(answer.headers.get("location", page.url)))
    assert (await it.stored(payment)).state is State.PENDING


async def by_control(it: House, number: str, ref: str) -> None:
    payment = await it.card_page(f"C{ref}")
    path = f"{CI}/payments/{payment.payment_id}/card"
    refused = await it.http.post(path, json={"number": number})
    assert (refused.status_code, "never the number of a real card" in refused.json()["detail"]) == (422, True)
    for body in ({"number": number, "numbre": number}, {"number": int("".join(filter(str.isdigit, number)))},
                 {"number": "4456530000001005", "then": number}):  # fmt: skip
        it.seen(await it.http.post(path, json=body))
    assert (await it.stored(payment)).state is State.PENDING


async def by_napas(it: House, number: str, ref: str) -> None:
    assert "SUCCESS" not in await it.say("napas", napas.purchase(f"N{ref}", 50_000, START, number=number))


async def by_wallet(it: House, number: str, ref: str) -> None:
    for kind in (wallet.pay_with_card(f"W{ref}", 50_000, START, number), _linked("tokenIssue", number, ref),
                 _linked("registerOnlinePay", number, ref)):  # fmt: skip
        told = json.loads(await it.say("vietinbank_wallet", kind))
        assert told["status"]["code"] in ("14", "30")
        assert "token" not in told


def _linked(kind: str, number: str, ref: str) -> Request:
    return wallet.wallet(kind, **wallet.card_fields(START, f"K{ref}", number))


async def by_etax(it: House, number: str, ref: str) -> None:
    await it.say("etax", etax.etax_init(f"E{ref}", 50_000, START, phuongThuc="CARD", soTaiKhoan_The=number))
    await it.say("etax", etax.etax_link_payer(PhuongThuc="CARD", SoTaiKhoan_The=number, NgayPhatHanh="0715"))


async def by_transfer(it: House, number: str, ref: str) -> None:
    form = {"account": number, "amount_vnd": "50000", "content": "HS1", "username": "nguyenvana"}
    await it.http.post("/s/ci/phone/transfer", data=form)
    await it.http.post("/s/ci/phone", data={"qr": number})


DOORS: tuple[Door, ...] = (
    *(by_form, by_address, by_log_in, by_robot, by_terminal),
    *(by_control, by_napas, by_wallet, by_etax, by_transfer),
)


def real_looking() -> st.SearchStrategy[str]:
    starts = st.sampled_from(["970436", "970415", "970422", "4231", "5399", "2230", "3528"])
    return st.tuples(starts, st.sampled_from([16, 19]), st.text("0123456789", min_size=15, max_size=15)).map(_checked)


def _checked(drawn: tuple[str, int, str]) -> str:
    start, length, rest = drawn
    body = (start + rest)[: (length if start.startswith(("9704", "4")) else 16) - 1]
    return next(body + digit for digit in "0123456789" if luhn_holds(body + digit))


def spelled(pan: str) -> dict[str, str]:
    groups = [pan[at : at + 4] for at in range(0, len(pan), 4)]
    return {"plain": pan, "blanks": " ".join(groups), "dashes": "-".join(groups)}


def kept_in(folder: Path) -> bytes:
    """All that is on the disk: tables, indexes, write-ahead log and free pages."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def traces(pan: str) -> set[bytes]:
    """The number as it may stand anywhere: in groups, escaped, in Base64, in a number of MessagePack."""
    texts = {*spelled(pan).values(), spelled(pan)["blanks"].replace(" ", "+")}
    texts |= {spelled(pan)["blanks"].replace(" ", "%20")}
    encoded = {base64.b64encode(b"." * shift + pan.encode())[4:-4] for shift in range(3)}
    return {text.encode() for text in texts} | encoded | {int(pan).to_bytes(8, "big")}


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(real_looking())
def test_no_door_keeps_a_number_that_is_no_test_card(caplog: pytest.LogCaptureFixture, pan: str) -> None:
    assert scheme_of(pan)
    assert pan not in payer.cards()
    caplog.set_level(logging.DEBUG)
    caplog.clear()
    with tempfile.TemporaryDirectory() as folder:
        seen, disk = asyncio.run(_try_all_doors(Path(folder), pan))
        disk += kept_in(Path(folder))
    logged = "".join(record.getMessage() for record in caplog.records if not record.name.startswith(THE_TESTS_OWN))
    for trace in traces(pan):
        assert trace not in disk, trace
        assert trace.decode("latin-1") not in logged
        for answer in seen:
            assert trace not in answer.content, answer.url
            assert trace.decode("latin-1") not in answer.headers.get("location", "")


THE_TESTS_OWN = ("httpx", "httpcore", "hypothesis")
"""Loggers of what types the numbers."""


async def _try_all_doors(folder: Path, pan: str) -> tuple[list[httpx.Response], bytes]:
    """(what the doors answered, what is on the disk while the store is open)."""
    async with house(folder) as it:
        for index, number in enumerate(spelled(pan).values()):
            for door in DOORS:
                await door(it, number, str(index))
        assert len(await it.world.store.exchanges("ci", limit=500)) > 20
        disk = kept_in(folder)
        assert b"/ewallet/tokenIssue" in disk, "the journal is there, perhaps in the write-ahead log"
        return it.answers, disk


def test_the_search_would_find_a_number_that_is_kept(tmp_path: Path) -> None:
    async def keep() -> None:
        async with house(tmp_path) as it:
            await ask(it.world, "vnpay", vnpay_pay("HS1", 50_000, START, vnp_OrderInfo="the 4231111111111119 kept"))

    asyncio.run(keep())
    assert any(trace in kept_in(tmp_path) for trace in traces("4231111111111119"))


async def test_the_refusal_is_said_in_both_languages(town: House) -> None:
    payment = await town.card_page("HS1")
    answer = await town.post(payment, "card", card_number="4231 1111 1111 1119", card_holder="A", card_date="12/26")
    url = answer.headers["location"]
    assert url.endswith("?problem=not_a_test_card")
    for language, sentence in (("vi", "không bao giờ nhập số thẻ thật"), ("en", "never the number of a real card")):
        shown = (await town.http.get(url, headers={"cookie": f"lang={language}"})).text
        assert sentence in shown
        assert "Bạn còn 2 lần thử." in shown or "Tries left: 2." in shown


async def test_a_connector_is_told_to_use_test_cards(town: House) -> None:
    request = napas.purchase("HS1", 50_000, START, number="4231111111111119")
    assert "never a real card" in await town.say("napas", request)
    [(_, kept)] = await town.world.store.exchanges("ci")
    assert kept.note.startswith(f"{Reason.WRONG_PAYER}: no test account or test card has that number")


# --- the issuer's page, /cards, and the control API -----------------------------------------------------------------


async def test_the_issuers_page_is_not_the_gateways(town: House) -> None:
    payment = await town.card_page("HS1")
    card = payer.cards()["4456530000001096"]
    answer = await town.post(payment, "card", **_printed(card))
    gateway = await town.http.get(answer.headers["location"])
    assert gateway.headers["location"] == f"/s/ci/pay/{payment.payment_id}/challenge"
    shown = (await town.http.get(gateway.headers["location"])).text
    assert read_page("", 200, shown).stage == "challenge"
    assert "Visa Secure" in shown
    assert "VNPAY" not in shown
    assert "445653******1096" in shown
    wrong = await town.post(payment, "challenge", otp="000000")
    again = await town.http.get((await town.http.get(wrong.headers["location"])).headers["location"])
    assert "Mã OTP không đúng" in again.text
    await town.post(payment, "refuse")
    ended = await town.http.get(f"/s/ci/pay/{payment.payment_id}/result")
    assert "N: chủ thẻ không được xác thực (ECI 07)" in ended.text
    room = await town.http.get(f"/room/ci/payments/{payment.payment_id}")
    assert "ECI 07" in room.text
    late = await town.http.get(f"/s/ci/pay/{payment.payment_id}/challenge")
    assert late.headers["location"] == f"/s/ci/pay/{payment.payment_id}"


def _printed(card: payer.Card) -> dict[str, str]:
    return {"card_number": card.number, "card_holder": card.holder, "card_date": card.date, "card_cvc": card.cvc}


@pytest.mark.parametrize("flow", [each for each in payer.Flow if each is not payer.Flow.NONE])
async def test_the_robot_walks_through_every_case_of_three_ds(town: House, flow: payer.Flow) -> None:
    card = next(card for card in payer.cards().values() if card.three_ds is flow)
    payment = await town.card_page("HS1")
    url, face = town.world.page_url(payment.payment_id), (card.number, card.holder, card.date)
    walk = await asyncio.to_thread(
        lambda: Payer(town.browser).pay(url, channel="card", card=face, cvc=card.cvc, otp=card.otp or "-")
    )
    assert walk.outcome == card.outcome
    assert 'id="three-ds"' in walk.page.text


async def test_a_merchant_may_switch_luhn_off(town: House) -> None:
    number = "9704031101234567"
    payment = await town.card_page("HS1")
    card = payer.cards()[number]
    refused = await town.post(payment, "card", **_printed(card))
    assert refused.headers["location"].endswith("?problem=bad_check_digit")
    body = {"options": {"luhn": "off"}}
    assert (await town.http.put(f"{CI}/merchants/vnpay/DEMOV210", json=body)).status_code == 200
    await town.post(payment, "card", **_printed(card))
    await town.post(payment, "otp", otp=card.otp)
    assert (await town.stored(payment)).state is State.PAID


@pytest.mark.parametrize("path", ["/cards", "/s/ci/cards"])
async def test_all_cards_and_passwords_stand_on_a_page(town: House, path: str) -> None:
    for language, never in (("vi", "Không bao giờ nhập số thẻ thật"), ("en", "Never enter the number of a real card")):
        shown = (await town.http.get(path, params={"lang": language})).text
        assert never in shown
        for card in payer.cards().values():
            assert card.number in shown
        for chosen in payer.outcome_otps():
            assert chosen in shown


async def test_the_page_is_reached_from_the_control_room_and_from_the_form(town: House) -> None:
    payment = await town.card_page("HS1")
    assert 'href="/s/ci/cards"' in (await town.http.get("/room/ci")).text
    assert 'href="/s/ci/cards"' in (await town.http.get(f"/s/ci/pay/{payment.payment_id}")).text


async def test_the_control_api_lists_what_the_page_lists(town: House) -> None:
    told = (await town.http.get("/_control/cards")).json()
    assert {card["number"] for card in told["cards"]} == set(payer.cards())
    assert {each["otp"]: each["outcome"] for each in told["otps"]} == {
        otp: each.outcome for otp, each in payer.outcome_otps().items()
    }
    assert {card["number"] for card in told["cards"] if not card["luhn"]} == payer.breaks_luhn()


@pytest.mark.parametrize(
    "told", [client.CardView, client.CardsView, client.FaceView, client.OutcomeOtpView, client.ThreeDSView]
)
async def test_the_client_reads_all_that_is_told_of_cards(town: House, told: Any) -> None:
    schemas = (await town.http.get("/docs/openapi.json")).json()["components"]["schemas"]
    assert {field.name for field in fields(told)} == set(schemas[told.__name__]["properties"])


async def test_the_control_api_pays_with_every_card(town: House) -> None:
    await town.http.put(f"{CI}/merchants/vnpay/DEMOV210", json={"options": {"luhn": "off"}})
    for index, card in enumerate(payer.cards().values()):
        payment = await town.card_page(f"HS{index}")
        told = (await town.http.post(f"{CI}/payments/{payment.payment_id}/card", json={"number": card.number})).json()
        assert told["outcome"] == card.outcome
        assert (told["three_ds"] is None) == (card.three_ds is payer.Flow.NONE)


@pytest.mark.parametrize(
    ("body", "state", "status"),
    [
        ({"then": "leave"}, "pending", "C"),
        ({"then": "refuse"}, "failed", "N"),
        ({"otp": "000000"}, "pending", "C"),
        ({"otp": "900051"}, "failed", "Y"),
        ({"date": "05/26", "cvc": "111"}, "paid", "Y"),
    ],
)
async def test_the_control_api_says_what_the_payer_does(
    town: House, body: dict[str, str], state: str, status: str
) -> None:
    await ask(town.world, "vnpay", vnpay_pay("HS1", 50_000, START))
    payment = (await town.world.store.payments("ci"))[0]
    answer = await town.http.post(
        f"{CI}/payments/{payment.payment_id}/card", json={"number": "5200000000001096", **body}
    )
    told = answer.json()
    assert (told["state"], told["channel"], told["three_ds"]["status"]) == (state, Channel.CARD, status)


async def test_a_payment_that_waits_for_no_card_takes_none(town: House) -> None:
    await ask(town.world, "vnpay", vnpay_pay("HS1", 50_000, START, vnp_BankCode="NCB"))
    payment = (await town.world.store.payments("ci"))[0]
    card = {"number": "4456530000001005"}
    answer = await town.http.post(f"{CI}/payments/{payment.payment_id}/card", json=card)
    assert (answer.status_code, "waits for no card" in answer.json()["detail"]) == (409, True)
    assert await town.stored(payment) == payment


async def test_onepay_tells_what_three_ds_said(town: House) -> None:
    from tests.samples.onepay_international import SAMPLE

    cases = {"4456530000001096": ("0", "Y", "Y", "05"), "4456530000001013": ("F", "N", "N", "07"),
             "4456530000001047": ("B", "R", "N", "07"), "4456530000001021": ("0", "A", "M", "06")}  # fmt: skip
    for index, (number, told) in enumerate(cases.items()):
        await ask(town.world, "onepay_international", SAMPLE.create(f"HS{index}", 50_000, START))
        payment = (await town.world.store.payments("ci", order_ref=f"HS{index}"))[0]
        await town.http.post(f"{CI}/payments/{payment.payment_id}/card", json={"number": number})
        back = (await town.http.post(f"{CI}/payments/{payment.payment_id}/return")).json()["url"]
        sent = httpx.URL(back).params
        names = ("vpc_TxnResponseCode", "vpc_3DSstatus", "vpc_VerStatus", "vpc_3DSECI")
        assert tuple(sent[name] for name in names) == told
        assert PORTAL in back
